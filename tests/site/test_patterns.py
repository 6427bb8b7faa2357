"""The pattern of an endpoint's types matches what has them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.site.answers import register_functions
from etl.site.check import column_mismatch
from etl.site.column_types import is_json, json_schema
from etl.site.endpoint import Endpoint
from etl.site.parameters import Parameter

TYPES = ["integer", "number", "text", "boolean", "date", "datetime", ["text"], {"a": "integer"}, {"*": "integer"}]
VALUES = [
    None,
    0,
    1,
    7,
    -(2**53),
    1.0,
    0.5,
    -1e300,
    5e-324,
    -1.25e-209,
    float("inf"),
    "",
    "a",
    "7",
    "1.5",
    "[]",
    "{}",
    "[",
]
VALUES += ["2025-08-15", "2025-13-01", "2025-08-15\n", "2025-08-15 10:00:00", "2025-08-15 10:00:00.5"]
VALUES += ['["a"]', "[1]", "[null]", '{"a": 1}', '{"a": 1.0}', '{"a": null}', '{"a": 1, "b": 2}', '{"a": 1e999}']


@pytest.mark.parametrize(
    "kind", [each for kind in TYPES for each in (kind, f"{kind}?" if isinstance(kind, str) else {"?": kind})]
)
def test_pattern_and_python_agree(kind: Any) -> None:  # noqa: ANN401 -- a type
    """What the pattern matches reads back as the value and has its type: null, texts of numbers, whole reals."""
    column = json_schema(kind, {})
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        for value in VALUES:
            endpoint = Endpoint("", ("x",), "X", "Of x.", "SELECT :v AS t", {"v": Parameter("v")}, {"t": column})
            text, _ = database.execute(endpoint.query, {"v": value}).fetchone()
            fits = column_mismatch(column, value) is None
            if endpoint.pattern.fullmatch(text):
                found = json.loads(text)["t"]
                assert found == (json.loads(str(value)) if is_json(column) and value else value)
                assert column_mismatch(column, json.dumps(found) if is_json(column) and value else found) is None
            elif fits:  # JSON text may be written in other ways, and a long integer may need a warning
                assert is_json(column) or abs(float(value or 0)) >= 2**53, (kind, value)


#: Keys that JSON writes without escapes.
KEYS = st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters='"\\'))


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.text() | st.none(), min_size=1), st.dictionaries(KEYS, st.integers(-(10**14), 10**14)))
def test_every_text_matches(texts: list[str | None], scores: dict[str, int]) -> None:
    """Texts of any letters are matched as SQLite writes them, and so is JSON without spaces."""
    columns = {"t": json_schema("text?", {}), "u": json_schema({"*": "integer"}, {})}
    endpoint = Endpoint("", ("x",), "X", "Of x.", "SELECT t, u FROM v ORDER BY id", {}, columns)
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, t, u)")
        document = json.dumps(scores, ensure_ascii=False, separators=(",", ":"))
        rows = [(text and text.encode(errors="replace").decode(), document) for text in texts]
        database.executemany("INSERT INTO v (t, u) VALUES (?, ?)", rows)
        (text, count) = database.execute(endpoint.query).fetchone()
    assert count == len(texts)
    assert endpoint.pattern.fullmatch(text)
