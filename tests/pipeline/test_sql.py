"""SQL as text: names, texts, and the places of what SQLite finds wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from pyarrow import parquet

from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.sql import check_compiles, empty_database, filled, literal, quote
from etl.tables.sqlite import open_database
from tests.support.small import written

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ('CREATE TABLE t (id INTEGER, name TEXT, "a""b" TEXT)', "CREATE TABLE u (id INTEGER)")


def mistake(sql: str) -> str:
    """What is wrong with a query that begins in line 3."""
    with closing(empty_database(TABLES)) as database, pytest.raises(EtlError) as caught:
        check_compiles(database, sql, {"id": None}, "-- A rule.\n\n", "x.sql")
    return str(caught.value)


@pytest.mark.parametrize("name", ["order", "select", "a b", 'a"b', '"', "a'b", "a;--", "Ä", "[x]", "`", "$1"])
def test_any_name_is_a_name(name: str) -> None:
    """A table and a column may have any name, in SQLite and in DuckDB, and a text may be any text."""
    with closing(sqlite3.connect(":memory:")) as database, duckdb.connect(":memory:") as duck:
        for each in (database, duck):
            each.execute(f"CREATE TABLE {quote(name)} ({quote(name)} TEXT)")
            each.execute(f"INSERT INTO {quote(name)} VALUES ({literal(name)})")  # noqa: S608 -- that is the test
            assert each.execute(f"SELECT {quote(name)} FROM {quote(name)}").fetchall() == [(name,)]  # noqa: S608


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SELECT id, nam FROM t", "3:12: SQLite says: no such column: nam"),
        ("SELECT 'nam', id -- nam\n  , /* nam\n */ NAM FROM t", "5:5: SQLite says: no such column: NAM"),
        ("SELECT name AS nam FROM t WHERE\n t.nam = 1", "4:2: SQLite says: no such column: t.nam"),
        ('SELECT t . "a""c" FROM t', '3:8: SQLite says: no such column: t.a"c'),
        ("SELECT id FROM t, u", "3:8: SQLite says: ambiguous column name: id"),
        ("SELECT ident FROM\n  tt", "4:3: SQLite says: no such table: tt"),
        ("SELECT fo(id) FROM t", "3:8: SQLite says: no such function: fo"),
        ("SELECT id FROM t ORDER BY name COLLATE de", "3:40: SQLite says: no such collation sequence: de"),
        ("SELECT length(id, 1) FROM t", "3:8: SQLite says: wrong number of arguments to function length()"),
        ("SELECT id FROM t WHERE count(*) > 1", "3:24: SQLite says: misuse of aggregate"),
        ("SELECT id FROM t FROM u", '3:18: SQLite says: near "FROM": syntax error'),
        ("SELECT id, (SELECT id FROM u) FROM t\nFROM u", '4:1: SQLite says: near "FROM": syntax error'),
        ("SELECT 'a' || 'b' ||, id FROM t", '3:21: SQLite says: near ",": syntax error'),
        ("SELECT id FROM t WHERE name = 'a", '3:31: SQLite says: unrecognized token: "\'a"'),
        ("SELECT id FROM t WHERE\n  ", "3:23: SQLite says: incomplete input"),
        ("SELECT id FROM t WHERE id = :id OR id = :ids", "3:41: SQLite says: You did not supply a value"),
        ("SELECT (SELECT 1, 2)", "3:1: SQLite says: sub-select returns 2 columns"),
        ("SELECT id FROM t; SELECT 1", "3:1: must be one read-only SELECT"),
        ("DELETE FROM t", "3:1: must be one read-only SELECT"),
        (
            'SELECT id FROM t WHERE name = "bob"',
            "3:31: SQLite says: no such column: bob; write a string in single quotes, 'bob'",
        ),
    ],
)
def test_a_mistake_has_its_place(sql: str, place: str) -> None:
    """The place is that of the word that SQLite names, outside of texts and comments, or the beginning of the query."""
    assert mistake(sql).startswith(f"x.sql:{place}")


def test_a_name_in_double_quotes_is_a_name() -> None:
    """What is there may be quoted in any of SQLite's ways."""
    with closing(empty_database(TABLES)) as database:
        for name in ('"a""b"', '`a"b`', '[a"b]', 't."a""b"', '"t"."a""b" AS "x`y"', "'a\"c'"):
            check_compiles(database, f"SELECT {name} FROM t", {}, "", "x.sql")  # noqa: S608 -- as above


def test_a_parameter_is_filled_where_it_is_one() -> None:
    """A text, a comment and a longer name that look like the parameter stay what they are."""
    sql = "SELECT ':p', \":p\", :p, :pp -- :p\n, [:p]"
    assert filled(sql, ":p", "it's") == "SELECT ':p', \":p\", 'it''s', :pp -- :p\n, [:p]"


SCHEMA = """\
CREATE TABLE "order" ( -- Orders.
  "select" INTEGER PRIMARY KEY AUTOINCREMENT,
  "a""b" TEXT NOT NULL,
  "x y" REAL,
  "it's" INTEGER REFERENCES "order" ("select")
);
CREATE INDEX "group" ON "order" ("x y");
"""
ENDPOINT = """\
-- title: Orders
-- description: One order.
-- parameters: {order: SELECT "select" FROM "order"}
-- columns: {select: order.select, 'a"b': order.a"b, "x y": order.x y, "it's": "order.it's"}
SELECT * FROM "order" WHERE "select" = :order
"""
PIPELINE = """\
name: odd
seed: 1
as_of: 2025-01-01 00:00:00
database: odd.db
schema: schema.sql
checks: checks
api: api
report: false
outputs: [sqlite, parquet]
site: {title: Odd, description: Odd names., notice: All of it is made up., license: CC0-1.0, license_url: "https://x.org"}
stages:
  order: {sql: order.sql}
"""


def test_a_world_of_odd_names(tmp_path: Path) -> None:
    """Reserved words, spaces and quotes are names everywhere: load, check, digest, Parquet, endpoint, last id."""
    files = {
        "schema.sql": SCHEMA,
        "order.sql": """SELECT 7 AS "select", 'o''k' AS "a""b", 0.5::DOUBLE AS "x y", 7 AS "it's\"""",
        "checks/select.sql": '-- An order has a text.\nSELECT "a""b" FROM "order" WHERE "a""b" = \'\'',
        "api/orders/[order].sql": ENDPOINT,
        "pipeline.yaml": PIPELINE,
        "pyproject.toml": "",
    }
    folder = make_build(load(written(tmp_path, files)), tmp_path / "build").folder
    row = {"select": 7, 'a"b': "o'k", "x y": 0.5, "it's": 7}
    assert json.loads((folder / "api/orders/7.json").read_bytes()) == [row]
    with closing(open_database(folder / "odd.db")) as database:
        assert database.execute("SELECT seq FROM sqlite_sequence").fetchall() == [(7,)]
    assert parquet.read_table(folder / "parquet/order").to_pylist() == [row]
    inspected = json.loads((folder / "inspect-data.json").read_bytes())
    assert inspected["odd"]["tables"] == {"order": {"count": 1}}
