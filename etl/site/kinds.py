"""The types of what an endpoint answers: resolved against the schema, held by SQL over rows, and over JSON in Python.

A type is ``integer``, ``number``, ``text`` or ``boolean``, with ``?`` behind it where null may stand; or, for JSON
text, a shape: ``[type]``, ``{key: type}``, ``{"*": type}`` for any key, ``{"?": shape}`` for a shape or null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.pipeline.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.pipeline.schema import Column, Schema

#: A scalar's name, or a shape of JSON.
Type = str | list[Any] | dict[str, Any]

SCALARS = {"integer": "integer", "number": "number", "text": "string", "boolean": "boolean"}

#: JavaScript, and so many a reader of JSON, rounds larger whole numbers.
LARGE = 2**53

_KINDS = {"INTEGER": "integer", "REAL": "number"}


def camel(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return not isinstance(kind, str)


def nullable(kind: Type) -> bool:
    """Whether null fits a type that is resolved."""
    return kind.endswith("?") if isinstance(kind, str) else list(kind) == ["?"]


def column_of(kind: str, schema: Schema) -> Column | None:
    """The column that a type names, ``members.name``; None for any other."""
    table, dot, name = kind.removesuffix("?").partition(".")
    return schema.tables[table].columns[name] if dot else None


def resolved(kind: Type, schema: Schema) -> Type:
    """A type without names of columns."""
    if isinstance(kind, list):
        return [resolved(each, schema) for each in kind]
    if isinstance(kind, dict):
        return {name: resolved(each, schema) for name, each in kind.items()}
    column = column_of(kind, schema)
    if column is None:
        return kind
    return _KINDS.get(column.type, "text") + ("?" if column.nullable or kind.endswith("?") else "")


def has_number(kind: Type) -> bool:
    """Whether there are numbers inside of a shape."""
    if isinstance(kind, str):
        return kind.rstrip("?") == "number"
    return any(has_number(each) for each in (kind.values() if isinstance(kind, dict) else kind))


def sound(name: str, kind: Type, allowed: Sequence[str] = ()) -> str:
    """SQL that is 1 where a value fits its type, as far as that costs next to nothing, and any reader keeps its digits.

    It is 0, and never null, where :mod:`etl.site.judge` must have a look.
    """
    column = quote(name)
    if nullable(kind):
        inner = kind["?"] if isinstance(kind, dict) else str(kind)[:-1]
        return f"({column} IS NULL OR {sound(name, inner, allowed)})"
    if is_json(kind):
        brackets = "[[]*]" if isinstance(kind, list) else "{*}"
        return f"coalesce({column} GLOB '{brackets}', 0)"
    known = f" AND {column} IN ({', '.join(map(literal, allowed))})" if allowed else ""
    small = f"{column} BETWEEN {-LARGE} AND {LARGE}"
    finite = f"({column} > -9e999 AND {column} < 9e999)"  # to SQLite that is infinity
    return {
        "integer": f"(typeof({column}) = 'integer' AND {small})",
        "number": f"CASE typeof({column}) WHEN 'real' THEN {finite} WHEN 'integer' THEN {small} ELSE 0 END",
        "boolean": f"(typeof({column}) = 'integer' AND {column} IN (0, 1))",
        "text": f"(typeof({column}) = 'text'{known})",
    }[str(kind)]
