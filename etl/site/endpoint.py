"""An endpoint: one SQL file below ``sql/api``, one URL, and the types of what it answers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.errors import Where
from etl.pipeline.sql import literal, quote
from etl.site.exact import NUMBER, watched
from etl.site.kinds import camel, has_number, is_json, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from etl.site.kinds import Type

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
    columns: Mapping[str, Type]  # resolved: no type names a column of the schema
    declared: Mapping[str, Type] = field(default_factory=dict)  # the same as the file has them
    allowed: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the only texts that may stand in a column
    places: Mapping[str, Where] = field(default_factory=dict)  # where the type of each column stands

    @property
    def template(self) -> str:
        """Its URL as OpenAPI writes it, ``/api/members/{id}/loans``."""
        return "/api/" + "/".join(PARAMETER.sub(r"{\1}", segment) for segment in self.segments)

    @property
    def name(self) -> str:
        """A name for programs: ``members-loans``; ``members-by-id`` where a parameter ends the path."""
        parts = [segment for segment in self.segments if not PARAMETER.match(segment)]
        last = PARAMETER.match(self.segments[-1])
        return "-".join([*parts, "by", last[1].replace("_", "-")] if last else parts)

    @cached_property
    def query(self) -> str:
        """Its answer as one row: JSON text of all rows, commas between them, and whether each is sound, null for none.

        The rows come in the order of the query: SQLite keeps the order of a subquery for ``group_concat``.
        """
        return f"SELECT CAST(group_concat({self._row}) AS BLOB), min({self.sound}) FROM (\n{self.sql}\n)"  # noqa: S608

    @cached_property
    def watched(self) -> str | None:
        """Its query as :func:`etl.site.exact.watch` wants it, where there are numbers inside of its JSON."""
        shapes = [kind for kind in self.columns.values() if is_json(kind) and has_number(kind)]
        return f"SELECT * FROM (\n{watched(self.sql)}\n)" if shapes else None  # noqa: S608 -- a file of ours

    @cached_property
    def sound(self) -> str:
        """SQL that is 1 for a row that is what the file declares."""
        return " AND ".join(sound(name, kind, self.allowed.get(name, ())) for name, kind in self.columns.items())

    @cached_property
    def _row(self) -> str:
        """SQL that makes JSON text of a row of its query."""
        parts: list[str] = []
        for name, kind in self.columns.items():
            key = ("," if parts else "{") + json.dumps(camel(name), ensure_ascii=False) + ":"
            parts.append(f"{literal(key)} || {_value(name, kind)}")
        return " || ".join([*parts, "'}'"])

    def where(self, column: str | None) -> Where:
        """Where the type of a column stands, as far as that is known."""
        return self.places.get(column or "", Where(self.shown or self.template))

    def path(self, values: Mapping[str, object]) -> str:
        """Its file for some values of its parameters, in the folder of a build."""
        return f"{self.template.format(**values).removeprefix('/')}.json"

    def url(self, values: Mapping[str, object]) -> str:
        """The address of an answer, in messages."""
        return f"/{self.path(values)}"

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
    return [
        {key: value for key, value in asdict(endpoint).items() if key not in {"shown", "places"}}
        for endpoint in endpoints
    ]


def restore(described: Iterable[dict[str, Any]]) -> list[Endpoint]:
    """Endpoints as :func:`describe` left them. Raises TypeError or KeyError for anything else."""
    return [Endpoint(shown="", **{**each, "segments": tuple(each["segments"])}) for each in described]


def _value(name: str, kind: Type) -> str:
    column = quote(name)
    if is_json(kind):
        return f"coalesce({column}, 'null')"
    if kind in {"boolean", "boolean?"}:
        return f"CASE WHEN {column} THEN 'true' WHEN {column} IS NULL THEN 'null' ELSE 'false' END"
    return f"{NUMBER}({column})" if has_number(kind) else f"json_quote({column})"
