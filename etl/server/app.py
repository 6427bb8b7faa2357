"""The server's application: the current build's API, pages and Datasette, and the switch to a new build."""

from __future__ import annotations

import gc
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from etl.build.store import check_world
from etl.config.source import shown_name
from etl.errors import EtlError, Where
from etl.server.http import HTML, SAFE, respond, respond_json
from etl.server.log import log_failure
from etl.server.loopback import asked_at_home
from etl.server.opened import Published
from etl.server.rendering import Busy, Rendering

if TYPE_CHECKING:
    from pathlib import Path

    from etl.server.http import Headers, Message, Receive, Scope, Send
    from etl.server.rendering import Application
    from etl.server.seed import Seed

LONGEST_PATH = 2000
LONGEST_QUERY = 4000

#: A build that cannot be opened is tried again after so long.
RETRY_SECONDS = 1

#: Seconds after which a page that could not be made may be asked for again.
RETRY_AFTER = b"2"

#: Datasette's pages have inline scripts and styles, so a policy by hash cannot fit them.
_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
BROWSER_HEADERS: Headers = [*SAFE, (b"x-frame-options", b"DENY"), (b"content-security-policy", _POLICY)]


class Server:
    """Serves what ``current`` points at. It looks at the link with every request, so no answer is stale."""

    def __init__(self, out: Path, *, world: str | None = None, explore: bool = False, seed: Seed | None = None) -> None:
        """Open the current build, of one world if that is named. Raises EtlError when there is none."""
        self._link = out / "current"
        self._world, self._explore, self._seed = world, explore, seed
        self._name, self._retry = self._read(), 0.0
        if not self._name or not self._link.is_dir():
            raise EtlError(
                "there is no build to serve; make one with: python -m etl run", Where(shown_name(out) + "/current")
            )
        self.published = self._open(self._name)
        self._rendering = Rendering()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._answer(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 -- whatever happens, the client gets an answer without our insides
            log_failure(error)
            if not started:
                await respond_json(scope, send, 500, {"error": "the server failed; its log says why"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = path.partition(b"?")[0]
        if len(path) > LONGEST_PATH or len(scope.get("query_string", b"")) > LONGEST_QUERY:
            await respond_json(scope, send, 414, {"error": "the address is too long"})
            return
        if path == b"/api/seed" and self._seed:
            await self._seed(scope, receive, send)
            return
        published = self._current()
        with published.used():
            if path == b"/api" or path.startswith(b"/api/"):
                await published.api(scope, receive, send)
            elif self._explore and not asked_at_home(scope["headers"]):
                message = "exploring is for this machine: ask for 127.0.0.1 or localhost, and from no other site"
                await respond_json(scope, send, 403, {"error": message})
            elif scope["method"] not in {"GET", "HEAD"} and not self._explore:
                extra = [(b"allow", b"GET, HEAD")]
                await respond_json(scope, send, 405, {"error": "this site is read-only"}, extra)
            elif (page := published.pages.get(path.decode("latin-1"))) is not None:
                await page.respond(scope, send)
            elif self._closed(path):
                await _missing(published, scope, send)
            else:
                await self._browse(published, scope, receive, send)

    def _closed(self, path: bytes) -> bool:
        """Paths that Datasette shall not see: its own pages, and what is no text."""
        if b"%00" in path or any(byte < 0x21 or byte > 0x7E for byte in path):  # noqa: PLR2004 -- printable ASCII
            return True
        return path.startswith(b"/-/") and not path.startswith(b"/-/static/") and not self._explore

    def _read(self) -> str:
        try:
            return str(self._link.readlink())
        except OSError:
            return ""

    def _open(self, name: str) -> Published:
        folder = self._link.parent / name
        if self._world is not None:
            check_world(folder, self._world)
        return Published(folder, explore=self._explore)

    def _current(self) -> Published:
        """The build that ``current`` points at now; the one before it, while that cannot be opened."""
        name = self._read()
        if name and name != self._name and time.monotonic() >= self._retry:
            try:
                replaced, self.published = self.published, self._open(name)
            except EtlError as error:
                self._retry = time.monotonic() + RETRY_SECONDS
                print(f"{error}; still serving {self.published.build}", file=sys.stderr)  # noqa: T201 -- the log
                return self.published
            self._name = name
            replaced.retire()
        return self.published

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.published.browser()  # the first visitor need not wait for Datasette
        gc.freeze()  # what is there now stays: no search for garbage need look at it
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._seed:
            await self._seed.stop()
        self._rendering.stop()
        self.published.retire()
        await send({"type": "lifespan.shutdown.complete"})

    async def _browse(self, published: Published, scope: Scope, receive: Receive, send: Send) -> None:
        browser = partial(_browse, published, await published.browser())
        try:
            await self._rendering.answer(browser, scope, receive, send)
        except Busy:
            extra = [(b"retry-after", RETRY_AFTER), (b"x-build", published.build.encode())]
            await respond_json(scope, send, 503, {"error": "too many pages are asked for at once; try again"}, extra)


async def _browse(published: Published, browser: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Let Datasette answer, under our headers; with a length, where it sends its answer in one piece."""
    ours: Headers = [*BROWSER_HEADERS, (b"x-build", published.build.encode())]
    if not scope["path"].startswith("/-/static/"):
        ours.append((b"cache-control", b"no-cache"))  # the next build may say something else
    replaced = {name for name, _ in ours}
    start: Message | None = None
    missing = False

    async def safer(message: Message) -> None:
        nonlocal start, missing
        if message["type"] == "http.response.start":
            start = message
            json = any(value.startswith(b"application/json") for _, value in message.get("headers", []))
            missing = message["status"] == 404 and not json  # noqa: PLR2004 -- HTTP's
            return
        if missing:
            return
        if start is not None:
            headers = [_sound(*header) for header in start.get("headers", []) if header[0].lower() not in replaced]
            headers += ours
            if not message.get("more_body") and all(name != b"content-length" for name, _ in headers):
                headers.append((b"content-length", b"%d" % len(message.get("body", b""))))
            await send({**start, "headers": headers})
            start = None
        await send({**message, "body": b""} if scope["method"] == "HEAD" else message)

    as_get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope  # to HEAD it would say a length of 0
    await browser(as_get, receive, safer)
    if missing:
        await _missing(published, scope, send)


def _sound(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header of Datasette's as the standard has it: a link's target is in angle brackets (RFC 8288, section 3)."""
    if name.lower() == b"link" and not value.startswith(b"<"):
        target, _, parameters = value.partition(b";")
        value = b"<%s>;%s" % (target, parameters)
    return name, value


async def _missing(published: Published, scope: Scope, send: Send) -> None:
    """Say that there is nothing at an address: to programs in JSON, to people with a way home."""
    if scope["path"].endswith(".json"):
        extra = [(b"x-build", published.build.encode())]
        await respond_json(scope, send, 404, {"error": "there is nothing here"}, extra)
        return
    content = published.missing
    kind = [(b"content-type", HTML), (b"content-length", b"%d" % len(content)), (b"cache-control", b"no-cache")]
    headers = [*kind, *SAFE, *published.framing(content)]
    await respond(send, 404, headers, b"" if scope["method"] == "HEAD" else content)
