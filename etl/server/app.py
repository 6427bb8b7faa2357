"""The server's ASGI application: API, pages and Datasette of the current build, and the switch to a new one."""

from __future__ import annotations

import gc
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from etl.build.store import check_world
from etl.config.source import display_path
from etl.errors import EtlError, Where
from etl.server.address import Address
from etl.server.http import (
    CORS,
    HTML,
    RETRY_AFTER,
    SAFE,
    is_local_request,
    respond,
    respond_json,
    respond_preflight,
    with_cors,
)
from etl.server.log import log_failure
from etl.server.open_build import OpenBuild
from etl.server.rendering import Busy, Rendering
from etl.site.pages import BROWSE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.server.http import Headers, Message, Receive, Scope, Send
    from etl.server.rendering import Application
    from etl.server.seed import Seed

MAX_PATH_BYTES = 2000
MAX_QUERY_BYTES = 4000

_BROWSE = f"/{BROWSE}".encode()
_BROWSE_HOME = {_BROWSE, _BROWSE.removesuffix(b"/")}  # a build has one database, so its page is Datasette's home

#: A build that cannot be opened is retried after this time.
RETRY_SECONDS = 1

#: Datasette's pages have inline scripts and styles that vary, so hashes cannot allow them.
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
BROWSER_HEADERS: Headers = [*SAFE, (b"x-frame-options", b"DENY"), (b"content-security-policy", _POLICY)]


class Background(Protocol):
    """Work that starts and stops with the server."""

    async def start(self) -> None:
        """Start it; called once."""

    async def stop(self) -> None:
        """Stop it, and wait until it has stopped."""


class Server:
    """Serves the build that ``current`` points to. It reads the link with every request, so no answer is stale."""

    def __init__(  # noqa: PLR0913 -- the options of the command
        self,
        out: Path,
        *,
        world: str | None = None,
        address: Address | None = None,
        explore: bool = False,
        seed: Seed | None = None,
        background: Sequence[Background] = (),
    ) -> None:
        """Open the current build, which must be of the pipeline ``world`` if given. Raises EtlError.

        What runs in the ``background`` starts and stops with the server.
        """
        self._link = out / "current"
        self._world, self._explore, self._seed, self._background = world, explore, seed, background
        self._address = address or Address()
        self._name, self._retry_at = self._read_link(), 0.0
        if not self._name or not self._link.is_dir():
            raise EtlError(
                "there is no build to serve; make one with: python -m etl run", Where(display_path(out) + "/current")
            )
        self.build = self._open(self._name)
        self._rendering = Rendering()

    @property
    def current_id(self) -> str:
        """The id of the build that is served now."""
        return self._current().id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if not started and not self._explore:
                message = with_cors(message)
            started = True
            await send(message)

        try:
            await self._answer(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 -- the client always gets an answer, without details
            log_failure(error)
            if not started:
                await respond_json(scope, send, 500, {"error": "internal server error; see the server's log"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside = self._address.inside(scope)
        if inside is None:
            await _redirect(scope, send, self._address.prefix)
            return
        scope, path = inside, inside["raw_path"]
        if len(path) > MAX_PATH_BYTES or len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
            await respond_json(scope, send, 414, {"error": "the address is too long"})
            return
        if path == b"/api/seed" and self._seed:
            await self._seed(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and not self._explore:
            await respond_preflight(send, CORS)
            return
        build = self._current()
        with build:
            await self._answer_from(build, scope, receive, send)

    async def _answer_from(self, build: OpenBuild, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope["raw_path"]
        if path == b"/api" or path.startswith(b"/api/"):
            await build.api(scope, receive, send)
        elif self._explore and not is_local_request(scope["headers"]):
            message = "--explore serves only this machine: open 127.0.0.1 or localhost directly, not from another site"
            await respond_json(scope, send, 403, {"error": message})
        elif scope["method"] not in {"GET", "HEAD"} and not self._explore:
            extra = [(b"allow", b"GET, HEAD")]
            await respond_json(scope, send, 405, {"error": "this site is read-only"}, extra)
        elif path == b"/health":
            await respond_json(scope, send, 200, {"ok": True, "build": build.id})
        elif (page := build.pages.get(path.decode("latin-1"))) is not None:
            await page.respond(scope, send)
        elif path in _BROWSE_HOME:
            await _redirect(scope, send, build.home)
        elif path.startswith(_BROWSE) and not self._is_hidden(path.removeprefix(_BROWSE)):
            below = {"raw_path": path[len(_BROWSE) - 1 :], "path": scope["path"][len(_BROWSE) - 1 :]}
            await self._browse(build, self._address.public({**scope, **below}), receive, send)
        else:
            await _not_found(build, scope, send)

    def _is_hidden(self, path: bytes) -> bool:
        """Whether Datasette must not see a path below its own: its internal pages, and bytes not printable ASCII."""
        if b"%00" in path or any(byte < 0x21 or byte > 0x7E for byte in path):  # noqa: PLR2004 -- printable ASCII
            return True
        return path.startswith(b"-/") and not path.startswith(b"-/static/") and not self._explore

    def _read_link(self) -> str:
        try:
            return os.readlink(self._link)  # noqa: PTH115 -- Path.readlink takes three times as long, for each request
        except OSError:
            return ""

    def _open(self, name: str) -> OpenBuild:
        folder = self._link.parent / name
        if self._world is not None:
            check_world(folder, self._world)
        return OpenBuild(folder, address=self._address, explore=self._explore)

    def _current(self) -> OpenBuild:
        """The build that ``current`` points to now, or the previous one while that cannot be opened."""
        name = self._read_link()
        if name and name != self._name and time.monotonic() >= self._retry_at:
            try:
                replaced, self.build = self.build, self._open(name)
            except EtlError as error:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                print(f"{error}; still serving {self.build.id}", file=sys.stderr)  # noqa: T201 -- the log
                return self.build
            self._name = name
            replaced.retire()
        return self.build

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.build.browser()  # before the first visitor
        gc.freeze()  # long-lived objects: garbage collection can skip them
        await send({"type": "lifespan.startup.complete"})
        for work in self._background:
            await work.start()
        await receive()
        for work in reversed(self._background):
            await work.stop()
        self._rendering.stop()
        self.build.retire()
        await send({"type": "lifespan.shutdown.complete"})

    async def _browse(self, build: OpenBuild, scope: Scope, receive: Receive, send: Send) -> None:
        browser = partial(_browse, build, await build.browser())
        try:
            await self._rendering.answer(browser, scope, receive, send)
        except Busy:
            extra = [(b"retry-after", RETRY_AFTER), *build.headers]
            await respond_json(scope, send, 503, {"error": "too many pages requested at once; try again"}, extra)


async def _browse(build: OpenBuild, browser: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Let Datasette answer with the headers of this server, and a length if its response is in one part."""
    added: Headers = [*BROWSER_HEADERS, *build.headers]
    if not scope["path"].startswith("/-/static/"):
        added.append((b"cache-control", b"no-cache"))  # the next build may differ
    replaced = {name for name, _ in added}
    start: Message | None = None
    missing = False

    async def send_safely(message: Message) -> None:
        nonlocal start, missing
        if message["type"] == "http.response.start":
            start = message
            json = any(value.startswith(b"application/json") for _, value in message.get("headers", []))
            missing = message["status"] == 404 and not json  # noqa: PLR2004 -- HTTP's
            return
        if missing:
            return
        if start is not None:
            headers = [_fix_link(*header) for header in start.get("headers", []) if header[0].lower() not in replaced]
            headers += added
            if start["status"] == 503:  # noqa: PLR2004 -- HTTP's
                headers.append((b"retry-after", RETRY_AFTER))
            if not message.get("more_body") and all(name != b"content-length" for name, _ in headers):
                headers.append((b"content-length", b"%d" % len(message.get("body", b""))))
            await send({**start, "headers": headers})
            start = None
        await send({**message, "body": b""} if scope["method"] == "HEAD" else message)

    as_get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # Datasette answers HEAD with length 0
    await browser(as_get, receive, send_safely)
    if missing:
        await _not_found(build, scope, send)


def _fix_link(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Put the target of a Link header in angle brackets (RFC 8288, section 3), which Datasette does not."""
    if name.lower() == b"link" and not value.startswith(b"<"):
        target, _, parameters = value.partition(b";")
        value = b"<%s>;%s" % (target, parameters)
    return name, value


async def _redirect(scope: Scope, send: Send, path: str) -> None:
    """Send clients to another path; the query string stays."""
    query = scope.get("query_string", b"")
    location = path.encode() + (b"?" + query if query else b"")
    await respond(
        send, 302, [(b"location", location), (b"content-length", b"0"), (b"cache-control", b"no-cache"), *SAFE]
    )


async def _not_found(build: OpenBuild, scope: Scope, send: Send) -> None:
    """Send a 404: JSON for addresses that end in .json, else a page with a link home."""
    if scope["path"].endswith(".json"):
        await respond_json(scope, send, 404, {"error": "not found"}, build.headers)
        return
    content = build.not_found
    kind = [(b"content-type", HTML), (b"content-length", b"%d" % len(content)), (b"cache-control", b"no-cache")]
    headers = [*kind, *SAFE, *build.page_headers(content)]
    await respond(send, 404, headers, b"" if scope["method"] == "HEAD" else content)
