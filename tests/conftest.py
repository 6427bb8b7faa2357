"""What tests share: finished worlds, each built once a session, the server over one of them, and a browser."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from etl.build.run import make_build
from etl.config.source import load
from tests.support.running import PATIENCE, ROOT, TINY
from tests.support.serving import Serving, serving
from tests.support.small import TWELVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from etl.config.source import Source

#: With nohup, processes would inherit that it is ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

#: Of a browser that asks nobody for anything.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build a pipeline with changes, once for all the processes that the tests run in: the build's folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base  # with pytest-xdist: the processes' common folder

    def build(pipeline: str, *changes: str) -> Path:
        name = hashlib.sha256("\n".join((pipeline, *changes)).encode()).hexdigest()[:8]
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / name / "current").exists():
                make_build(load(ROOT / pipeline, changes=changes), shared / name)
            return (shared / name / "current").resolve()

    return build


@pytest.fixture(scope="session")
def default_build(built: Callable[[str], Path]) -> Path:
    """The folder of the default world's build."""
    return built("pipeline.yaml")


@pytest.fixture(scope="session")
def tiny_build(built: Callable[[str], Path]) -> Path:
    """The folder of the tiny world's build: three rosters, two shards."""
    return built(TINY)


@pytest.fixture(scope="session")
def small_build(built: Callable[..., Path]) -> Path:
    """The folder of the default world's build with twelve classes, without a report."""
    return built("pipeline.yaml", *TWELVE, "report=false")


@pytest.fixture(scope="session")
def default_server(default_build: Path) -> Iterator[Serving]:
    """The server over the default world, as it starts without options, for tests after which it goes on as before."""
    with serving(default_build.parent, env={"ETL_SEED_TOKEN": ""}) as server:
        yield server


@pytest.fixture
def tiny() -> Source:
    """The tiny world's pipeline."""
    return load(ROOT / TINY)


@pytest.fixture
def out(tiny_build: Path, tmp_path: Path) -> Path:
    """A folder of builds of the test's own, with the tiny world's in it."""
    folder = tmp_path / "build"
    shutil.copytree(tiny_build, folder / tiny_build.name)
    (folder / "current").symlink_to(tiny_build.name)
    shutil.copyfile(tiny_build.parent / ".lock", folder / ".lock")  # which proves that the folder is ours
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. While it runs asyncio.run does not work, so no other test of the module may need it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- few tests need it

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must test the pages in a browser, and there is no chromium here")
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET, timeout=PATIENCE * 1000)
        yield browser
        browser.close()
