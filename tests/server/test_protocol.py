"""Timeouts of connections; test_hostile tries them on a real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from etl.server.protocol import TIMEOUT_SECONDS, TimeoutProtocol

if TYPE_CHECKING:
    import pytest

REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def app(_: object, __: object, send: Any) -> None:  # noqa: ANN401 -- as ASGI has it
    """Say nothing, well."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def test_a_machine_that_stood_still_cuts_off_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is half sent when the machine stops for longer than the timeout can be completed afterwards."""

    async def story() -> bytes:
        loop, received = asyncio.get_running_loop(), asyncio.Event()

        class Protocol(TimeoutProtocol):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                received.set()

        config = uvicorn.Config(app, lifespan="off", log_config=None)
        server = await loop.create_server(lambda: Protocol(config, ServerState(), {}, loop), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(REQUEST[:-2])
        await received.wait()
        before = loop.time
        monkeypatch.setattr(loop, "time", lambda: before() + 2 * TIMEOUT_SECONDS)
        await asyncio.sleep(0.01)  # the connection is checked, as its timer is due
        writer.write(REQUEST[-2:])
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        server.close()
        return answer

    assert asyncio.run(story()).startswith(b"HTTP/1.1 204 No Content\r\n")
