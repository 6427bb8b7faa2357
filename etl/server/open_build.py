"""A build that the server has open: its API, its pages, and a Datasette that is made on first use."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.build import manifest
from etl.build.store import in_use
from etl.errors import EtlError, Where
from etl.server.api import Api
from etl.server.http import HTML, JSON, Body
from etl.site.endpoint import restore
from etl.site.pages import BROWSE, STYLE, header, not_found_page, table_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.server.address import Address
    from etl.server.http import Headers

#: Paths of the build's pages, their files and types.
PAGES = {
    "/": ("live.html", HTML),
    "/index.html": ("live.html", HTML),
    "/report.html": ("report.html", HTML),
    "/manifest.json": ("manifest.json", JSON),
    "/robots.txt": ("robots.txt", b"text/plain; charset=utf-8"),
}

#: Datasette's pages look like the others.
BROWSER_STYLE = STYLE + Path(__file__).with_name("browser.css").read_text(encoding="utf-8")
CSS = b"text/css; charset=utf-8"

_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


@contextlib.contextmanager
def _without_dask() -> Iterator[None]:
    """Do not let Datasette's units of measurement import Dask and SciPy, if these are installed: it takes a second."""
    modules: dict[str, Any] = sys.modules
    before = {name: modules.pop(name) for name in ["dask"] if name in modules}
    modules["dask"] = None
    try:
        yield
    finally:
        del modules["dask"]
        modules.update(before)


class OpenBuild:
    """An open build. It closes after it was replaced and its last request is answered."""

    def __init__(self, folder: Path, *, address: Address, explore: bool) -> None:
        """Open a build. Raises EtlError if the folder is not a build, or damaged."""
        self.folder = folder
        self._address, self._explore = address, explore
        self._requests, self._retired = 0, False
        self._browser: Any = None
        self._browser_lock = asyncio.Lock()
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(in_use(folder))
                content = manifest.read(folder) or {}
                self.id = str(content["build"])
                described = json.loads((folder / "endpoints.json").read_text(encoding="utf-8"))
                files = {name: (folder / "api" / f"{name}.json").read_bytes() for name in ("index", "openapi")}
                database = folder / content["pipeline"]["database"]
                self.api = Api(database, restore(described), self.id, files)
                opened.callback(self.api.close)
                site = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
                self.home = address.prefix + table_path(database.name)
                self.pages = {f"/{BROWSE}browser.css": Body(BROWSER_STYLE.encode(), CSS), **dict(self._read_pages())}
                has_report = "/report.html" in self.pages
                self.header = header(str(site["title"]), base=address.prefix, report=has_report, tables=self.home)
                self.not_found = not_found_page(str(site["title"]), str(site["about"]), self.header).encode()
            except (OSError, ValueError, KeyError, TypeError, EtlError) as error:
                message = (
                    "cannot open the build: it is damaged, or made by another version; fix it with: python -m etl run"
                )
                raise EtlError(message, Where(str(folder))) from error
            self._opened = opened.pop_all()

    def _read_pages(self) -> Iterator[tuple[str, Body]]:
        for url, (name, kind) in PAGES.items():
            path = self.folder / name
            if path.is_file():
                content = path.read_bytes()
                yield url, Body(content, kind, self.page_headers(content))

    def page_headers(self, page: bytes) -> Headers:
        """Headers of a page of the build."""
        return [*self.headers, (b"content-security-policy", _policy(page)), (b"x-frame-options", b"DENY")]

    @property
    def headers(self) -> Headers:
        """Headers of every response."""
        return [(b"x-build", self.id.encode())]

    async def browser(self) -> Any:  # noqa: ANN401 -- an ASGI application
        """Datasette over the build."""
        async with self._browser_lock:
            if self._browser is None:
                self._browser = await asyncio.to_thread(self._make_browser)
        return self._browser

    def _make_browser(self) -> Any:  # noqa: ANN401 -- as above
        with _without_dask():
            from etl.server import plugin  # noqa: PLC0415 -- Datasette takes most of a second to import

        datasette = plugin.make_datasette(self.folder, self._address.browse, self.header, explore=self._explore)
        self._opened.callback(plugin.close, datasette)
        return datasette.app()

    def __enter__(self) -> None:
        """Keep it open during a request."""
        self._requests += 1

    def __exit__(self, *_: object) -> None:
        """End the request."""
        self._requests -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Close it after the last request that uses it."""
        self._retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and not self._requests:
            self._opened.close()
            self._browser = None
            gc.collect()  # a Datasette has reference cycles


def _policy(html: bytes) -> bytes:
    """A Content-Security-Policy that allows only the page's own styles, by hash."""
    hashes = [base64.b64encode(hashlib.sha256(style).digest()).decode() for style in _STYLE.findall(html)]
    styles = " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ).encode()
