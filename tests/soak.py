"""A soak of the server: mixed traffic at half of what it can do, and a new build every so often.

``python -m tests.soak --minutes 10`` prints what it found; ``python -m tests.torture`` writes it down. The clients are
ours, over asyncio: they cost less than the server, and notice a connection that ends, a length that is wrong, a build
that goes backwards.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.running import ROOT, command
from tests.support.serving import Serving, serving

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "teacher-dashboard"
CONNECTIONS = 8
CAPACITY_SECONDS = 5.0
PATIENCE_SECONDS = 20.0
FAILURES_KEPT = 20

#: A rebuild may cost the server so much memory, in bytes.
GROWTH_LIMIT = 2_000_000

#: Builds before memory counts: the first ones fill caches and the allocator's arenas.
WARM = 8

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_BUILD = re.compile(rb"\r\nx-build: *(\w+)\r\n", re.IGNORECASE)

#: What is asked for, the status it must get, and how often among the others. ``{n}`` is some roster.
MIX = [
    ("/api/rosters", 200, 20),
    ("/api/rosters/{n}/students", 200, 20),
    ("/api/rosters/{n}/scores", 200, 20),
    ("/api/rosters/{n}/scores.json", 200, 5),
    ("/api/test-groups/1/tests", 200, 10),
    ("/api/assignments/1/students", 200, 5),
    ("/api/openapi.json", 200, 2),
    ("/index.html", 200, 3),
    ("/manifest.json", 200, 1),
    (f"/browse/{NAME}/rosters/{{n}}", 200, 2),
    (f"/browse/{NAME}/rosters", 200, 1),
    (f"/browse/{NAME}/rosters.json?_size=10", 200, 2),
    ("/", 200, 1),
    ("/api/rosters/999999/scores", 404, 3),
    ("/api/rosters/x/scores", 400, 2),
    ("/nothing", 404, 1),
    (f"/browse/{NAME}.json?sql=select+1", 403, 2),
]


@dataclass(frozen=True)
class Sample:
    """What the server held at one moment."""

    memory: int  # bytes
    open_files: int
    threads: int


@dataclass
class Soak:
    """What a soak found."""

    minutes: float
    capacity: float = 0  # requests a second, as fast as the clients can
    seconds: float = 0
    requests: int = 0
    failures: list[str] = field(default_factory=list)  # the first ones
    failed: int = 0
    waits: list[float] = field(default_factory=list)  # seconds from asking to the last byte
    rebuilds: int = 0
    samples: list[Sample] = field(default_factory=list)  # with each build, the last one's last

    @property
    def rate(self) -> float:
        """Requests a second, as they were."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def growth(self) -> float:
        """Bytes that the server's memory grew by with each build: the slope of a line through the samples."""
        memory = [sample.memory for sample in self.samples[WARM:]]
        if len(memory) < 2:
            return 0.0
        return statistics.linear_regression(range(len(memory)), memory).slope

    def wait(self, percent: int) -> float:
        """The seconds within which so many of a hundred requests were answered."""
        return statistics.quantiles(self.waits, n=100)[percent - 1] if len(self.waits) > 1 else 0.0

    def problems(self) -> list[str]:
        """What did not hold."""
        files = [sample.open_files for sample in self.samples]
        found = []
        if self.failed:
            found.append(f"{self.failed} requests failed, the first: {self.failures[0]}")
        if not self.requests or not self.rebuilds:
            found.append("no requests, or no rebuilds")
        if files and files[-1] > files[0] + 1:
            found.append(f"open files rose from {files[0]} to {files[-1]}")
        if self.growth > GROWTH_LIMIT:
            found.append(f"memory grew by {self.growth / 1e6:.1f} MB per rebuild")
        if len(self.samples) < WARM + 3:
            found.append(f"only {len(self.samples)} samples, too few to see memory grow; soak for longer")
        return found


class Client:
    """One connection that is kept, and its part of the traffic."""

    def __init__(self, port: int, number: int, soak: Soak, order: list[str]) -> None:
        """Name the port, and where to note what was found; nothing is sent yet."""
        self.port, self.soak, self.order = port, soak, order
        self.chance = random.Random(number)  # noqa: S311 -- it mixes traffic
        self.newest = 0  # index of the newest build that this client was answered from
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self) -> None:
        """Ask for something; note when it is not answered as it must be."""
        (path, status, _), *_ = self.chance.choices(MIX, [weight for _, _, weight in MIX])
        path = path.replace("{n}", str(self.chance.randint(1, 250)))
        zipped = "accept-encoding: gzip\r\n" if self.chance.random() < 0.5 else ""
        start = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                problem = await self._answered(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{zipped}\r\n", status)
        except (OSError, EOFError, TimeoutError) as error:
            problem = repr(error)
            self.close()
        self.soak.requests += 1
        self.soak.waits.append(time.perf_counter() - start)
        if problem:
            self.soak.failed += 1
            self.soak.failures = [*self.soak.failures, f"{path}: {problem}"][:FAILURES_KEPT]

    async def _answered(self, request: str, status: int) -> str:
        """Send a request and read its answer whole: what is wrong with it, or nothing."""
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request.encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None:
            return "an answer without its length"
        await self.reader.readexactly(int(length[1]))
        if head[9:12] != b"%d" % status:
            return f"the status is {head[9:12].decode()}, not {status}"
        build = _BUILD.search(head)
        if build:
            name = build[1].decode()
            if name not in self.order:
                self.order.append(name)  # the first who sees it
            if self.order.index(name) < self.newest:
                return f"the build {name} came back"
            self.newest = self.order.index(name)
        return ""

    def close(self) -> None:
        """Give the connection up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def _traffic(clients: list[Client], rate: float | None, until: Callable[[], bool]) -> None:
    """Ask from all clients, so many times a second in all, or as fast as they can, until told to stop."""

    async def one(client: Client, offset: int) -> None:
        begin = time.perf_counter()
        for number in itertools.count():
            if until():
                return
            if rate:
                due = begin + (number * len(clients) + offset) / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await client.ask()

    await asyncio.gather(*(one(client, offset) for offset, client in enumerate(clients)))


def _sample(server: Serving) -> Sample:
    return Sample(server.memory, server.open_files, server.threads)


async def _soak(server: Serving, out: Path, soak: Soak, every: float) -> None:
    order: list[str] = []
    clients = [Client(server.port, number, soak, order) for number in range(CONNECTIONS)]
    end = time.perf_counter() + CAPACITY_SECONDS
    await _traffic(clients, None, lambda: time.perf_counter() > end)
    soak.capacity = soak.requests / CAPACITY_SECONDS
    soak.requests, soak.waits = 0, []
    start = time.perf_counter()
    end = start + soak.minutes * 60
    traffic = asyncio.create_task(_traffic(clients, soak.capacity / 2, lambda: time.perf_counter() > end))
    for seed in itertools.count(1):
        await asyncio.sleep(every)
        soak.samples.append(_sample(server))
        if time.perf_counter() + every > end:
            break
        job = command("run", "--out", out, "--quiet", "--seed", str(seed))
        process = await asyncio.create_subprocess_exec(*job, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
        _, complained = await process.communicate()
        if process.returncode:
            soak.failed += 1
            soak.failures.append(f"run --seed {seed}: {complained.decode()}")
        else:
            soak.rebuilds += 1
    await traffic
    soak.seconds = time.perf_counter() - start
    for client in clients:
        client.close()


def soak_server(minutes: float, every: float) -> Soak:
    """Soak a server of the default world, with a rebuild every so many seconds: what was found."""
    soak = Soak(minutes)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        out = Path(folder, "build")
        subprocess.run(command("run", "--out", out, "--quiet"), cwd=ROOT, check=True)
        with serving(out) as server:
            asyncio.run(_soak(server, out, soak, every))
            said = server.log.read_text(encoding="utf-8").splitlines()[1:]
        if said:
            soak.failed += 1
            soak.failures.append(f"the server said: {said[0]}")
    return soak


def table(soak: Soak) -> str:
    """What was found, as Markdown."""
    first, last = soak.samples[0], soak.samples[-1]
    rows = [
        ("duration", f"{soak.seconds / 60:.1f} minutes, {CONNECTIONS} keep-alive connections"),
        ("capacity, measured for 5 s", f"{soak.capacity:,.0f} requests a second"),
        ("load in the soak", f"{soak.requests:,} requests, {soak.rate:,.0f} a second"),
        ("failed", f"{soak.failed:,}"),
        ("response time", f"{soak.wait(50) * 1000:.1f} ms (median), {soak.wait(99) * 1000:.0f} ms (99th percentile)"),
        ("rebuilds during the soak", f"{soak.rebuilds}"),
        ("open files, before and after", f"{first.open_files}, {last.open_files}"),
        ("threads, before and after", f"{first.threads}, {last.threads}"),
        ("memory, before and after", f"{first.memory / 1e6:.0f} MB, {last.memory / 1e6:.0f} MB"),
        ("memory growth per rebuild", f"{soak.growth / 1e6:.2f} MB (limit {GROWTH_LIMIT / 1e6:.0f} MB)"),
    ]
    lines = ["| soak of the server | result |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join([*lines, *(f"\n**Failed:** {problem}" for problem in soak.problems())])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a soak."""
    parser.add_argument("--minutes", type=float, default=10, help="how long the server is soaked [10]")
    parser.add_argument("--every", type=float, default=30, help="seconds from one rebuild to the next [30]")


def main() -> None:
    """Soak, and print the results. Exits with 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    soak = soak_server(options.minutes, options.every)
    sys.stdout.write(f"{table(soak)}\n")
    sys.stderr.write("".join(f"{failure}\n" for failure in soak.failures))
    sys.stderr.write(f"{json.dumps([round(sample.memory / 1e6, 1) for sample in soak.samples])}\n")
    sys.exit(1 if soak.problems() else 0)


if __name__ == "__main__":
    main()
