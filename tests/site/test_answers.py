"""Answers: the JSON that SQLite writes is the JSON that Python would write, whatever the text."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import EtlError
from etl.site import answers
from etl.site.answers import (
    answer,
    check_answers,
    combinations,
    lists_of,
    parameter_lists,
    register_functions,
)
from etl.site.endpoint import Endpoint
from etl.site.parameters import Parameter
from etl.tables.sqlite import open_database
from tests.support.serving import typed

if TYPE_CHECKING:
    from pathlib import Path

HARD = ["", "'", '"', "\\", "O'Brien", "</script>", "é\u0301", "\u202e", "\u2028", "😀", "\x00", "\x01\x7f\n\r\t\b\f"]

texts = st.one_of(st.sampled_from(HARD), st.text())
numbers = st.integers(-(2**63), 2**63 - 1)


def endpoint(sql: str, **columns: Any) -> Endpoint:  # noqa: ANN401 -- types of endpoints
    """An endpoint without parameters."""
    return Endpoint("sql/api/x.sql", ("x",), "X", "Of x.", sql, {}, typed(columns))


def compact(value: object) -> bytes:
    """JSON as it is to be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.none() | texts, st.none() | numbers)))
def test_any_text_and_number_is_what_json_dumps_writes(rows: list[tuple[str | None, int | None]]) -> None:
    """Quotes, accents, emoji, control characters, NUL, null and the largest numbers: the very bytes of json.dumps."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a_text TEXT, big_number INTEGER)")
        database.executemany("INSERT INTO t (a_text, big_number) VALUES (?, ?)", rows)
        asked = endpoint("SELECT a_text, big_number FROM t ORDER BY id", a_text="text?", big_number="integer?")
        expected = [{"aText": text, "bigNumber": number} for text, number in rows]
        assert answer(database, asked, {}) == compact(expected)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.none() | st.dictionaries(st.text(max_size=5), st.lists(st.none() | texts)), min_size=1))
def test_a_json_column_is_real_json(values: list[Any]) -> None:
    """A column of JSON text is spliced in as it is stored, never a string in a string; SQL's NULL is null."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, document TEXT)")
        stored = [(None if value is None else compact(value).decode(),) for value in values]
        database.executemany("INSERT INTO t (document) VALUES (?)", stored)
        asked = endpoint("SELECT document FROM t ORDER BY id", document={"?": {"*": ["text?"]}})
        assert answer(database, asked, {}) == compact([{"document": value} for value in values])


def test_columns_keep_their_order_and_names() -> None:
    """Columns come in the header's order, camelCased; odd names, and keys with quotes, do no harm."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        sql = 'SELECT 1 AS created_by_test_id, 2 AS "it\'s", 3 AS "a ""b""", 1.5 AS share'
        odd = {"it's": "integer", 'a "b"': "integer"}
        asked = endpoint(sql, created_by_test_id="integer", **odd, share="number")
        assert answer(database, asked, {}) == b'[{"createdByTestId":1,"it\'s":2,"a \\"b\\"":3,"share":1.5}]'


def test_truth_values_are_json_truth_values() -> None:
    """A boolean column says true, false or null, not 1 and 0."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        asked = endpoint("SELECT value AS flag FROM json_each('[0, 1, null]')", flag="boolean?")
        assert answer(database, asked, {}) == b'[{"flag":false},{"flag":true},{"flag":null}]'


def test_rows_keep_the_order_of_the_query() -> None:
    """What ORDER BY says is the order of the answer, also through unions and subqueries."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute("CREATE TABLE t (n INTEGER)")
        database.executemany("INSERT INTO t VALUES (?)", [(n * 7919 % 1009,) for n in range(1009)])
        for sql in ("SELECT n FROM t ORDER BY n DESC", "SELECT n FROM t UNION SELECT n FROM t ORDER BY n DESC"):
            found = [row["n"] for row in json.loads(answer(database, endpoint(sql, n="integer"), {}))]
            assert found == sorted(range(1009), reverse=True)


def test_answers_are_checked_until_they_have_enough_rows() -> None:
    """Every answer is checked without making its text; a limit of rows ends with the answer that reaches it."""
    lists = {"id": Parameter("id", "SELECT value FROM json_each('[1, 2, 3]')")}
    sql = "SELECT iif(:id = 3, 'x', :id) AS n UNION ALL SELECT 7"
    asked = Endpoint("sql/api/x.sql", ("x", "[id]"), "X", "Of x.", sql, lists, typed({"n": "integer"}))
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        assert [check_answers(database, asked, most_rows) for most_rows in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 2]
        message = r"^sql/api/x\.sql: columns\.n: 'x' where integer is declared, in /api/x/3\.json"
        with pytest.raises(EtlError, match=message):
            check_answers(database, asked)


def test_no_rows_are_an_empty_array() -> None:
    """No rows are ``[]``, not null and no error."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        assert answer(database, endpoint("SELECT 1 AS n WHERE 0", n="integer"), {}) == b"[]"


def test_an_answer_that_takes_too_long_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query has a limited time; the database answers the next one as ever."""
    monkeypatch.setattr(answers, "TIMEOUT_SECONDS", 0.2)
    endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT max(n) AS n FROM n"
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            answer(database, endpoint(endless, n="integer"), {})
        assert answer(database, endpoint("SELECT 1 AS n", n="integer"), {}) == b'[{"n":1}]'


def test_a_build_is_opened_for_reading_only(default_build: Path) -> None:
    """The database of a build cannot be changed through the connection that answers, and nothing is left beside it."""
    with closing(open_database(default_build / "teacher-dashboard.db")) as database:
        database.execute("PRAGMA query_only = OFF")
        for sql in ("DELETE FROM rosters", "CREATE TABLE t (a)", "PRAGMA user_version = 7"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                database.execute(sql)
        assert not list(default_build.glob("*.db-*"))


def test_every_combination_of_values_is_listed() -> None:
    """Two parameters have each pair of their values; none has one empty combination."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        lists = {
            "a": Parameter("a", "SELECT value FROM json_each('[1, 2]')"),
            "b": Parameter("b", 'SELECT value FROM json_each(\'["x", "y"]\')'),
        }
        asked = Endpoint("x.sql", ("[a]", "[b]"), "X", "Of x.", "SELECT 1 AS n", lists, typed({"n": "integer"}))
        expected = [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
        assert list(combinations(parameter_lists(asked, lists_of(database)))) == expected
        assert list(combinations({})) == [{}]
