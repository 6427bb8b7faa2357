"""Parameters: the value that a text in a URL means."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etl.site.answers import register_functions
from etl.site.column_types import SCALARS
from etl.site.parameters import Parameter, parse

if TYPE_CHECKING:
    from etl.site.parameters import Value


def find(database: sqlite3.Connection, query: str, text: str) -> Value:
    """The value among those that a query lists."""
    return Parameter("x", query).find(database, text)


@pytest.mark.parametrize(
    "text", ["0", "-1", "01", "1.0", "1e3", "", " 1", "1\n", "+1", "x", "\u0661", "1" * 16, "1\x00"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Only a number as it would be written can be an id: one URL for each thing."""
    with (
        closing(register_functions(sqlite3.connect(":memory:"))) as database,
        pytest.raises(ValueError, match="not an id"),
    ):
        find(database, "SELECT 1 AS id", text)


def test_values_are_found_by_what_the_query_lists() -> None:
    """A value is known when the query lists it: numbers as numbers, texts as texts."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        assert find(database, "SELECT 7 AS id UNION SELECT 8", "8") == 8
        assert find(database, "SELECT 7 AS id", "9") is None
        assert find(database, "SELECT 7 AS id WHERE 0", "9") is None
        assert find(database, "SELECT 7 AS id -- the only one", "7") == 7
        assert find(database, 'SELECT \'O\'\'Brien\' AS "the ""name"""', "O'Brien") == "O'Brien"
        assert find(database, "SELECT 'a' AS name", "' OR 1=1 --") is None


@pytest.mark.parametrize(("kind", "text"), [("date", "2025-13-01"), ("date", "1.3.25"), ("datetime", "2025-08-15")])
def test_dates_have_their_form(kind: str, text: str) -> None:
    """A text that no date has is refused, so that it does not select nothing."""
    with pytest.raises(ValueError, match=r"is not a (date|time) as YYYY-MM-DD"):
        parse(SCALARS[kind], text)
    assert parse(SCALARS["date"], "2025-08-15") == "2025-08-15"
