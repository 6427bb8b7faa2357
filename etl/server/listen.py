"""Runs the server: uvicorn on a listening socket."""

from __future__ import annotations

import asyncio
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
from etl.server.address import parse_address
from etl.server.app import Server
from etl.server.builder import TOKEN_VARIABLE, Builder
from etl.server.http import is_loopback
from etl.server.protocol import TimeoutProtocol
from etl.server.reloading import Reloading
from etl.server.seed import Seed
from etl.server.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.server.app import Background

#: Each connection needs one; the usual limit is 1024.
MAX_OPEN_FILES = 8192

#: Socket buffer for clients that do not read; the system's default grows to megabytes.
SEND_BUFFER_BYTES = 262_144

#: Connections that wait to be accepted.
BACKLOG = 2048

#: Ports up to this one are for programs of the system.
_RESERVED_PORTS = 1023

#: Errors due to the port; any other is due to the host.
_PORT_ERRORS = {errno.EADDRINUSE, errno.EACCES}


class _Stoppable(uvicorn.Server):
    """Returns after a signal has stopped it; uvicorn would raise the signal again."""

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
    base_url: str = "/",
    explore: bool,
    watch: bool = False,
    spare: bool = True,
    open_browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the current build until a signal. Raises EtlError: no build, port in use, --explore off loopback."""
    if explore and not is_loopback(host):
        raise EtlError(f"--explore lets anyone run SQL; it is refused on {host}, use it on 127.0.0.1")
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    site = parse_address(base_url)
    builder = Builder(pipeline, out, spare=spare)
    watching = Watch(pipeline, builder, say) if watch else None
    if watching and not (out / "current").exists():
        say("there is no build yet; building")
        if failure := asyncio.run(Builder(pipeline, out, spare=False).build_quietly()):
            raise EtlError(failure)
    background: list[Background] = [*([builder] if token or watching else []), *([watching] if watching else [])]
    seed = Seed(builder, token) if token else None
    app = Server(out, world=world, address=site, explore=explore, seed=seed, background=background)
    _raise_file_limit()
    with listen(host, port) as listening:
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}{site.prefix}"
        say(f"serving build {app.build.id} at {address} (Ctrl-C stops)")
        if open_browser:
            webbrowser.open(address)
        server = _Stoppable(settings(Reloading(app, watching, site) if watching else app))
        server.run(sockets=[listening])
    if not server.started:
        raise Bug("the server did not start")


def settings(app: Server | Reloading) -> uvicorn.Config:
    """Uvicorn's configuration."""
    return uvicorn.Config(
        app,
        http=TimeoutProtocol,
        loop=_loop(),
        ws="none",
        lifespan="on",
        log_level="error",  # warnings are about clients' requests
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
    """A socket that listens on an address; port 0 means any free one. Raises EtlError."""
    with contextlib.ExitStack() as on_error:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = on_error.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            listening.bind(address)
            listening.listen(BACKLOG)  # now: clients may connect before the server is ready
        except (OSError, UnicodeError) as error:
            reason, number = getattr(error, "strerror", None) or error, getattr(error, "errno", None)
            hint = "try another --host"
            if number in _PORT_ERRORS:
                free = _free_port(host, port)
                hint = f"port {free} is free: --port {free}" if free else "try another --port"
            raise EtlError(f"cannot listen on {host}:{port}: {reason}; {hint}") from error
        on_error.pop_all()
    return listening


def _free_port(host: str, port: int) -> int:
    """The next port after one that is taken or reserved, 0 if none of a hundred is free."""
    first = max(port, _RESERVED_PORTS) + 1
    for candidate in range(first, min(first + 100, 65_536)):
        with contextlib.suppress(OSError), socket.create_server((host, candidate), family=_family(host)):
            return candidate
    return 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
