"""Tables of SQLite files. A column may have values of any type; each must be one of what its column declares."""

from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where, did_you_mean
from etl.pipeline.datatypes import data_type
from etl.pipeline.sources.json_file import infer
from etl.pipeline.sources.rows import Rows, SourceColumn, each
from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import SqliteFile


def read(path: Path, file: str, options: SqliteFile) -> Rows:
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
            names = dict(declared.fetchall())
            listed = ", ".join(map(quote, names))
            rows = database.execute(f"SELECT {listed} FROM {quote(table)} NOT INDEXED").fetchall()  # noqa: S608 -- quoted names
    except sqlite3.Error as error:
        raise EtlError(f"SQLite cannot read it: {error}", Where(file)) from error
    columns = [_column(name, names[name], [row[number] for row in rows]) for number, name in enumerate(names)]
    return Rows(file, columns, range(1, len(rows) + 1), has_lines=False)


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that is not written, and no other: its schema cannot call functions with side effects."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.text_factory = _text
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


def _column(name: str, declared: str, values: list[Any]) -> SourceColumn:
    try:
        kind = data_type(declared)
    except ValueError:
        kind = infer([value for value in values if not isinstance(value, bytes)])
    return SourceColumn(name, kind, partial(_cells, values))


def _cells(values: Sequence[Any], kind: DataType) -> Iterable[Cell | ValueError]:
    found: Iterator[Cell | ValueError] = each(values, kind.read)
    blob = ValueError("a BLOB, or text that is not UTF-8; store text")
    return (blob if isinstance(value, bytes) else cell for value, cell in zip(values, found, strict=True))
