"""Types of columns: resolved against the schema, and checked alike in SQL and in Python."""

from __future__ import annotations

from pathlib import Path

from etl.pipeline.schema import read_schema
from etl.site.column_types import json_schema

ROOT = Path(__file__).parents[2]


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
