"""Runs the server: uvicorn on a socket of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import socket
import webbrowser
from typing import TYPE_CHECKING, Literal

import uvicorn

from etl.errors import Bug, EtlError
from etl.run.process import stop_signals
from etl.server.app import Server
from etl.server.loopback import is_loopback
from etl.server.protocol import PatientProtocol
from etl.server.seed import TOKEN_VARIABLE, Seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: A thousand idle clients need a thousand.
OPEN_FILES = 8192

#: What the system keeps of an answer for a client that does not read it; its own choice goes up to megabytes.
SEND_BYTES = 262_144

#: Clients that may wait to be let in.
BACKLOG = 2048

#: Why a port is not to be had; anything else is the host's fault.
_PORT = {errno.EADDRINUSE, errno.EACCES}


class _Stoppable(uvicorn.Server):
    """Runs until a signal stops it and then returns, for so a server ends; uvicorn would raise the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(  # noqa: PLR0913 -- the options of the command
    pipeline: Path,
    out: Path,
    *,
    host: str,
    port: int,
    world: str,
    explore: bool,
    open_browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the current build until it is stopped. Raises EtlError: no build, a port in use, exploring in public."""
    if explore and not is_loopback(host):
        raise EtlError(f"--explore lets anyone run SQL; it is refused on {host}, use it on 127.0.0.1")
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    app = Server(out, world=world, explore=explore, seed=Seed(pipeline, out, token) if token else None)
    _allow_open_files()
    with listen(host, port) as listening:
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
        say(f"serving build {app.published.build} at {address} (Ctrl-C stops)")
        if open_browser:
            webbrowser.open(address)
        server = _Stoppable(settings(app))
        server.run(sockets=[listening])
    if not server.started:
        raise Bug("the server did not start")


def settings(app: Server) -> uvicorn.Config:
    """How uvicorn runs the application."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        loop=_loop(),
        ws="none",
        lifespan="on",
        log_level="error",  # its warnings are about what clients send
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
    )


def _loop() -> Literal["asyncio", "uvloop"]:
    try:
        import uvloop  # noqa: F401, PLC0415 -- it does not install everywhere
    except ImportError:
        return "asyncio"
    return "uvloop"


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address, port 0 for any free one. Raises EtlError."""
    with contextlib.ExitStack() as failed:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = failed.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
            listening.bind(address)
            listening.listen(BACKLOG)  # now: whoever comes before the server is ready waits for it
        except (OSError, UnicodeError) as error:
            reason, number = getattr(error, "strerror", None) or error, getattr(error, "errno", None)
            other = "--port" if number in _PORT else "--host"
            raise EtlError(f"cannot listen on {host}:{port}: {reason}; try another {other}") from error
        failed.pop_all()
    return listening


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
