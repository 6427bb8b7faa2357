"""Checks that SQLite's functions that build JSON, which keep 15 digits, shorten no number of an answer."""

from __future__ import annotations

import json
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.pipeline.sql import renamed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from etl.site.endpoint import Endpoint
    from etl.site.parameters import Value

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


def check_digits(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value]) -> None:
    """Check that SQLite's JSON functions do not shorten a number in an answer. Raises EtlError."""
    if not endpoint.json_with_numbers or (checked := _checked(endpoint.sql)) == endpoint.sql:
        return
    database.execute("SELECT etl_lossy()").fetchone()  # forget that of a query that was interrupted
    deque(database.execute(checked, dict(values)), maxlen=0)
    (lossy,) = database.execute("SELECT etl_lossy()").fetchone()
    if lossy is not None:
        message = f"SQLite's JSON has only 15 digits of {lossy!r}; round it, or give it a column of its own"
        raise EtlError(f"{message}, in {endpoint.url(values)}", endpoint.where(endpoint.json_with_numbers[0]))


@lru_cache  # of a size: each slice of a list has a query of its own
def _checked(sql: str) -> str:
    """A query that calls the functions of :class:`DigitCheck` in the place of SQLite's."""
    names = [name for each in (*_SCALARS, *_AGGREGATES) for name in _variants(each)]
    return renamed(sql, {name: f"etl_{name}" for name in names})


def _variants(name: str) -> tuple[str, str]:
    return name, name.replace("json", "jsonb", 1)


class DigitCheck:
    """Replaces SQLite's functions that build JSON, and notes a number that those would shorten to 15 digits."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Give a connection the functions, and ``etl_lossy``, which returns and forgets the number."""
        self._lossy: float | None = None
        self._database = database
        for each, build in _SCALARS.items():
            for name in _variants(each):
                database.create_function(f"etl_{name}", -1, self._scalar(build))
        for each, (count, build) in _AGGREGATES.items():
            for name in _variants(each):
                database.create_window_function(f"etl_{name}", count, self._aggregate(build))
        database.create_function("etl_lossy", 0, self._take)

    def _take(self) -> float | None:
        lossy, self._lossy = self._lossy, None
        return lossy

    def _note(self, values: tuple[object, ...]) -> None:
        for value in values:
            if isinstance(value, float):
                (text,) = self._database.execute("SELECT ? || ''", (value,)).fetchone()  # as JSON has it
                if float(text) != value:
                    self._lossy = value

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
