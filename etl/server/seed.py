"""``POST /api/seed``: rebuild in a child process; needs a token."""

from __future__ import annotations

import hmac
import json
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from etl.server.http import header, respond_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.server.builder import Builder
    from etl.server.http import Receive, Scope, Send

MAX_BODY_BYTES = 1000

_FOLDERS = re.compile(r"(?<![\w.])(?:/[^\s:,;'\"/]+)*/(?=[^\s:,;'\"/])")


class Seed:
    """The endpoint, an ASGI application. One rebuild runs at a time."""

    def __init__(self, builder: Builder, token: str) -> None:
        """Rebuild for clients with the token."""
        self._builder = builder
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for /api/seed."""
        if scope["method"] != "POST":
            await respond_json(scope, send, 405, {"error": "use POST to rebuild"}, [(b"allow", b"POST")])
            return
        scheme, _, given = header(scope, b"authorization").partition(b" ")
        if not hmac.compare_digest(given.strip(), self._token) or scheme.lower() != b"bearer":
            extra = [(b"www-authenticate", b"Bearer")]
            await respond_json(scope, send, 401, {"error": "send the token: Authorization: Bearer ..."}, extra)
            return
        if scope.get("query_string"):
            await respond_json(scope, send, 400, {"error": 'no query parameters here; send {"seed": 7} as the body'})
            return
        body = await _body(receive)
        if body is None:
            await respond_json(scope, send, 413, {"error": f"the body is longer than {MAX_BODY_BYTES} bytes"})
            return
        try:
            options = _options(body)
        except (ValueError, RecursionError):
            await respond_json(scope, send, 400, {"error": 'the body must be empty, or like {"seed": 7}'})
            return
        if self._builder.busy:
            await respond_json(scope, send, 409, {"error": "a rebuild is already running"})
            return
        status, answer = await self._rebuild(options)
        await respond_json(scope, send, status, answer)

    async def _rebuild(self, options: list[str]) -> tuple[int, Mapping[str, Any]]:
        start = time.perf_counter()
        code, output, log = await self._builder.build("--force", "--json", *options)
        if code == 0:
            milliseconds = (time.perf_counter() - start) * 1000
            return 200, {"success": True, "elapsed": f"{milliseconds:.0f}ms"}
        sys.stderr.write(f"a rebuild failed:\n{log.decode(errors='replace')}{output.decode(errors='replace')}")
        sys.stderr.flush()
        return 500, {"success": False, "error": _reason(output)}


def _options(body: bytes) -> list[str]:
    """The command line options for a request's body. Raises ValueError."""
    parsed = json.loads(body, object_pairs_hook=tuple) if body.strip() else ()  # pairs, to see duplicate keys
    if parsed == ():
        return []
    if not isinstance(parsed, tuple) or [key for key, _ in parsed] != ["seed"]:
        raise ValueError
    ((_, seed),) = parsed
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError
    return ["--seed", str(seed)]


async def _body(receive: Receive) -> bytes | None:
    """The request's body, None if it is too long or incomplete."""
    body = b""
    while len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request":
            return None
        if not message.get("more_body"):
            return body if len(body) <= MAX_BODY_BYTES else None
    return None


def _reason(output: bytes) -> str:
    """The command's messages without the folders of this machine."""
    try:
        mistakes = json.loads(output)["mistakes"]
        return "; ".join(_FOLDERS.sub("", str(mistake["message"]).split("\n")[0]) for mistake in mistakes)
    except (ValueError, KeyError, TypeError):
        return "the build failed; see the server's log"
