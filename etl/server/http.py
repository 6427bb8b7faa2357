"""Bytes over HTTP: a body with its strong validators, sent as ASGI messages."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

#: A shorter body gains nothing from gzip.
GZIP_FROM = 1000

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"

#: On every answer.
SAFE: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Body:
    """A body that many requests ask for: its entity tags, and its gzip form once somebody wants it."""

    def __init__(self, content: bytes, kind: bytes, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Work out the entity tag."""
        self.content = content
        self._zipped: bytes | None = None
        self._tag = hashlib.sha256(content).hexdigest()[:32].encode()
        self._common: Headers = [
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),  # keep it, and ask each time whether it is still the same
            (b"vary", b"Accept-Encoding"),
            *SAFE,
            *extra,
        ]

    @property
    def size(self) -> int:
        """At most so many bytes of memory, its gzip form and what surrounds it included."""
        return 2 * len(self.content) + 2000

    async def respond(self, scope: Scope, send: Send) -> None:
        """Answer GET or HEAD: 200, or 304 when the client has it."""
        zip_it = len(self.content) >= GZIP_FROM and accepts_gzip(header(scope, b"accept-encoding"))
        etag = b'"%s-gzip"' % self._tag if zip_it else b'"%s"' % self._tag
        headers = [*self._common, (b"etag", etag)]
        if _holds(header(scope, b"if-none-match"), etag):
            await respond(send, 304, headers)
            return
        content = await self._gzip() if zip_it else self.content
        if zip_it:
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", b"%d" % len(content)))
        await respond(send, 200, headers, b"" if scope["method"] == "HEAD" else content)

    async def _gzip(self) -> bytes:
        if self._zipped is None:
            self._zipped = await asyncio.to_thread(gzip.compress, self.content, compresslevel=6, mtime=0)
        return self._zipped


def header(scope: Scope, name: bytes) -> bytes:
    """A request's header, empty when there is none; several lines of it are one list (RFC 9110, section 5.3)."""
    return b", ".join(value for each, value in scope["headers"] if each == name)


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
        (b"content-length", b"%d" % len(content)),
        *SAFE,
        *extra,
    ]
    await respond(send, status, headers, b"" if scope["method"] == "HEAD" else content)


def accepts_gzip(header: bytes) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110, section 12.5.3)."""
    allowed = {}
    for part in header.lower().split(b","):
        coding, *parameters = (each.strip() for each in part.split(b";"))
        weights = [each.removeprefix(b"q=").strip(b"0") for each in parameters if each.startswith(b"q=")]
        allowed[coding] = weights not in ([b""], [b"."])
    return allowed.get(b"gzip", allowed.get(b"*", False))


def _holds(header: bytes, etag: bytes) -> bool:
    """Whether an If-None-Match header names the entity tag (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix(b"W/") for tag in header.split(b",")}
    return etag in tags or b"*" in tags
