"""Processes that a process starts end with it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.running import ROOT
from tests.support.serving import wait_for

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = """
import fcntl, pathlib, sys, time

def main():
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pathlib.Path("new").write_text(" ".join(sys.argv[1:]))
        pathlib.Path("new").rename("ready")  # never seen without its text
        time.sleep(600)
"""

WAITER = """
import pathlib, sleeper
from etl.cli import spare
spare.main = sleeper.main
spare.wait(pathlib.Path("pipeline.yaml"))
"""

SERVER = f"""
import asyncio, pathlib, sys
from etl.server.builder import Builder
builder = Builder(pathlib.Path("pipeline.yaml"), pathlib.Path("build"))
assert builder._command[:3] == [sys.executable, "-m", "etl.cli.spare"]
builder._command = [sys.executable, "-c", {WAITER!r}]
asyncio.run(builder.build("--seed", "7"))
"""


@pytest.mark.fault("a server killed by SIGKILL in the middle of a rebuild")
def test_a_rebuild_dies_with_its_server(tmp_path: Path) -> None:
    """However the server ends, the process that rebuilds ends too, and so can switch nothing."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    env = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen([sys.executable, "-c", SERVER], cwd=tmp_path, env=env) as server:
        try:
            assert wait_for((tmp_path / "ready").exists)
            with (tmp_path / "lock").open() as lock:
                assert not free(lock.fileno())
                server.kill()
                assert wait_for(lambda: free(lock.fileno()))
        finally:
            server.kill()
    assert (tmp_path / "ready").read_text() == "run pipeline.yaml --out build --seed 7"


def free(file: int) -> bool:
    """Whether nobody else holds a file's lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
