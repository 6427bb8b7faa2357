"""Types of an endpoint's columns as JSON Schema: what the OpenAPI document says, and SQL and Python check.

A file writes ``integer``, ``number``, ``text``, ``boolean``, ``date``, ``datetime`` or a column of the schema
(``members.name``; ``date members.joined`` if its texts are dates), followed by ``?`` if null is allowed; or, for a
column of JSON text, a shape: ``[type]``, ``{key: type}``, ``{"*": type}`` for any key, ``{"?": shape}`` for a shape or
null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, did_you_mean
from etl.pipeline.datatypes import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config.node import Node
    from etl.pipeline.schema import Table

#: A type as a file writes it: a scalar's name, or the shape of JSON text.
Written = str | list[Any] | dict[str, Any]

#: The same as JSON Schema.
Type = dict[str, Any]

_SNAKE_CASE = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")

#: Scalars, as a file writes them.
SCALARS: dict[str, Type] = {
    "integer": TYPES["INTEGER"].json,
    "number": TYPES["REAL"].json,
    "text": TYPES["TEXT"].json,
    "boolean": TYPES["BOOLEAN"].json,
    "date": TYPES["DATE"].json,
    "datetime": TYPES["DATETIME"].json,
}


def camel_case(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def mistakes(node: Node, tables: Mapping[str, Table], path: str) -> Iterator[EtlError]:
    """Yield what is wrong with a type as a file writes it."""
    if node.items is not None:
        if len(node.items) != 1:
            yield EtlError(f"{path}: an array has one type: [type]", node.where)
        for item in node.items:
            yield from mistakes(item, tables, path)
    elif node.entries is not None:
        entries = node.mapping()
        if not entries or ({"*", "?"} & set(entries) and len(entries) > 1):
            yield EtlError(f'{path}: an object has types by key, or one for all: {{"*": type}}', node.where)
        if "?" in entries and entries["?"].scalar is not None:
            yield EtlError(f"{path}: to allow null write the type with a '?' at its end", node.where)
        for name, each in entries.items():
            yield from mistakes(each, tables, f"{path}.{name}")
    elif not isinstance(node.scalar, str):
        yield EtlError(f"{path}: must be a type", node.where)
    elif fault := _scalar_fault(node.scalar, tables):
        yield EtlError(f"{path}: {fault}", node.where)


def _split(written: str) -> tuple[str, str]:
    """The scalar and the column of the schema that a type names; one of them may be empty."""
    kind, space, column = written.removesuffix("?").partition(" ")
    if space and kind in SCALARS:
        return kind, column
    return ("", written.removesuffix("?")) if "." in written else (written.removesuffix("?"), "")


def _scalar_fault(written: str, tables: Mapping[str, Table]) -> str:
    kind, of_schema = _split(written)
    if not of_schema:
        return "" if kind in SCALARS else f"unknown type '{written}'{did_you_mean(kind, SCALARS)}"
    table, _, column = of_schema.partition(".")
    if table not in tables:
        return f"the schema has no table '{table}'{did_you_mean(table, tables)}"
    columns = tables[table].columns
    return "" if column in columns else f"the table {table} has no column '{column}'{did_you_mean(column, columns)}"


def json_schema(written: Written, tables: Mapping[str, Table]) -> Type:
    """A type as JSON Schema. What refers to a column has its type, its description and the values that it allows."""
    if isinstance(written, list):
        return {"type": "array", "items": json_schema(written[0], tables)}
    if isinstance(written, dict):
        types = {camel_case(key): json_schema(each, tables) for key, each in written.items()}
        if "?" in types:
            return {**types["?"], "type": [base(types["?"]), "null"]}
        return {"type": "object", "additionalProperties": types["*"]} if "*" in types else object_schema(types)
    kind, of_schema = _split(written)
    null = written.endswith("?")
    if not of_schema:
        return _scalar(SCALARS[kind], null=null)
    table, _, name = of_schema.partition(".")
    column = tables[table].columns[name]
    null = null or column.nullable
    return {
        **_scalar(SCALARS[kind] if kind else column.data_type.json, null=null),
        **({"enum": [*column.values, *([None] if null else [])]} if column.values else {}),
        **({"description": _with_json_names(column.description, tables)} if column.description else {}),
    }


def _with_json_names(description: str, tables: Mapping[str, Table]) -> str:
    """A description in which the names of columns are those of the JSON."""
    names = {name for table in tables.values() for name in table.columns}
    return _SNAKE_CASE.sub(lambda word: camel_case(word[0]) if word[0] in names else word[0], description)


def _scalar(kind: Type, *, null: bool) -> Type:
    return {**kind, "type": [kind["type"], "null"]} if null else dict(kind)


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


def has_form(kind: Type, text: str) -> bool:
    """Whether a text has the form and the length of its type, if that has any."""
    pattern = kind.get("pattern", "(?s:.*)")
    return len(text) <= kind.get("maxLength", len(text)) and re.fullmatch(pattern, text) is not None


def form_of(kind: Type) -> str:
    """The form or the length of texts of a type in words; empty if it has none."""
    if "maxLength" in kind:
        return f"text of at most {kind['maxLength']} characters"
    if "pattern" in kind:
        return "a date as YYYY-MM-DD" if "format" in kind else "a time as YYYY-MM-DD HH:MM:SS"
    return ""


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return base(kind) in {"array", "object"}


def contains_number(kind: Type) -> bool:
    """Whether a type is ``number``, or a shape with one in it."""
    return base(kind) == "number" or any(map(contains_number, members(kind)))


def members(kind: Type) -> list[Type]:
    """The types of the members of an array or object."""
    members = [kind.get("items"), kind.get("additionalProperties"), *kind.get("properties", {}).values()]
    return [each for each in members if each]
