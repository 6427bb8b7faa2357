"""uvicorn's HTTP protocol with timeouts and a size limit for slow or hostile clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

#: A client must send a request, and read the next part of a response, within this time.
TIMEOUT_SECONDS = 10.0

#: How often timeouts are checked. They count checks, not time: a machine that stands still is no fault of a client.
POLL_SECONDS = 1.0

#: Of headers and body.
MAX_REQUEST_BYTES = 65_536

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TimeoutProtocol(HttpToolsProtocol):
    """Closes connections of clients that are too slow or send too much; uvicorn alone would wait forever."""

    _request_checks: int | None = None  # since the request began that is not complete yet
    _received = 0  # bytes of it
    _unread = 0  # bytes of responses that the client has not read
    _unread_checks = 0  # for which this number has not changed
    _timer: asyncio.TimerHandle | None = None
    _current: Any = None  # the request being answered; uvicorn knows only the last one of a pipeline

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of the first request."""
        super().connection_made(transport)
        self._request_checks = 0
        self._timer = self.loop.call_later(POLL_SECONDS, self._check)

    def data_received(self, data: bytes) -> None:
        """Count the bytes, and close the connection if they are too many."""
        if self._request_checks is None:
            self._request_checks = 0
        self._received += len(data)
        super().data_received(data)
        if self._received > MAX_REQUEST_BYTES and not self.transport.is_closing():
            if getattr(self.cycle, "response_complete", True):
                self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the timeout."""
        self._request_checks = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse headers that arrived at once but are too long; uvicorn answers 400 to ValueError."""
        if (
            self._received > MAX_REQUEST_BYTES
            and sum(len(name) + len(value) for name, value in self.headers) > MAX_REQUEST_BYTES
        ):
            raise ValueError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the timeout."""
        self._request_checks, self._received = None, 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer, and mark the current request as disconnected."""
        if self._timer is not None:
            self._timer.cancel()
        if self._current is not None:
            self._current.disconnected = True
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # noqa: ANN401 -- as uvicorn has them
        self._current = cycle
        cycle.scope["extensions"] = {"disconnected": self.transport.is_closing}
        super()._start_asgi_task(cycle, app)

    def _check(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._unread_checks = self._unread_checks + 1 if unread and unread == self._unread else 0
        self._unread = unread
        if self._request_checks is not None:
            self._request_checks += 1
        if max(self._unread_checks, self._request_checks or 0) * POLL_SECONDS > TIMEOUT_SECONDS:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(POLL_SECONDS, self._check)
