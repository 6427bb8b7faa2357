"""The server's application: the current build's API, pages and Datasette, and the switch to a new build."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where
from etl.publish.http import SAFE, respond_json
from etl.publish.published import Published

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path
    from typing import Any

    from etl.publish.http import Headers, Receive, Scope, Send
    from etl.publish.seed import Seed

LONGEST_PATH = 2000
LONGEST_QUERY = 4000

#: Longer than any answer takes; a client that does not read its answer is cut off then.
REQUEST_SECONDS = 60

#: Datasette's pages have inline scripts and styles, so a policy by hash cannot fit them.
BROWSER_HEADERS: Headers = [
    *SAFE,
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    ),
]


class Server:
    """Serves what ``current`` points at. It looks at the link with every request, so no answer is stale."""

    def __init__(self, out: Path, *, explore: bool = False, seed: Seed | None = None) -> None:
        """Open the current build. Raises EtlError when there is none."""
        self._link = out / "current"
        self._explore, self._seed = explore, seed
        self._name = ""
        self.published = self._open(self._read())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            started = False

            async def watched(message: MutableMapping[str, Any]) -> None:
                nonlocal started
                started = True
                await send(message)

            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._answer(scope, receive, watched)
            except Exception:  # noqa: BLE001 -- whatever happens, the client gets an answer without our insides
                traceback.print_exc(file=sys.stderr)
                if not started:
                    await respond_json(scope, send, 500, {"error": "the server failed; its log says why"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = path.partition(b"?")[0]
        if len(path) > LONGEST_PATH or len(scope.get("query_string", b"")) > LONGEST_QUERY:
            await respond_json(scope, send, 414, {"error": "the address is too long"})
            return
        if path == b"/api/seed":
            await (self._seed(scope, receive, send) if self._seed else self._missing(scope, send))
            return
        published = self._current()
        with published.used():
            if path == b"/api" or path.startswith(b"/api/"):
                await published.api(scope, receive, send)
            elif scope["method"] not in {"GET", "HEAD"} and not self._explore:
                extra = [(b"allow", b"GET, HEAD")]
                await respond_json(scope, send, 405, {"error": "this site is read-only"}, extra)
            elif (page := published.pages.get(path.decode("latin-1"))) is not None:
                await page.respond(scope, send)
            elif self._closed(path):
                await self._missing(scope, send)
            else:
                await self._browse(published, scope, receive, send)

    def _closed(self, path: bytes) -> bool:
        """Paths that Datasette shall not see: its own pages, and what is no text."""
        if b"%00" in path or any(byte < 0x21 or byte > 0x7E for byte in path):  # noqa: PLR2004 -- printable ASCII
            return True
        return path.startswith(b"/-/") and not path.startswith(b"/-/static/") and not self._explore

    async def _browse(self, published: Published, scope: Scope, receive: Receive, send: Send) -> None:
        async def safer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                build = (b"x-build", published.build.encode())
                message = {**message, "headers": [*message.get("headers", []), *BROWSER_HEADERS, build]}
            await send(message)

        browser = await published.browser()
        await browser(scope, receive, safer)

    async def _missing(self, scope: Scope, send: Send) -> None:
        await respond_json(scope, send, 404, {"error": "there is nothing here"})

    def _read(self) -> str:
        try:
            return os.readlink(self._link)
        except OSError:
            return ""

    def _current(self) -> Published:
        """The build that ``current`` points at now; the one before it, while that cannot be opened."""
        name = self._read()
        if name and name != self._name:
            try:
                replaced, self.published = self.published, self._open(name)
            except (EtlError, OSError):
                return self.published
            replaced.retire()
        return self.published

    def _open(self, name: str) -> Published:
        folder = self._link.parent / name
        if not name or not folder.is_dir():
            raise EtlError("there is no build to serve; make one with: python -m etl run", Where(str(self._link)))
        published = Published(folder, explore=self._explore)
        self._name = name
        return published

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.published.browser()  # the first visitor need not wait for Datasette
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._seed:
                    await self._seed.stop()
                self.published.retire()
                await send({"type": "lifespan.shutdown.complete"})
                return
