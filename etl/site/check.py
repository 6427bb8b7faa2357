"""Checks that an answer is what its endpoint's file declares, and that its JSON has every digit of its numbers.

A query finds rows that do not fit while it makes the answer; here they are read one by one. Of JSON columns it compares
the brackets in every row; their shape is checked in the first rows of every answer, or in all of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.pipeline.sql import renamed
from etl.site.column_types import (
    MAX_EXACT_INTEGER,
    camel_case,
    column_mismatch,
    contains_number,
    is_json,
    json_mismatch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.site.column_types import Mismatch
    from etl.site.endpoint import Endpoint

#: The value of a parameter.
Value = int | str
Say = Callable[[str], None]

#: Rows whose JSON is parsed during a run; parsing all of it takes as long as the rest of the export.
CHECKED_ROWS = 3

#: Bytes of an answer that usually hold as many rows.
HEAD_BYTES = 16_384


def check_rows(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say) -> None:
    """Look at the rows that ``row_check`` doubts. Raises EtlError for the first value of another type."""
    sql = f"SELECT * FROM (\n{endpoint.sql}\n) WHERE NOT ({endpoint.row_check})"  # noqa: S608 -- the pipeline's file
    rows = database.execute(sql, dict(values))
    names = [column[0] for column in rows.description]
    large = set[str]()
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if found := column_mismatch(endpoint.columns[name], value, endpoint.allowed.get(name, ())):
                raise _error(found, endpoint, name, values)
            if isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER:
                large.add(name)
    for name in sorted(large):
        message = "integers over 2**53 are written in full, but JavaScript rounds them; to be safe, send texts"
        say(f"{endpoint.where(name)}: columns.{name}: {message}")


def check_json(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], rows: bytes, count: int
) -> None:
    """Check the JSON columns of an answer's first rows, or of all if ``count`` is -1. Raises EtlError."""
    shapes = {name: kind for name, kind in endpoint.columns.items() if is_json(kind)}
    if any(map(contains_number, shapes.values())):
        with closing(_DigitCheck(database)) as check:
            deque(database.execute(_checked(endpoint.sql), dict(values)), maxlen=0)
        if check.lossy:
            message = (
                f"SQLite's JSON has only 15 digits of {check.lossy[0]!r}; round it, or give it a column of its own"
            )
            raise EtlError(f"{message}, in {endpoint.url(values)}", endpoint.where(next(iter(shapes))))
    try:
        for row in first_rows(rows, count):
            for name, kind in shapes.items():
                if found := json_mismatch(kind, row[camel_case(name)]):
                    raise _error(found, endpoint, name, values)
    except ValueError as error:
        raise EtlError(f"the answer is not JSON: {error}, in {endpoint.url(values)}", endpoint.where(None)) from error


def first_rows(rows: bytes, count: int) -> list[Any]:
    """The first rows of an answer without its brackets, parsed; all of them if ``count`` is -1. Raises ValueError."""
    try:
        return list(_parse(rows[:HEAD_BYTES].decode(errors="ignore"), count))
    except ValueError:
        return list(_parse(rows.decode(), count))


def _parse(text: str, count: int) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(parse_constant=_refuse_constant), 0
    while count and position < len(text):
        row, position = decoder.raw_decode(text, position)
        yield row
        position, count = position + 1, count - 1


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def _error(found: Mismatch, endpoint: Endpoint, name: str, values: Mapping[str, Value]) -> EtlError:
    message = f"columns.{name}{found.path}: {found.message}, in {endpoint.url(values)}"
    return EtlError(message, endpoint.where(name))


#: SQLite's functions that build JSON, and what they return as far as a query can tell.
_SCALARS: dict[str, Callable[..., Any]] = {
    "json_object": lambda *values: dict(zip(values[::2], values[1::2], strict=False)),
    "json_array": lambda *values: values,
    "json_quote": lambda value: value,
    **dict.fromkeys(("json_set", "json_insert", "json_replace"), lambda text, *_: json.loads(text or "null")),
}
_AGGREGATES: dict[str, tuple[int, Callable[..., Any]]] = {
    "json_group_array": (1, lambda rows: [value for (value,) in rows]),
    "json_group_object": (2, dict),
}


@cache
def _checked(sql: str) -> str:
    """A query that calls the functions of :class:`_DigitCheck` in the place of SQLite's."""
    names = [name for each in (*_SCALARS, *_AGGREGATES) for name in _variants(each)]
    return f"SELECT * FROM (\n{renamed(sql, {name: f'etl_{name}' for name in names})}\n)"  # noqa: S608 -- as above


def _variants(name: str) -> tuple[str, str]:
    return name, name.replace("json", "jsonb", 1)


class _DigitCheck:
    """Replaces SQLite's functions that build JSON, and notes the numbers that those would shorten to 15 digits."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.lossy: list[float] = []
        self._texts = sqlite3.connect(":memory:")
        for each, build in _SCALARS.items():
            for name in _variants(each):
                database.create_function(f"etl_{name}", -1, self._scalar(build))
        for each, (count, build) in _AGGREGATES.items():
            for name in _variants(each):
                database.create_window_function(f"etl_{name}", count, self._aggregate(build))

    def close(self) -> None:
        self._texts.close()

    def _note(self, values: tuple[object, ...]) -> None:
        for value in values:
            if isinstance(value, float):
                (text,) = self._texts.execute("SELECT ? || ''", (value,)).fetchone()  # as JSON has it
                self.lossy += [value] if float(text) != value else []

    def _scalar(self, build: Callable[..., Any]) -> Callable[..., str]:
        def function(*values: object) -> str:
            self._note(values)
            return json.dumps(build(*values), default=str)

        return function

    def _aggregate(self, build: Callable[..., Any]) -> Callable[[], Any]:
        note = self._note

        class Aggregate:
            def __init__(self) -> None:
                self.rows: list[tuple[object, ...]] = []

            def step(self, *values: object) -> None:
                note(values)
                self.rows.append(values)

            def inverse(self, *_: object) -> None:
                self.rows.pop(0)

            def value(self) -> str:
                return json.dumps(build(self.rows), default=str)

            finalize = value

        return Aggregate
