"""The API as an OpenAPI 3.1 document, made from the endpoints' files, the schema, and examples from the build."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.site.answers import answer, combinations, parameter_lists
from etl.site.column_types import camel_case, object_schema
from etl.site.parameters import MAX_ID

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from etl.pipeline.forms import Site
    from etl.site.endpoint import Endpoint, Route
    from etl.site.parameters import Value

#: Rows of an example.
EXAMPLE_ROWS = 2


def document(endpoints: list[Endpoint], site: Site, build: str, database: sqlite3.Connection) -> dict[str, Any]:
    """The document. The same build gives the same one."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": site.title,
            "summary": site.notice,
            "description": f"{site.description} {site.notice} Every path also answers with `.json` behind it.",
            "version": build,
            **_license(site),
        },
        "servers": [{"url": ".."}],
        "paths": {route.template: _path(route, database) for endpoint in endpoints for route in endpoint.routes},
        "components": {
            "schemas": {
                **{_row_name(endpoint): _row(endpoint) for endpoint in endpoints},
                "Error": object_schema({"error": {"type": "string", "description": "What is wrong."}}),
            },
            "responses": {
                name: {
                    "description": text,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for name, text in _ERRORS.items()
            },
            "headers": _HEADERS,
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


_ERRORS = {
    "BadRequest": "A parameter is not an id, or there is a query parameter: no endpoint has one.",
    "NotFound": "There is no such thing.",
}

_HEADERS = {
    "ETag": {"description": "A strong validator; another one for the gzip form.", "schema": {"type": "string"}},
    "X-Build": {"description": "The build that answered.", "schema": {"type": "string"}},
}


def _path(route: Route, database: sqlite3.Connection) -> dict[str, Any]:
    endpoint = route.endpoint
    lists = parameter_lists(database, endpoint, [*endpoint.required, *route.in_path])
    values = next(combinations(lists), None)
    first_rows = f"SELECT * FROM (\n{endpoint.sql}\n) LIMIT {EXAMPLE_ROWS}"  # noqa: S608 -- the pipeline's own file
    text = b"" if values is None else answer(database, replace(endpoint, sql=first_rows), values)
    parameters = [
        {
            "name": each.json_name,
            "in": place,
            "required": place == "path" or each.required,
            "description": each.description or "One of the values that exist.",
            "schema": _parameter(None if values is None else values[each.name]),
            **({} if values is None or values[each.name] is None else {"example": values[each.name]}),
        }
        for place, group in (("path", route.in_path), ("query", route.in_query))
        for each in group
    ]
    row = {"$ref": f"#/components/schemas/{_row_name(endpoint)}"}
    content = {"schema": row if endpoint.is_object else {"type": "array", "items": row}}
    responses: dict[str, Any] = {
        "200": {
            "description": endpoint.description,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
            "content": {"application/json": {**content, **({"example": json.loads(text)} if text else {})}},
        },
        "304": {"description": "The client has it: If-None-Match names its ETag."},
        "400": {"$ref": "#/components/responses/BadRequest"},
    }
    if parameters:
        responses["404"] = {"$ref": "#/components/responses/NotFound"}
    operation = {
        "operationId": route.name,
        "summary": endpoint.title,
        "description": endpoint.description,
        "responses": responses,
    }
    return {"get": operation, **({"parameters": parameters} if parameters else {})}


def _parameter(value: Value) -> dict[str, Any]:
    return {"type": "string"} if isinstance(value, str) else {"type": "integer", "minimum": 1, "maximum": MAX_ID}


def _row_name(endpoint: Endpoint) -> str:
    return "".join(part.capitalize() for part in endpoint.name.split("-")) + "Row"


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return object_schema({camel_case(name): kind for name, kind in endpoint.columns.items()})
