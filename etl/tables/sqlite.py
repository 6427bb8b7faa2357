"""Fills one SQLite file through DuckDB's sqlite extension, in one transaction."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from etl.errors import EtlError, Where
from etl.pipeline.sql import literal, quote
from etl.tables.autoincrement import Autoincrement

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.pipeline.schema import Schema

#: 64 KiB: 7-9 % faster to fill than SQLite's usual 4 KiB, and rows with JSON of 300 bytes pack well.
PAGE_SIZE = 65_536

#: 16 MB. It stands in the file's header, the only way to tell the SQLite inside of DuckDB's extension: with its own
#: 2 MB the right edges of all indexes do not fit, and loading takes half as long again.
CACHE_PAGES = 256

WHEEL = "duckdb-extension-sqlite-scanner"


def extension() -> Path:
    """The signed sqlite extension inside of its wheel. Raises EtlError with the command that mends what is wrong."""
    mend = f"; mend it with: pip install 'duckdb=={duckdb.__version__}' '{WHEEL}=={duckdb.__version__}'"
    found = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise EtlError(f"the package {WHEEL} is not installed{mend}")
    name = f"extensions/v{duckdb.__version__}/sqlite_scanner.duckdb_extension"
    path = Path(found.submodule_search_locations[0], name)
    if not path.is_file():
        raise EtlError(f"the package {WHEEL} is not the one for DuckDB {duckdb.__version__}: it has no {name}{mend}")
    return path


def _path(path: Path) -> str:
    """A path as SQL writes it: UTF-8 for DuckDB, also where this process takes names of files for something else."""
    try:
        return literal(os.fsencode(path).decode())
    except UnicodeDecodeError as error:
        raise EtlError("DuckDB opens only what has a name in UTF-8; give it another one", Where(str(path))) from error


def connect() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that can write SQLite files; nothing is downloaded, and the signature is verified."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,  # one writer: a second thread makes loading 19 % slower
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(f"LOAD {_path(extension())}")
    except duckdb.Error as error:
        connection.close()
        version = duckdb.__version__
        mend = f"mend it with: pip install --force-reinstall '{WHEEL}=={version}'"
        raise EtlError(f"DuckDB {version} refuses its sqlite extension: {error}; {mend}") from error
    return connection


class Loader(contextlib.AbstractContextManager["Loader"]):
    """A new database file and its one transaction; leaving the block without ``commit`` takes the file away."""

    def __init__(self, path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the empty tables and begin. Raises FileExistsError when there is such a file."""
        self.path, self.schema = path, schema
        self._connection = connection
        self._committed = False
        path.open("x").close()
        try:
            self._autoincrement = Autoincrement(path, PAGE_SIZE, _create(path, schema))
            # No journal: the file is new, so a rollback is its removal. It is synced before it gets its name.
            self._connection.execute(f"ATTACH {_path(path)} AS out (TYPE sqlite, JOURNAL_MODE 'OFF')")
            self._connection.execute("BEGIN")
        except BaseException as error:
            self._discard()
            if isinstance(error, (sqlite3.Error, duckdb.Error)):
                raise EtlError(f"the database cannot be begun: {error}") from error
            raise

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table. Raises EtlError when SQLite refuses them."""
        names = ", ".join(map(quote, rows.column_names))
        stream = rows.__arrow_c_stream__()  # noqa: F841 -- DuckDB finds it by its name, and reads it faster than a table
        try:
            self._connection.execute(f"INSERT INTO out.{quote(table)} ({names}) SELECT {names} FROM stream")  # noqa: S608
        except duckdb.Error as error:
            raise EtlError(f"the table {table} does not take its rows: {error}") from error

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query in SQLite, inside of the transaction: the names of its columns, and its rows.

        Every value comes as text, or as None. Raises EtlError when SQLite refuses the query.
        """
        try:
            result = self._connection.execute("SELECT * FROM sqlite_query('out', $sql)", {"sql": sql})
            return [column[0] for column in result.description or ()], result.fetchall()
        except duckdb.Error as error:
            raise EtlError(f"SQLite does not run the query: {error}") from error

    def complete(self) -> None:
        """Say that all rows are in: from their last ids AUTOINCREMENT will go on."""
        for query in self._autoincrement.last_ids():
            self.query(query)

    def commit(self) -> None:
        """Keep what was loaded, and completed. Raises EtlError when the file cannot be."""
        try:
            self._connection.execute("COMMIT")
            self._connection.execute("DETACH out")
        except duckdb.Error as error:
            raise EtlError(f"the database cannot be completed: {error}") from error
        self._autoincrement.put_back()
        self._committed = True

    def __exit__(self, *_: object) -> None:
        """Roll back and remove the file, unless it was committed."""
        if not self._committed:
            self._discard()

    def _discard(self) -> None:
        for statement in ("ROLLBACK", "DETACH out"):
            with contextlib.suppress(duckdb.Error):
                self._connection.execute(statement)
        self.path.unlink(missing_ok=True)


def _create(path: Path, schema: Schema) -> dict[str, str]:
    """Make the empty tables: their statements by name, as SQLite keeps them."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        database.execute(f"PRAGMA default_cache_size = {CACHE_PAGES}")
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        for statement in schema.statements:
            database.execute(statement)
        database.commit()
        return dict(database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
