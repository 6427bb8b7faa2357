"""Reads the parameters that an endpoint's header declares for its query string.

``test_id: SELECT id FROM tests`` is required and has the values of a query. A mapping has more keys: ``values`` (a
query, or a list), else ``type``; ``required: false``, ``default`` and ``description``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from etl.errors import EtlError, did_you_mean
from etl.pipeline.sql import literal
from etl.site.column_types import SCALARS
from etl.site.parameters import MAX_ID, Parameter

if TYPE_CHECKING:
    from etl.config.node import Node

_TYPES: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "boolean": (bool,)}
_KEYS = ("values", "type", "required", "default", "description")


def read_parameter(name: str, node: Node) -> tuple[Parameter, list[EtlError]]:
    """A parameter and its mistakes, apart from those in its query."""
    if node.entries is None:
        return Parameter(name, str(node.scalar)), []
    given = node.mapping()
    path = f"query.{name}"
    mistakes = [
        EtlError(f"{path}: unknown key '{key}'{did_you_mean(key, _KEYS)}", node.key(key))
        for key in given
        if key not in _KEYS
    ]
    plain = {key: each.plain() for key, each in given.items()}
    values, kind, default = plain.get("values"), plain.get("type"), plain.get("default")
    required = plain.get("required", default is None)
    faults = {
        "values": isinstance(values, list)
        and not (values and all(map(_is_value, values)))
        and "must be strings or integers",
        "type": kind is not None and kind not in SCALARS and f"must be one of {', '.join(SCALARS)}",
        "required": not isinstance(required, bool) and "must be true or false",
        "default": default is not None and not isinstance(default, _TYPES.get(str(kind), (int, str))) and _one(kind),
        "description": not isinstance(plain.get("description", ""), str) and "must be text",
    }
    mistakes += [EtlError(f"{path}.{key}: {fault}", given[key].where) for key, fault in faults.items() if fault]
    if (values is None) == (kind is None):
        mistakes.append(EtlError(f"{path}: give its values, or else its type", node.where))
    if required is True and default is not None:
        mistakes.append(EtlError(f"{path}: has a default, so it is not required", given["required"].where))
    parameter = Parameter(
        name,
        _query_of(values) if isinstance(values, list) else str(values or ""),
        str(kind or "text"),
        required is True,
        default,
        str(plain.get("description", "")),
    )
    return parameter, mistakes


def _one(kind: object) -> str:
    return f"must be of type {kind}" if kind else "must be one of the values"


def _is_value(value: object) -> bool:
    return isinstance(value, str) or (type(value) is int and 1 <= value <= MAX_ID)


def _query_of(values: list[object]) -> str:
    """A query that lists the values."""
    return f"SELECT value FROM json_each({literal(json.dumps(values, ensure_ascii=False))})"  # noqa: S608 -- quoted
