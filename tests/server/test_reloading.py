"""Pages that reload: what is added to which response."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from etl.server.address import Address
from etl.server.http import HTML
from etl.server.reloading import Reloading

SCRIPT = b'<script src="/x/-/watch.js" data-build="b1"></script>\n'
POLICY = b"default-src 'none'"


def ask(path: str, *parts: bytes, kind: bytes = HTML, method: str = "GET", host: bytes = b"localhost") -> Any:  # noqa: ANN401 -- ASGI
    """Ask for a path of a server that answers in parts: its status, headers, body, and the headers that it was sent."""
    sent: list[Any] = []
    given: list[Any] = []

    async def server(scope: Any, _: Any, send: Any) -> None:  # noqa: ANN401 -- ASGI
        given.extend(scope["headers"])
        length = b"%d" % len(b"".join(parts))
        headers = [(b"content-type", kind), (b"content-length", length), (b"x-build", b"b1")]
        headers += [(b"content-security-policy", POLICY)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number, part in enumerate(parts, 1):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(parts)})

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
        sent.append(message)

    async def call() -> None:
        served: Any = type("Served", (), {"current_id": "b2", "__call__": staticmethod(server)})()
        watch: Any = SimpleNamespace(failure="a.sql:1:1: no")
        app = Reloading(served, watch, Address("/x/"))
        headers = [(b"if-none-match", b"1"), (b"accept-encoding", b"gzip"), (b"host", host)]
        await app({"type": "http", "method": method, "path": path, "headers": headers}, None, send)  # type: ignore[arg-type]

    asyncio.run(call())
    body = b"".join(message["body"] for message in sent[1:])
    return SimpleNamespace(status=sent[0]["status"], headers=dict(sent[0]["headers"]), body=body, given=given)


@pytest.mark.parametrize("parts", [(b"<p>Hello</p>",), (b"<p>", b"Hello</p>")])
def test_html_gets_the_script(parts: tuple[bytes, ...]) -> None:
    """The script is at the end, the length counts it, the policy allows it, and the page was asked for in full."""
    found = ask("/x/", *parts)
    assert found.body == b"<p>Hello</p>" + SCRIPT
    assert int(found.headers[b"content-length"]) == len(found.body)
    assert found.headers[b"content-security-policy"] == POLICY + b"; script-src 'self'; connect-src 'self'"
    assert found.given == [(b"host", b"localhost")]


def test_anything_else_is_left_alone() -> None:
    """JSON, HEAD, and what another machine or another site asks for are as without watching."""
    assert ask("/x/api/books", b"[]", kind=b"application/json").body == b"[]"
    assert len(ask("/x/", b"", method="HEAD").given) == 3
    assert ask("/x/", b"<p>", host=b"example.org").body == b"<p>"
    assert ask("/x/-/changes", b"none", host=b"example.org").body == b"none"


@pytest.mark.parametrize("prefix", ["/x/", "/"])
def test_the_script_asks_for_changes(prefix: str) -> None:
    """Its two addresses are below the prefix, which a proxy may have removed."""
    assert json.loads(ask(f"{prefix}-/changes").body) == {"build": "b2", "failure": "a.sql:1:1: no"}
    found = ask(f"{prefix}-/watch.js")
    assert found.headers[b"content-type"].startswith(b"text/javascript")
    assert b'new URL("changes", src)' in found.body
