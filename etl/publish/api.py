"""The read-only API over one build, as an ASGI application. It knows endpoints, SQLite and bytes, and no Datasette."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from etl.publish.answers import answer, known_value, open_database
from etl.publish.http import JSON, Body, respond, respond_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.publish.answers import Value
    from etl.publish.endpoints import Endpoint
    from etl.publish.http import Headers, Receive, Scope, Send

#: Bytes of answers that are kept, the ones not asked for longest go first.
CACHE_BYTES = 64_000_000

#: A longer path names nothing here.
LONGEST_PATH = 500

METHODS = b"GET, HEAD, OPTIONS"


class Api:
    """The endpoints of one build. Answers are kept as bytes; SQL runs once for each."""

    def __init__(self, database: Path, endpoints: list[Endpoint], build: str, openapi: bytes) -> None:
        """Open the database of a build."""
        self._database = open_database(database)
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, tuple[Value, ...]], Body] = OrderedDict()
        self._extra: Headers = [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", b"ETag, X-Build"),
            (b"x-build", build.encode()),
        ]
        self._openapi = Body(openapi, JSON, self._extra)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's signature
        """Answer a request whose path is ``/api`` or below."""
        segments = _segments(scope)
        body: Body | None = None
        try:
            if segments == ("openapi.json",):
                body = self._openapi
            elif segments:
                body = await self._find(segments)
        except ValueError as error:
            await self._error(scope, send, 400, str(error))
            return
        if body is None:
            await self._error(scope, send, 404, "there is nothing here")
        elif scope["method"] == "OPTIONS":
            await respond(send, 204, [*self._extra, *_PREFLIGHT])
        elif scope["method"] not in {"GET", "HEAD"}:
            await self._error(scope, send, 405, "this API is read-only", [(b"allow", METHODS)])
        else:
            await body.respond(scope, send)

    async def _error(self, scope: Scope, send: Send, status: int, message: str, extra: Headers | None = None) -> None:
        await respond_json(scope, send, status, {"error": message}, [*self._extra, *(extra or [])])

    async def _find(self, segments: tuple[str, ...]) -> Body | None:
        """The body for a URL's segments. Raises ValueError for a parameter that can be no value."""
        bare = (*segments[:-1], segments[-1].removesuffix(".json"))
        for endpoint in self._endpoints:
            texts = endpoint.match(bare)
            if texts is not None:
                key = (endpoint.template, tuple(texts.values()))
                kept = self._kept.get(key)
                if kept is not None:
                    self._kept.move_to_end(key)
                    return kept
                return await asyncio.to_thread(self._make, endpoint, texts, key)
        return None

    def _make(self, endpoint: Endpoint, texts: Mapping[str, str], key: tuple[str, tuple[Value, ...]]) -> Body | None:
        with self._lock:
            if key in self._kept:  # another request was faster
                return self._kept[key]
            values: dict[str, Value] = {}
            for name, text in texts.items():
                value = known_value(self._database, endpoint.parameters[name], text)
                if value is None:
                    return None
                values[name] = value
            body = Body(answer(self._database, endpoint, values), JSON, self._extra)
            self._kept[key] = body
            while sum(kept.size for kept in self._kept.values()) > CACHE_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)
            return body


_PREFLIGHT: Headers = [
    (b"allow", METHODS),
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", b"If-None-Match"),
    (b"access-control-max-age", b"86400"),
]


def _segments(scope: Scope) -> tuple[str, ...]:
    """The segments of a path below /api, decoded one by one: an encoded slash separates nothing. () for no path."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    raw = raw.partition(b"?")[0]
    if len(raw) > LONGEST_PATH:
        return ()
    try:
        return tuple(unquote_to_bytes(part).decode() for part in raw.removeprefix(b"/api/").split(b"/"))
    except UnicodeDecodeError:
        return ()
