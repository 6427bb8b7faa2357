"""Numbers in JSON that read back as the same double. SQLite's own JSON functions write 15 digits, often too few."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from etl.pipeline.sql import renamed

if TYPE_CHECKING:
    from collections.abc import Callable

#: SQL's name of the function that writes a number in full.
NUMBER = "etl_number"

#: What builds JSON of values in SQLite, and what it yields of them, so far as a query can tell.
_BUILDERS: dict[str, Callable[..., Any]] = {
    "json_object": lambda *values: dict(zip(values[::2], values[1::2], strict=False)),
    "json_array": lambda *values: values,
    "json_quote": lambda value: value,
    **dict.fromkeys(("json_set", "json_insert", "json_replace"), lambda text, *_: json.loads(text or "null")),
}
_GROUPS: dict[str, tuple[int, Callable[..., Any]]] = {
    "json_group_array": (1, lambda rows: [value for (value,) in rows]),
    "json_group_object": (2, dict),
}


def register(database: sqlite3.Connection) -> sqlite3.Connection:
    """Give a connection :data:`NUMBER`, which writes a number with as few digits as will do, and null."""
    database.create_function(NUMBER, 1, lambda value: "null" if value is None else repr(value), deterministic=True)
    return database


def watched(sql: str) -> str:
    """A query with the functions of :class:`Watch` in it."""
    names = [name for each in (*_BUILDERS, *_GROUPS) for name in _spellings(each)]
    return renamed(sql, {name: f"etl_{name}" for name in names})


class Watch:
    """Stands in for SQLite's functions that build JSON, and notes the numbers that those would cut."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Register the functions."""
        self.cut: list[float] = []
        self._texts = sqlite3.connect(":memory:")
        for each, build in _BUILDERS.items():
            for name in _spellings(each):
                database.create_function(f"etl_{name}", -1, self._scalar(build))
        for each, (count, build) in _GROUPS.items():
            for name in _spellings(each):
                database.create_window_function(f"etl_{name}", count, self._aggregate(build))

    def close(self) -> None:
        """Let go of what it needs; the functions are not to be called any more."""
        self._texts.close()

    def _look(self, values: tuple[object, ...]) -> None:
        for value in values:
            if isinstance(value, float):
                (text,) = self._texts.execute("SELECT ? || ''", (value,)).fetchone()  # as JSON has it
                self.cut += [value] if float(text) != value else []

    def _scalar(self, build: Callable[..., Any]) -> Callable[..., str]:
        def function(*values: object) -> str:
            self._look(values)
            return json.dumps(build(*values), default=str)

        return function

    def _aggregate(self, build: Callable[..., Any]) -> Callable[[], Any]:
        look = self._look

        class Aggregate:
            def __init__(self) -> None:
                self.rows: list[tuple[object, ...]] = []

            def step(self, *values: object) -> None:
                look(values)
                self.rows.append(values)

            def inverse(self, *_: object) -> None:
                self.rows.pop(0)

            def value(self) -> str:
                return json.dumps(build(self.rows), default=str)

            finalize = value

        return Aggregate


def _spellings(name: str) -> tuple[str, str]:
    return name, name.replace("json", "jsonb", 1)
