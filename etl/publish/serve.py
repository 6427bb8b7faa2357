"""Runs the server: uvicorn on a socket of ours, with clients that dawdle cut off."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import resource
import socket
import webbrowser
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from etl.errors import EtlError
from etl.publish.seed import TOKEN_VARIABLE, Seed
from etl.publish.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A client has this long to send the head of a request.
HEAD_SECONDS = 10

OPEN_FILES = 8192


class PromptProtocol(HttpToolsProtocol):
    """HTTP that gives a client a limited time for the head of a request; uvicorn alone would wait for ever."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Start the clock for a further request on the same connection."""
        if self._patience is None:
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Stop the clock."""
        self._calm()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._calm()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def serve(  # noqa: PLR0913 -- the options of the command
    pipeline: Path,
    out: Path,
    *,
    host: str,
    port: int,
    explore: bool,
    open_browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the current build until it is stopped. Raises EtlError: no build, a port in use, exploring in public."""
    if explore and not is_loopback(host):
        raise EtlError(f"--explore lets anyone run SQL; it is refused on {host}, use it on 127.0.0.1")
    token = os.environ.get(TOKEN_VARIABLE)
    app = Server(out, explore=explore, seed=Seed(pipeline, out, token) if token else None)
    _allow_open_files()
    with _socket(host, port) as listening:
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
        say(f"serving build {app.published.build} at {address} (Ctrl-C stops)")
        if open_browser:
            webbrowser.open(address)
        config: dict[str, Any] = {
            "http": PromptProtocol,
            "loop": _loop(),
            "lifespan": "on",
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "timeout_keep_alive": 15,
            "timeout_graceful_shutdown": 5,
            "ws": "none",
        }
        uvicorn.Server(uvicorn.Config(app, **config)).run(sockets=[listening])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _loop() -> str:
    try:
        import uvloop  # noqa: F401, PLC0415 -- it does not install everywhere
    except ImportError:
        return "asyncio"
    return "uvloop"


def _socket(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise EtlError(f"cannot listen on {host}:{port}: {error.strerror}; try another --port") from error
    return listening


def _allow_open_files() -> None:
    """A thousand idle clients need a thousand handles."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
