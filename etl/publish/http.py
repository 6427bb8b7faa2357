"""Bytes over HTTP: a body with its strong validators, sent as ASGI messages."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

#: A shorter body gains nothing from gzip.
GZIP_FROM = 1000

JSON = b"application/json; charset=utf-8"

#: On every answer.
SAFE: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Body:
    """A body that many requests ask for: its entity tags, and its gzip form once somebody wants it."""

    def __init__(self, content: bytes, kind: bytes, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Work out the entity tag."""
        self.content = content
        self.etag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
        self._zipped: bytes | None = None
        self._common: Headers = [
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),  # keep it, and ask each time whether it is still the same
            (b"vary", b"Accept-Encoding"),
            *SAFE,
            *extra,
        ]

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return len(self.content) + len(self._zipped or b"")

    async def respond(self, scope: Scope, send: Send) -> None:
        """Answer GET or HEAD: 200, or 304 when the client has it."""
        asked = dict(scope["headers"])
        zipped = len(self.content) >= GZIP_FROM and accepts_gzip(asked.get(b"accept-encoding", b""))
        etag = self.etag[:-1] + b'-gzip"' if zipped else self.etag
        headers = [*self._common, (b"etag", etag)]
        if b"if-none-match" in asked and _holds(asked[b"if-none-match"], etag):
            await respond(send, 304, headers)
            return
        content = self._gzip() if zipped else self.content
        if zipped:
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(content)).encode()))
        await respond(send, 200, headers, b"" if scope["method"] == "HEAD" else content)

    def _gzip(self) -> bytes:
        if self._zipped is None:
            self._zipped = gzip.compress(self.content, compresslevel=6, mtime=0)
        return self._zipped


async def respond(send: Send, status: int, headers: Headers, content: bytes = b"") -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def respond_json(
    scope: Scope, send: Send, status: int, value: object, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a JSON value that nobody may keep: an error, or what a rebuild did."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    headers = [
        (b"content-type", JSON),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(content)).encode()),
        *SAFE,
        *extra,
    ]
    await respond(send, status, headers, b"" if scope["method"] == "HEAD" else content)


def accepts_gzip(header: bytes) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, section 12.5.3)."""
    star = False
    for part in header.lower().split(b","):
        coding, _, weight = part.partition(b";")
        allowed = weight.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
        if coding.strip() == b"gzip":
            return allowed
        star = star or (coding.strip() == b"*" and allowed)
    return star


def _holds(header: bytes, etag: bytes) -> bool:
    """Whether an If-None-Match header names the entity tag (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix(b"W/") for tag in header.split(b",")}
    return etag in tags or b"*" in tags
