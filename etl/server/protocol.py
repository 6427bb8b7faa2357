"""HTTP for clients that may be slow or hostile: uvicorn's, with limits that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

#: A client has this long to send a request, and to take the next piece of its answer.
PATIENCE_SECONDS = 10.0

#: How often a connection is looked at.
LOOK_SECONDS = 1.0

#: Bytes of a request, its head and its body.
LONGEST_REQUEST = 65_536

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """A connection that ends when its client dawdles, or sends without end; uvicorn alone would wait for ever."""

    _since: float | None = None  # when the request began that is not complete yet
    _taken = 0  # bytes of it
    _unread = 0  # bytes of answers that the client has not taken
    _unread_since = 0.0
    _look: asyncio.TimerHandle | None = None
    _answering: Any = None  # what is being answered; with several requests on the way uvicorn knows the last one alone

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look = self.loop.call_later(LOOK_SECONDS, self._watch)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, or of several."""
        if self._since is None:
            self._since = self.loop.time()
        self._taken += len(data)
        super().data_received(data)
        if self._taken > LONGEST_REQUEST and not self.transport.is_closing():
            if getattr(self.cycle, "response_complete", True):
                self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the clock."""
        self._since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse a head that came in one piece and is too long all the same; uvicorn answers 400 to what is raised."""
        if (
            self._taken > LONGEST_REQUEST
            and sum(len(name) + len(value) for name, value in self.headers) > LONGEST_REQUEST
        ):
            raise ValueError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock."""
        self._since, self._taken = None, 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking, and let an answer on its way know that nobody waits for it."""
        if self._look is not None:
            self._look.cancel()
        if self._answering is not None:
            self._answering.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # noqa: ANN401 -- as uvicorn has them
        self._answering = cycle
        cycle.scope["extensions"] = {"gone": self.transport.is_closing}
        super()._start_asgi_task(cycle, app)

    def _watch(self) -> None:
        now, unread = self.loop.time(), self.transport.get_write_buffer_size()
        if unread != self._unread or not unread:
            self._unread, self._unread_since = unread, now
        since = min(self._unread_since, now if self._since is None else self._since)
        if now - since > PATIENCE_SECONDS:
            self.transport.abort()
        else:
            self._look = self.loop.call_later(LOOK_SECONDS, self._watch)
