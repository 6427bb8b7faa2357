"""Runs Datasette on a separate event loop, few requests at once, none for clients that have disconnected.

A page takes up to 0.05 seconds of Python, during which its event loop does nothing else; the API does not wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etl.server.http import Message, Receive, Scope, Send

    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Pages made at once: one waits for the database while another one is rendered.
MAX_CONCURRENT = 2

#: Requests for pages that are not answered yet.
MAX_PENDING = 16

#: Bytes of a response that are buffered until it is complete, so that a slow client does not hold up the others.
BUFFER_BYTES = 1_000_000


class Busy(Exception):  # noqa: N818 -- a state, not an error
    """There are already MAX_PENDING requests."""


class Rendering:
    """A thread with an event loop that runs ASGI applications."""

    def __init__(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)  # used on that loop only
        self._pending = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="pages", daemon=True)
        self._thread.start()

    async def answer(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        """Run an application, unless the client has disconnected by its turn. Raises Busy."""
        if self._pending >= MAX_PENDING:
            raise Busy
        here, run = asyncio.get_running_loop(), _on_loop(self._run, self._loop)
        self._pending += 1
        try:
            messages = await run(application, scope, _on_loop(receive, here), _on_loop(send, here))
        finally:
            self._pending -= 1
        for message in messages:
            await send(message)

    def stop(self) -> None:
        """Stop the thread; pending requests stay unanswered."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _run(self, application: Application, scope: Scope, receive: Receive, send: Send) -> list[Message]:
        """The messages to send: all of them, or only the end of a response longer than the buffer."""
        buffer: list[Message] = []
        size = 0

        async def collect(message: Message) -> None:
            nonlocal size
            buffer.append(message)
            size += len(message.get("body", b""))
            while size > BUFFER_BYTES and buffer:
                await send(buffer.pop(0))

        disconnected: Callable[[], bool] = scope.get("extensions", {}).get("disconnected", bool)
        async with self._slots:
            if not disconnected():
                await application(scope, receive, collect)  # never cancelled: Datasette does not support it
        return buffer


def _on_loop(function: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[..., Awaitable[Any]]:
    """A coroutine function that runs another one on its own loop, wherever it is called."""

    async def call(*arguments: object) -> object:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(function(*arguments), loop))

    return call
