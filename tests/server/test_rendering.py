"""Pages apart from the API: few at once, no more than may wait, none for clients who have gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from etl.server.app import Server
from etl.server.http import respond
from etl.server.rendering import BUFFER_BYTES, MAX_CONCURRENT, MAX_PENDING, Busy, Rendering
from etl.site.datasette import HARDENED
from tests.support.serving import PATIENCE, in_process, wait_for

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from etl.server.http import Message, Receive, Scope, Send


class Pages:
    """An application whose pages take until they are let go, and keep their loop busy all the while."""

    def __init__(self) -> None:
        """Begin with no page."""
        self.begun, self.go = 0, threading.Event()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Make a page."""
        self.begun += 1
        assert self.go.wait(60)
        await respond(send, 200, [(b"content-length", b"4")], b"page")


@pytest.fixture
def rendering() -> Iterator[Rendering]:
    """A thread for pages."""
    rendering = Rendering()
    yield rendering
    rendering.stop()


async def receive() -> Message:
    """Nothing is ever received here."""
    raise NotImplementedError


def collecting(sent: list[Any]) -> Send:
    """A client that takes everything at once."""

    async def send(message: Message) -> None:
        sent.append(message)

    return send


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on a loop of its own, wherever a browser's loop may be."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def test_an_answer_comes_as_it_was_made(rendering: Rendering) -> None:
    """What the application receives and sends goes across, and so does what it raises."""

    async def body() -> Message:
        return {"type": "http.request", "body": b"asked"}

    async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, [], (await receive())["body"])

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("a bug")

    async def test() -> None:
        sent: list[Any] = []
        await rendering.answer(echo, {}, body, collecting(sent))
        assert [message.get("body") for message in sent] == [None, b"asked"]
        with pytest.raises(RuntimeError, match="a bug"):
            await rendering.answer(fail, {}, body, collecting(sent))

    run(test())


@pytest.mark.fault("more requests for pages than may wait")
def test_no_more_pages_are_pending_for_than_may_wait(rendering: Rendering) -> None:
    """A limited number of pages is rendered and waits; one more is refused at once, until there is room again."""
    active = most = 0
    go, all_at_once = threading.Event(), asyncio.Barrier(MAX_CONCURRENT)

    async def page(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal active, most
        active += 1
        most = max(most, active)
        assert go.wait(60)
        await all_at_once.wait()
        active -= 1
        await send({"type": "http.response.body"})

    async def test() -> None:
        sent: list[Any] = []
        answers = (rendering.answer(page, {}, receive, collecting(sent)) for _ in range(MAX_PENDING))
        waiting = [asyncio.ensure_future(answer) for answer in answers]
        await asyncio.sleep(0)  # all have asked
        with pytest.raises(Busy):
            await rendering.answer(page, {}, receive, collecting(sent))
        go.set()
        await asyncio.gather(*waiting)
        assert (len(sent), most, rendering._pending) == (MAX_PENDING, MAX_CONCURRENT, 0)

    run(test())


def test_a_client_who_reads_slowly_takes_nobodys_turn(rendering: Rendering) -> None:
    """An answer of ordinary length is whole before any of it is sent; a long one is sent as it is made."""
    sent: list[Any] = []
    here = threading.Event()

    async def ordinary(_scope: Scope, _receive: Receive, send: Send) -> None:
        for _ in range(10):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        assert sent == []

    async def long(_scope: Scope, _receive: Receive, send: Send) -> None:
        piece = b"x" * (BUFFER_BYTES // 4)
        for _ in range(8):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        assert len(sent) == 8
        here.set()

    async def test() -> None:
        await rendering.answer(ordinary, {}, receive, collecting(sent))
        assert len(sent) == 10
        sent.clear()
        await rendering.answer(long, {}, receive, collecting(sent))
        assert here.is_set()

    run(test())


@pytest.mark.fault("many clients who ask for pages and go away")
def test_pages_hold_up_nobody(small_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While pages are rendered the API responds, one page too many is 503, and clients that left get none."""
    app, pages = Server(small_build.parent), Pages()
    with (
        in_process(app) as url,
        contextlib.ExitStack() as stack,
        httpx.Client(base_url=url, timeout=PATIENCE) as client,
    ):
        monkeypatch.setattr(app.build, "_browser", pages)
        address = ("127.0.0.1", httpx.URL(url).port or 0)
        clients = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(MAX_PENDING)]
        for each in clients:
            each.sendall(b"GET /browse/nice HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert wait_for(lambda: (pages.begun, app._rendering._pending) == (1, MAX_PENDING))
        refused = client.get("/browse/another")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert "too many pages" in refused.json()["error"]
        assert client.get("/api/test-groups").status_code == 200
        for each in clients[2:]:
            each.close()
        for _ in range(2):  # by then the server has seen all that came before
            assert client.get("/api/test-groups").status_code == 200
        pages.go.set()
        assert [each.makefile("rb").read()[-4:] for each in clients[:2]] == [b"page", b"page"]
        assert client.get("/browse/later").text == "page"
        assert wait_for(lambda: app._rendering._pending == 0)
    assert pages.begun == 3


def test_a_page_whose_query_takes_too_long_is_503(small_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no mistake of the client, who is asked to try again, in every format and without the query's text."""
    monkeypatch.setitem(HARDENED, "sql_time_limit_ms", 0)
    app = Server(small_build.parent)
    with in_process(app) as url:
        for kind in ("", ".json", ".csv"):
            answer = httpx.get(f"{url}/browse/teacher-dashboard/api-rosters{kind}", timeout=PATIENCE)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "takes too long; try again" in answer.text
            assert "SELECT" not in answer.text
