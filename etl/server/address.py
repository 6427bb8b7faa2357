"""Where clients find the site: below a prefix, and perhaps at another origin, when a proxy is in front of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import EtlError
from etl.site.pages import BROWSE

if TYPE_CHECKING:
    from etl.server.http import Scope

_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_URL = re.compile(rf"((?P<scheme>https?)://(?P<host>[^/?#@\s]+))?(?P<prefix>/(?:{_SEGMENT}/)*)")


@dataclass(frozen=True)
class Address:
    """The address of the front page. Without a host, the origin is the one that each request names."""

    prefix: str = "/"
    scheme: str = ""
    host: str = ""

    @property
    def browse(self) -> str:
        """The path of Datasette's home."""
        return self.prefix + BROWSE

    def inside(self, scope: Scope) -> Scope | None:
        """The request as the site sees it, its path without the prefix. None: the prefix without its slash.

        A proxy may pass the prefix on or remove it.
        """
        path: bytes = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
        if self.prefix == "/" and path:
            return scope if path == scope.get("raw_path") else {**scope, "raw_path": path}
        prefix = self.prefix.encode()
        if path == prefix[:-1]:
            return None
        if path.startswith(prefix):
            path = path[len(prefix) - 1 :]
        decoded = path.decode("latin-1") if len(prefix) > 1 else scope["path"]
        return {**scope, "path": decoded, "raw_path": path, "root_path": self.prefix[:-1]}

    def public(self, scope: Scope) -> Scope:
        """The request with the origin that clients use, for absolute links."""
        if not self.host:
            return scope
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {**scope, "scheme": self.scheme, "headers": [(b"host", self.host.encode()), *headers]}


def parse_address(text: str) -> Address:
    """The address for ``/some/prefix/`` or ``https://host/some/prefix/``. Raises EtlError."""
    found = _URL.fullmatch(text if text.endswith("/") else f"{text}/")
    if found is None:
        raise EtlError(f"{text!r} is not a base URL; use https://host/some/prefix/ or /some/prefix/")
    return Address(found["prefix"], found["scheme"] or "", found["host"] or "")
