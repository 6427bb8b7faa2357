"""The API as an OpenAPI 3.1 document, made from the endpoints' files, the schema, and examples from the build."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.site.answers import MAX_ID, answer, combinations, parameter_lists
from etl.site.column_types import camel_case, object_schema

if TYPE_CHECKING:
    import sqlite3

    from etl.pipeline.forms import Site
    from etl.site.endpoint import Endpoint

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
        "paths": {endpoint.template: _path(endpoint, database) for endpoint in endpoints},
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


def _path(endpoint: Endpoint, database: sqlite3.Connection) -> dict[str, Any]:
    values = next(combinations(parameter_lists(database, endpoint)), None)
    first_rows = f"SELECT * FROM (\n{endpoint.sql}\n) LIMIT {EXAMPLE_ROWS}"  # noqa: S608 -- the pipeline's own file
    example = [] if values is None else json.loads(answer(database, replace(endpoint, sql=first_rows), values))
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "One of the values that exist.",
            "schema": _parameter(None if values is None else values[name]),
            **({} if values is None else {"example": values[name]}),
        }
        for name in endpoint.parameters
    ]
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{_row_name(endpoint)}"}}
    responses: dict[str, Any] = {
        "200": {
            "description": endpoint.description,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS},
            "content": {"application/json": {"schema": rows, "example": example}},
        },
        "304": {"description": "The client has it: If-None-Match names its ETag."},
        "400": {"$ref": "#/components/responses/BadRequest"},
    }
    if parameters:
        responses["404"] = {"$ref": "#/components/responses/NotFound"}
    operation = {
        "operationId": endpoint.name,
        "summary": endpoint.title,
        "description": endpoint.description,
        "responses": responses,
    }
    return {"get": operation, **({"parameters": parameters} if parameters else {})}


def _parameter(value: int | str | None) -> dict[str, Any]:
    return {"type": "string"} if isinstance(value, str) else {"type": "integer", "minimum": 1, "maximum": MAX_ID}


def _row_name(endpoint: Endpoint) -> str:
    return "".join(part.capitalize() for part in endpoint.name.split("-")) + "Row"


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return object_schema({camel_case(name): kind for name, kind in endpoint.columns.items()})
