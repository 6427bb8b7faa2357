"""Types of an endpoint's columns as JSON Schema: what the OpenAPI document says, and SQL and Python check.

A file writes ``integer``, ``number``, ``text``, ``boolean`` or a column of the schema (``members.name``), followed by
``?`` if null is allowed; or, for a column of JSON text, a shape: ``[type]``, ``{key: type}``, ``{"*": type}`` for any
key, ``{"?": shape}`` for a shape or null.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.pipeline.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.pipeline.schema import Table

#: A type as a file writes it: a scalar's name, or the shape of JSON text.
Written = str | list[Any] | dict[str, Any]

#: The same as JSON Schema.
Type = dict[str, Any]

#: Scalars and their names in JSON Schema.
SCALARS = {"integer": "integer", "number": "number", "text": "string", "boolean": "boolean"}

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


def camel_case(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def json_schema(written: Written, tables: Mapping[str, Table]) -> Type:
    """A type as JSON Schema. What refers to a column has its type, its description and the values that it allows."""
    if isinstance(written, list):
        return {"type": "array", "items": json_schema(written[0], tables)}
    if isinstance(written, dict):
        types = {camel_case(key): json_schema(each, tables) for key, each in written.items()}
        if "?" in types:
            return {**types["?"], "type": [base(types["?"]), "null"]}
        return {"type": "object", "additionalProperties": types["*"]} if "*" in types else object_schema(types)
    kind, null = written.removesuffix("?"), written.endswith("?")
    if "." not in kind:
        return {"type": [SCALARS[kind], "null"] if null else SCALARS[kind]}
    table, _, name = kind.partition(".")
    column = tables[table].columns[name]
    null = null or column.nullable
    scalar = SCALARS[column.data_type.json]
    return {
        "type": [scalar, "null"] if null else scalar,
        **({"enum": [*column.values, *([None] if null else [])]} if column.values else {}),
        **({"description": column.description} if column.description else {}),
    }


def object_schema(properties: Mapping[str, Type]) -> Type:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def base(kind: Type) -> str:
    """The name of a type apart from null."""
    return str(kind["type"][0] if nullable(kind) else kind["type"])


def nullable(kind: Type) -> bool:
    """Whether a type allows null."""
    return isinstance(kind["type"], list)


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return base(kind) in {"array", "object"}


def contains_number(kind: Type) -> bool:
    """Whether a type is ``number``, or a shape with one in it."""
    return base(kind) == "number" or any(map(contains_number, _members(kind)))


def _members(kind: Type) -> list[Type]:
    """The types of the members of an array or object."""
    members = [kind.get("items"), kind.get("additionalProperties"), *kind.get("properties", {}).values()]
    return [each for each in members if each]


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
    if any(map(is_json, _members(kind))):
        return "0"
    count = ""
    if properties := kind.get("properties"):
        cases = (f"WHEN {literal(key)} THEN {_member_check(each)}" for key, each in properties.items())
        member = f"CASE json_each.key {' '.join(cases)} ELSE 0 END"
        count = f"AND (SELECT count(DISTINCT key) FROM json_each({column})) = {len(properties)}"  # noqa: S608 -- quoted
    else:
        member = _member_check(*_members(kind))
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
    members: Iterable[tuple[str, Type, Any]] = ()
    if isinstance(value, list):
        members = ((f"[{index}]", kind["items"], each) for index, each in enumerate(value))
    elif isinstance(value, dict):
        types: dict[str, Type] = kind.get("properties", {})
        for key in sorted(types.keys() ^ value.keys()) if types else ():
            return Mismatch(f".{key}", "is missing" if key in types else "is there, and is not declared")
        members = ((f".{key}", types[key] if types else kind["additionalProperties"], value[key]) for key in value)
    for step, inner, each in members:
        if found := json_mismatch(inner, each):
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
