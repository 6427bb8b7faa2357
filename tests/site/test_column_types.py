"""Types of columns: resolved against the schema, and checked alike in SQL and in Python."""

from __future__ import annotations

from pathlib import Path

from etl.pipeline.schema import read_schema
from etl.site.column_types import json_schema

ROOT = Path(__file__).parents[2]


def test_a_type_is_json_schema() -> None:
    """A name of a column means its type and its description, which has the JSON's names; null where it is allowed."""
    schema = read_schema(ROOT / "sql/schema.sql", "sql/schema.sql")
    given = {
        "a_b": {"?": ["rosters.created_at"]},
        "b": {"*": "impact_estimates.effect"},
        "c": "date rosters.created_at",
    }
    created = {"type": ["string", "null"], "description": schema.tables["rosters"].columns["created_at"].description}
    effect = {"type": ["number", "null"], "description": "The estimate: treatedGain minus controlGain."}
    assert json_schema(given, schema.tables) == {
        "type": "object",
        "properties": {
            "aB": {"type": ["array", "null"], "items": created},
            "b": {"type": "object", "additionalProperties": effect},
            "c": {**created, "format": "date", "pattern": r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"},
        },
        "required": ["aB", "b", "c"],
        "additionalProperties": False,
    }
