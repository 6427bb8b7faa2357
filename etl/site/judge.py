"""Judges answers: each value of each row is of the type that the endpoint's file declares, or the build fails.

SQL has found rows that are not sound at once, with the answer; here they are looked at one by one. JSON columns are
held to their brackets in every row, and to their shape in the first rows of every answer.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.errors import EtlError
from etl.site.exact import Watch
from etl.site.kinds import LARGE, camel, is_json, nullable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from etl.site.endpoint import Endpoint
    from etl.site.kinds import Type

Value = int | str
Say = Callable[[str], None]

#: Rows of an answer whose JSON is opened in a run; to open all of it takes as long as all else of an export.
DOCUMENTS = 3

#: Bytes of an answer that nearly always hold so many.
BEGINNING = 16_384

#: Characters of a value that a message shows.
LONGEST = 40


def judge_rows(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say) -> None:
    """Look at the rows of an answer that are not sound. Raises EtlError for the first value that does not fit."""
    rows = database.execute(f"SELECT * FROM (\n{endpoint.sql}\n) WHERE NOT ({endpoint.sound})", dict(values))  # noqa: S608
    names = [column[0] for column in rows.description]
    large = dict[str, int]()
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if found := in_column(endpoint.columns[name], value, endpoint.allowed.get(name, ())):
                raise _told(found, endpoint, name, values)
            if isinstance(value, int) and abs(value) > LARGE:
                large[name] = value
    for name in large:
        says = "whole numbers over 2**53 are written as they are, and JavaScript rounds them; to be safe, send texts"
        say(f"{endpoint.where(name)}: columns.{name}: {says}")


def judge_documents(
    database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], rows: bytes, count: int
) -> None:
    """Open the JSON of the first rows of an answer, of all if the count is -1. Raises EtlError for another shape."""
    shapes = {name: kind for name, kind in endpoint.columns.items() if is_json(kind)}
    if endpoint.watched:
        with closing(Watch(database)) as watch:
            deque(database.execute(endpoint.watched, dict(values)), maxlen=0)
        if watch.cut:
            says = f"SQLite's JSON has only 15 digits of {watch.cut[0]!r}; round it, or give it a column of its own"
            raise EtlError(f"{says}, in {endpoint.url(values)}", endpoint.where(next(iter(shapes))))
    try:
        for row in first_rows(rows, count):
            for name, kind in shapes.items():
                if found := in_json(kind, row[camel(name)]):
                    raise _told(found, endpoint, name, values)
    except ValueError as error:
        raise EtlError(f"the answer is not JSON: {error}, in {endpoint.url(values)}", endpoint.where(None)) from error


def _told(found: Misfit, endpoint: Endpoint, name: str, values: Mapping[str, Value]) -> EtlError:
    says = f"columns.{name}{found.path}: {found.says}, in {endpoint.url(values)}"
    return EtlError(says, endpoint.where(name))


def first_rows(rows: bytes, count: int) -> list[Any]:
    """The first rows of an answer without its brackets, read as JSON. Raises ValueError."""
    try:
        return list(_read(rows[:BEGINNING].decode(errors="ignore"), count))
    except ValueError:
        return list(_read(rows.decode(), count))


def _read(text: str, count: int) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(parse_constant=_no_number), 0
    while count and position < len(text):
        row, position = decoder.raw_decode(text, position)
        yield row
        position, count = position + 1, count - 1


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number there")


class Misfit(NamedTuple):
    """A value that is not what is declared."""

    path: str  # below the column
    says: str


def in_column(kind: Type, value: object, allowed: Sequence[str] = ()) -> Misfit | None:
    """What is wrong with a value of a column, None when it fits."""
    if isinstance(kind, str):
        if kind.startswith("boolean") and type(value) is int and value in {0, 1}:
            return None
        fits = _fits(kind, value) and (not allowed or value is None or value in allowed)
        return None if fits else Misfit("", _instead(kind, value, allowed))
    if nullable(kind):
        return None if value is None else in_column(kind["?"], value)  # type: ignore[call-overload]  # a mapping
    fits = isinstance(value, str) and value[:1] + value[-1:] == ("[]" if isinstance(kind, list) else "{}")
    return None if fits else Misfit("", _instead(kind, value))


def in_json(kind: Any, value: Any) -> Misfit | None:  # noqa: ANN401 -- JSON and its shape
    """What is wrong with a value that was read from JSON text, None when it fits."""
    if isinstance(kind, str):
        return None if _fits(kind, value) else Misfit("", _instead(kind, value))
    if nullable(kind):
        return None if value is None else in_json(kind["?"], value)
    if not isinstance(value, type(kind)):
        return Misfit("", _instead(kind, value))
    steps = enumerate(value) if isinstance(kind, list) else value.items()
    each_kind = kind[0] if isinstance(kind, list) else kind.get("*")
    types: dict[Any, Any] = {} if each_kind is not None else {camel(key): each for key, each in kind.items()}
    for key in sorted(types.keys() ^ value.keys()) if types else ():
        return Misfit(f".{key}", "is missing" if key in types else "is there, and is not declared")
    for step, each in steps:
        if inner := in_json(each_kind or types[step], each):
            at = f"[{step}]" if isinstance(kind, list) else f".{step}"
            return Misfit(at + inner.path, inner.says)
    return None


_FITS: dict[str, Callable[[object], bool]] = {
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) is int or (type(value) is float and math.isfinite(value)),
    "text": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
}


def _fits(kind: str, value: object) -> bool:
    return _FITS[kind](value) if kind in _FITS else value is None or _FITS[kind[:-1]](value)


def _instead(kind: Type, value: object, allowed: Sequence[str] = ()) -> str:
    name = kind.rstrip("?") if isinstance(kind, str) else "an array" if isinstance(kind, list) else "an object"
    hint = ""
    if value is None:
        hint = f"; where null may stand write {name}?" if isinstance(kind, str) else '; write {"?": ...} around it'
    elif isinstance(value, float) and not math.isfinite(value):
        hint = "; JSON has no such number: divide by nullif(x, 0)"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    declared = f"one of {', '.join(allowed)}" if allowed and value is not None else name
    return f"{text} where {declared} is declared{hint}"
