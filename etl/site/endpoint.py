"""An endpoint: one SQL file below ``sql/api``, its URLs, and the types of its columns."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from etl.errors import Where
from etl.pipeline.sql import filled, literal, quote
from etl.site.column_types import base, camel_case, contains_number, is_json
from etl.site.parameters import Parameter
from etl.site.patterns import pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.site.column_types import Type

#: A segment of a path that is a parameter.
PARAMETER = re.compile(r"\[([a-z][a-z0-9_]*)\]\Z")

#: What every list has besides its columns: names that no parameter of its own may have.
LIST_PARAMETERS = ("sort", "limit", "offset")

#: SQL function that writes a number as the shortest JSON that parses to the same double; SQLite's own has 15 digits.
NUMBER = "etl_number"


@dataclass(frozen=True)
class Route:
    """One URL of an endpoint. The parameters that are not in its path are in its query string."""

    endpoint: Endpoint
    segments: tuple[str, ...]  # below /api, parameters as [name]

    @property
    def in_path(self) -> list[Parameter]:
        """The parameters in its path."""
        return [each for each in self.endpoint.parameters.values() if f"[{each.name}]" in self.segments]

    @property
    def in_query(self) -> list[Parameter]:
        """The parameters in its query string."""
        return [each for each in self.endpoint.parameters.values() if f"[{each.name}]" not in self.segments]

    @property
    def is_static(self) -> bool:
        """Whether it can be a file: it needs no query string."""
        return not any(each in self.endpoint.required for each in self.in_query)

    @cached_property
    def template(self) -> str:
        """As OpenAPI writes it, ``/api/members/{id}/loans``."""
        return "/api/" + "/".join(
            PARAMETER.sub(lambda name: f"{{{camel_case(name[1])}}}", each) for each in self.segments
        )

    @property
    def name(self) -> str:
        """A name for programs: ``members-loans``; ``members-by-id`` if the path ends in a parameter."""
        parts = [segment for segment in self.segments if not PARAMETER.match(segment)]
        last = PARAMETER.match(self.segments[-1])
        return "-".join([*parts, "by", last[1].replace("_", "-")] if last else parts)

    @property
    def sort_key(self) -> list[str]:
        """Orders URLs so that the first one that matches a path is the right one: parameters come last."""
        return [segment.replace("[", "~") for segment in self.segments]

    def path(self, values: Mapping[str, object]) -> str:
        """The file of an answer in a build's folder."""
        return self.template.format(**{camel_case(name): value for name, value in values.items()})[1:] + ".json"

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The texts of the parameters in a URL's segments, None if it is another URL."""
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


@dataclass(frozen=True)
class Endpoint:
    """One file, one query."""

    file: str  # as messages name it
    segments: tuple[str, ...]  # of its own URL below /api, parameters as [name]
    title: str
    description: str
    sql: str
    parameters: Mapping[str, Parameter]
    columns: Mapping[str, Type]
    is_object: bool = False  # an answer is its only row, and not an array
    paths: tuple[tuple[str, ...], ...] = ()  # segments of its other URLs
    places: Mapping[str, Where] = field(default_factory=dict)  # of each column's type in the file

    @cached_property
    def routes(self) -> list[Route]:
        """Its URLs, its own first."""
        return [Route(self, segments) for segments in (self.segments, *self.paths)]

    @property
    def template(self) -> str:
        """Its own URL as OpenAPI writes it."""
        return self.routes[0].template

    @property
    def name(self) -> str:
        """A name for programs."""
        return self.routes[0].name

    @property
    def required(self) -> list[Parameter]:
        """The parameters that every request gives, in its path or its query string."""
        return [each for each in self.parameters.values() if each.required]

    @property
    def sql_of_required(self) -> str:
        """Its SQL with the defaults of the other parameters, for programs that do not know them."""
        optional = (each for each in self.parameters.values() if not each.required)
        return reduce(lambda sql, each: filled(sql, f":{each.name}", each.default), optional, self.sql)

    @property
    def sort_keys(self) -> dict[str, str]:
        """The columns that a list can be sorted by, by JSON name; none of an object."""
        return (
            {} if self.is_object else {camel_case(key): key for key, kind in self.columns.items() if not is_json(kind)}
        )

    @property
    def filters(self) -> dict[str, str]:
        """The columns that a list can be filtered by, by JSON name; none of an object.

        A parameter of the same name takes precedence, also one in the path: clients have one argument for a name.
        """
        taken = {*LIST_PARAMETERS, *(parameter.json_name for parameter in self.parameters.values())}
        return {key: name for key, name in self.sort_keys.items() if key not in taken}

    @property
    def list_parameters(self) -> list[str]:
        """The parameters that a list has in its query string without declaring them; none of an object."""
        return [] if self.is_object else [*self.filters, *LIST_PARAMETERS]

    @cached_property
    def query(self) -> str:
        """A query of one row: the JSON text of all rows with commas between them, in pieces, and the number of rows.

        The pieces are null if there are no rows. An object has one for each column: joining them in SQL would copy it
        several times, and one can have 10 MB. ``group_concat`` keeps the order of the subquery.
        """
        pieces = self._json_pieces if self.is_object else [" || ".join(self._json_pieces)]
        columns = ", ".join(f"CAST(group_concat({piece}) AS BLOB)" for piece in pieces)
        return f"SELECT {columns}, count(*) FROM (\n{self.sql}\n)"  # noqa: S608 -- the pipeline's own file

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """See :func:`etl.site.patterns.pattern_of`."""
        return pattern_of(self.columns)

    @cached_property
    def json_with_numbers(self) -> list[str]:
        """The columns of JSON text that contains a ``number``."""
        return [name for name, kind in self.columns.items() if is_json(kind) and contains_number(kind)]

    @property
    def _json_pieces(self) -> list[str]:
        """SQL that makes the JSON text of a row, in pieces."""
        pieces: list[str] = []
        for name, kind in self.columns.items():
            key = ("," if pieces else "{") + json.dumps(camel_case(name), ensure_ascii=False) + ":"
            pieces.append(f"{literal(key)} || {_json_value(quote(name), kind)}")
        return [*pieces, "'}'"]

    def where(self, column: str | None) -> Where:
        """The place of a column's type, or the file, or the URL if the build does not record the file."""
        return self.places.get(column or "", Where(self.file or self.template))

    def url(self, values: Mapping[str, object]) -> str:
        """The address of an answer, in messages."""
        given = {each.json_name: values.get(each.name) for each in self.routes[0].in_query}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"/{self.routes[0].path(values)}{'?' if query else ''}{query}"


def describe(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """Endpoints as JSON, without the paths of their files: a build's bytes do not depend on where it was made."""
    return [
        {key: value for key, value in asdict(endpoint).items() if key not in {"file", "places"}}
        for endpoint in endpoints
    ]


def restore(described: Iterable[dict[str, Any]]) -> list[Endpoint]:
    """The inverse of :func:`describe`. Raises TypeError or KeyError for anything else."""
    return [
        Endpoint(
            file="",
            **{
                **each,
                "segments": tuple(each["segments"]),
                "paths": tuple(map(tuple, each["paths"])),
                "parameters": {name: Parameter(**parameter) for name, parameter in each["parameters"].items()},
            },
        )
        for each in described
    ]


def _json_value(column: str, kind: Type) -> str:
    return {
        "number": f"{NUMBER}({column})",
        "boolean": f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE json_quote({column}) END",
        "array": f"coalesce({column}, 'null')",
        "object": f"coalesce({column}, 'null')",
    }.get(base(kind), f"json_quote({column})")
