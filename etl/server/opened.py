"""One build as the server has it open: its API, its own pages, and a Datasette that is made when somebody browses."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from etl.build import manifest
from etl.build.store import in_use
from etl.errors import EtlError, Where
from etl.server.api import Api
from etl.server.http import HTML, JSON, Body
from etl.site.endpoint import restore
from etl.site.pages import BROWSER_STYLE, BROWSER_STYLE_URL, not_found_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.server.http import Headers

#: The build's own files that the server shows beside the API, and their types.
PAGES = {
    "index.html": HTML,
    "report.html": HTML,
    "manifest.json": JSON,
    "robots.txt": b"text/plain; charset=utf-8",
}

CSS = b"text/css; charset=utf-8"

_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


class Published:
    """An open build. It closes once it was replaced and its last request is answered."""

    def __init__(self, folder: Path, *, explore: bool) -> None:
        """Open a build. Raises EtlError when the folder is none, or damaged."""
        self.folder = folder
        self._explore = explore
        self._users, self._retired = 0, False
        self._browser: Any = None
        self._making = asyncio.Lock()
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(in_use(folder))
                content = manifest.read(folder) or {}
                self.build = str(content["build"])
                described = json.loads((folder / "endpoints.json").read_text(encoding="utf-8"))
                openapi = (folder / "api" / "openapi.json").read_bytes()
                self.api = Api(folder / content["pipeline"]["database"], restore(described), self.build, openapi)
                opened.callback(self.api.close)
                site = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
                self.missing = not_found_page(str(site["title"]), str(site["about"]), home="/").encode()
                self.pages = {**dict(self._own_pages()), BROWSER_STYLE_URL: Body(BROWSER_STYLE.encode(), CSS)}
            except (OSError, ValueError, KeyError, TypeError, EtlError) as error:
                message = "cannot open the build, it is damaged or of another version; fix it with: python -m etl run"
                raise EtlError(message, Where(str(folder))) from error
            self._opened = opened.pop_all()

    def _own_pages(self) -> Iterator[tuple[str, Body]]:
        for name, kind in PAGES.items():
            path = self.folder / name
            if path.is_file():
                content = path.read_bytes()
                yield f"/{name}", Body(content, kind, self.framing(content))

    def framing(self, page: bytes) -> Headers:
        """What the server says beside a page of the build."""
        extra = [(b"x-build", self.build.encode()), (b"content-security-policy", _policy(page))]
        return [*extra, (b"x-frame-options", b"DENY")]

    async def browser(self) -> Any:  # noqa: ANN401 -- an ASGI application
        """Datasette over the build."""
        async with self._making:
            if self._browser is None:
                self._browser = await asyncio.to_thread(self._make_browser)
        return self._browser

    def _make_browser(self) -> Any:  # noqa: ANN401 -- as above
        from etl.server import plugin  # noqa: PLC0415 -- Datasette takes a second to import

        datasette = plugin.make_datasette(self.folder, explore=self._explore)
        plugin.APIS[datasette] = self.api
        self._opened.callback(plugin.close, datasette)
        return datasette.app()

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Keep it open for a request."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_if_done()

    def retire(self) -> None:
        """Close it after the last request that uses it."""
        self._retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._users:
            self._opened.close()
            self._browser = None
            gc.collect()  # a Datasette is a knot of references; by itself Python would look for it much later


def _policy(html: bytes) -> bytes:
    """A Content-Security-Policy that allows the page's own styles, by hash, and nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(style).digest()).decode() for style in _STYLE.findall(html)]
    styles = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ).encode()
