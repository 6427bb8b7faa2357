"""``POST /api/seed``: rebuild the world in a child process, for whoever holds the token."""

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

#: The environment variable that holds the token; without it there is no such endpoint.
TOKEN_VARIABLE = "ETL_SEED_TOKEN"  # noqa: S105 -- the name of the variable, not a token

LONGEST_BODY = 1000

_FOLDERS = re.compile(r"(?<![\w.])(?:/[^\s:,;'\"/]+)*/(?=[^\s:,;'\"/])")
_ROOT = Path(__file__).parents[2]


class Seed:
    """The endpoint that rebuilds: one build at a time, each in a process of its own."""

    def __init__(self, pipeline: Path, out: Path, token: str) -> None:
        """Remember what to build, where, and for whom."""
        arguments = ["run", str(pipeline), "--out", str(out), "--force", "--json"]
        self._command = [sys.executable, "-m", "etl.run.child", "etl", *arguments]
        self._token = token.encode()
        self._child: asyncio.subprocess.Process | None = None
        self._busy = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for /api/seed."""
        if scope["method"] != "POST":
            await respond_json(scope, send, 405, {"error": "POST rebuilds"}, [(b"allow", b"POST")])
            return
        scheme, _, given = header(scope, b"authorization").partition(b" ")
        if not hmac.compare_digest(given.strip(), self._token) or scheme.lower() != b"bearer":
            extra = [(b"www-authenticate", b"Bearer")]
            await respond_json(scope, send, 401, {"error": "send the token: Authorization: Bearer ..."}, extra)
            return
        if scope.get("query_string"):
            await respond_json(scope, send, 400, {"error": 'no query parameters here; the body says {"seed": 7}'})
            return
        body = await _body(receive)
        if body is None:
            await respond_json(scope, send, 413, {"error": f"the body is longer than {LONGEST_BODY} bytes"})
            return
        try:
            options = _options(body)
        except (ValueError, RecursionError):
            await respond_json(scope, send, 400, {"error": 'the body must be empty, or like {"seed": 7}'})
            return
        if self._busy:
            await respond_json(scope, send, 409, {"error": "a rebuild is going on"})
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
        its, ours = os.pipe()  # nothing is ever written to it; it ends when this process does, and with it the child
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                *options,
                env=environment,
                stdin=its,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, log = await self._child.communicate()
        finally:
            os.close(its)
            os.close(ours)
        if self._child.returncode == 0:
            milliseconds = (time.perf_counter() - start) * 1000
            return 200, {"success": True, "elapsed": f"{milliseconds:.0f}ms"}
        sys.stderr.write(f"a rebuild failed:\n{log.decode(errors='replace')}{output.decode(errors='replace')}")
        sys.stderr.flush()
        return 500, {"success": False, "error": _reason(output)}

    async def stop(self) -> None:
        """End a rebuild that goes on; the builds stay whole."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()
            await self._child.wait()


def _options(body: bytes) -> list[str]:
    """The command line options that a body asks for. Raises ValueError."""
    wanted = json.loads(body, object_pairs_hook=tuple) if body.strip() else ()  # pairs: a key may stand there twice
    if wanted == ():
        return []
    if not isinstance(wanted, tuple) or [key for key, _ in wanted] != ["seed"]:
        raise ValueError
    ((_, seed),) = wanted
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError
    return ["--seed", str(seed)]


async def _body(receive: Receive) -> bytes | None:
    """The request's body, None when it is too long or never comes to its end."""
    body = b""
    while len(body) <= LONGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request":
            return None
        if not message.get("more_body"):
            return body if len(body) <= LONGEST_BODY else None
    return None


def _reason(output: bytes) -> str:
    """What the command said was wrong; places in files are for this machine's people, not for the network."""
    try:
        mistakes = json.loads(output)["mistakes"]
        return "; ".join(_FOLDERS.sub("", str(mistake["message"]).split("\n")[0]) for mistake in mistakes)
    except (ValueError, KeyError, TypeError):
        return "the build failed; the server's log says why"
