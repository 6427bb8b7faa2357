"""SQLite files: written once through DuckDB's sqlite extension, in one transaction, and opened read-only afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where
from etl.pipeline.sql import literal, quote
from etl.tables.autoincrement import Autoincrement

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    import pyarrow as pa

    from etl.pipeline.schema import Schema

#: 64 KiB: 7-9 % faster to fill than SQLite's default of 4 KiB, and rows with 300 bytes of JSON pack well.
PAGE_SIZE = 65_536

#: 16 MB, stored in the file's header: the only way to set the cache of the SQLite in DuckDB's extension. With its own
#: 2 MB the right edges of all indexes do not fit, and loading takes 50 % longer.
CACHE_PAGES = 256

#: 4 MB for readers, which are no faster with the 16 MB of the header.
CACHE = "PRAGMA cache_size = -4096"

WHEEL = "duckdb-extension-sqlite-scanner"

#: SHA-256 of the extension in the wheels of requirements.lock. Of any other file DuckDB verifies the signature, which
#: takes five times as long.
PINNED = {
    "693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e",  # Linux, x86_64
    "8d3dafb7dce28c7e74abac9f78a9063b8eda02c257e7aaa026e441bf277aece7",  # Linux, aarch64
    "a3548846bd643cb717265a0a11352af2e830a466ca068f4cae2552af658879f2",  # macOS, arm64
}


def open_database(path: Path) -> sqlite3.Connection:
    """Open a finished database read-only, for use in any thread. Raises EtlError."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        for pragma in ("PRAGMA query_only = ON", CACHE):
            database.execute(pragma)
    except sqlite3.Error as error:
        raise EtlError(f"SQLite cannot read it: {error}", Where(str(path))) from error
    return database


def extension() -> Path:
    """The signed sqlite extension in its wheel. Raises EtlError with the command that installs it."""
    import duckdb  # noqa: PLC0415 -- 0.1 s and 36 MB, which readers do not need

    fix = f"; fix it with: pip install 'duckdb=={duckdb.__version__}' '{WHEEL}=={duckdb.__version__}'"
    found = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if found is None or not found.submodule_search_locations:
        raise EtlError(f"the package {WHEEL} is not installed{fix}")
    name = f"extensions/v{duckdb.__version__}/sqlite_scanner.duckdb_extension"
    path = Path(found.submodule_search_locations[0], name)
    if not path.is_file():
        raise EtlError(f"the package {WHEEL} is not the one for DuckDB {duckdb.__version__}: it has no {name}{fix}")
    return path


def _path(path: Path) -> str:
    """A path as an SQL literal: DuckDB takes UTF-8, whatever this process's file system encoding is."""
    try:
        return literal(os.fsencode(path).decode())
    except UnicodeDecodeError as error:
        raise EtlError("DuckDB only opens files with names in UTF-8; rename it", Where(str(path))) from error


def connect() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that can write SQLite files. Nothing is downloaded; the extension is pinned, or else signed."""
    import duckdb  # noqa: PLC0415 -- as above

    path = extension()
    with path.open("rb") as file:
        pinned = hashlib.file_digest(file, "sha256").hexdigest() in PINNED
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,  # one writer: a second thread makes loading 19 % slower
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_unsigned_extensions": pinned,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        connection.execute(f"LOAD {_path(path)}")
        connection.execute("SET allow_unsigned_extensions = false")
    except duckdb.Error as error:
        connection.close()
        version = duckdb.__version__
        fix = f"fix it with: pip install --force-reinstall '{WHEEL}=={version}'"
        raise EtlError(f"DuckDB {version} refuses its sqlite extension: {error}; {fix}") from error
    return connection


class Loader(contextlib.AbstractContextManager["Loader"]):
    """A new database file and its one transaction. Leaving the block without ``commit`` deletes the file."""

    def __init__(self, path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
        """Create the empty tables and begin. Raises EtlError, or FileExistsError when the file exists."""
        self._path, self._connection = path, connection
        self._committed = False
        path.open("x").close()
        try:
            with _database_errors("the database cannot be created"):
                self._autoincrement = Autoincrement(path, PAGE_SIZE, _create(path, schema))
                # No journal: the file is new, so a rollback deletes it. It is synced before it gets its final name.
                self._connection.execute(f"ATTACH {_path(path)} AS out (TYPE sqlite, JOURNAL_MODE 'OFF')")
                self._connection.execute("BEGIN")
        except BaseException:
            self._discard()
            raise

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table. Raises EtlError when SQLite rejects them."""
        names = ", ".join(map(quote, rows.column_names))
        stream = rows.__arrow_c_stream__()  # noqa: F841 -- DuckDB finds it by name, and reads it faster than a table
        with _database_errors(f"the table {table} does not take its rows"):
            self._connection.execute(f"INSERT INTO out.{quote(table)} ({names}) SELECT {names} FROM stream")  # noqa: S608

    def commit(self) -> None:
        """Write the ids from which AUTOINCREMENT continues, commit and keep the file. Raises EtlError."""
        with _database_errors("the database cannot be completed"):
            for statement in self._autoincrement.last_ids():
                self._connection.execute("FROM sqlite_query('out', $sql)", {"sql": statement}).fetchall()
            self._connection.execute("COMMIT")
            self._connection.execute("DETACH out")
        self._autoincrement.restore()
        self._committed = True

    def __exit__(self, *_: object) -> None:
        """Roll back and delete the file unless it was committed."""
        if not self._committed:
            self._discard()

    def _discard(self) -> None:
        for statement in ("ROLLBACK", "DETACH out"):
            with contextlib.suppress(EtlError), _database_errors(statement):
                self._connection.execute(statement)
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def _database_errors(what: str) -> Iterator[None]:
    """Raise errors of DuckDB and SQLite as EtlErrors."""
    import duckdb  # noqa: PLC0415 -- as above

    try:
        yield
    except (sqlite3.Error, duckdb.Error) as error:
        raise EtlError(f"{what}: {error}") from error


def _create(path: Path, schema: Schema) -> dict[str, str]:
    """Create the empty tables: their CREATE statements in ``sqlite_schema``, by table."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = OFF")  # first: the size of the cache is written to the file, and synced
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        database.execute(f"PRAGMA default_cache_size = {CACHE_PAGES}")
        database.execute("BEGIN")
        for statement in schema.statements:
            database.execute(statement)
        database.commit()
        return dict(database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
