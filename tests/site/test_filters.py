"""Slices: the rows of a list that have given values, in a given order, a page at a time."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from etl.site.answers import register_functions
from etl.site.endpoint import Endpoint
from etl.site.filters import Slice, read_slice, sort_type
from etl.site.parameters import Parameter
from tests.support.serving import typed

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = {"n": "integer", "full_name": "text?", "share": "number?", "is_new": "boolean", "parts": ["integer"]}
ROWS = [(n, None if n % 5 == 0 else f"n{n % 3}", n / 4 or None, n % 2, f"[{n}]") for n in range(50)]
LIST = Endpoint(
    "sql/api/x.sql",
    ("x",),
    "X",
    "Of x.",
    "SELECT * FROM t WHERE n >= :least ORDER BY n * 7919 % 1009",
    {"least": Parameter("least")},
    typed(COLUMNS),
)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """A table of fifty rows."""
    with closing(register_functions(sqlite3.connect(":memory:"))) as database:
        database.execute(f"CREATE TABLE t ({', '.join(COLUMNS)})")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", ROWS)
        yield database


def rows(database: sqlite3.Connection, **texts: str) -> tuple[list[Any], int]:
    """The rows of a slice as JSON, and how many there are on all pages."""
    part = read_slice(LIST, texts)
    assert part is not None
    found = part.answer(database, LIST, {"least": 10})
    return json.loads(found.content), found.total


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"n": "12"}, [12]),
        ({"n": "-12"}, []),
        ({"fullName": "n1", "isNew": "true"}, [n for n in range(10, 50) if n % 3 == 1 and n % 2 and n % 5]),
        ({"fullName": "null"}, list(range(10, 50, 5))),
        ({"fullName": "' OR 1 --"}, []),
        ({"share": "4.25"}, [17]),
        ({"share": "17e0"}, []),
        ({"isNew": "false", "share": "5"}, [20]),
    ],
)
def test_rows_have_the_values(database: sqlite3.Connection, texts: dict[str, str], expected: list[int]) -> None:
    """A value is bound with the type of its column; several must all be met; null is null."""
    found, total = rows(database, **texts)
    assert sorted(row["n"] for row in found) == expected
    assert total == len(expected)


def test_a_column_named_like_a_parameter_sorts_and_does_not_filter() -> None:
    """A name means one thing, whether the parameter is in the path or the query string; any column can sort."""
    for segments in (("x",), ("x", "[full_name]")):
        named = replace(LIST, segments=segments, parameters={"full_name": Parameter("full_name")})
        assert "fullName" not in named.list_parameters
        assert "-fullName" in sort_type(named)["items"]["enum"]
        assert read_slice(named, {"sort": "-fullName"}) == Slice(sort=(("full_name", True),))


def test_rows_are_sorted_and_equal_ones_keep_their_order(database: sqlite3.Connection) -> None:
    """Sorted by one column after the other, ``-`` for the greatest first; the query's own order decides at last."""
    own = sorted(range(10, 50), key=lambda n: n * 7919 % 1009)
    assert [row["n"] for row in rows(database, limit="1000")[0]] == own
    assert [row["n"] for row in rows(database, sort="-isNew")[0]] == sorted(own, key=lambda n: -(n % 2))
    found = [row["n"] for row in rows(database, sort="isNew,-share,n,-n")[0]]
    assert found == sorted(own, key=lambda n: (n % 2, -n))


def test_pages_are_the_whole_list(database: sqlite3.Connection) -> None:
    """Pages put together are the list; one beyond the end is empty, and the total is the same."""
    pages = [rows(database, sort="fullName", limit="7", offset=str(offset)) for offset in range(0, 49, 7)]
    assert [row for page, _ in pages for row in page] == rows(database, sort="fullName")[0]
    assert {total for _, total in pages} == {40}
    assert len(pages[-1][0]) == 0


@pytest.mark.parametrize(
    ("texts", "offset", "expected"),
    [
        ({"limit": "10"}, 0, {"first": 0, "next": 10, "last": 30}),
        ({"limit": "10"}, 5, {"first": 0, "prev": 0, "next": 15, "last": 30}),
        ({"limit": "10"}, 30, {"first": 0, "prev": 20, "last": 30}),
        ({"limit": "10"}, 500, {"first": 0, "prev": 30, "last": 30}),
        ({}, 0, {"first": 0, "last": 0}),
    ],
)
def test_links_lead_to_the_other_pages(texts: dict[str, str], offset: int, expected: dict[str, int]) -> None:
    """The Link header has relative addresses that keep the filter, with each character encoded that would end one."""
    given = {"fullName": '">,; é', "offset": str(offset), **texts}
    part = read_slice(LIST, given)
    assert part is not None
    assert part.links(given, 40).split(", ") == [
        f'<?fullName=%22%3E%2C%3B%20%C3%A9&offset={place}&limit={texts.get("limit", 1000)}>; rel="{name}"'
        for name, place in expected.items()
    ]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"n": "x"}, "n: 'x' is not an integer"),
        ({"n": "1.0"}, "n: '1.0' is not an integer"),
        ({"n": "null"}, "n: 'null' is not an integer"),
        ({"share": "nan"}, "share: 'nan' is not a number, nor null"),
        ({"isNew": "1"}, "isNew: '1' is not true or false"),
        (
            {"sort": "fulName"},
            "sort: unknown column 'fulName'; did you mean 'fullName'? Allowed: n, fullName, share, isNew",
        ),
        ({"sort": ""}, "sort: unknown column ''; allowed: n, fullName, share, isNew"),
        ({"sort": "n;DROP"}, "sort: unknown column 'n;DROP'; allowed: n, fullName, share, isNew"),
        ({"sort": "parts"}, "sort: unknown column 'parts'; allowed: n, fullName, share, isNew"),
        ({"limit": "0"}, "limit: '0' is not a number from 1 to 1000"),
        ({"limit": "1001"}, "limit: '1001' is not a number from 1 to 1000"),
        ({"limit": "٣"}, "limit: '٣' is not a number from 1 to 1000"),
        ({"offset": "-1"}, "offset: '-1' is not a number from 0 to 1000000000"),
    ],
)
def test_a_wrong_value_names_what_is_allowed(texts: dict[str, str], message: str) -> None:
    """What is not of the column's type, no column, or beyond the limits is an error with the parameter's name."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read_slice(LIST, texts)


def test_a_column_with_few_values_takes_only_these() -> None:
    """The allowed values of an enumeration are checked, with a suggestion."""
    few = Endpoint("", ("x",), "X", "Of x.", "", {}, {"status": {"type": "string", "enum": ["open", "closed"]}})
    with pytest.raises(ValueError, match=r"^status: unknown value 'opn'; did you mean 'open'\? Allowed: open, closed$"):
        read_slice(few, {"status": "opn"})
