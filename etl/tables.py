"""The tables of the database, as ``sql/schema.sql`` states them: names, types, keys and descriptions."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.files import after, read_text
from etl.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPES = ("INTEGER", "REAL", "TEXT")


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str  # one of TYPES
    nullable: bool
    description: str
    values: tuple[str, ...] = ()  # what CHECK (column IN (...)) allows, () for anything
    references: tuple[str, str] | None = None  # (table, column)
    key: bool = False  # whether it alone is the primary key, and whole numbers


@dataclass(frozen=True)
class Table:
    """A table: its columns in order, and the sets of columns that are unique, the primary key first."""

    name: str
    description: str
    columns: dict[str, Column]
    unique: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Schema:
    """All tables, parents before their children, and the statements that make them, without comments.

    SQLite stores statements as they are written. Tools that read types from them (kysely-codegen, for one) split them
    at commas and brackets, and would take a comment for a part of a definition.
    """

    path: Path
    statements: tuple[str, ...]
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class _Statement:
    text: str
    before: str  # what stands before it in the file
    shown: str

    def place(self, pattern: str = "") -> Where:
        """Where a pattern first matches, when it does; else where the statement begins."""
        found = re.search(pattern, self.text, re.MULTILINE | re.IGNORECASE)
        return after(self.before + self.text[: found.start(found.lastindex or 0) if found else 0], self.shown)


def read_schema(path: Path, shown: str) -> Schema:
    """Read a DDL file by running it in an empty SQLite database. Raises Mistakes with file and line."""
    statements = list(_split(read_text(path, shown), shown))
    mistakes: list[EtlError] = []
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        made = {name: statement for statement in statements for name in _run(database, statement, mistakes)}
        if not mistakes:
            tables = {name: _table(database, name, made[name].text) for (name,) in database.execute(_TABLES)}
            mistakes += _faults(tables, made)
            mistakes += _broken_views(database, made)
            if not tables:
                mistakes.append(EtlError("the file makes no table", Where(shown, 1, 1)))
    if mistakes:
        raise Mistakes(mistakes)
    return Schema(path, tuple(_without_comments(statement.text) for statement in statements), tables)


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY rowid"
_SPACE = re.compile(r"(\s|--[^\n]*(\n|\Z)|/\*.*?(\*/|\Z))*", re.DOTALL)
_ALLOWED = re.compile(r"CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW)\b", re.IGNORECASE)
_NEAR = re.compile(r'near "(\w+)": syntax error')
_IN_LIST = re.compile(r"CHECK\s*\(\s*(\w+)\s+IN\s*\(([^)]*)\)\s*\)", re.IGNORECASE)
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]"""
_COMMENT = re.compile(rf"({_QUOTED})|(?:(?<!\s)\s*)?--([^\n]*)|/\*.*?(?:\*/|\Z)", re.DOTALL)
_FIRST_NAME = re.compile(rf"\s*({_QUOTED}|\w+)")
_TABLE_BEGINS = re.compile(rf"\s*CREATE\s+TABLE\s+(?:{_QUOTED}|\w+)\s*\(\Z", re.IGNORECASE)


def _split(text: str, shown: str) -> Iterator[_Statement]:
    """The statements of a file, with the comments in them, not those between them."""
    start = 0
    for end in [*(found.end() for found in re.finditer(";", text)), len(text)]:
        if end < len(text) and not sqlite3.complete_statement(text[start:end]):
            continue
        space = _SPACE.match(text, start, end)
        begin = space.end() if space else start
        if text[begin:end].strip(";"):
            yield _Statement(text[begin:end], text[:begin], shown)
        start = end


def _run(database: sqlite3.Connection, statement: _Statement, mistakes: list[EtlError]) -> Iterator[str]:
    """Run a statement, and yield the name of what it made."""
    before = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    if not _ALLOWED.match(_without_comments(statement.text)):
        mistakes.append(EtlError("only CREATE TABLE, CREATE INDEX and CREATE VIEW may stand here", statement.place()))
    elif not sqlite3.complete_statement(statement.text):
        mistakes.append(EtlError("the statement that begins here has no end; close it with ';'", statement.place()))
    else:
        try:
            database.execute(statement.text)
        except sqlite3.Error as error:
            if mistakes and str(error).startswith("no such table"):
                return  # its own statement is wrong
            near = _NEAR.search(str(error))
            where = statement.place(rf"\b{near[1]}\b") if near else statement.place()
            mistakes.append(EtlError(f"SQLite says: {error}", where))
    yield from {name for (name,) in database.execute("SELECT name FROM sqlite_schema")} - before


def _without_comments(text: str) -> str:
    return _COMMENT.sub(lambda found: found[1] or ("" if found[2] is not None else " "), text).strip()


def _descriptions(text: str) -> dict[str, str]:
    """The comments behind what begins a line of a CREATE TABLE: by column, "" standing for the table itself."""
    described = {}
    for found in _COMMENT.finditer(text):
        before = text[: found.start()]
        if found[2] is None:
            continue
        name = "" if _TABLE_BEGINS.match(before) else _FIRST_NAME.match(before.rpartition("\n")[2])
        if name is not None:
            described[_unquoted(name[1]) if name else ""] = found[2].strip()
    return described


def _unquoted(name: str) -> str:
    quote = {"[": "]"}.get(name[0], name[0])
    return name if quote.isalnum() or quote == "_" else name[1:-1].replace(quote * 2, quote)


def _faults(tables: dict[str, Table], made: dict[str, _Statement]) -> Iterator[EtlError]:
    """What SQLite allows, and the pipeline can't load."""
    names = list(tables)
    for table in tables.values():
        parents = names[: names.index(table.name) + 1]
        for column in table.columns.values():
            where = made[table.name].place(rf"(?:^|[(,])\W*({re.escape(column.name)})\b")
            if column.type not in TYPES:
                message = f"the type of {table.name}.{column.name} must be {', '.join(TYPES[:-1])} or {TYPES[-1]}"
                yield EtlError(f"{message}, not '{column.type}'", where)
            if column.references:
                parent, target = column.references
                if parent not in parents:
                    hint = " below; put it above" if parent in names else did_you_mean(parent, parents)
                    yield EtlError(
                        f"{table.name}.{column.name} refers to the table '{parent}', which is not there{hint}", where
                    )
                elif (target,) not in tables[parent].unique:
                    yield EtlError(
                        f"{table.name}.{column.name} refers to {parent}.{target}, which is not unique", where
                    )


def _broken_views(database: sqlite3.Connection, made: dict[str, _Statement]) -> Iterator[EtlError]:
    views = database.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall()
    for (name,) in views:
        try:
            database.execute(f"SELECT * FROM {quote(name)} LIMIT 0")  # noqa: S608 -- a quoted name
        except sqlite3.Error as error:
            yield EtlError(f"SQLite says: {error}", made[name].place())


def _table(database: sqlite3.Connection, name: str, ddl: str) -> Table:
    described = _descriptions(ddl)
    values = {column: _texts(allowed) for column, allowed in _IN_LIST.findall(_without_comments(ddl))}
    unique = _unique(database, name)
    references = {
        source: (table, target or _key(database, table))
        for _, _, table, source, target, *_ in database.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,))
    }
    columns = {
        column: Column(
            name=column,
            type=declared.upper(),
            nullable=not (not_null or key),
            description=described.get(column, ""),
            values=values.get(column, ()),
            references=references.get(column),
            key=bool(key) and unique[0] == (column,) and declared.upper() == "INTEGER",
        )
        for _, column, declared, not_null, _, key in database.execute("SELECT * FROM pragma_table_info(?)", (name,))
    }
    return Table(name, described.get("", ""), columns, unique)


def _texts(allowed: str) -> tuple[str, ...]:
    return tuple(text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", allowed))


def _key(database: sqlite3.Connection, table: str) -> str:
    """The primary key of a table, which a foreign key without a column refers to."""
    row = database.execute("SELECT name FROM pragma_table_info(?) WHERE pk = 1", (table,)).fetchone()
    return str(row[0]) if row else "id"


def _unique(database: sqlite3.Connection, name: str) -> tuple[tuple[str, ...], ...]:
    info = database.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (name,)).fetchall()
    keys = [tuple(column for (column,) in info)] if info else []
    indexes = database.execute('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (name,))
    for (index,) in indexes.fetchall():
        members = database.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,)).fetchall()
        if (columns := tuple(column for (column,) in members)) not in keys and None not in columns:
            keys.append(columns)
    return tuple(keys)
