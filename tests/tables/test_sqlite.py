"""Loading: one transaction into a new file, or no file at all."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import sqlite3
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from etl.errors import EtlError
from etl.pipeline.schema import Schema, read_schema
from etl.tables import sqlite
from etl.tables.sqlite import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DDL = """
CREATE TABLE boxes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('red', 'blue')),
  code TEXT UNIQUE,
  weight REAL,
  made_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX boxes_by_kind ON boxes (kind);
CREATE TABLE lids (box_id INTEGER NOT NULL REFERENCES boxes (id), size INTEGER, PRIMARY KEY (box_id, size));
"""


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """Two small tables."""
    path = tmp_path / "schema.sql"
    path.write_text(DDL)
    return read_schema(path, "schema.sql")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that can write SQLite files."""
    with contextlib.closing(sqlite.connect()) as opened:
        yield opened


def boxes(**changes: list[Any]) -> pa.Table:
    """Two boxes."""
    columns = {
        "id": [1, 2],
        "kind": ["red", "blue"],
        "code": ["é'x", None],
        "weight": [0.5, None],
        "made_at": ["t", None],
    }
    return pa.table(columns | changes)


def read(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a finished file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(sql).fetchall()


def test_what_is_loaded_is_there(tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
    """Rows come in as they are, batch by batch, into the tables and indexes of the schema; autoincrement goes on."""
    path = tmp_path / "it's.db"
    with Loader(path, schema, connection) as loader:
        loader.insert("boxes", boxes())
        loader.insert("boxes", boxes(id=[7, 8], code=["y", "z"]).slice(0, 1))
        loader.insert("lids", pa.table({"size": [3], "box_id": [7]}))  # in another order than the table's
        loader.commit()
    assert read(path, "SELECT * FROM boxes") == [
        (1, "red", "é'x", 0.5, "t"),
        (2, "blue", None, None, None),
        (7, "red", "y", 0.5, "t"),
    ]
    assert read(path, "SELECT * FROM lids") == [(7, 3)]
    assert read(path, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid") == [
        ("boxes",),
        ("sqlite_sequence",),
        ("boxes_by_kind",),
        ("lids",),
    ]
    assert read(path, "PRAGMA integrity_check") == [("ok",)]
    with contextlib.closing(sqlite3.connect(path)) as database:
        assert database.execute("INSERT INTO boxes (kind) VALUES ('red')").lastrowid == 8


def test_one_connection_loads_several_files(
    tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection
) -> None:
    """After a commit, and after a failure, the connection is free for the next file."""
    for name, commit in (("a.db", True), ("b.db", False), ("c.db", True)):
        with Loader(tmp_path / name, schema, connection) as loader:
            loader.insert("boxes", boxes())
            if commit:
                loader.commit()
    assert sorted(path.name for path in tmp_path.glob("*.db*")) == ["a.db", "c.db"]


def test_without_commit_the_file_goes(tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
    """Whatever ends the block before the commit takes the file away and passes on."""
    path = tmp_path / "new.db"

    def interrupted() -> None:
        with Loader(path, schema, connection) as loader:
            loader.insert("boxes", boxes())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": ["red", "green"]}, "CHECK constraint failed: kind IN"),
        ({"code": ["x", "x"]}, r"UNIQUE constraint failed: boxes\.code"),
        ({"id": [1, 1]}, r"UNIQUE constraint failed: boxes\.id"),
        ({"kind": ["red", None]}, r"NOT NULL constraint failed: boxes\.kind"),
    ],
)
def test_what_sqlite_refuses(
    tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection, changes: dict[str, list[Any]], message: str
) -> None:
    """A row that breaks the schema is an expected failure with SQLite's words and the table's name, and no file."""
    path = tmp_path / "new.db"
    loader = Loader(path, schema, connection)
    with pytest.raises(EtlError, match=rf"the table boxes does not take its rows: .*{message}"), loader:
        loader.insert("boxes", boxes(**changes))
    assert not path.exists()


def test_a_file_that_is_there(tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
    """A file that is there already is not touched."""
    path = tmp_path / "old.db"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        Loader(path, schema, connection)
    assert path.read_text() == "mine"


def test_a_file_that_cannot_be_begun(tmp_path: Path, schema: Schema, connection: duckdb.DuckDBPyConnection) -> None:
    """When the empty tables cannot be made, or not be opened, nothing is left behind."""
    path = tmp_path / "new.db"
    broken = Schema(schema.path, (*schema.statements, "CREATE TABLE boxes (id)"), schema.tables)
    with pytest.raises(EtlError, match="the database cannot be created: table boxes already exists"):
        Loader(path, broken, connection)
    assert not path.exists()
    connection.close()
    with pytest.raises(EtlError, match=r"the database cannot be created: .*closed"):
        Loader(path, schema, connection)
    assert not path.exists()


@pytest.mark.fault("an unsigned extension, or a download of one")
def test_the_extension_is_signed_and_local(connection: duckdb.DuckDBPyConnection) -> None:
    """The extension is the wheel's file; unsigned ones are refused, and none is fetched."""
    found = hashlib.sha256(sqlite.extension().read_bytes()).hexdigest()
    assert found in sqlite.PINNED, "another wheel is locked: pin the extensions in those for all platforms"
    settings = ("allow_unsigned_extensions", "autoinstall_known_extensions", "autoload_known_extensions")
    for name in settings:
        assert connection.execute("SELECT current_setting($name)", {"name": name}).fetchone() == (False,)


def test_the_extension_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the message contains the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    version = duckdb.__version__
    command = f"pip install 'duckdb=={version}' 'duckdb-extension-sqlite-scanner=={version}'"
    with pytest.raises(EtlError) as caught:
        sqlite.connect()
    assert (
        caught.value.message == f"the package duckdb-extension-sqlite-scanner is not installed; fix it with: {command}"
    )


def test_the_extension_is_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wheel for another DuckDB the message says so, and holds the command that mends it."""
    monkeypatch.setattr(duckdb, "__version__", "9.8.7")
    message = "not the one for DuckDB 9.8.7: it has no extensions/v9.8.7/.*; fix it with: pip install 'duckdb==9.8.7' "
    with pytest.raises(EtlError, match=message):
        sqlite.connect()


def test_the_extension_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that DuckDB refuses is told with DuckDB's words and the command that installs it again."""
    damaged = tmp_path / "sqlite_scanner.duckdb_extension"
    damaged.write_bytes(b"not an extension" * 100)
    monkeypatch.setattr(sqlite, "extension", lambda: damaged)
    with pytest.raises(EtlError, match=r"refuses its sqlite extension: .*pip install --force-reinstall"):
        sqlite.connect()
