"""Answers of endpoints, as the bytes of a compact JSON array. The server and the export both use them."""

from __future__ import annotations

import itertools
import math
import re
import sqlite3
import time
from typing import TYPE_CHECKING

from etl.pipeline.sql import quote
from etl.site.check import check_rows
from etl.site.digits import DigitCheck, check_digits
from etl.site.endpoint import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.site.check import Say
    from etl.site.endpoint import Endpoint, Value

#: A query of an answer may take so long.
TIMEOUT_SECONDS = 30

#: Every id up to this is exact in JavaScript.
MAX_ID = 10**15 - 1

_ID = re.compile(rb"[1-9][0-9]{0,14}\Z")


def register_functions(database: sqlite3.Connection) -> sqlite3.Connection:
    """Give a connection the functions that the queries of answers call."""
    database.create_function(NUMBER, 1, lambda value: "null" if value is None else repr(value), deterministic=True)
    DigitCheck(database)
    return database


def answer(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say = lambda _: None
) -> bytes:
    """The answer of an endpoint for some values of its parameters.

    JSON columns are inserted as stored. ``say`` gets warnings. Raises EtlError if the answer is not what the file
    declares, and sqlite3.Error, also after :data:`TIMEOUT_SECONDS`.
    """
    return b"".join(answer_parts(database, endpoint, values, say))


def answer_parts(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say
) -> tuple[bytes, bytes, bytes]:
    """The same in three parts: joining them copies an answer, and one can have 25 MB."""
    return b"[", _checked(database, endpoint, values, say)[0], b"]"


def check_answers(
    database: sqlite3.Connection, endpoint: Endpoint, most_rows: float = math.inf, say: Say = lambda _: None
) -> int:
    """Check the answers of an endpoint, until they have so many rows: how many answers. Raises as :func:`answer`."""
    count = rows = 0
    for values in combinations(parameter_lists(database, endpoint)):
        if rows >= most_rows:
            break
        rows += _checked(database, endpoint, values, say)[1]
        count += 1
    return count


def _checked(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say
) -> tuple[bytes, int]:
    """The JSON text of the rows of an answer, with commas between them, and how many they are."""
    end = time.monotonic() + TIMEOUT_SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, 1_000_000)
    try:
        try:
            text, count = database.execute(endpoint.query, dict(values)).fetchone()
        except sqlite3.OperationalError:  # perhaps a blob, which json_quote() refuses
            check_rows(database, endpoint, values, say)
            raise
        if text and not endpoint.pattern.fullmatch(text):
            check_rows(database, endpoint, values, say)
        check_digits(database, endpoint, values)
    finally:
        database.set_progress_handler(None, 0)
    return text or b"", count


def parameter_lists(database: sqlite3.Connection, endpoint: Endpoint) -> dict[str, list[Value]]:
    """The values of each of the endpoint's parameters."""
    return {name: [value for (value,) in database.execute(query)] for name, query in endpoint.parameters.items()}


def combinations(lists: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Value]]:
    """Every combination of values of parameters; one empty combination if there are none."""
    return (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))


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
