"""Answers of endpoints, as the bytes of a compact JSON array or object. The server and the export both use them."""

from __future__ import annotations

import contextlib
import itertools
import math
import sqlite3
import time
from functools import cache
from typing import TYPE_CHECKING

from etl.errors import EtlError
from etl.site.check import check_rows
from etl.site.endpoint import NUMBER
from etl.site.json_precision import DigitCheck, check_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from etl.site.check import Say
    from etl.site.endpoint import Endpoint
    from etl.site.parameters import Parameter, Value

    Listed = Callable[[Parameter], list[Value]]

#: A query of an answer may take so long. Only the time of its own thread counts: on a busy machine none fails.
TIMEOUT_SECONDS = 30


def register_functions(database: sqlite3.Connection) -> sqlite3.Connection:
    """Give a connection the functions that the queries of answers call."""
    database.create_function(NUMBER, 1, lambda value: "null" if value is None else repr(value), deterministic=True)
    DigitCheck(database)
    return database


@contextlib.contextmanager
def limited(database: sqlite3.Connection) -> Iterator[None]:
    """End queries that take too long, with sqlite3.OperationalError."""
    end = time.thread_time() + TIMEOUT_SECONDS
    database.set_progress_handler(lambda: time.thread_time() > end, 1_000_000)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)


def answer(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say = lambda _: None
) -> bytes:
    """The answer of an endpoint for values of its parameters; empty if it is an object and there is no row.

    JSON columns are inserted as stored. ``say`` gets warnings. Raises EtlError if the answer is not what the file
    declares, and sqlite3.Error, also after :data:`TIMEOUT_SECONDS`.
    """
    return b"".join(answer_parts(database, endpoint, values, say))


def answer_parts(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say
) -> tuple[bytes, bytes, bytes]:
    """The same in three parts: joining them copies an answer, and one can have 25 MB."""
    text = _checked(database, endpoint, values, say)[0]
    return (b"", text, b"") if endpoint.is_object else (b"[", text, b"]")


def check_answers(
    database: sqlite3.Connection,
    endpoint: Endpoint,
    most_rows: float = math.inf,
    say: Say = lambda _: None,
    listed: Listed | None = None,
) -> int:
    """Check the answers of an endpoint, until they have so many rows: how many answers. Raises as :func:`answer`."""
    count = rows = 0
    for values in combinations(parameter_lists(endpoint, listed or lists_of(database))):
        if rows >= most_rows:
            break
        rows += _checked(database, endpoint, values, say)[1]
        count += 1
    return count


def _checked(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say
) -> tuple[bytes, int]:
    """The JSON text of the rows of an answer, with commas between them, and how many they are."""
    with limited(database):
        try:
            *pieces, count = database.execute(endpoint.query, dict(values)).fetchone()
        except sqlite3.OperationalError:  # perhaps a blob, which json_quote() refuses
            check_rows(database, endpoint, values, say)
            raise
        if endpoint.is_object and count > 1:
            raise EtlError(
                f"{count} rows where one object is declared, in {endpoint.url(values)}", endpoint.where(None)
            )
        text = b"".join(pieces) if count else b""
        del pieces
        if text and not endpoint.pattern.fullmatch(text):
            check_rows(database, endpoint, values, say)
        check_digits(database, endpoint, values)
    return text, count


def lists_of(database: sqlite3.Connection) -> Listed:
    """A function that lists the values of a parameter, and remembers them: many endpoints have the same parameter."""
    return cache(lambda parameter: parameter.listed(database))


def parameter_lists(
    endpoint: Endpoint, listed: Listed, varied: Iterable[Parameter] | None = None
) -> dict[str, list[Value]]:
    """The values of the varied parameters, by default the required ones, and the default of each other one.

    A required parameter without a list of values is null.
    """
    names = {each.name for each in (endpoint.required if varied is None else varied) if each.values}
    parameters = endpoint.parameters.values()
    return {each.name: listed(each) if each.name in names else [each.default] for each in parameters}


def combinations(lists: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Value]]:
    """Every combination of values of parameters; one empty combination if there are none."""
    return (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))
