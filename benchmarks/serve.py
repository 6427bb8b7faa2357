"""Requests a second for three addresses: our server, and others that answer the same; ``python -m benchmarks.serve``.

Every contender serves the same build on this machine and is asked by the same client over keep-alive connections, in
turn, several rounds of it; the table has medians. A contender that is not installed is left out by name.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    Speeds = dict[str, dict[str, list[float]]]  # requests a second by address and contender, of each round

ROOT = Path(__file__).resolve().parent.parent
NAME = "teacher-dashboard"

#: The addresses, and the canned query that says the same.
ADDRESSES = {
    "/api/rosters": f"/{NAME}/api-rosters.json?_shape=array",
    "/api/test-groups/1/tests": f"/{NAME}/api-test-groups-tests.json?_shape=array&id=1",
    "/api/rosters/1/scores": f"/{NAME}/api-rosters-scores.json?_shape=array&id=1",
}

CONNECTIONS = 8

OURS, TRIVIAL, CANNED = "ours", "a trivial ASGI application", "Datasette, canned query"

_ROUTE = """
import asyncio, sys, uvicorn
from pathlib import Path
from etl.server.open_build import OpenBuild
app = asyncio.run(OpenBuild(Path(sys.argv[1]).resolve(), explore=False).browser())
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""

#: The least that an ASGI application can do: bytes that it has in memory, by address.
_TRIVIAL = """
import sys, uvicorn
from pathlib import Path
answers = {f"/{url}": Path(sys.argv[1], f"{url}.json").read_bytes() for url in sys.argv[3:]}
async def app(scope, receive, send):
    body = answers[scope["path"]]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False, lifespan="off")
"""

_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000000; default_type application/json;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True)
class Contender:
    """Somebody who can answer: the command that starts it on a port, and its address for one of ours."""

    name: str
    needs: str  # the program without which it is left out
    command: Callable[[Path, int, Path], list[str]]  # build, port, a folder of its own
    address: Callable[[str], str] = str


def _nginx(build: Path, port: int, folder: Path) -> list[str]:
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, root=build))
    folder.chmod(0o755)  # its worker is another user, where root starts it
    return ["nginx", "-c", str(config), "-e", str(folder / "errors")]


CONTENDERS = [
    Contender(
        OURS,
        sys.executable,
        lambda build, port, _: [
            *(sys.executable, "-m", "etl", "serve"),
            *("--out", str(build.parent), "--port", str(port)),
        ],
    ),
    Contender(
        TRIVIAL,
        sys.executable,
        lambda build, port, _: [
            *(sys.executable, "-c", _TRIVIAL, str(build), str(port)),
            *(url.removeprefix("/") for url in ADDRESSES),
        ],
    ),
    Contender(
        CANNED,
        sys.executable,
        lambda build, port, _: [sys.executable, "-m", "datasette", "serve", str(build), "--port", str(port)],
        ADDRESSES.__getitem__,
    ),
    Contender(
        "Datasette, plugin route",
        sys.executable,
        lambda build, port, _: [sys.executable, "-c", _ROUTE, str(build), str(port)],
    ),
    Contender("nginx, exported files", "nginx", _nginx, lambda url: f"{url}.json"),
]

NAMES = tuple(each.name for each in CONTENDERS)


def main() -> None:
    """Build the default world, measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured [5]")
    parser.add_argument("--seconds", type=float, default=2.0, help="for how long each time [2]")
    options = parser.parse_args()
    speeds = compare(options.rounds, options.seconds)
    _say(_table(speeds, options.rounds, options.seconds))


def compare(rounds: int, seconds: float, names: Container[str] = NAMES) -> Speeds:
    """Build the default world, and measure the contenders that are installed. Exits where one answers otherwise."""
    there = [each for each in CONTENDERS if each.name in names and shutil.which(each.needs)]
    with tempfile.TemporaryDirectory(prefix="serve-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        run = [sys.executable, "-m", "etl", "run", "--quiet", "--no-report", "--out", str(folder / "build")]
        subprocess.run(run, cwd=ROOT, check=True)
        build = (folder / "build" / "current").resolve()
        ports = {each.name: stack.enter_context(_serving(each, build, folder)) for each in there}
        _hold_equal(build, there, ports)
        return _measure(there, ports, rounds, seconds)


def share_of_trivial(url: str) -> str:
    """The name of a measurement."""
    return f"{url}: requests a second, share of a trivial ASGI application's"


@contextlib.contextmanager
def _serving(contender: Contender, build: Path, folder: Path) -> Iterator[int]:
    """Run a contender until the block ends: its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    own = Path(tempfile.mkdtemp(dir=folder))
    command = contender.command(build, port, own)
    with (own / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while _get(port, contender.address("/api/rosters")) is None:
            if time.monotonic() > end or process.poll() is not None:
                sys.exit(f"{contender.name} did not start: {(own / 'log').read_text()}")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def _get(port: int, path: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, ConnectionError):
        return None


def _hold_equal(build: Path, contenders: list[Contender], ports: dict[str, int]) -> None:
    """Hold that all give the exported bytes; a canned query gives the same rows in its own form."""
    for url in ADDRESSES:
        expected = (build / f"{url[1:]}.json").read_bytes()
        for contender in contenders:
            found = _get(ports[contender.name], contender.address(url)) or b""
            same = found.count(b'"id":') == expected.count(b'"id":') if contender.name == CANNED else found == expected
            if not same:
                sys.exit(f"{contender.name} answers {url} otherwise")


def _measure(contenders: list[Contender], ports: dict[str, int], rounds: int, seconds: float) -> Speeds:
    """Requests a second by address and contender, of each round."""
    found: Speeds = {url: {each.name: [] for each in contenders} for url in ADDRESSES}
    for _ in range(rounds):
        for url in ADDRESSES:
            for contender in contenders:
                speed = _speed(ports[contender.name], contender.address(url), seconds)
                found[url][contender.name].append(speed)
    return found


def _speed(port: int, path: str, seconds: float) -> float:
    if not shutil.which("wrk"):
        return asyncio.run(_ask(port, path, seconds))
    address = f"http://127.0.0.1:{port}{path}"
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s", address]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    speed = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if speed is None or "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{path}: {output}")
    return float(speed[1])


async def _ask(port: int, path: str, seconds: float) -> float:
    """Ask without wrk: slower itself, so it flatters the slow."""
    end, count = time.perf_counter() + seconds, 0

    async def client() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if length is not None:
                await reader.readexactly(int(length[1]))
            else:  # in chunks
                await reader.readuntil(b"\r\n0\r\n\r\n")
            count += 1
        writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return count / seconds


def _table(speeds: Speeds, rounds: int, seconds: float) -> str:
    names = list(next(iter(speeds.values())))
    client = "wrk" if shutil.which("wrk") else "asyncio"
    absent = [each.name for each in CONTENDERS if each.name not in names]
    lines = [
        f"Requests a second over {CONNECTIONS} connections ({client}); medians of {rounds} rounds of {seconds:g} s.",
        *(["", f"Not here: {', '.join(absent)}"] if absent else []),
        "",
        f"| address | {' | '.join(names)} | ours / {TRIVIAL} | ours / canned query |",
        f"| --- | {' | '.join('---:' for _ in names)} | ---: | ---: |",
    ]
    for url in ADDRESSES:
        found = {name: statistics.median(values) for name, values in speeds[url].items()}
        against = f"{found[OURS] / found[TRIVIAL]:.2f} | {found[OURS] / found[CANNED]:.1f}"
        lines.append(f"| `{url}` | {' | '.join(f'{speed:,.0f}' for speed in found.values())} | {against} |")
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
