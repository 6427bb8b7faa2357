"""An endpoint: one SQL file below ``sql/api``, one URL, and the types of its columns."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from etl.errors import Where
from etl.pipeline.sql import literal, quote
from etl.site.check import pattern_of
from etl.site.column_types import base, camel_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

from etl.site.column_types import Type

#: The value of a parameter.
Value = int | str

#: A segment of a path that is a parameter.
PARAMETER = re.compile(r"\[([a-z][a-z0-9_]*)\]\Z")

#: SQL function that writes a number as the shortest JSON that parses to the same double; SQLite's own has 15 digits.
NUMBER = "etl_number"


@dataclass(frozen=True)
class Endpoint:
    """One file, one URL."""

    file: str  # as messages name it
    segments: tuple[str, ...]  # of its URL below /api, parameters as [name]
    title: str
    description: str
    sql: str
    parameters: Mapping[str, str]  # the query that lists the values of each
    columns: Mapping[str, Type]
    places: Mapping[str, Where] = field(default_factory=dict)  # of each column's type in the file

    @cached_property
    def template(self) -> str:
        """Its URL as OpenAPI writes it, ``/api/members/{id}/loans``."""
        return "/api/" + "/".join(PARAMETER.sub(r"{\1}", segment) for segment in self.segments)

    @property
    def name(self) -> str:
        """A name for programs: ``members-loans``; ``members-by-id`` if the path ends in a parameter."""
        parts = [segment for segment in self.segments if not PARAMETER.match(segment)]
        last = PARAMETER.match(self.segments[-1])
        return "-".join([*parts, "by", last[1].replace("_", "-")] if last else parts)

    @cached_property
    def query(self) -> str:
        """A query of one row: the JSON text of all rows with commas between them, null if there are none; their number.

        ``group_concat`` keeps the order of the subquery.
        """
        columns = f"CAST(group_concat({self._json_row}) AS BLOB), count(*)"
        return f"SELECT {columns} FROM (\n{self.sql}\n)"  # noqa: S608 -- the pipeline's own file

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """See :func:`etl.site.check.pattern_of`."""
        return pattern_of(self.columns)

    @property
    def _json_row(self) -> str:
        """SQL that makes the JSON text of a row."""
        parts: list[str] = []
        for name, kind in self.columns.items():
            key = ("," if parts else "{") + json.dumps(camel_case(name), ensure_ascii=False) + ":"
            parts.append(f"{literal(key)} || {_json_value(quote(name), kind)}")
        return " || ".join([*parts, "'}'"])

    def where(self, column: str | None) -> Where:
        """The place of a column's type, or the file, or the URL if the build does not record the file."""
        return self.places.get(column or "", Where(self.file or self.template))

    def path(self, values: Mapping[str, object]) -> str:
        """The file of an answer in a build's folder."""
        return f"{self.template.format(**values)[1:]}.json"

    def url(self, values: Mapping[str, object]) -> str:
        """The address of an answer, in messages."""
        return f"/{self.path(values)}"

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The texts of its parameters in a URL's segments, None if it is another endpoint's URL."""
        if len(segments) != len(self.segments):
            return None
        values = {}
        for pattern, segment in zip(self.segments, segments, strict=True):
            parameter = PARAMETER.match(pattern)
            if parameter:
                values[parameter[1]] = segment
            elif pattern != segment:
                return None
        return values


def describe(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """Endpoints as JSON, without the paths of their files: a build's bytes do not depend on where it was made."""
    return [
        {key: value for key, value in asdict(endpoint).items() if key not in {"file", "places"}}
        for endpoint in endpoints
    ]


def restore(described: Iterable[dict[str, Any]]) -> list[Endpoint]:
    """The inverse of :func:`describe`. Raises TypeError or KeyError for anything else."""
    return [Endpoint(file="", **{**each, "segments": tuple(each["segments"])}) for each in described]


def _json_value(column: str, kind: Type) -> str:
    return {
        "number": f"{NUMBER}({column})",
        "boolean": f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE json_quote({column}) END",
        "array": f"coalesce({column}, 'null')",
        "object": f"coalesce({column}, 'null')",
    }.get(base(kind), f"json_quote({column})")
