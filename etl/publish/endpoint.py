"""An endpoint: one SQL file below ``sql/api``, one URL, and the types of what it answers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: A scalar's name, or a shape of JSON.
Type = str | list[Any] | dict[str, Any]

SCALARS = {"integer": "integer", "number": "number", "text": "string", "boolean": "boolean"}

#: A segment of a path that is a parameter.
PARAMETER = re.compile(r"\[([a-z][a-z0-9_]*)\]\Z")


@dataclass(frozen=True)
class Endpoint:
    """One file, one URL."""

    shown: str  # the file in messages
    segments: tuple[str, ...]  # of its URL below /api, parameters as [name]
    title: str
    description: str
    sql: str
    parameters: Mapping[str, str]  # the query that lists the values of each
    columns: Mapping[str, Type]

    @property
    def template(self) -> str:
        """Its URL as OpenAPI writes it, ``/api/rosters/{id}/students``."""
        return "/api/" + "/".join(PARAMETER.sub(r"{\1}", segment) for segment in self.segments)

    @property
    def name(self) -> str:
        """A name for programs: ``rosters-students``; ``rosters-by-id`` where a parameter ends the path."""
        parts = [segment for segment in self.segments if not PARAMETER.match(segment)]
        last = PARAMETER.match(self.segments[-1])
        return "-".join([*parts, "by", last[1].replace("_", "-")] if last else parts)

    @cached_property
    def row(self) -> str:
        """SQL that makes JSON text of a row of its query."""
        parts: list[str] = []
        for name, kind in self.columns.items():
            key = ("," if parts else "{") + json.dumps(camel(name), ensure_ascii=False) + ":"
            parts.append(f"{literal(key)} || {_value(name, kind)}")
        return " || ".join([*parts, "'}'"])

    def path(self, values: Mapping[str, object]) -> str:
        """Its file for some values of its parameters, in the folder of a build."""
        return f"{self.template.format(**values).removeprefix('/')}.json"

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The texts of its parameters in a URL's segments, None when the URL is not its own."""
        if len(segments) != len(self.segments):
            return None
        values = {}
        for own, given in zip(self.segments, segments, strict=True):
            parameter = PARAMETER.match(own)
            if parameter:
                values[parameter[1]] = given
            elif own != given:
                return None
        return values


def describe(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """Endpoints as JSON can hold them, without the place of their files: a build's bytes do not depend on it."""
    return [{key: value for key, value in asdict(endpoint).items() if key != "shown"} for endpoint in endpoints]


def restore(described: Iterable[dict[str, Any]]) -> list[Endpoint]:
    """Endpoints as :func:`describe` left them. Raises TypeError or KeyError for anything else."""
    return [Endpoint(shown="", **{**each, "segments": tuple(each["segments"])}) for each in described]


def camel(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _value(name: str, kind: Type) -> str:
    column = quote(name)
    if is_json(kind):
        return f"coalesce({column}, 'null')"
    if kind in {"boolean", "boolean?"}:
        return f"CASE WHEN {column} THEN 'true' WHEN {column} IS NULL THEN 'null' ELSE 'false' END"
    return f"json_quote({column})"


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return not isinstance(kind, str)


def types(endpoint: Endpoint) -> Iterator[tuple[str, Type]]:
    """The columns of an endpoint under their names in JSON."""
    for name, kind in endpoint.columns.items():
        yield camel(name), kind
