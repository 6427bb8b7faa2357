"""``POST /api/seed``: rebuild in a child process; needs a token."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.server.http import header, respond_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.server.http import Receive, Scope, Send

#: The environment variable with the token; without it the endpoint does not exist.
TOKEN_VARIABLE = "ETL_SEED_TOKEN"  # noqa: S105 -- the name of the variable, not a token

MAX_BODY_BYTES = 1000

_FOLDERS = re.compile(r"(?<![\w.])(?:/[^\s:,;'\"/]+)*/(?=[^\s:,;'\"/])")
_ROOT = Path(__file__).parents[2]


class Seed:
    """The endpoint, an ASGI application. One rebuild runs at a time."""

    def __init__(self, pipeline: Path, out: Path, token: str) -> None:
        """Rebuild ``pipeline`` into the folder ``out`` for clients with the token."""
        arguments = ["run", str(pipeline), "--out", str(out), "--force", "--json"]
        self._command = [sys.executable, "-m", "etl.run.child", "etl", *arguments]
        self._token = token.encode()
        self._child: asyncio.subprocess.Process | None = None
        self._busy = False

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
        if self._busy:
            await respond_json(scope, send, 409, {"error": "a rebuild is already running"})
            return
        self._busy = True
        try:
            status, answer = await self._rebuild(options)
        finally:
            self._busy = False
        await respond_json(scope, send, status, answer)

    async def _rebuild(self, options: list[str]) -> tuple[int, Mapping[str, Any]]:
        start = time.perf_counter()
        environment = {key: value for key, value in os.environ.items() if key != TOKEN_VARIABLE}
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *environment.get("PYTHONPATH", "").split(os.pathsep)])
        read_end, write_end = os.pipe()  # closes when this process ends, however it ends; then the child ends, too
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                *options,
                env=environment,
                stdin=read_end,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, log = await self._child.communicate()
        finally:
            os.close(read_end)
            os.close(write_end)
        if self._child.returncode == 0:
            milliseconds = (time.perf_counter() - start) * 1000
            return 200, {"success": True, "elapsed": f"{milliseconds:.0f}ms"}
        sys.stderr.write(f"a rebuild failed:\n{log.decode(errors='replace')}{output.decode(errors='replace')}")
        sys.stderr.flush()
        return 500, {"success": False, "error": _reason(output)}

    async def stop(self) -> None:
        """Stop a running rebuild; the current build stays as it is."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            await self._child.wait()


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
