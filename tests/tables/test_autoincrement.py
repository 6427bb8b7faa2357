"""AUTOINCREMENT: out of the way while tables are filled, and in the file afterwards as if it had always been."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from etl.errors import Bug
from etl.pipeline.schema import read_schema
from etl.tables import sqlite
from etl.tables.autoincrement import Autoincrement
from etl.tables.sqlite import PAGE_SIZE, Loader

if TYPE_CHECKING:
    from pathlib import Path

DDL = """
CREATE TABLE "it's" (id integer primary  key
  autoincrement, n INTEGER);
CREATE TABLE empty (id INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE below (id INTEGER PRIMARY KEY AUTOINCREMENT); -- zero
CREATE TABLE other (id INTEGER PRIMARY KEY, note TEXT NOT NULL DEFAULT 'AUTOINCREMENT');
"""
LONG = DDL.replace("(id", f"({' ' * PAGE_SIZE}id")


def loaded(folder: Path, ddl: str) -> sqlite3.Connection:
    """Load some rows as a run does, and open the file."""
    (folder / "schema.sql").write_text(ddl)
    schema = read_schema(folder / "schema.sql", "schema.sql")
    with contextlib.closing(sqlite.connect()) as connection, Loader(folder / "out.db", schema, connection) as loader:
        loader.insert("it's", pa.table({"id": [3, 7], "n": [1, 2]}))
        loader.insert("below", pa.table({"id": [-5]}))
        loader.insert("other", pa.table({"id": [4], "note": ["x"]}))
        loader.commit()
    return sqlite3.connect(folder / "out.db")


@pytest.mark.parametrize("ddl", [DDL, LONG], ids=["in a page", "longer"])
def test_a_loaded_file_is_as_if_sqlite_had_counted(tmp_path: Path, ddl: str) -> None:
    """The schema's text is that of the file, the last ids are those of SQLite, and inserting goes on behind them."""
    with contextlib.closing(loaded(tmp_path, ddl)) as found, contextlib.closing(sqlite3.connect(":memory:")) as own:
        own.executescript(ddl)
        own.execute('INSERT INTO "it\'s" VALUES (3, 1), (7, 2)')
        own.execute("INSERT INTO below VALUES (-5)")
        for database in (own, found):
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for query in ("SELECT name, sql FROM sqlite_schema", "SELECT name, seq FROM sqlite_sequence"):
            assert set(found.execute(query)) == set(own.execute(query)), query
        assert found.execute('INSERT INTO "it\'s" (n) VALUES (3)').lastrowid == 8
        assert found.execute("INSERT INTO empty DEFAULT VALUES").lastrowid == 1


def test_only_the_word_is_touched_and_it_comes_back(tmp_path: Path) -> None:
    """Out and back again gives the same bytes; between, the file differs by spaces for the words alone."""
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        database.executescript(DDL)
        tables = dict(database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'"))
    whole = path.read_bytes()
    word = Autoincrement(path, PAGE_SIZE, tables)
    without = path.read_bytes()
    changed = bytes(old for old, new in zip(whole, without, strict=True) if old != new)
    assert changed.upper() == b"AUTOINCREMENT" * 3
    assert {new for old, new in zip(whole, without, strict=True) if old != new} == {ord(" ")}
    word.restore()
    assert path.read_bytes() == whole
    with pytest.raises(Bug):  # it is there already
        word.restore()
