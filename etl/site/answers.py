"""Answers of endpoints, as the bytes of a compact JSON array. The server and the export both use them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from etl.pipeline.sql import quote
from etl.site.check import CHECKED_ROWS, check_json, check_rows
from etl.site.column_types import is_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from etl.site.check import Say, Value
    from etl.site.endpoint import Endpoint

#: A query of an answer may take so long.
TIMEOUT_SECONDS = 30

#: Every id up to this is exact in JavaScript.
MAX_ID = 10**15 - 1

_ID = re.compile(rb"[1-9][0-9]{0,14}\Z")


def answer(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say = lambda _: None
) -> bytes:
    """The answer of an endpoint for some values of its parameters.

    JSON columns are inserted as stored. ``say`` gets warnings. Raises EtlError if the answer is not what the file
    declares, and sqlite3.Error, also after :data:`TIMEOUT_SECONDS`.
    """
    return b"".join(answer_parts(database, endpoint, values, say))


def answer_parts(
    database: sqlite3.Connection,
    endpoint: Endpoint,
    values: Mapping[str, Value],
    say: Say = lambda _: None,
    checked_rows: int = CHECKED_ROWS,
) -> tuple[bytes, bytes, bytes]:
    """The same in three parts: joining them copies an answer, and one can have 25 MB."""
    end = time.monotonic() + TIMEOUT_SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, 1_000_000)
    try:
        rows, passed = database.execute(endpoint.query, dict(values)).fetchone()
        if passed == 0:
            check_rows(database, endpoint, values, say)
        if rows and any(map(is_json, endpoint.columns.values())):
            check_json(database, endpoint, values, rows, checked_rows)
    finally:
        database.set_progress_handler(None, 0)
    return b"[", rows or b"", b"]"


def check_answers(database: sqlite3.Connection, endpoints: Iterable[Endpoint]) -> None:
    """Check every answer of the endpoints, all of its JSON included. Raises EtlError."""
    for endpoint in endpoints:
        for values in parameter_values(database, endpoint):
            answer_parts(database, endpoint, values, checked_rows=-1)


def parameter_values(database: sqlite3.Connection, endpoint: Endpoint) -> Iterator[dict[str, Value]]:
    """Every combination of values of the endpoint's parameters; one empty combination if it has none."""
    combinations: list[dict[str, Value]] = [{}]
    for name, query in endpoint.parameters.items():
        listed = [value for (value,) in database.execute(query)]
        combinations = [{**before, name: value} for before in combinations for value in listed]
    yield from combinations


def find_value(database: sqlite3.Connection, query: str, text: str) -> Value | None:
    """The value in a query's one column that a text in a URL means; None if the query does not list it.

    Raises ValueError if the query lists integers and the text is not one in its usual form.
    """
    rows = database.execute(f"SELECT * FROM (\n{query}\n) LIMIT 1")  # noqa: S608 -- the pipeline's own file
    first, name = rows.fetchone(), quote(rows.description[0][0])
    numeric = first is not None and isinstance(first[0], int)
    if numeric and not _ID.match(text.encode()):
        raise ValueError(f"not an id: {text[:40]!r}")
    value: Value = int(text) if numeric else text
    found = database.execute(f"SELECT 1 FROM (\n{query}\n) WHERE {name} = ?", (value,)).fetchone()  # noqa: S608
    return value if found else None
