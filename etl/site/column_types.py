"""Types of an endpoint's columns: resolved against the schema, checked in SQL for rows and in Python for values.

A type is ``integer``, ``number``, ``text`` or ``boolean``, followed by ``?`` if null is allowed; or, for a column of
JSON text, a shape: ``[type]``, ``{key: type}``, ``{"*": type}`` for any key, ``{"?": shape}`` for a shape or null.
"""

from __future__ import annotations

import json
import math
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.pipeline.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.pipeline.schema import Column, Schema

#: A scalar's name, or the shape of JSON text.
Type = str | list[Any] | dict[str, Any]

#: Scalars and their names in JSON Schema.
SCALARS = {"integer": "integer", "number": "number", "text": "string", "boolean": "boolean"}

#: JavaScript and many JSON parsers round larger integers.
MAX_EXACT_INTEGER = 2**53

#: The name of the row in :func:`row_check`; a name alone could mean a column of ``json_each``.
ROW = "answer"

_PYTHON_TYPES: dict[str, set[type]] = {"integer": {int}, "number": {int, float}, "text": {str}, "boolean": {bool}}
_PYTHON_TYPES |= {f"{name}?": {*types, NoneType} for name, types in _PYTHON_TYPES.items()}

_MAX_VALUE_LENGTH = 40  # characters of a value in a message


def camel_case(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return not isinstance(kind, str)


def nullable(kind: Type) -> bool:
    """Whether a resolved type allows null."""
    return kind.endswith("?") if isinstance(kind, str) else list(kind) == ["?"]


def contains_number(kind: Type) -> bool:
    """Whether a type is ``number``, or a shape with one in it."""
    if isinstance(kind, str):
        return kind.rstrip("?") == "number"
    return any(contains_number(each) for each in (kind.values() if isinstance(kind, dict) else kind))


def referenced_column(kind: str, schema: Schema) -> Column | None:
    """The column that a type such as ``members.name`` refers to; None for any other type."""
    table, dot, name = kind.removesuffix("?").partition(".")
    return schema.tables[table].columns[name] if dot else None


def resolve(kind: Type, schema: Schema) -> Type:
    """A type in which references to columns are replaced by those columns' types."""
    if isinstance(kind, list):
        return [resolve(each, schema) for each in kind]
    if isinstance(kind, dict):
        return {name: resolve(each, schema) for name, each in kind.items()}
    column = referenced_column(kind, schema)
    if column is None:
        return kind
    return column.data_type.json + ("?" if column.nullable or kind.endswith("?") else "")


def row_check(columns: Mapping[str, Type], allowed: Mapping[str, Sequence[str]]) -> str:
    """SQL that is 1 for a row of :data:`ROW` whose values fit their types, and never null.

    It is 0 for a row that needs a closer look: one that does not fit, or has integers over 2**53.
    """
    names = {name: f"{ROW}.{quote(name)}" for name in columns}
    integers = {name: names[name] for name, kind in columns.items() if kind == "integer"}
    integers |= {name: f"coalesce({names[name]}, 0)" for name, kind in columns.items() if kind == "integer?"}
    checks = [
        _check(names[name], kind, allowed.get(name, ())) for name, kind in columns.items() if name not in integers
    ]
    if integers:  # a sum is an integer if no term is real or null; texts and blobs are greater than any number
        checks += [f"typeof({' + '.join(integers.values())}) = 'integer'", *map(_is_exact, integers.values())]
    return " AND ".join(checks)


def _check(column: str, kind: Type, allowed: Sequence[str]) -> str:
    if nullable(kind):
        inner = kind["?"] if isinstance(kind, dict) else str(kind)[:-1]
        return f"({column} IS NULL OR {_check(column, inner, allowed)})"
    if isinstance(kind, (list, dict)):
        return _json_check(column, kind)
    listed = f" AND {column} IN ({', '.join(map(literal, allowed))})" if allowed else ""
    return {
        "number": f"CASE typeof({column}) WHEN 'real' THEN {_is_finite(column)}"
        f" WHEN 'integer' THEN {_is_exact(column)} ELSE 0 END",
        "boolean": f"(typeof({column}) = 'integer' AND {column} IN (0, 1))",
        "text": f"(typeof({column}) = 'text'{listed})",
    }[kind]


def _json_check(column: str, kind: list[Any] | dict[str, Any]) -> str:
    """SQL that is 1 for JSON text of a flat shape; of a nested one every text needs a closer look."""
    members = kind if isinstance(kind, list) else list(kind.values())
    if any(map(is_json, members)):
        return "0"
    if isinstance(kind, list) or "*" in kind:
        member, count = _member_check(members[0]), ""
    else:
        cases = (f"WHEN {literal(camel_case(key))} THEN {_member_check(each)}" for key, each in kind.items())
        member = f"CASE json_each.key {' '.join(cases)} ELSE 0 END"
        count = f"AND (SELECT count(DISTINCT key) FROM json_each({column})) = {len(kind)}"  # noqa: S608 -- quoted
    brackets = "[[]*]" if isinstance(kind, list) else "{*}"
    text = f"typeof({column}) = 'text' AND {column} GLOB '{brackets}' AND instr({column}, char(0)) = 0"
    others = f"EXISTS (SELECT 1 FROM json_each({column}) WHERE NOT {member})"  # noqa: S608 -- as above
    return f"CASE WHEN {text} AND json_valid({column}) THEN NOT {others} {count} ELSE 0 END"


def _member_check(kind: str) -> str:
    if nullable(kind):
        return f"(json_each.type = 'null' OR {_member_check(kind[:-1])})"
    integer = f"json_each.type = 'integer' AND {_is_exact('json_each.value')}"
    return {
        "integer": f"({integer})",
        "number": f"({integer} OR json_each.type = 'real' AND {_is_finite('json_each.value')})",
        "boolean": "(json_each.type IN ('true', 'false'))",
        "text": "(json_each.type = 'text')",
    }[kind]


def _is_exact(value: str) -> str:
    return f"+{value} BETWEEN {-MAX_EXACT_INTEGER} AND {MAX_EXACT_INTEGER}"  # + drops the affinity: '7' stays a text


def _is_finite(value: str) -> str:
    return f"({value} > -9e999 AND {value} < 9e999)"  # SQLite reads 9e999 as infinity


class Mismatch(NamedTuple):
    """A value that does not have the declared type."""

    path: str  # below the column, ``.key[0]``
    message: str


def column_mismatch(kind: Type, value: object, allowed: Sequence[str] = ()) -> Mismatch | None:
    """How a value from SQLite differs from its column's type; None if it fits."""
    if isinstance(kind, str):
        fits = value in {0, 1} if kind.startswith("boolean") and type(value) is int else _fits(kind, value)
        fits = fits and (not allowed or value is None or value in allowed)
        return None if fits else Mismatch("", _expected(kind, value, allowed))
    if not isinstance(value, str):
        return None if value is None and nullable(kind) else Mismatch("", _expected(kind, value))
    try:
        return json_mismatch(kind, json.loads(value, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        return Mismatch("", f"{_shown(value)} is not JSON: {error}")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number in JSON")


def json_mismatch(kind: Type, value: Any) -> Mismatch | None:  # noqa: ANN401 -- JSON
    """How a parsed JSON value differs from its type; None if it fits."""
    if isinstance(kind, str):
        return None if _fits(kind, value) else Mismatch("", _expected(kind, value))
    if isinstance(kind, dict) and nullable(kind):
        return None if value is None else json_mismatch(kind["?"], value)
    if not isinstance(value, type(kind)):
        return Mismatch("", _expected(kind, value))
    types: dict[Any, Any]
    if isinstance(kind, list):
        types = dict.fromkeys(range(len(value)), kind[0])
    elif "*" in kind:
        types = dict.fromkeys(value, kind["*"])
    else:
        types = {camel_case(key): each for key, each in kind.items()}
        for key in sorted({*types} ^ {*value}):
            return Mismatch(f".{key}", "is missing" if key in types else "is there, and is not declared")
    for step, inner in types.items():
        if found := json_mismatch(inner, value[step]):
            return Mismatch((f"[{step}]" if isinstance(kind, list) else f".{step}") + found.path, found.message)
    return None


def _fits(kind: str, value: object) -> bool:
    return type(value) in _PYTHON_TYPES[kind] and (type(value) is not float or math.isfinite(value))


def _expected(kind: Type, value: object, allowed: Sequence[str] = ()) -> str:
    name = kind.rstrip("?") if isinstance(kind, str) else "an array" if isinstance(kind, list) else "an object"
    hint = ""
    if value is None:
        hint = (
            f"; to allow null write {name}?" if isinstance(kind, str) else '; to allow null write {"?": ...} around it'
        )
    elif isinstance(value, float) and not math.isfinite(value):
        hint = "; JSON has no such number: divide by nullif(x, 0)"
    declared = f"one of {', '.join(allowed)}" if allowed and value is not None else name
    return f"{_shown(value)} where {declared} is declared{hint}"


def _shown(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."
