"""The read-only API of one build, as an ASGI application. It does not import Datasette."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from etl.server.http import JSON, Body, respond, respond_json
from etl.site.answers import answer, find_value, register_functions
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.server.http import Headers, Receive, Scope, Send
    from etl.site.endpoint import Endpoint, Value

#: Size of the cache of answers; the least recently used ones are dropped.
CACHE_BYTES = 64_000_000

#: No endpoint's path is longer.
MAX_PATH_BYTES = 1000

METHODS = b"GET, HEAD, OPTIONS"

_PREFLIGHT: Headers = [
    (b"allow", METHODS),
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", b"If-None-Match"),
    (b"access-control-max-age", b"86400"),
]


class Api:
    """The endpoints of one build. Answers are cached as bytes; their SQL runs in a separate thread."""

    def __init__(self, database: Path, endpoints: list[Endpoint], build: str, openapi: bytes) -> None:
        """Open the database of a build."""
        self._database = register_functions(open_database(database))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="api")
        self._endpoints = endpoints
        self._cache: OrderedDict[tuple[str, ...], Body] = OrderedDict()
        self._size = 0
        self._pending: dict[tuple[str, ...], asyncio.Future[Body | None]] = {}
        self._extra: Headers = [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", b"ETag, X-Build"),
            (b"x-build", build.encode()),
        ]
        self._openapi = Body(openapi, JSON, self._extra)

    def close(self) -> None:
        """Clear the cache, and close the database after the last query."""
        self._cache.clear()
        self._thread.submit(self._database.close)
        self._thread.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's signature
        """Answer a request whose path is ``/api`` or below."""
        try:
            body = await self._find(_segments(scope))
        except ValueError as error:
            await self._error(scope, send, 400, str(error))
            return
        if body is None:
            await self._error(scope, send, 404, "not found")
        elif scope["method"] in {"GET", "HEAD"}:
            await body.respond(scope, send)
        elif scope["method"] == "OPTIONS":
            await respond(send, 204, [*self._extra, *_PREFLIGHT])
        else:
            await self._error(scope, send, 405, "this API is read-only", [(b"allow", METHODS)])

    async def _error(self, scope: Scope, send: Send, status: int, message: str, extra: Headers | None = None) -> None:
        await respond_json(scope, send, status, {"error": message}, [*self._extra, *(extra or [])])

    async def _find(self, segments: tuple[str, ...]) -> Body | None:
        """The body for a URL's segments, None if there is none. Raises ValueError for an invalid id."""
        if segments == ("openapi.json",):
            return self._openapi
        key = (*segments[:-1], segments[-1].removesuffix(".json"))
        cached = self._cache.get(key)
        if cached is not None:
            self._cache.move_to_end(key)
            return cached
        for endpoint in self._endpoints:
            texts = endpoint.match(key)
            if texts is not None:
                return await self._query(key, endpoint, texts)
        return None

    async def _query(self, key: tuple[str, ...], endpoint: Endpoint, texts: Mapping[str, str]) -> Body | None:
        """The body from the database; concurrent requests for it share one query."""
        pending = self._pending.get(key)
        if pending is None:
            pending = asyncio.get_running_loop().run_in_executor(self._thread, self._make, endpoint, texts)
            self._pending[key] = pending
            pending.add_done_callback(lambda done: self._store(key, done))
        return await asyncio.shield(pending)

    def _make(self, endpoint: Endpoint, texts: Mapping[str, str]) -> Body | None:
        values: dict[str, Value] = {}
        for name, text in texts.items():
            value = find_value(self._database, endpoint.parameters[name], text)
            if value is None:
                return None
            values[name] = value
        return Body(answer(self._database, endpoint, values), JSON, self._extra)

    def _store(self, key: tuple[str, ...], done: asyncio.Future[Body | None]) -> None:
        del self._pending[key]
        body = None if done.cancelled() or done.exception() else done.result()
        if body is None:
            return
        self._cache[key] = body
        self._size += body.size
        while self._size > CACHE_BYTES and len(self._cache) > 1:
            self._size -= self._cache.popitem(last=False)[1].size


def _segments(scope: Scope) -> tuple[str, ...]:
    """The decoded segments of a path below /api; an encoded slash is not a separator. ("",) for an invalid path.

    Raises ValueError for a query string: endpoints have none, and ignoring one would look like an answer to it.
    """
    if scope.get("query_string"):
        name = unquote_to_bytes(re.split(rb"[=&]", scope["query_string"].lstrip(b"&"), maxsplit=1)[0])
        text = name.decode(errors="replace")[:40]
        raise ValueError(f"unknown query parameter {text!r}; there are none, remove everything from the '?'")
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    raw = raw.partition(b"?")[0]
    if len(raw) > MAX_PATH_BYTES or not raw.startswith(b"/api/"):
        return ("",)
    try:
        return tuple(unquote_to_bytes(part).decode() for part in raw.removeprefix(b"/api/").split(b"/"))
    except UnicodeDecodeError:
        return ("",)
