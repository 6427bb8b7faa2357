"""Starts the real server on a free port, in a process of its own, for the time of a test."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import uvicorn

from etl.build import verify
from etl.config.source import load
from etl.server.listen import listen, settings
from etl.site.column_types import json_schema
from tests.support import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from etl.server.app import Server

ROOT = Path(__file__).parents[2]

_SMALL_TEXT = {
    "report: etl.school.report:draw": "report: false",  # drawing it takes longer than all the rest
    "count: 250": "count: 12",
    "rosters: [1, 80]": "rosters: [1, 4]",
    "rosters: [81, 160]": "rosters: [5, 8]",
    "rosters: [161, 250]": "rosters: [9, 12]",
}

PATIENCE = running.PATIENCE

#: A token for tests.
TOKEN = "open-sesame-41"  # noqa: S105 -- it opens nothing


@dataclass(frozen=True)
class Serving:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str  # without a slash at its end
    log: Path  # all that it printed

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rpartition(":")[2])

    @property
    def _measured(self) -> psutil.Process:
        return psutil.Process(self.process.pid)

    @property
    def memory(self) -> int:
        """Bytes that it has in memory now."""
        return int(self._measured.memory_info().rss)

    @property
    def cpu(self) -> float:
        """Seconds of CPU time that it has used: unlike those of a clock, no more on a busy machine."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    @property
    def threads(self) -> int:
        """Its threads."""
        return int(self._measured.num_threads())

    @property
    def open_files(self) -> int:
        """Its open files, sockets with them."""
        return int(self._measured.num_fds())

    def has_open(self, path: Path) -> bool:
        """Whether it has a file open."""
        return str(path.resolve()) in {file.path for file in self._measured.open_files()}


@contextlib.contextmanager
def serving(
    out: Path, *options: str, pipeline: Path = ROOT / "pipeline.yaml", env: Mapping[str, str] | None = None
) -> Iterator[Serving]:
    """Serve the current build of a folder; the server ends with the block. Fails when it does not start."""
    log = out.parent / f"{out.name}-serve-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "etl", "serve", str(pipeline), "--out", str(out), "--port", "0", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(env or {})}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = _address(process, log)
        httpx.get(f"{url}/api/openapi.json", timeout=PATIENCE).raise_for_status()  # it listens before it is ready
        yield Serving(process, url, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = re.search(r"^serving build \S+ at (http://\S+)/ ", log.read_text(), re.MULTILINE)
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def typed(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The types of an endpoint's columns, from those that a file would say."""
    return {name: json_schema(kind, {}) for name, kind in columns.items()}


def small_project(folder: Path) -> Path:
    """A copy of the project's inputs, to change, with a small world: its pipeline file."""
    for name in ("data", "sql"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "pyproject.toml").touch()
    text = (ROOT / "pipeline.yaml").read_text(encoding="utf-8")
    for old, new in _SMALL_TEXT.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    return folder / "pipeline.yaml"


def run(pipeline: Path, out: Path, *options: str) -> Path:
    """Build a world and point ``current`` at it: the build's folder."""
    command = [sys.executable, "-m", "etl", "run", str(pipeline), "--out", str(out), "--quiet", *options]
    subprocess.run(command, cwd=ROOT, check=True, timeout=PATIENCE)
    return (out / "current").resolve()


def copy_of(build: Path, out: Path) -> Path:
    """A folder of builds with a copy of a build in it, as the current one."""
    shutil.copytree(build, out / build.name)
    (out / "current").symlink_to(build.name)
    return out


def point(out: Path, build: Path) -> None:
    """Point ``current`` at a build, as a run does."""
    link = out / f".tmp-current-{os.getpid()}"
    link.symlink_to(build.name)
    link.rename(out / "current")


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until a function says yes: whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def in_process(app: Server) -> Iterator[str]:
    """Run an application as ``serve`` does, in a thread of this process, where its limits can be changed: its URL."""
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(settings(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert wait_for(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def clean(out: Path) -> bool:
    """Delete old builds, as the command does."""
    deleted, kept = verify.clean(load(ROOT / "pipeline.yaml"), out, 1, print)
    return deleted + kept > 0
