"""Makes Datasette's pages apart from the API: on an event loop of their own, few at once, for clients still there.

A page is Python's work for up to 0.05 seconds, in which its loop does nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etl.server.http import Message, Receive, Scope, Send

    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Pages made at once: one waits for the database while another one is laid out.
AT_ONCE = 2

#: Pages asked for and not made yet.
ASKED = 16

#: Bytes of an answer that are kept until it is whole, so that a client who reads slowly takes nobody's turn.
KEPT_BYTES = 1_000_000


class Busy(Exception):  # noqa: N818 -- it says what the matter is
    """More pages are asked for than may wait."""


class Rendering:
    """A thread with an event loop, on which applications answer."""

    def __init__(self) -> None:
        """Start it."""
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(AT_ONCE)  # of that loop
        self._asked = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="pages", daemon=True)
        self._thread.start()

    async def answer(self, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an application answer, if the client is still there when its turn comes. Raises Busy."""
        if self._asked >= ASKED:
            raise Busy
        here, in_turn = asyncio.get_running_loop(), _across(self._in_turn, self._loop)
        self._asked += 1
        try:
            messages = await in_turn(application, scope, _across(receive, here), _across(send, here))
        finally:
            self._asked -= 1
        for message in messages:
            await send(message)

    def stop(self) -> None:
        """End the thread; what is not answered yet never is."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _in_turn(self, application: Application, scope: Scope, receive: Receive, send: Send) -> list[Message]:
        """What is to be sent, all of it or, of a long answer, the end."""
        kept: list[Message] = []
        size = 0

        async def keep(message: Message) -> None:
            nonlocal size
            kept.append(message)
            size += len(message.get("body", b""))
            while size > KEPT_BYTES and kept:
                await send(kept.pop(0))

        gone: Callable[[], bool] = scope.get("extensions", {}).get("gone", bool)
        async with self._places:
            if not gone():
                await application(scope, receive, keep)  # to its end: Datasette is not made to be cancelled
        return kept


def _across(function: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[..., Awaitable[Any]]:
    """A coroutine function of one loop, to be called from another one."""

    async def there(*arguments: object) -> object:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(function(*arguments), loop))

    return there
