"""Checks that an answer is what its endpoint's file declares.

A regular expression made from the types matches almost every answer; if it does not, each row is parsed.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.errors import EtlError
from etl.site.column_types import base, form_of, has_form, is_json, nullable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

    from etl.site.column_types import Type
    from etl.site.endpoint import Endpoint
    from etl.site.parameters import Value

    Say = Callable[[str], None]

#: JavaScript and many JSON parsers round larger integers.
MAX_EXACT_INTEGER = 2**53

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_NAMES = {"string": "text", "array": "an array", "object": "an object"}  # in messages
_MAX_VALUE_LENGTH = 40  # characters of a value in a message


class Mismatch(NamedTuple):
    """A value that does not have the declared type."""

    path: str  # below the column, ``.key[0]``
    message: str


def column_mismatch(kind: Type, value: object) -> Mismatch | None:
    """How a value from SQLite differs from its column's type; None if it fits."""
    if base(kind) == "boolean" and type(value) is int and value in {0, 1}:
        return None
    if not is_json(kind) or not isinstance(value, str):
        return json_mismatch(kind, value)
    try:
        return json_mismatch(kind, json.loads(value, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        return Mismatch("", f"{_shown(value)} is not JSON: {error}")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def json_mismatch(kind: Type, value: Any) -> Mismatch | None:  # noqa: ANN401 -- JSON
    """How a parsed JSON value differs from its type; None if it fits."""
    if value is None and nullable(kind):
        return None
    fits = type(value) in _PYTHON_TYPES[base(kind)] and (type(value) is not float or math.isfinite(value))
    if not fits or value not in kind.get("enum", [value]) or (base(kind) == "string" and not has_form(kind, value)):
        return Mismatch("", _expected(kind, value))
    inner: Iterable[tuple[str, Type, Any]] = ()
    if isinstance(value, list):
        inner = ((f"[{index}]", kind["items"], each) for index, each in enumerate(value))
    elif isinstance(value, dict):
        types: dict[str, Type] = kind.get("properties", {})
        for key in sorted(types.keys() ^ value.keys()) if types else ():
            return Mismatch(f".{key}", "is missing" if key in types else "is there, and is not declared")
        inner = ((f".{key}", types[key] if types else kind["additionalProperties"], value[key]) for key in value)
    for step, kind_of_each, each in inner:
        if found := json_mismatch(kind_of_each, each):
            return Mismatch(step + found.path, found.message)
    return None


def _expected(kind: Type, value: object) -> str:
    name, hint = _NAMES.get(base(kind), base(kind)), ""
    if value is None:
        null = '{"?": ...} around it' if is_json(kind) else f"{name}?"
        hint = f"; to allow null write {null}"
    elif isinstance(value, float) and not math.isfinite(value):
        hint = "; JSON has no such number: divide by nullif(x, 0)"
    elif "enum" in kind:
        name = f"one of {', '.join(each for each in kind['enum'] if each is not None)}"
    else:
        name = form_of(kind) or name
    return f"{_shown(value)} where {name} is declared{hint}"


def _shown(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."


def check_rows(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say) -> None:
    """Look at every row. Raises EtlError for the first value of another type."""
    rows = database.execute(endpoint.sql, dict(values))
    names = [column[0] for column in rows.description]
    large = set[str]()
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if found := column_mismatch(endpoint.columns[name], value):
                raise _error(found, endpoint, name, values)
            if _has_large_integer(json.loads(value) if value and is_json(endpoint.columns[name]) else value):
                large.add(name)
    for name in sorted(large):
        message = "integers over 2**53 are written in full, but JavaScript rounds them; to be safe, send strings"
        say(f"{endpoint.where(name)}: columns.{name}: {message}")


def _has_large_integer(value: Any) -> bool:  # noqa: ANN401 -- of SQLite, or JSON
    if isinstance(value, (list, dict)):
        return any(map(_has_large_integer, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER


def _error(found: Mismatch, endpoint: Endpoint, name: str, values: Mapping[str, Value]) -> EtlError:
    message = f"columns.{name}{found.path}: {found.message}, in {endpoint.url(values)}"
    return EtlError(message, endpoint.where(name))
