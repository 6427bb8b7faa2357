"""Checks that an answer is what its endpoint's file declares.

A query finds the rows that do not fit while it makes the answer; then they are read one by one.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.errors import EtlError
from etl.pipeline.sql import literal, quote
from etl.site.column_types import base, is_json, members, nullable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping

    from etl.site.column_types import Type
    from etl.site.endpoint import Endpoint, Value

    Say = Callable[[str], None]

#: JavaScript and many JSON parsers round larger integers.
MAX_EXACT_INTEGER = 2**53

#: The name of the row in :func:`row_check`; a name alone could mean a column of ``json_each``.
ROW = "answer"

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


def row_check(columns: Mapping[str, Type]) -> str:
    """SQL that is 1 for a row of :data:`ROW` whose values fit their types, and never null.

    It is 0 for a row that needs a closer look: one that does not fit, has integers over 2**53, or a nested shape.
    """
    names = {name: f"{ROW}.{quote(name)}" for name in columns}
    integers = [
        f"coalesce({names[name]}, 0)" if nullable(kind) else names[name]
        for name, kind in columns.items()
        if base(kind) == "integer"
    ]
    checks = [_check(names[name], kind) for name, kind in columns.items() if base(kind) != "integer"]
    if integers:  # a sum is an integer if no term is real or null; texts and blobs are greater than any number
        checks += [f"typeof({' + '.join(integers)}) = 'integer'", *map(_is_exact, integers)]
    return " AND ".join(checks)


def _check(column: str, kind: Type) -> str:
    check = {
        "number": lambda: (
            f"CASE typeof({column}) WHEN 'real' THEN {_is_finite(column)} "
            f"WHEN 'integer' THEN {_is_exact(column)} ELSE 0 END"
        ),
        "boolean": lambda: f"(typeof({column}) = 'integer' AND {column} IN (0, 1))",
        "string": lambda: f"(typeof({column}) = 'text'{_is_allowed(column, kind)})",
        "array": lambda: _json_check(column, kind),
        "object": lambda: _json_check(column, kind),
    }[base(kind)]()
    return f"({column} IS NULL OR {check})" if nullable(kind) else check


def _json_check(column: str, kind: Type) -> str:
    """SQL that is 1 for JSON text of a flat shape."""
    if any(map(is_json, members(kind))):
        return "0"
    count = ""
    if properties := kind.get("properties"):
        cases = (f"WHEN {literal(key)} THEN {_member_check(each)}" for key, each in properties.items())
        member = f"CASE json_each.key {' '.join(cases)} ELSE 0 END"
        count = f"AND (SELECT count(DISTINCT key) FROM json_each({column})) = {len(properties)}"  # noqa: S608 -- quoted
    else:
        member = _member_check(*members(kind))
    brackets = "[[]*]" if base(kind) == "array" else "{*}"
    text = f"typeof({column}) = 'text' AND {column} GLOB '{brackets}' AND instr({column}, char(0)) = 0"
    others = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE NOT {member})"  # noqa: S608 -- as above
    return f"CASE WHEN {text} AND json_valid({column}) THEN NOT {others} {count} ELSE 0 END"


def _member_check(kind: Type) -> str:
    integer = f"json_each.type = 'integer' AND {_is_exact('json_each.value')}"
    check = {
        "integer": f"({integer})",
        "number": f"({integer} OR json_each.type = 'real' AND {_is_finite('json_each.value')})",
        "boolean": "json_each.type IN ('true', 'false')",
        "string": f"(json_each.type = 'text'{_is_allowed('json_each.value', kind)})",
    }[base(kind)]
    return f"(json_each.type = 'null' OR {check})" if nullable(kind) else check


def _is_exact(value: str) -> str:
    return f"+{value} BETWEEN {-MAX_EXACT_INTEGER} AND {MAX_EXACT_INTEGER}"  # + drops the affinity: '7' stays a text


def _is_finite(value: str) -> str:
    return f"({value} > -9e999 AND {value} < 9e999)"  # SQLite reads 9e999 as infinity


def _is_allowed(value: str, kind: Type) -> str:
    texts = [literal(each) for each in kind.get("enum", ()) if each is not None]
    return f" AND {value} IN ({', '.join(texts)})" if texts else ""


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
    if not fits or value not in kind.get("enum", [value]):
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
    return f"{_shown(value)} where {name} is declared{hint}"


def _shown(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."


def check_rows(database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value], say: Say) -> None:
    """Look at the rows that ``row_check`` doubts. Raises EtlError for the first value of another type."""
    sql = f"SELECT * FROM (\n{endpoint.sql}\n) AS {ROW} WHERE NOT ({endpoint.row_check})"  # noqa: S608 -- the pipeline's
    rows = database.execute(sql, dict(values))
    names = [column[0] for column in rows.description]
    large = set[str]()
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if found := column_mismatch(endpoint.columns[name], value):
                raise _error(found, endpoint, name, values)
            if _has_large_integer(json.loads(value) if value and is_json(endpoint.columns[name]) else value):
                large.add(name)
    for name in sorted(large):
        message = "integers over 2**53 are written in full, but JavaScript rounds them; to be safe, send texts"
        say(f"{endpoint.where(name)}: columns.{name}: {message}")


def _has_large_integer(value: Any) -> bool:  # noqa: ANN401 -- of SQLite, or JSON
    if isinstance(value, (list, dict)):
        return any(map(_has_large_integer, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER


def _error(found: Mismatch, endpoint: Endpoint, name: str, values: Mapping[str, Value]) -> EtlError:
    message = f"columns.{name}{found.path}: {found.message}, in {endpoint.url(values)}"
    return EtlError(message, endpoint.where(name))
