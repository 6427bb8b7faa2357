"""Types of columns: resolved against the schema, and checked alike in SQL and in Python."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from etl.pipeline.schema import read_schema
from etl.site.column_types import ROW, column_mismatch, resolve, row_check

ROOT = Path(__file__).parents[2]
TYPES = ["integer", "number", "text", "boolean", ["text"], {"a": "integer"}, {"*": "integer"}]
VALUES = [None, 0, 1, 7, -(2**53), 1.0, 0.5, -1e300, float("inf"), "", "a", "7", "1.5", "[]", "{}", "[", b"[]", b"x"]
VALUES += ['["a"]', "[1]", "[null]", '{"a": 1}', '{"a": 1.0}', '{"a": null}', '{"a": 1, "b": 2}', '{"a": 1e999}']


def test_a_type_is_resolve() -> None:
    """What names a column of the schema becomes that column's type, inside of shapes too; null as the table has it."""
    schema = read_schema(ROOT / "sql/schema.sql", "sql/schema.sql")
    given = {"a": ["rosters.created_at"], "b": "impact_estimates.effect", "c": {"?": ["rosters.id?"]}, "d": "text?"}
    assert resolve(given, schema) == {"a": ["text?"], "b": "number?", "c": {"?": ["integer?"]}, "d": "text?"}


@pytest.mark.parametrize(
    "kind", [each for kind in TYPES for each in (kind, f"{kind}?" if isinstance(kind, str) else {"?": kind})]
)
def test_sql_and_python_agree(kind: Any) -> None:  # noqa: ANN401 -- a type
    """SQL and Python agree on which values fit: null, infinity, texts of numbers, whole reals."""
    with closing(sqlite3.connect(":memory:")) as database:
        for value in VALUES:
            sql = f"SELECT {row_check({'value': kind}, {})} FROM (SELECT ? AS value) AS {ROW}"  # noqa: S608
            (found,) = database.execute(sql, (value,)).fetchone()
            assert found in {0, 1}
            assert bool(found) == (column_mismatch(kind, value) is None), (kind, value)
