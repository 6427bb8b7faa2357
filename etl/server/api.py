"""The read-only API of one build, as an ASGI application: its endpoints are the SQL files below ``sql/api``."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from etl.server.http import CORS, JSON, METHODS, RETRY_AFTER, Body, respond_json, respond_preflight
from etl.site.answers import answer, register_functions
from etl.site.filters import read_slice
from etl.site.parameters import read_query
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.server.http import Headers, Receive, Scope, Send
    from etl.site.endpoint import Endpoint, Route
    from etl.site.parameters import Value

#: Size of the cache of answers; the least recently used ones are dropped.
CACHE_BYTES = 64_000_000

#: No endpoint's path is longer.
MAX_PATH_BYTES = 1000

#: Of query strings that are read once: a long one takes a thousand times its size.
MAX_REMEMBERED_BYTES = 200


class Request(NamedTuple):
    """What a URL asks for."""

    segments: tuple[str, ...]  # without .json
    query: tuple[tuple[str, str], ...]


class Api:
    """The endpoints of one build. Answers are cached as bytes; their SQL runs in a separate thread."""

    def __init__(self, database: Path, endpoints: list[Endpoint], build: str, files: Mapping[str, bytes]) -> None:
        """Open the database of a build. ``files`` are further answers, by their names without ``.json``."""
        self._database = register_functions(open_database(database))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="api")
        routes = [route for endpoint in endpoints for route in endpoint.routes]
        self._routes = sorted(routes, key=lambda route: route.sort_key)
        self._cache: OrderedDict[Request, Body] = OrderedDict()
        self._size = 0
        self._pending: dict[Request, asyncio.Future[Body | None]] = {}
        self._extra: Headers = [*CORS, (b"x-build", build.encode())]
        self._files = {name: Body(content, JSON, self._extra) for name, content in files.items()}

    def close(self) -> None:
        """Clear the cache, and close the database after the last query."""
        self._cache.clear()
        self._thread.submit(self._database.close)
        self._thread.shutdown(wait=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI's signature
        """Answer a request whose path is ``/api`` or below."""
        if scope["method"] == "OPTIONS":
            await respond_preflight(send, self._extra)
            return
        try:
            body = await self._find(_request(scope))
        except ValueError as error:
            await self._error(scope, send, 400, str(error))
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            message = "the query of this answer takes too long; try again"
            await self._error(scope, send, 503, message, [(b"retry-after", RETRY_AFTER)])
            return
        if body is None:
            await self._error(scope, send, 404, "not found")
        elif scope["method"] in {"GET", "HEAD"}:
            await body.respond(scope, send)
        else:
            await self._error(scope, send, 405, "this API is read-only", [(b"allow", METHODS)])

    async def _error(self, scope: Scope, send: Send, status: int, message: str, extra: Headers | None = None) -> None:
        await respond_json(scope, send, status, {"error": message}, [*self._extra, *(extra or [])])

    async def _find(self, request: Request) -> Body | None:
        """The body for a request, None if there is none. Raises ValueError for a wrong parameter."""
        cached = self._cache.get(request)
        if cached is not None:
            self._cache.move_to_end(request)
            return cached
        if len(request.segments) == 1 and request.segments[0] in self._files:
            read_query(request.query, ())
            return self._files[request.segments[0]]
        for route in self._routes:
            texts = route.match(request.segments)
            if texts is not None:
                return await self._query(request, route, texts)
        return None

    async def _query(self, request: Request, route: Route, texts: Mapping[str, str]) -> Body | None:
        """The body from the database; concurrent requests for it share one query.

        Only answers whose parameters have a list of values are cached: there are unboundedly many others.
        """
        pending = self._pending.get(request)
        if pending is None:
            named = {parameter.json_name: parameter for parameter in route.in_query}
            given = read_query(request.query, [*named, *route.endpoint.list_parameters])
            is_listed = all(name in named and named[name].values for name in given)
            pending = asyncio.get_running_loop().run_in_executor(self._thread, self._make, route, texts, given)
            self._pending[request] = pending
            pending.add_done_callback(lambda done: self._store(request, done, keep=is_listed))
        return await asyncio.shield(pending)

    def _make(self, route: Route, texts: Mapping[str, str], given: Mapping[str, str]) -> Body | None:
        values: dict[str, Value] = {}
        for parameter in route.in_path:
            values[parameter.name] = parameter.find(self._database, texts[parameter.name])
            if values[parameter.name] is None:
                return None
        for parameter in route.in_query:
            values[parameter.name] = parameter.read(self._database, given.get(parameter.json_name))
        own = {parameter.json_name for parameter in route.in_query}
        part = read_slice(route.endpoint, {name: text for name, text in given.items() if name not in own})
        if part is None:
            content = answer(self._database, route.endpoint, values)
            return Body(content, JSON, self._extra) if content else None
        found = part.answer(self._database, route.endpoint, values)
        links = part.links(given, found.total).encode()
        return Body(found.content, JSON, [*self._extra, (b"x-total-count", b"%d" % found.total), (b"link", links)])

    def _store(self, request: Request, done: asyncio.Future[Body | None], *, keep: bool) -> None:
        del self._pending[request]
        body = None if done.cancelled() or done.exception() else done.result()
        if body is None or not keep:
            return
        self._cache[request] = body
        self._size += body.size
        while self._size > CACHE_BYTES and len(self._cache) > 1:
            self._size -= self._cache.popitem(last=False)[1].size


def _request(scope: Scope) -> Request:
    """What a URL asks for."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    read = _read if len(query) <= MAX_REMEMBERED_BYTES else _read.__wrapped__
    return read(path.partition(b"?")[0], query)


@lru_cache(1000)
def _read(path: bytes, query: bytes) -> Request:
    """What a path and a query string ask for; an encoded slash is not a separator."""
    nothing = Request(("",), ())
    if len(path) > MAX_PATH_BYTES or not (path == b"/api" or path.startswith(b"/api/")):
        return nothing
    try:
        parts = [unquote_to_bytes(part).decode() for part in path.split(b"/")[2:]]
    except UnicodeDecodeError:
        return nothing
    *before, last = ["index"] if parts in ([], [""]) else parts  # /api lists the endpoints
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return Request((*before, last.removesuffix(".json")), tuple(sorted(given, key=itemgetter(0))))
