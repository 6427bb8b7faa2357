"""What tests share: the two finished worlds, built once a session by the real command."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build a pipeline with the command line, once for all the processes that the tests run in: the build's folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # with pytest-xdist: the processes' common folder

    def build(pipeline: str) -> Path:
        out = shared / "builds" / pipeline.replace("/", "-")
        with (shared / "builds.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (out / "current").exists():
                command = [sys.executable, "-m", "etl", "run", pipeline, "--out", str(out), "--quiet"]
                subprocess.run(command, cwd=ROOT, check=True, timeout=120)
        return (out / "current").resolve()

    return build


@pytest.fixture(scope="session")
def default_build(built: Callable[[str], Path]) -> Path:
    """The folder of the default world's build."""
    return built("pipeline.yaml")


@pytest.fixture(scope="session")
def tiny_build(built: Callable[[str], Path]) -> Path:
    """The folder of the tiny world's build: three rosters, two shards."""
    return built("pipelines/tiny.yaml")
