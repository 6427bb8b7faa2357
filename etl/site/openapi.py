"""The API as an OpenAPI 3.1 document, made from the endpoints' files, the schema, and answers of the build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from etl.site.answers import combinations, parameter_lists
from etl.site.column_types import SCALARS, camel_case, object_schema
from etl.site.filters import query_type, sort_type
from etl.site.openapi_parts import HEADERS, LIMIT, OFFSET, RESPONSES, SECURITY, SEED, SEED_URL, query_parameter
from etl.site.parameters import MAX_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from etl.pipeline.forms import Site
    from etl.site.answers import Listed
    from etl.site.column_types import Type
    from etl.site.endpoint import Endpoint, Route
    from etl.site.parameters import Parameter, Value

#: Rows of an example.
EXAMPLE_ROWS = 2

_JSON, _BETWEEN = json.JSONDecoder(), " \t\n\r,:"

_LIVE_PATH = "Only the live server has this address, a static host does not."
_ANY = "One of the values that exist."


def document(  # noqa: PLR0913 -- what a build knows
    endpoints: list[Endpoint],
    site: Site,
    build: str,
    listed: Listed,
    *,
    written: Collection[str],
    examples: Mapping[str, Any],
) -> dict[str, Any]:
    """The document. The same build gives the same one.

    ``listed`` lists the values of a parameter (:func:`etl.site.answers.lists_of`);
    ``written`` are the URLs that a static host has, too; ``examples``, by URL, are made by :func:`example`.
    """
    routes = [route for endpoint in endpoints for route in endpoint.routes]
    paths = {
        f"{route.template}.json": _path(
            route,
            listed,
            {"example": examples[route.template]} if route.template in examples else {},
            live=route.template not in written,
        )
        for route in routes
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": site.title,
            "summary": site.notice,
            "description": f"{site.description} {site.notice} The live server also answers without `.json`.",
            "version": build,
            "contact": {"name": site.title, **({"url": site.url} if site.url else {})},
            **_license(site),
        },
        "servers": [{"url": site.url.rstrip("/") if site.url else "/"}],
        "security": [],
        "tags": [
            {"name": tag, "description": f"Addresses below `/api/{tag}`."}
            for tag in dict.fromkeys([*(route.segments[0] for route in routes), "seed"])
        ],
        "paths": {**paths, SEED_URL: SEED},
        "components": {
            "schemas": {
                **{_schema_name(endpoint): _row(endpoint) for endpoint in endpoints},
                "Error": object_schema({"error": {"type": "string", "description": "What is wrong."}}),
            },
            "parameters": {"Limit": LIMIT, "Offset": OFFSET},
            "responses": RESPONSES,
            "headers": HEADERS,
            "securitySchemes": SECURITY,
        },
    }


def index(endpoints: list[Endpoint], site: Site, build: str, written: Collection[str]) -> dict[str, Any]:
    """The list of endpoints that ``/api`` answers. ``written`` are the URLs that a static host has, too."""
    return {
        "title": site.title,
        "description": f"{site.description} {site.notice}",
        "build": build,
        "openapi": "/api/openapi.json",
        "endpoints": [
            {
                "url": f"{route.template}.json",
                "title": endpoint.title,
                "description": endpoint.description,
                "answer": "object" if endpoint.is_object else "array",
                "parameters": [*(each.json_name for each in route.in_query), *endpoint.list_parameters],
                "liveOnly": route.template not in written,
            }
            for endpoint in endpoints
            for route in endpoint.routes
        ],
    }


def _license(site: Site) -> dict[str, Any]:
    if site.license is None:
        return {}
    return {"license": {"name": site.license, **({"url": site.license_url} if site.license_url else {})}}


def render(content: dict[str, Any]) -> bytes:
    """The document as bytes."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _path(route: Route, listed: Listed, example: dict[str, Any], *, live: bool) -> dict[str, Any]:
    """A path item."""
    endpoint = route.endpoint
    values = next(combinations(parameter_lists(endpoint, listed, [*endpoint.required, *route.in_path])), {})
    headers = [*HEADERS] if not endpoint.is_object else ["ETag", "X-Build"]
    row = {"$ref": f"#/components/schemas/{_schema_name(endpoint)}"}
    content = {"schema": row if endpoint.is_object else {"type": "array", "items": row}}
    responses: dict[str, Any] = {
        "200": {
            "description": endpoint.description,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
            "content": {"application/json": {**content, **example}},
        },
        "400": {"$ref": "#/components/responses/BadRequest"},
    }
    if route.in_path or endpoint.is_object:
        responses["404"] = {"$ref": "#/components/responses/NotFound"}
    parameters = [*_declared(route, listed, values), *_of_list(endpoint)]
    return {
        "get": {
            "operationId": route.name,
            "tags": [route.segments[0]],
            "summary": endpoint.title,
            "description": f"{endpoint.description} {_LIVE_PATH}" if live else endpoint.description,
            **({"x-live-only": True} if live else {}),
            **({"parameters": parameters} if parameters else {}),
            "responses": responses,
        }
    }


def example(answer: bytes) -> Any:  # noqa: ANN401 -- JSON
    """The first rows of an answer, with the first items of each array in them."""
    return _example(answer.decode(), 0)[0]


def _example(text: str, start: int) -> tuple[Any, int]:
    """The JSON value at a position with the first items of each array, and its end.

    Further items are parsed one by one and dropped: an answer can have 25 MB, and parsed ten times as much.
    """
    if text[start] not in "[{":
        return _JSON.raw_decode(text, start)
    is_array, parts, at = text[start] == "[", list[Any](), _after(text, start + 1)
    while text[at] not in "]}":
        if not is_array or len(parts) < EXAMPLE_ROWS:
            part, at = _example(text, at)
            parts.append(part)
        elif start == 0:  # nobody asks where the whole answer ends
            break
        else:
            _, at = _JSON.raw_decode(text, at)
        at = _after(text, at)
    return (parts if is_array else dict(zip(parts[::2], parts[1::2], strict=True))), at + 1


def _after(text: str, at: int) -> int:
    """The position after spaces, commas and colons."""
    while text[at] in _BETWEEN:
        at += 1
    return at


def _declared(route: Route, listed: Listed, values: Mapping[str, Value]) -> Iterator[dict[str, Any]]:
    """The parameters that the endpoint's file declares."""
    for each in route.in_path:
        yield {
            "name": each.json_name,
            "in": "path",
            "required": True,
            "description": each.description or _ANY,
            "schema": _id_or_text(values.get(each.name)),
            **({"example": values[each.name]} if values else {}),
        }
    for each in route.in_query:
        yield query_parameter(
            each.json_name,
            each.description or _ANY,
            {**_type_of(each, listed), **({} if each.default is None else {"default": each.default})},
            required=each.required,
            **({"example": values[each.name]} if each.required and values else {}),
        )


def _id_or_text(value: Value) -> Type:
    return {"type": "string"} if isinstance(value, str) else {"type": "integer", "minimum": 1, "maximum": MAX_ID}


def _type_of(parameter: Parameter, listed: Listed) -> Type:
    """The type of a parameter of a query string. Ids are numbers: a union of all ids would refuse a variable."""
    if not parameter.values:
        return query_type(SCALARS[parameter.type])
    values = listed(parameter)
    ids = [value for value in values if isinstance(value, int)]
    if ids:
        return {"type": "integer", "minimum": min(ids), "maximum": max(ids)}
    return {"type": "string", **({"enum": values} if values else {})}


def _of_list(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """The parameters that every list has: filters by column, sort, limit and offset."""
    if endpoint.is_object:
        return
    for name, column in endpoint.filters.items():
        yield query_parameter(name, f"Only rows with this `{name}`.", query_type(endpoint.columns[column]))
    if endpoint.sort_keys:
        what = "What to sort by, the greatest first after a `-`; also with commas."
        yield query_parameter("sort", what, sort_type(endpoint))
    yield from ({"$ref": f"#/components/parameters/{name}"} for name in ("Limit", "Offset"))


def _schema_name(endpoint: Endpoint) -> str:
    name = "".join(part.capitalize() for part in endpoint.name.split("-"))
    return f"{name}{'Object' if endpoint.is_object else 'Row'}"


def _row(endpoint: Endpoint) -> Type:
    return object_schema({camel_case(name): kind for name, kind in endpoint.columns.items()})
