"""Answers are what their files declare: types, null and shape; numbers read back as they are."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import EtlError, Where
from etl.pipeline.schema import Column, Table
from etl.site.answers import answer, register_functions
from etl.site.column_types import json_schema
from etl.site.endpoint import Endpoint

COLUMNS = {
    "t": Column("t", "TEXT", nullable=False, description="", values=("a", "it's")),
    "short": Column("short", "VARCHAR(3)", nullable=False, description=""),
}
TABLES = {"v": Table("v", "", COLUMNS)}


def asked(sql: str, kind: Any) -> Endpoint:  # noqa: ANN401 -- types of endpoints
    """An endpoint with one column, ``t``, declared in line 4."""
    columns, places = {"t": json_schema(kind, TABLES)}, {"t": Where("api/x.sql", 4, 8)}
    return Endpoint("api/x.sql", ("x",), "X", "Of x.", sql, {}, columns, places=places)


def answered(sql: str, kind: Any) -> tuple[Any, list[str]]:  # noqa: ANN401 -- as above
    """The values of the column, and what was said."""
    said: list[str] = []
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        content = answer(database, asked(sql, kind), {}, said.append)
    return [row["t"] for row in json.loads(content)], said


def refused(sql: str, kind: Any) -> str:  # noqa: ANN401 -- as above
    """Why the answer is none."""
    with pytest.raises(EtlError) as caught:
        answered(sql, kind)
    return str(caught.value)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53), min_size=1))
def test_numbers_read_back_as_they_are(values: list[float]) -> None:
    """A column of numbers is written with all the digits that it takes, and with no more."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, t)")
        database.executemany("INSERT INTO v (t) VALUES (?)", [(value,) for value in values])
        content = answer(database, asked("SELECT t FROM v ORDER BY id", "number"), {})
    assert content == json.dumps([{"t": value} for value in values], separators=(",", ":")).encode()


@pytest.mark.parametrize("text", ["1.0 / 3", "9007199254740993.0", "0.1 + 0.2", "1e300", "5e-324", "-0.5", "1e22"])
def test_a_number_is_that_of_the_database(text: str) -> None:
    """The examples that SQLite's own JSON shortens."""
    with closing(sqlite3.connect(":memory:")) as database:
        (value,) = database.execute(f"SELECT {text}").fetchone()
    assert answered(f"SELECT {text} AS t", "number") == ([value], [])
    assert answered(f"SELECT {text} AS t UNION ALL SELECT NULL", "number?") == ([value, None], [])


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("SELECT 'abc' AS t", "integer", "t: 'abc' where integer is declared, in /api/x.json"),
        ("SELECT '7' AS t", "integer", "t: '7' where integer is declared, in /api/x.json"),
        ("SELECT 1.0 AS t", "integer?", "t: 1.0 where integer is declared, in /api/x.json"),
        ("SELECT 1 AS t UNION ALL SELECT 'b'", "number", "t: 'b' where number is declared, in /api/x.json"),
        ("SELECT NULL AS t", "number", "t: null where number is declared; to allow null write number?, in /api"),
        ("SELECT x'61' AS t", "text", "t: b'a' where text is declared, in /api/x.json"),
        ("SELECT x'31' AS t", "integer?", "t: b'1' where integer is declared, in /api/x.json"),
        ("SELECT 7 AS t", "text", "t: 7 where text is declared, in /api/x.json"),
        ("SELECT 7 AS t", "boolean", "t: 7 where boolean is declared, in /api/x.json"),
        ("SELECT 1e308 * 10 AS t", "number", "t: inf where number is declared; JSON has no such"),
        ("SELECT -1e308 * 10 AS t", "number?", "t: -inf where number is declared; JSON has no such number"),
        ("SELECT 'a' AS t", ["text"], "t: 'a' is not JSON: Expecting value: line 1 column 1 (char 0), in /api"),
        ("SELECT '[1]' AS t", {"a": "text"}, "t: [1] where an object is declared, in /api/x.json"),
        ("SELECT NULL AS t", {"*": "text"}, 't: null where an object is declared; to allow null write {"?": ...} ar'),
        ("SELECT '[1, \"a\"]' AS t", ["integer"], "t[1]: 'a' where integer is declared, in /api/x.json"),
        ("SELECT '[[1], [null]]' AS t", [["integer"]], "t[1][0]: null where integer is declared; to allow null"),
        ("SELECT '{\"a\": {\"b\": 1.5}}' AS t", {"a": {"b": "integer"}}, "t.a.b: 1.5 where integer is declared, in"),
        ("SELECT '{\"a\": true}' AS t", {"*": "integer"}, "t.a: true where integer is declared, in /api/x.json"),
        ("SELECT '{\"a\": 1}' AS t", {"a": "integer", "b_c": "text?"}, "t.bC: is missing, in /api/x.json"),
        ("SELECT '{\"a\": 1, \"b\": 2}' AS t", {"a": "integer"}, "t.b: is there, and is not declared, in /api/x.json"),
        ("SELECT '{\"a\": [}' AS t", {"*": "text"}, "t: '{\"a\": [}' is not JSON: Expecting value: line 1"),
        ("SELECT '{\"a\": NaN}' AS t", {"*": "number"}, "t: '{\"a\": NaN}' is not JSON: NaN is not a number in JSON"),
        ("SELECT '[1e999]' AS t", ["number"], "t[0]: inf where number is declared; JSON has no such number"),
        ("SELECT '[1]' || char(0) AS t", ["integer"], "t: '[1]\\x00' is not JSON: Extra data: line 1"),
        ("SELECT CAST('[1 ]' AS BLOB) AS t", ["integer"], "t: b'[1 ]' where an array is declared, in /api/x.json"),
        ("SELECT '[1, 1, 1, 1, 1.5]' AS t UNION ALL SELECT '[]'", ["integer"], "t[4]: 1.5 where integer is declared"),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_refused(sql: str, kind: Any, message: str) -> None:  # noqa: ANN401 -- a type
    """A value of another type, null, infinity, and JSON of another shape are told with place, address and value."""
    assert refused(sql, kind).startswith(f"api/x.sql:4:8: columns.{message}")


def test_what_is_declared_is_answered() -> None:
    """Null where it may stand, truth values, and shapes of any depth are what they are."""
    assert answered("SELECT NULL AS t UNION ALL SELECT 'a'", "text?") == ([None, "a"], [])
    assert answered("SELECT 1 = 1 AS t UNION ALL SELECT 1 > 1", "boolean") == ([True, False], [])
    assert answered("SELECT NULL AS t UNION ALL SELECT '[1,null]'", {"?": ["integer?"]}) == ([None, [1, None]], [])
    shape = {"a_b": {"?": {"*": ["number"]}}, "c": "boolean"}
    sql = """SELECT '{"aB": {"x": [1, 1.5]}, "c": true}' AS t UNION ALL SELECT '{"aB": null, "c": false}'"""
    assert answered(sql, shape)[0] == [{"aB": {"x": [1, 1.5]}, "c": True}, {"aB": None, "c": False}]


def test_a_text_is_one_of_those_that_are_allowed() -> None:
    """Where the schema's CHECK lists the values, and OpenAPI with it, no other one may stand."""
    assert answered("SELECT 'it''s' AS t UNION ALL SELECT NULL", "v.t?")[0] == ["it's", None]
    assert answered("""SELECT '{"a": "it''s"}' AS t""", {"a": "v.t"})[0] == [{"a": "it's"}]
    for sql, kind in (
        ("SELECT 'b' AS t", "v.t"),
        ("SELECT '[\"b\"]' AS t", ["v.t"]),
        ("SELECT '[[\"b\"]]' AS t", [["v.t"]]),
    ):
        assert re.match(
            r"api/x\.sql:4:8: columns\.t[][0]*: 'b' where one of a, it's is declared, in /", refused(sql, kind)
        )


def test_a_large_whole_number_is_written_and_told() -> None:
    """Over 2**53 every digit is there, and a person hears that JavaScript will not keep it."""
    for kind in ("integer", "number?"):
        values, said = answered(f"SELECT {2**53} AS t UNION ALL SELECT {-(2**63)} UNION ALL SELECT {2**63 - 1}", kind)
        assert values == [2**53, -(2**63), 2**63 - 1]
        told = "integers over 2**53 are written in full, but JavaScript rounds them; to be safe, send strings"
        assert said == [f"api/x.sql:4:8: columns.t: {told}"]
    assert refused(f"SELECT {2**60} AS t UNION ALL SELECT 'a'", "integer").endswith("in /api/x.json")


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("'2025-13-01'", "date", "columns.t: '2025-13-01' where a date as YYYY-MM-DD is declared, in /api/x.json"),
        ("'2025-08-15'", "datetime", "columns.t: '2025-08-15' where a time as YYYY-MM-DD HH:MM:SS is declared"),
        ("'abcd'", "v.short", "columns.t: 'abcd' where text of at most 3 characters is declared"),
        ("json_array('abcd')", ["v.short"], "columns.t[0]: 'abcd' where text of at most 3 characters is declared"),
    ],
)
def test_texts_have_the_form_of_their_type(value: str, kind: Any, message: str) -> None:  # noqa: ANN401 -- a type
    """A date, a time and a text of limited length are checked as texts of such a form."""
    assert message in refused(f"SELECT {value} AS t", kind)
    assert answered("SELECT 'é😀' AS t", "v.short") == (["é😀"], [])
