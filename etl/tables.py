"""The tables of the database, as ``sql/schema.sql`` states them: names, types, keys and descriptions."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: str  # as declared: INTEGER, TEXT, REAL
    nullable: bool
    description: str
    values: tuple[str, ...] = ()  # what CHECK (column IN (...)) allows, () for anything
    references: tuple[str, str] | None = None  # (table, column)


@dataclass(frozen=True)
class Table:
    """A table: its columns in order, and the sets of columns that are unique, the primary key first."""

    name: str
    description: str
    columns: dict[str, Column]
    unique: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Schema:
    """All tables, parents before their children, and the statements that make them."""

    path: Path
    statements: tuple[str, ...]
    tables: dict[str, Table] = field(default_factory=dict)


def read_schema(path: Path, shown: str) -> Schema:
    """Read a DDL file by running it in an empty SQLite database. Raises EtlError with file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EtlError(f"cannot read it: {error}", Where(shown)) from error
    database = sqlite3.connect(":memory:")
    try:
        statements = tuple(_run(database, text, shown))
        names = [name for (name,) in database.execute(_TABLES)]
        return Schema(path, statements, {table.name: table for table in (_table(database, name) for name in names)})
    finally:
        database.close()


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_ALLOWED = re.compile(r"\s*CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW)\b", re.IGNORECASE)
_IN_LIST = re.compile(r"CHECK\s*\(\s*(\w+)\s+IN\s*\(([^)]*)\)\s*\)", re.IGNORECASE)
_DESCRIBED = re.compile(r"^\s*(\w+)\s[^\n]*?--\s*(.*?)\s*$", re.MULTILINE)
_TABLE_DESCRIBED = re.compile(r"CREATE\s+TABLE\s+\w+\s*\(\s*--\s*(.*?)\s*$", re.MULTILINE | re.IGNORECASE)


def _run(database: sqlite3.Connection, text: str, shown: str) -> list[str]:
    statements, pending, start = [], "", 1
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not _COMMENT.sub("", pending).strip():
            start = number if _COMMENT.sub("", line).strip() else start
        pending += line
        if sqlite3.complete_statement(pending) and _COMMENT.sub("", pending).strip():
            _run_one(database, pending, Where(shown, start, 1))
            statements.append(_COMMENT.sub("", pending).strip() and pending.strip())
            pending = ""
    if _COMMENT.sub("", pending).strip():
        raise EtlError("the statement that begins here has no end; close it with ';'", Where(shown, start, 1))
    return statements


def _run_one(database: sqlite3.Connection, statement: str, where: Where) -> None:
    if not _ALLOWED.match(_COMMENT.sub("", statement)):
        raise EtlError("only CREATE TABLE, CREATE INDEX and CREATE VIEW may stand here", where)
    try:
        database.execute(statement)
    except sqlite3.Error as error:
        raise EtlError(f"SQLite says: {error}", where) from error


def _table(database: sqlite3.Connection, name: str) -> Table:
    (ddl,) = database.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    described = dict(_DESCRIBED.findall(ddl.partition("\n")[2]))
    values = {column: tuple(re.findall(r"'([^']*)'", allowed)) for column, allowed in _IN_LIST.findall(ddl)}
    references = {
        source: (table, target or "id")
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
        )
        for _, column, declared, not_null, _, key in database.execute("SELECT * FROM pragma_table_info(?)", (name,))
    }
    title = _TABLE_DESCRIBED.match(ddl)
    return Table(name, title[1] if title else "", columns, _unique(database, name))


def _unique(database: sqlite3.Connection, name: str) -> tuple[tuple[str, ...], ...]:
    info = database.execute("SELECT name, pk FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (name,)).fetchall()
    keys = [tuple(column for column, _ in info)] if info else []
    indexes = database.execute("SELECT name FROM pragma_index_list(?) WHERE \"unique\" AND origin = 'u'", (name,))
    for (index,) in indexes.fetchall():
        members = database.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))
        keys.append(tuple(column for (column,) in members))
    return tuple(keys)
