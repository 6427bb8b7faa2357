"""Types of columns: resolved against the schema, and checked alike in SQL and in Python."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from etl.pipeline.schema import read_schema
from etl.site.column_types import ROW, column_mismatch, json_schema, row_check

ROOT = Path(__file__).parents[2]
TYPES = ["integer", "number", "text", "boolean", ["text"], {"a": "integer"}, {"*": "integer"}]
VALUES = [None, 0, 1, 7, -(2**53), 1.0, 0.5, -1e300, float("inf"), "", "a", "7", "1.5", "[]", "{}", "[", b"[]", b"x"]
VALUES += ['["a"]', "[1]", "[null]", '{"a": 1}', '{"a": 1.0}', '{"a": null}', '{"a": 1, "b": 2}', '{"a": 1e999}']


def test_a_type_is_json_schema() -> None:
    """A name of a column means its type, at any depth; null is allowed where the table or the file says so."""
    schema = read_schema(ROOT / "sql/schema.sql", "sql/schema.sql")
    given = {"a_b": {"?": ["rosters.created_at"]}, "b": {"*": "impact_estimates.effect"}, "c": "text?"}
    created, effect = (
        {"type": [kind, "null"], "description": schema.tables[table].columns[name].description}
        for kind, table, name in (("string", "rosters", "created_at"), ("number", "impact_estimates", "effect"))
    )
    assert json_schema(given, schema.tables) == {
        "type": "object",
        "properties": {
            "aB": {"type": ["array", "null"], "items": created},
            "b": {"type": "object", "additionalProperties": effect},
            "c": {"type": ["string", "null"]},
        },
        "required": ["aB", "b", "c"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "kind", [each for kind in TYPES for each in (kind, f"{kind}?" if isinstance(kind, str) else {"?": kind})]
)
def test_sql_and_python_agree(kind: Any) -> None:  # noqa: ANN401 -- a type
    """SQL and Python agree on which values fit: null, infinity, texts of numbers, whole reals."""
    kind = json_schema(kind, {})
    with closing(sqlite3.connect(":memory:")) as database:
        for value in VALUES:
            sql = f"SELECT {row_check({'value': kind})} FROM (SELECT ? AS value) AS {ROW}"  # noqa: S608
            (found,) = database.execute(sql, (value,)).fetchone()
            assert found in {0, 1}
            assert bool(found) == (column_mismatch(kind, value) is None), (kind, value)
