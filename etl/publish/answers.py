"""Answers: what an endpoint says, as the bytes of a compact JSON array. The live server and the export both use them."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from etl.publish.endpoints import camel, is_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.publish.endpoints import Endpoint

Value = int | str


def open_database(path: Path) -> sqlite3.Connection:
    """Open a finished database, for reading only, from any thread."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    database = sqlite3.connect(uri, uri=True, check_same_thread=False)
    database.execute("PRAGMA query_only = ON")
    return database


def answer(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value]) -> bytes:
    """What the endpoint says for some values of its parameters. A JSON column is spliced in as it is stored."""
    rows = database.execute(_as_json(endpoint), dict(values))
    return b"[" + b",".join(row[0].encode() for row in rows) + b"]"


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
    first = database.execute(f"SELECT * FROM ({query}) LIMIT 1").fetchone()  # noqa: S608 -- a file of ours
    numeric = first is not None and isinstance(first[0], int)
    if numeric and not (text.isascii() and text.isdigit() and len(text) <= 15 and not text.startswith("0")):  # noqa: PLR2004
        message = f"not an id: {text[:40]!r}"
        raise ValueError(message)
    value: Value = int(text) if numeric else text
    (name,) = (column[0] for column in database.execute(f"SELECT * FROM ({query}) LIMIT 0").description)  # noqa: S608
    found = database.execute(f'SELECT 1 FROM ({query}) WHERE "{name}" = ?', (value,)).fetchone()  # noqa: S608
    return value if found else None


def _as_json(endpoint: Endpoint) -> str:
    """The endpoint's query with each row as JSON text: SQLite writes it five times faster than Python would."""
    parts = []
    for name, kind in endpoint.columns.items():
        key = json.dumps(camel(name)).replace("'", "''")
        value = f"coalesce(\"{name}\", 'null')" if is_json(kind) else f'json_quote("{name}")'
        parts.append(f"'{'{' if not parts else ','}{key}:' || {value}")
    return f"SELECT {' || '.join(parts)} || '}}' FROM (\n{endpoint.sql}\n)"  # noqa: S608 -- a file of ours
