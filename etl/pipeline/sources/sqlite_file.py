"""Tables of SQLite files. A column may have values of any type; each must be one of what its column declares."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where, did_you_mean
from etl.pipeline.datatypes import data_type
from etl.pipeline.sources.columns import BLOCK, Values
from etl.pipeline.sources.rows import Rows
from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import SqliteFile
    from etl.pipeline.sources.rows import SourceColumn


def read(path: Path, file: str, options: SqliteFile, types: Mapping[str, DataType]) -> Rows:
    """Read a table. Raises EtlError."""
    for journal in ("-wal", "-journal"):
        beside = path.with_name(path.name + journal)
        if beside.exists() and beside.stat().st_size:
            fix = "close the application that writes it, or copy it with: sqlite3 FILE 'VACUUM INTO …'"
            raise EtlError(f"its last changes are in {beside.name}; {fix}", Where(file))
    try:
        with contextlib.closing(_opened(path)) as database:
            table = _table(database, options.table, file)
            declared = database.execute("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,))
            kinds = {name: types.get(name) or _type(kind) for name, kind in declared}
            query = f"SELECT {', '.join(map(quote, kinds))} FROM {quote(table)} NOT INDEXED"  # noqa: S608 -- quoted names
            try:
                columns, count = _columns(database, query, kinds)
            except sqlite3.OperationalError:  # such as text that is not UTF-8
                database.text_factory = _text
                columns, count = _columns(database, query, kinds)
    except sqlite3.Error as error:
        raise EtlError(f"SQLite cannot read it: {error}", Where(file)) from error
    return Rows(file, columns, count, lambda: range(1, count + 1), has_lines=False)


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that is not written, and no other: its schema cannot call functions with side effects."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def _text(data: bytes) -> str | bytes:
    """Text, or its bytes if they are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _table(database: sqlite3.Connection, name: str, file: str) -> str:
    """The spelling of a table's name in the file."""
    kinds = dict(database.execute("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"))
    tables: dict[str, str] = {each_name.lower(): each_name for each_name, kind in kinds.items() if kind == "table"}
    if name.lower() in tables:
        return tables[name.lower()]
    if name.lower() in map(str.lower, kinds):
        raise EtlError(f"'{name}' is a view; name a table, and write its query as a sql stage", Where(file))
    raise EtlError(f"it has no table '{name}'{did_you_mean(name, tables.values())}", Where(file))


def _columns(
    database: sqlite3.Connection, query: str, kinds: Mapping[str, DataType | None]
) -> tuple[list[SourceColumn], int]:
    """The columns of a query, and the number of its rows."""
    columns = [Values(kind) for kind in kinds.values()]
    cursor = database.execute(query)
    count = 0
    while rows := cursor.fetchmany(BLOCK):
        for values, block in zip(columns, zip(*rows, strict=True), strict=True):
            values.add(block)
        count += len(rows)
    return [values.column(name) for name, values in zip(kinds, columns, strict=True)], count


def _type(declared: str) -> DataType | None:
    """The type that the file declares; None for that of the values."""
    try:
        return data_type(declared)
    except ValueError:
        return None
