"""HTTP for ASGI: responses with strong validators, and what request headers mean."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

#: Shorter bodies gain nothing from gzip.
MIN_GZIP_BYTES = 1000

JSON = b"application/json; charset=utf-8"
HTML = b"text/html; charset=utf-8"

#: Headers of every response.
SAFE: Headers = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]

#: Seconds, for clients that get 503.
RETRY_AFTER = b"2"

METHODS = b"GET, HEAD, OPTIONS"

#: Any page may read what is public. Without Access-Control-Allow-Credentials browsers refuse requests with cookies.
CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"ETag, Link, X-Build, X-Total-Count"),
]

#: What libraries add to GET, by name: ``*`` does not cover Authorization, and old browsers do not know it.
_REQUEST_HEADERS = (
    b"Authorization, Cache-Control, Content-Type, If-Modified-Since, If-None-Match, Pragma, X-Requested-With, "
    b"traceparent, tracestate, *"
)
_PREFLIGHT: Headers = [
    (b"allow", METHODS),
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", _REQUEST_HEADERS),
    (b"access-control-max-age", b"86400"),
]

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:]+))(?::[0-9]{1,5})?\Z")


class Body:
    """The body of a cacheable response, with its entity tag; its gzip form is made on first use."""

    def __init__(self, content: bytes, kind: bytes, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Hash the content; ``extra`` are further headers."""
        self.content = content
        self._gzipped: bytes | None = None
        tag = hashlib.sha256(content).hexdigest()[:32].encode()
        common: Headers = [
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),  # may be cached, must be revalidated
            (b"vary", b"Accept-Encoding"),
            *SAFE,
            *extra,
        ]
        self._forms: list[tuple[bytes, Headers]] = [  # entity tag and headers, plain and compressed
            (etag, [*common, (b"etag", etag)]) for etag in (b'"%s"' % tag, b'"%s-gzip"' % tag)
        ]

    @property
    def size(self) -> int:
        """An upper bound of its memory in bytes, gzip form and overhead included."""
        return 2 * len(self.content) + 2000

    async def respond(self, scope: Scope, send: Send) -> None:
        """Answer GET or HEAD: 200, or 304 if the client has the current content."""
        zipped = len(self.content) >= MIN_GZIP_BYTES and accepts_gzip(header(scope, b"accept-encoding"))
        etag, headers = self._forms[zipped]
        if _matches(header(scope, b"if-none-match"), etag):
            await respond(send, 304, headers)
            return
        content = await self._gzip() if zipped else self.content
        headers = [*headers, (b"content-length", b"%d" % len(content))]
        if zipped:
            headers.append((b"content-encoding", b"gzip"))
        await respond(send, 200, headers, b"" if scope["method"] == "HEAD" else content)

    async def _gzip(self) -> bytes:
        if self._gzipped is None:
            self._gzipped = await asyncio.to_thread(gzip.compress, self.content, compresslevel=6, mtime=0)
        return self._gzipped


def header(scope: Scope, name: bytes) -> bytes:
    """A request's header, empty if absent; repeated headers are joined to a list (RFC 9110, section 5.3)."""
    return b", ".join([value for each, value in scope["headers"] if each == name])


async def respond(send: Send, status: int, headers: Headers, content: bytes = b"") -> None:
    """Send a response."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def with_cors(message: Message) -> Message:
    """The start of a response, with the headers of CORS if it is JSON and has none."""
    headers = message.get("headers", [])
    if CORS[0] in headers:
        return message
    names = {name.lower() for name, _ in headers}
    is_json = any(name.lower() == b"content-type" and value.startswith(b"application/json") for name, value in headers)
    return {**message, "headers": [*headers, *CORS]} if is_json and CORS[0][0] not in names else message


async def respond_preflight(send: Send, extra: Headers) -> None:
    """Let pages of other sites read: the answer to OPTIONS."""
    await respond(send, 204, [*extra, *_PREFLIGHT])


async def respond_json(
    scope: Scope, send: Send, status: int, value: object, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send JSON that must not be cached."""
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


def _matches(header: bytes, etag: bytes) -> bool:
    """Whether an If-None-Match header names the entity tag (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix(b"W/") for tag in header.split(b",")} if header else set()
    return etag in tags or b"*" in tags


def is_loopback(host: str) -> bool:
    """Whether a host name or address is loopback."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def is_local_request(headers: Headers) -> bool:
    """Whether a request names a loopback host, and was not sent by a page of another site.

    Another site's name can resolve to 127.0.0.1 (DNS rebinding), so that its pages could read what is served here; such
    requests still carry that name (RFC 9110, section 7.2). A page that requests 127.0.0.1 itself cannot read the
    answer, but could keep this machine busy; browsers mark its requests with Sec-Fetch-Site.
    """
    hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
    found = _HOST.match(hosts[0]) if len(hosts) == 1 else None
    if found is None or not is_loopback(found["v6"] or found["name"].removesuffix(".")):
        return False
    return (b"sec-fetch-site", b"cross-site") not in headers
