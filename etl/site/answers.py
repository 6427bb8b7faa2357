"""Answers: what an endpoint says, as the bytes of a compact JSON array. The server and the export both use them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from etl.pipeline.sql import quote
from etl.site.judge import DOCUMENTS, judge_documents, judge_rows
from etl.site.kinds import is_json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from etl.site.endpoint import Endpoint
    from etl.site.judge import Say, Value

#: No answer may take longer.
SECONDS = 30

#: The largest number that JavaScript, and so anyone's JSON, can count on.
LARGEST_ID = 10**15 - 1

_ID = re.compile(rb"[1-9][0-9]{0,14}\Z")


def answer(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say = lambda _: None
) -> bytes:
    """What the endpoint says for some values of its parameters.

    A JSON column is spliced in as it is stored. Raises EtlError where the answer is not what the file declares, and
    sqlite3.Error, also when it takes too long. ``say`` is told what is right, and yet not for every reader.
    """
    return b"".join(pieces(database, endpoint, values, say))


def pieces(
    database: sqlite3.Connection,
    endpoint: Endpoint,
    values: Mapping[str, Value],
    say: Say = lambda _: None,
    documents: int = DOCUMENTS,
) -> tuple[bytes, bytes, bytes]:
    """The same in pieces: one answer of a large world can be 25 MB, and would be held twice to be joined."""
    end = time.monotonic() + SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, 1_000_000)
    try:
        rows, sound = database.execute(endpoint.query, dict(values)).fetchone()
        if sound == 0:
            judge_rows(database, endpoint, values, say)
        if rows and any(map(is_json, endpoint.columns.values())):
            judge_documents(database, endpoint, values, rows, documents)
    finally:
        database.set_progress_handler(None, 0)
    return b"[", rows or b"", b"]"


def hold_answers(database: sqlite3.Connection, endpoints: Iterable[Endpoint]) -> None:
    """Hold that every answer is what its endpoint declares, to the last of its JSON. Raises EtlError."""
    for endpoint in endpoints:
        for values in values_of(database, endpoint):
            pieces(database, endpoint, values, documents=-1)


def values_of(database: sqlite3.Connection, endpoint: Endpoint) -> Iterator[dict[str, Value]]:
    """Every combination of values of the endpoint's parameters; one empty one where it has none."""
    combinations: list[dict[str, Value]] = [{}]
    for name, query in endpoint.parameters.items():
        known = [value for (value,) in database.execute(query)]
        combinations = [{**before, name: value} for before in combinations for value in known]
    yield from combinations


def known_value(database: sqlite3.Connection, query: str, text: str) -> Value | None:
    """The value that a text in a URL stands for, None when the query does not list it. Raises ValueError for no value.

    Where the query lists whole numbers, only a text that is one, as it would be written, can be a value.
    """
    rows = database.execute(f"SELECT * FROM (\n{query}\n) LIMIT 1")  # noqa: S608 -- a file of ours
    first, name = rows.fetchone(), quote(rows.description[0][0])
    numeric = first is not None and isinstance(first[0], int)
    if numeric and not _ID.match(text.encode()):
        raise ValueError(f"not an id: {text[:40]!r}")
    value: Value = int(text) if numeric else text
    found = database.execute(f"SELECT 1 FROM (\n{query}\n) WHERE {name} = ?", (value,)).fetchone()  # noqa: S608
    return value if found else None
