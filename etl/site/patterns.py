"""Regular expressions that match the JSON of a response in which every value has its declared type."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from etl.site.column_types import base, camel_case, members, nullable, object_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.site.column_types import Type


def pattern_of(columns: Mapping[str, Type]) -> re.Pattern[bytes]:
    """What the JSON text of rows with commas between them looks like if every value has its type.

    JSON columns may have spaces, escapes in keys, and keys in another order: text that does not match needs a closer
    look, and so do integers of more than 15 digits and numbers from 1e100 on.
    """
    row = _pattern(object_schema({camel_case(name): kind for name, kind in columns.items()}))
    return re.compile(rf"(?:{row}(?:,|\Z))++(?<!,)".encode())  # a row only once: compiling it takes milliseconds


def _pattern(kind: Type) -> str:
    """A type's JSON, without spaces. Quantifiers are possessive: a text is read once, whatever its length."""
    if texts := [each for each in kind.get("enum", ()) if each is not None]:
        found = _any(re.escape(json.dumps(each, ensure_ascii=False)) for each in texts)
    elif properties := kind.get("properties"):
        found = _object(",".join(f"{_key(key)}:{_pattern(each)}" for key, each in properties.items()))
    elif base(kind) in {"array", "object"}:
        (member,) = members(kind)
        each = _pattern(member) if base(kind) == "array" else f'"{_LETTERS}":{_pattern(member)}'
        several = f"(?:{each}(?:,{each})*+)?+"
        found = rf"\[{several}\]" if base(kind) == "array" else _object(several)
    elif "pattern" in kind:
        found = f'"{kind["pattern"][1:-1]}"'
    elif "maxLength" in kind:
        found = rf'"[^"\\\x00-\x1f]{{0,{kind["maxLength"]}}}+"'  # of bytes: a longer text needs a closer look
    else:
        found = _SCALARS[base(kind)]
    return _any([found, "null"]) if nullable(kind) else found


def _object(inside: str) -> str:
    return rf"\{{{inside}\}}"


def _key(key: str) -> str:
    return re.escape(json.dumps(key, ensure_ascii=False))


def _any(choices: Iterable[str]) -> str:
    return f"(?>{'|'.join(choices)})"


_LETTERS = r'[^"\\\x00-\x1f]*+'
_INTEGER = r"-?+(?!0[0-9])[0-9]{1,15}+"
_SCALARS = {
    "integer": _INTEGER,
    "number": _INTEGER + r"(?:\.[0-9]++)?+(?:e(?>-[0-9]{1,3}|\+?[0-9]{1,2}))?+",
    "boolean": "(?>true|false)",
    "string": rf'"{_LETTERS}(?:\\.{_LETTERS})*+"',
}
