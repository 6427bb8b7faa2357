"""Parts of the OpenAPI document that are the same in every build."""

from __future__ import annotations

from typing import Any

from etl.site.column_types import object_schema
from etl.site.filters import MAX_LIMIT, MAX_OFFSET


def _error(description: str) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Error"}}
    return {"description": description, "content": {"application/json": content}}


RESPONSES = {
    "BadRequest": _error("A parameter is unknown, missing, or has a value that is not allowed."),
    "NotFound": _error("There is no such thing."),
}

HEADERS = {
    "ETag": {"description": "A strong validator; another one for the gzip form.", "schema": {"type": "string"}},
    "X-Build": {"description": "The build that answered.", "schema": {"type": "string"}},
    "X-Total-Count": {
        "description": "Rows on all pages; only with parameters in the query string.",
        "schema": {"type": "integer"},
    },
    "Link": {
        "description": "The first, previous, next and last page (RFC 8288), relative to the address of this one.",
        "schema": {"type": "string"},
    },
}


def query_parameter(name: str, description: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    """A parameter of the query string, which a static host ignores; ``more`` is what else is said of it."""
    text = f"{description} Only the live server reads this."
    required = {"required": more.pop("required")} if "required" in more else {}
    return {"name": name, "in": "query", **required, "description": text, "x-live-only": True, "schema": schema, **more}


LIMIT = query_parameter(
    "limit",
    f"Rows on a page. Without any parameter the answer has all rows, with one it has at most {MAX_LIMIT:,}.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
)
OFFSET = query_parameter("offset", "Rows to skip.", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET})

SECURITY = {"seedToken": {"type": "http", "scheme": "bearer", "description": "The token that the server was given."}}

SEED_URL = "/api/seed"

_SEED_BODY = {
    **object_schema({"seed": {"type": "integer", "minimum": 0, "description": "The seed of the new world."}}),
    "required": [],
}
_SEED_DONE = object_schema(
    {
        "success": {"type": "boolean", "description": "Whether the world was rebuilt."},
        "elapsed": {"type": "string", "description": "How long it took, in milliseconds.", "examples": ["4200ms"]},
    }
)

#: The path item of ``POST /api/seed``.
SEED = {
    "post": {
        "operationId": "seed",
        "tags": ["seed"],
        "summary": "Rebuild the world",
        "description": "Rebuild the world, with another seed if one is given. Only a live server that has a token "
        "answers here.",
        "x-live-only": True,
        "security": [{"seedToken": []}],
        "requestBody": {"required": False, "content": {"application/json": {"schema": _SEED_BODY}}},
        "responses": {
            "200": {"description": "The world is rebuilt.", "content": {"application/json": {"schema": _SEED_DONE}}},
            "400": {"$ref": "#/components/responses/BadRequest"},
            "401": _error("The token is missing or wrong."),
            "404": {"$ref": "#/components/responses/NotFound"},
            "409": _error("A rebuild is already running."),
            "413": _error("The body is too long."),
        },
    }
}
