"""The tables that ``sql/schema.sql`` declares: columns, types, keys, constraints and descriptions."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from etl.config.text import read_text
from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.pipeline import ddl
from etl.pipeline.datatypes import data_type
from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.pipeline.datatypes import DataType


class Column(NamedTuple):
    """A column of a table."""

    name: str
    type: str  # as declared, in capitals
    nullable: bool
    description: str
    values: tuple[str, ...] = ()  # that CHECK (column IN (...)) allows, () if any
    key: bool = False  # whether it alone is the primary key, and an INTEGER
    collation: str = "BINARY"  # BINARY, NOCASE or RTRIM

    @property
    def data_type(self) -> DataType:
        """Its type in other formats. Raises ValueError if there is none."""
        return data_type(self.type)


class Unique(NamedTuple):
    """A unique key, with the collation of each column."""

    columns: tuple[str, ...]
    collations: tuple[str, ...]


class ForeignKey(NamedTuple):
    """Columns that refer to a row of another table."""

    columns: tuple[str, ...]
    parent: str
    targets: tuple[str, ...]  # the parent's columns, one for each


class Rule(NamedTuple):
    """A CHECK: its expression and the columns that it reads."""

    sql: str
    columns: tuple[str, ...]


class Table(NamedTuple):
    """A table: its columns in order, and its constraints."""

    name: str
    description: str
    columns: dict[str, Column]
    unique: tuple[Unique, ...] = ()  # the primary key first
    foreign_keys: tuple[ForeignKey, ...] = ()  # in the order of SQLite's ids
    rules: tuple[Rule, ...] = ()
    rowid: bool = True  # False for a WITHOUT ROWID table
    autoincrement: str = ""  # the key whose values SQLite gives to rows that have none


class Schema(NamedTuple):
    """All tables in the order of the file, and the statements that create them.

    The statements have no comments: SQLite stores them as they are, and tools that read types from them, such as
    kysely-codegen, take a comment for part of a definition.
    """

    path: Path
    statements: tuple[str, ...]
    tables: dict[str, Table]


def read_schema(path: Path, file: str) -> Schema:
    """Read a DDL file by running it in an empty SQLite database. Raises Mistakes with file and line."""
    statements = list(ddl.split(read_text(path, file), file))
    mistakes: list[EtlError] = []
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        created = {name: statement for statement in statements for name in _run(database, statement, mistakes)}
        if not mistakes:
            names = [name for (name,) in database.execute(_TABLES)]
            tables = {name: _table(database, name, created[name].text) for name in names}
            mistakes += [] if tables else [EtlError("the file creates no table", Where(file, 1, 1))]
            mistakes += _unsupported(tables, created)
            mistakes += _broken(database, created)
    if mistakes:
        raise Mistakes(mistakes)
    return Schema(path, tuple(ddl.without_comments(statement.text) for statement in statements), tables)


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY rowid"
_ALLOWED = re.compile(r"CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW)\b", re.IGNORECASE)
_MISMATCH = re.compile(r'foreign key mismatch - ".*" referencing "(.*)"')
_NEAR = re.compile(r'near "(\w+)": syntax error')


def _run(database: sqlite3.Connection, statement: ddl.Statement, mistakes: list[EtlError]) -> Iterator[str]:
    """Run a statement; yield the name of what it creates."""
    before = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    if not _ALLOWED.match(ddl.without_comments(statement.text)):
        mistakes.append(EtlError("only CREATE TABLE, CREATE INDEX and CREATE VIEW are allowed here", statement.place()))
    elif not sqlite3.complete_statement(statement.text):
        mistakes.append(EtlError("the statement that begins here does not end; add ';'", statement.place()))
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


def _unsupported(tables: dict[str, Table], created: dict[str, ddl.Statement]) -> Iterator[EtlError]:
    """What SQLite allows, but the pipeline cannot load."""
    for table in tables.values():
        for column in table.columns.values():
            try:
                data_type(column.type)
            except ValueError as error:
                yield EtlError(f"{table.name}.{column.name} {error}", _place(created[table.name], column.name))
        for key in table.foreign_keys:
            if fault := _fault_of_key(table, key, tables):
                source = ", ".join(f"{table.name}.{name}" for name in key.columns)
                yield EtlError(f"{source} {fault}", _place(created[table.name], key.columns[0]))


def _place(statement: ddl.Statement, column: str) -> Where:
    return statement.place(rf"(?:^|[(,])\W*({re.escape(column)})\b")


def _fault_of_key(table: Table, key: ForeignKey, tables: dict[str, Table]) -> str:
    """What is wrong with a foreign key that SQLite does not report, "" if nothing."""
    parent = tables.get(key.parent)
    if parent is None:
        return f"refers to the table '{key.parent}', which does not exist{did_you_mean(key.parent, tables)}"
    columns = [table.columns[name] for name in key.columns]
    targets = [parent.columns[name] for name in key.targets if name in parent.columns]
    with contextlib.suppress(ValueError):  # reported
        same = [each.data_type.arrow for each in columns] == [each.data_type.arrow for each in targets]
        if not same and len(columns) == len(targets):
            target = ", ".join(f"{parent.name}.{name}" for name in key.targets)
            types, others = (", ".join(each.type for each in side) for side in (columns, targets))
            return f"is {types}, but {target} is {others}; declare one type"
    return ""


def _broken(database: sqlite3.Connection, created: dict[str, ddl.Statement]) -> Iterator[EtlError]:
    """The views that SQLite cannot read, and the tables whose foreign keys it cannot check."""
    found = database.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')").fetchall()
    for name, kind in found:
        query = f"SELECT * FROM {quote(name)} LIMIT 0"  # noqa: S608 -- a quoted name
        try:
            database.execute(query if kind == "view" else f"PRAGMA foreign_key_check({quote(name)})").fetchall()
        except sqlite3.Error as error:
            mismatch, where = _MISMATCH.search(str(error)), created[name].place()
            if mismatch:
                where = created[name].place(rf"REFERENCES\W*({re.escape(mismatch[1])})\b")
            hint = "; refer to all columns of its PRIMARY KEY or of a UNIQUE" if mismatch else ""
            yield EtlError(f"SQLite says: {error}{hint}", where)


def _table(database: sqlite3.Connection, name: str, text: str) -> Table:
    described = ddl.descriptions(text)
    info = database.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()
    collates = "COLLATE" in text.upper()  # otherwise all are BINARY, and a query for each takes 0.1 ms
    collations = {column: _collation(database, name, column) if collates else "BINARY" for _, column, *_ in info}
    checks = [_rule(database, name, check) for check in ddl.checks(ddl.without_comments(text))]
    rules = [rule for rule in checks if rule.columns]  # CHECK (1) reads none
    values = {  # other collations allow more strings than the list
        rule.columns[0]: texts
        for rule in rules
        if len(rule.columns) == 1
        and (texts := ddl.allowed_values(rule.sql))
        and collations[rule.columns[0]] == "BINARY"
    }
    unique = _unique(database, name, collations)
    columns = {
        column: Column(
            name=column,
            type=declared.upper(),
            nullable=not (not_null or key),
            description=described.get(column, ""),
            values=values.get(column, ()),
            key=bool(key) and unique[0].columns == (column,) and declared.upper() == "INTEGER",
            collation=collations[column],
        )
        for _, column, declared, not_null, _, key in info
    }
    keys = tuple(_foreign_keys(database, name))
    (without_rowid,) = database.execute("SELECT wr FROM pragma_table_list(?)", (name,)).fetchone()
    autoincrement = unique[0].columns[0] if ddl.has_autoincrement(ddl.without_comments(text)) else ""
    return Table(
        name,
        described.get("", ""),
        columns,
        unique,
        keys,
        tuple(rules),
        rowid=not without_rowid,
        autoincrement=autoincrement,
    )


def _rule(database: sqlite3.Connection, table: str, check: str) -> Rule:
    """A CHECK with the columns that SQLite reads for it."""
    read: dict[str, None] = {}

    def note(action: int, name: str | None, column: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and name == table and column:
            read[column] = None
        return sqlite3.SQLITE_OK

    database.set_authorizer(note)
    try:
        database.execute(f"EXPLAIN SELECT ({check}) FROM {quote(table)}")  # noqa: S608 -- the schema's own expression
    finally:
        database.set_authorizer(None)
    return Rule(check, tuple(read))


def _collation(database: sqlite3.Connection, table: str, column: str) -> str:
    """The collation of a column, which SQLite reports for indexes only."""
    database.execute("SAVEPOINT probe")
    database.execute(f"CREATE INDEX etl_probe ON {quote(table)} ({quote(column)})")
    (found,) = database.execute("SELECT coll FROM pragma_index_xinfo('etl_probe')").fetchone()
    database.execute("ROLLBACK TO probe")
    database.execute("RELEASE probe")
    return str(found)


def _foreign_keys(database: sqlite3.Connection, name: str) -> Iterator[ForeignKey]:
    """The foreign keys of a table, names spelled as where they are declared."""
    tables = {table.lower(): table for (table,) in database.execute(_TABLES)}
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    query = 'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq'
    for number, parent, source, target in database.execute(query, (name,)):
        found.setdefault(number, []).append((parent, source, target))
    for pairs in found.values():
        parent = tables.get(pairs[0][0].lower(), pairs[0][0])
        names = database.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY pk", (parent,)).fetchall()
        spelling = {column.lower(): column for column, _ in names}
        targets = tuple(spelling.get(target.lower(), target) for _, _, target in pairs if target)
        yield ForeignKey(
            tuple(source for _, source, _ in pairs), parent, targets or tuple(column for column, key in names if key)
        )


def _unique(database: sqlite3.Connection, name: str, collations: dict[str, str]) -> tuple[Unique, ...]:
    """The unique keys, the primary key first; without partial indexes and indexes of expressions."""
    key = [column for (column,) in database.execute(_KEY, (name,))]
    found = {Unique(tuple(key), tuple(collations[column] for column in key)): None} if key else {}
    indexes = database.execute('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (name,))
    for (index,) in indexes.fetchall():
        members = database.execute("SELECT name, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", (index,))
        columns, orders = zip(*members.fetchall(), strict=True)
        if None not in columns:
            found[Unique(columns, orders)] = None
    return tuple(found)


_KEY = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
