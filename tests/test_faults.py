"""Faults, injected for real: the build that was there is whole, the message is right, the next run succeeds."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl.build import manifest
from etl.build.copies import copy
from etl.build.run import Result, make_build
from etl.config.source import load
from etl.tables import sqlite
from tests.support import small
from tests.support.running import KEPT, PATIENCE, ROOT, TINY, command, edit, etl, hashes, litter

if TYPE_CHECKING:
    from collections.abc import Callable

#: How many runs are killed; ``make torture`` asks for more.
KILLS = int(os.environ.get("TORTURE_KILLS", "6"))

#: What a signal may end a run with: its own code, or the signal itself while Python starts or ends.
ENDS = {
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {143, -signal.SIGTERM},
    signal.SIGINT: {130, -signal.SIGINT},
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline of a library, with a database and a report: small enough to be killed and built again often."""
    path = small.lending(tmp_path_factory.mktemp("library"))
    edit(path, "outputs: [parquet]", "outputs: [sqlite]\nreport: true")
    return path


@pytest.fixture(scope="module")
def usual_seconds(library: Path) -> float:
    """How long its first run takes here and now, from its start to its end."""
    start = time.perf_counter()
    assert etl("run", library, "--quiet").returncode == 0
    return time.perf_counter() - start


def following(out: Path, seed: int | None = None, pipeline: Path = ROOT / TINY) -> Result:
    """The next run, which succeeds; in this process, where it takes half as long."""
    return make_build(load(pipeline, seed=seed), out)


def assert_whole(out: Path) -> Path:
    """Hold that ``current`` leads to a build without damage, and that every other build is whole too."""
    current = (out / "current").resolve(strict=True)
    for path in out.iterdir():
        if path.name not in KEPT and not path.name.startswith("."):
            assert list(manifest.damage(path)) == [], path.name
    return current


def instants() -> list[Any]:
    """The kills, each with its signal and number; the signals take turns."""
    kills = [(list(ENDS)[number % len(ENDS)], number) for number in range(KILLS)]
    return [
        pytest.param(sent, number, marks=pytest.mark.fault(f"{sent.name} at a random instant of a run"))
        for sent, number in kills
    ]


@pytest.mark.parametrize(("sent", "number"), instants())
def test_killed_at_a_random_moment(library: Path, usual_seconds: float, sent: signal.Signals, number: int) -> None:
    """After a run is killed, the old build or the new one is complete, and the next run succeeds."""
    chance = random.Random(number)  # noqa: S311 -- it picks an instant, not a secret
    instant = chance.random() * usual_seconds
    out = library.parent / "build"
    before = assert_whole(out)
    content = hashes(before)
    job = command("run", library, "--json", "--seed", str(1000 + number))
    with subprocess.Popen(job, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(instant)
        process.send_signal(sent)
        said, complained = process.communicate(timeout=PATIENCE)
    finished = process.returncode == 0
    unstarted = process.returncode == 1 and "KeyboardInterrupt" in complained  # Python's own end, before a line of ours
    assert finished or unstarted or process.returncode in ENDS[sent], complained
    if process.returncode in {130, 143}:
        assert "Traceback" not in complained
    after = assert_whole(out)
    if finished:
        assert json.loads(said)["folder"] == str(after)
    assert hashes(before) == content
    if after != before:
        assert json.loads((after / manifest.NAME).read_text())["seed"] == 1000 + number
    assert following(out, 1000 + number, library).folder == assert_whole(out)
    assert litter(out) == []


def limited(
    limit: str, value: int, *arguments: str | Path, seconds: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a command with a limit on a resource, for this process alone; after some seconds it is killed."""
    code = (
        "import resource, runpy, sys; "
        f"resource.setrlimit(resource.{limit}, ({value}, {value})); "
        "sys.argv[0] = 'etl'; runpy.run_module('etl', run_name='__main__', alter_sys=True)"
    )
    job = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(job, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


@pytest.mark.fault("a full disk, in each phase (a limit on file sizes)")
@pytest.mark.parametrize("size", [0, 500_000])
def test_disk_full(out: Path, tmp_path: Path, size: int) -> None:
    """A file that cannot grow, in any phase, gives a message and exit code 1, and the old build stays."""
    before = hashes(out)
    arguments = ("run", TINY, "--out", out, "--copy-to", tmp_path / "copy.db", "--seed", "5", "--quiet")
    done = limited("RLIMIT_FSIZE", size, *arguments)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    assert hashes(out) == before
    assert litter(out) == []
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.fault("a full disk under --copy-to")
def test_copy_on_a_full_disk(out: Path, tmp_path: Path) -> None:
    """A copy that does not fit leaves the old copy unchanged, and no partial file."""
    (tmp_path / "copy.db").write_text("SQLite format 3\0old")
    done = limited("RLIMIT_FSIZE", 100_000, "run", TINY, "--out", out, "--copy-to", tmp_path / "copy.db", "--quiet")
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'copy.db'}: cannot write the copy: File too large\n"
    assert (tmp_path / "copy.db").read_text() == "SQLite format 3\0old"
    assert {*tmp_path.iterdir()} == {out, tmp_path / "copy.db"}


@pytest.mark.fault("no file handles left")
@pytest.mark.parametrize("files", [12])
def test_out_of_file_handles(out: Path, files: int) -> None:
    """With too few file handles a run fails with a message or succeeds, and the old build stays.

    DuckDB may abort if there are hardly any; then only the build is promised, not the message.
    """
    current = (out / "current").resolve()
    before = hashes(current)
    done = limited("RLIMIT_NOFILE", files, "run", TINY, "--out", out, "--quiet", "--seed", str(100 + files))
    assert done.returncode in {0, 1, -signal.SIGABRT}, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr.strip()) == bool(done.returncode)
    assert hashes(current) == before
    if done.returncode:
        assert assert_whole(out) == current
    assert following(out, 100 + files).folder == assert_whole(out)
    assert litter(out) == []


@pytest.mark.fault("no memory left")
@pytest.mark.parametrize("megabytes", [150, 900])
def test_out_of_memory(out: Path, megabytes: int) -> None:
    """After a run without enough memory the old build or the new one is complete, and the next run succeeds.

    DuckDB may also hang (3 times in 34, at 900 MiB): then the run is killed.
    """
    if sys.platform != "linux":
        pytest.skip("RLIMIT_AS only works on Linux")
    seed = 200 + megabytes
    arguments = ("run", TINY, "--out", out, "--quiet", "--seed", str(seed))
    with contextlib.suppress(subprocess.TimeoutExpired):
        assert limited("RLIMIT_AS", megabytes * 2**20, *arguments, seconds=20).returncode != 2
    assert_whole(out)
    assert following(out, seed).folder == assert_whole(out)
    assert litter(out) == []


@pytest.mark.fault("an unusable output folder")
def test_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """An output folder whose name is too long is an error with its path, and nothing is written anywhere."""
    done = etl("run", TINY, "--out", tmp_path / ("x" * 300))
    assert done.returncode in {1, 2}
    assert "x" * 300 in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.fault("`build/` on another file system than the project")
def test_builds_on_another_file_system(tmp_path: Path) -> None:
    """Builds, and copies of them, work on another file system than the project's."""
    place = Path("/dev/shm")  # noqa: S108 -- a folder of its own is made in it
    if not os.access(place, os.W_OK) or place.stat().st_dev == ROOT.stat().st_dev:
        pytest.skip("there is no second file system that anyone may write to")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        out, database = Path(folder, "build"), following(Path(folder, "build")).database
        assert database is not None
        copy(database, tmp_path / "copy.db")
        assert (tmp_path / "copy.db").read_bytes() == (assert_whole(out) / database.name).read_bytes()
        assert litter(out) == []


#: Bytes that are free on a disk before a run: it does not begin, or fails on the way.
ROOMS = (100_000, 1_700_000)


def fill_and_run(disk: Path, finished: Path) -> dict[str, Any]:
    """Mount a small disk (in a namespace of this process alone) with a build, and run there, with more room each time.

    Run by the test below in a process of its own: exit codes, what was said, and what lies on the disk in the end.
    """
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], check=True)
    out, filler = disk / "build", disk / "filler"
    shutil.copytree(finished, out / finished.name)
    (out / "current").symlink_to(finished.name)
    before, full = hashes(out), []
    for room in ROOMS:
        with contextlib.suppress(OSError), filler.open("wb") as file:
            file.write(b"x" * (shutil.disk_usage(disk).free - room))
        done = etl("run", TINY, "--out", out, "--seed", "5", "--quiet")
        full.append([done.returncode, done.stderr, hashes(out) == before, litter(out)])
        filler.unlink()
    return {"full": full, "following": [following(out, 5).state, litter(out)]}


@pytest.mark.fault("a full disk, in each phase (a small tmpfs)")
def test_full_file_system(tiny_build: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """A disk that is too small, or fills up during the run, gives exit code 1, and the old build stays."""
    record_property("tried", len(ROOMS))
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    code = (
        "import json, sys; from pathlib import Path; from tests import test_faults as t; "
        "print(json.dumps(t.fill_and_run(Path(sys.argv[1]), Path(sys.argv[2]))))"
    )
    job = ["unshare", "-rm", sys.executable, "-c", code, str(tmp_path), str(tiny_build)]
    done = subprocess.run(job, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["full"]) == len(ROOMS)
    for returncode, complained, whole, left in found["full"]:
        assert (returncode, whole, left) == (1, True, [])
        assert "Traceback" not in complained
        assert re.search("No space left|disk is full|are free there", complained), complained
    assert found["following"] == ["built", []]


PACKAGE = "duckdb_extension_sqlite_scanner"


def without(place: Path, kind: str) -> None:
    """Put something before DuckDB, or before the package of its extension, on the path."""
    if kind == "DuckDB":
        (place / "duckdb.py").write_text("raise ModuleNotFoundError(\"No module named 'duckdb'\", name='duckdb')\n")
        return
    original = sqlite.extension()
    changed = place / PACKAGE / "extensions" / original.parent.name / original.name
    changed.parent.mkdir(parents=True)
    (place / PACKAGE / "__init__.py").touch()
    content = bytearray(original.read_bytes())
    content[-100] ^= 1  # in the signature, its last 256 bytes
    changed.write_bytes(content)


@pytest.mark.fault("DuckDB missing, or its extension unsigned")
@pytest.mark.parametrize(
    ("kind", "says"),
    [("DuckDB", "cannot import duckdb"), ("unsigned", "refuses its sqlite extension")],
)
def test_duckdb_that_cannot_be_used(out: Path, tmp_path: Path, kind: str, says: str) -> None:
    """The error names the problem and the command that solves it, with exit code 1; the old build stays."""
    without(tmp_path, kind)
    before = hashes(out)
    done = etl("run", TINY, "--out", out, "--seed", "5", env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert re.search(r"fix it with: pip install .*(duckdb|requirements\.lock)", done.stderr)
    assert "Traceback" not in done.stderr
    assert hashes(out) == before
    assert litter(out) == []
