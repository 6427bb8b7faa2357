"""SQLite's functions that build JSON shorten no number of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.site.test_check import answered, refused


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT json_object('a', 1.0 / 3) AS t", "number"),
        ("SELECT json_object('a', json_array(1, 1.0 / 3)) AS t", ["number"]),
        ("SELECT JSON_OBJECT ('a', (SELECT json_group_array(v) FROM (SELECT 0.1 + 0.2 AS v))) AS t", ["number"]),
        ("SELECT json_object('a', json(json_group_array(json_array(v)))) AS t FROM (SELECT 0.1 + 0.2 v)", [["number"]]),
        ("SELECT json_group_object('a', 0.1 + 0.2) AS t", "number"),
        ("SELECT json_set('{\"a\": 1}', '$.a', 0.1 + 0.2) AS t", "number"),
        ("SELECT \"json_object\"('a', 1.0 / 3) AS t", "number"),
        ("SELECT json_object('a', 1.0) AS t UNION ALL SELECT json_object('a', 1.0 / 3)", "number"),
    ],
)  # fmt: skip
def test_a_number_inside_of_json_is_not_cut(sql: str, kind: Any) -> None:  # noqa: ANN401 -- a type
    """SQLite writes 15 digits into JSON that it builds: where that changes a number the build fails."""
    assert "SQLite's JSON has only 15 digits of 0.3" in refused(sql, {"a": kind})


def test_a_number_inside_of_json_that_is_whole_is_answered() -> None:
    """Rounded numbers, none at all, and stored JSON with any digits are answered as they are."""
    assert answered("SELECT json_object('a', round(1.0 / 3, 4), 'b', NULL) AS t", {"a": "number", "b": "number?"})[
        0
    ] == [{"a": 0.3333, "b": None}]
    assert answered("SELECT json_group_array(1.5) AS t WHERE 0", ["number"])[0] == [[]]
    stored = '{"a": 0.30000000000000004}'
    assert answered(f"SELECT json('{stored}') AS t", {"a": "number"})[0] == [json.loads(stored)]
