"""Processes that make shards: the same build, mistakes told as ever, and none is left, however a run ends."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from etl import build, child, config
from etl.engines import helper, local
from etl.engines.helper import Helper, helping
from etl.identity import identify
from etl.job import How, Job
from etl.plan import make_plan
from etl.progress import Progress
from tests import small
from tests.running import ROOT, TINY, command, copy_of_project, edit, etl, hashes, litter

if TYPE_CHECKING:
    from pathlib import Path

    from etl.shards import Made

#: Parquet alone, in so many shards that two processes are worth it; two with threads alone are one shard too few.
PARQUET = ("outputs=[parquet]", "stages.students.shard.rows=10", "report=false")
CHANGES = [text for change in PARQUET for text in ("--set", change)]


def test_processes_make_the_same_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and every digest is the same with one worker, two threads, two processes and three."""
    source = config.load(ROOT / TINY, changes=["outputs=[parquet]", "stages.students.shard.rows=1"], scale=4)
    made: list[int] = []

    class Eager(Helper):
        """Is ready before the first shard is made, and counts its own."""

        def __init__(self, job: Job, target: str) -> None:
            super().__init__(job, target)
            assert super().ready()

        def ready(self) -> bool:
            return True

        def make(self, number: int) -> Made | None:
            shard = super().make(number)
            assert shard is not None
            made.append(number)
            return shard

    monkeypatch.setattr(helper, "Helper", Eager)
    results, told = [], []
    for shards, workers in ((100, 1), (100, 2), (1, 2), (1, 3)):
        monkeypatch.setattr(helper, "SHARDS", shards)
        progress = Progress()
        results.append(build.run(source, tmp_path / f"{shards}-{workers}", progress=progress, how=How(workers)))
        told.append({name: tally.rows for name, tally in progress.stages.items()})
        assert bool(made) == (shards == 1)
    assert all(result.manifest == results[0].manifest for result in results)
    assert all(hashes(result.folder) == hashes(results[0].folder) for result in results)
    assert all(rows == told[0] for rows in told)


@pytest.mark.parametrize(
    ("changes", "scale", "workers", "count"),
    [
        (["outputs=[parquet]"], 9, 2, 0),
        (["outputs=[parquet]"], 10, 2, 1),
        (["outputs=[parquet]"], 10, 1, 0),
        (["outputs=[parquet]"], 100, 4, 3),
        (["outputs=[parquet]"], 20, 64, 3),
    ],
)
def test_processes_are_worth_their_start(
    monkeypatch: pytest.MonkeyPatch, changes: list[str], scale: int, workers: int, count: int
) -> None:
    """There are as many as workers, this process being one, but none for fewer than ten shards of its own."""
    monkeypatch.setattr(helper, "Helper", lambda *_: subprocess.Popen(["true"]))
    monkeypatch.setattr(subprocess.Popen, "close", subprocess.Popen.wait, raising=False)
    source = config.load(ROOT / "pipeline.yaml", changes=changes, scale=scale)
    job = Job(source, identify(source), make_plan(config.validate(source)), Progress(), How(workers))
    with helping(job, "nowhere", workers) as helpers:
        assert len(helpers) == count


def test_a_database_is_made_by_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that go into a database are not sent between processes: none is started."""
    monkeypatch.setattr(child, "start", lambda *_, **__: pytest.fail("a process was started"))
    monkeypatch.setattr(helper, "SHARDS", 1)
    build.run(config.load(ROOT / TINY, changes=["outputs=[sqlite, parquet]"]), tmp_path, how=How(2))


NOTES = """
import os, signal, sys, time

HELPER = "etl.engines.helper" in sys.orig_argv

def notes(students: pa.Table) -> pa.RecordBatch:
    ids = students["id"].to_numpy()
    if not HELPER:
        time.sleep(0.05)  # so that a helper is ready, and gets most of the shards
    {act}
    return pa.record_batch({{"id": ids, "grade": [1.0] * len(ids), "text": ["-"] * len(ids)}})
"""


def run(pipeline: Path, out: Path, workers: int) -> subprocess.CompletedProcess[str]:
    """Run a pipeline, Parquet alone, in 25 shards."""
    return etl("run", pipeline, "--out", out, "--workers", str(workers), *CHANGES, "--json")


@pytest.mark.fault("a mistake in a shard that another process makes")
@pytest.mark.parametrize("act", ["raise ValueError('no')", "ids[10**6]", "return 1", "sys.exit(7)"])
def test_a_mistake_is_told_as_by_a_thread(tmp_path: Path, act: str) -> None:
    """A mistake in a late shard has the message and the exit code that it has without processes; nothing is left."""
    act = f"if ids[0] > 7000: {act}"
    path = small.project_with_notes(tmp_path, NOTES.format(act=act), inputs="{students: students}")
    done = [run(path, tmp_path / "build", workers) for workers in (1, 2)]
    assert done[0].returncode != 0
    assert (done[1].returncode, done[1].stdout, done[1].stderr) == (done[0].returncode, done[0].stdout, done[0].stderr)
    assert litter(tmp_path / "build") == []


def test_a_broken_rule_is_told_as_by_a_thread(tmp_path: Path) -> None:
    """A rule that is checked in each shard stops the run with the rows of the first shard that breaks it."""
    changes = [*CHANGES, "--set", "stages.broken_growth.params.growth.untouched=[-1, 0]"]
    done = [etl("run", "--out", tmp_path, "--workers", workers, *changes) for workers in ("1", "2")]
    assert "check broken_growth failed" in done[0].stderr
    assert (done[1].returncode, done[1].stderr) == (done[0].returncode, done[0].stderr) == (1, done[0].stderr)
    assert litter(tmp_path) == []


def test_a_bug_is_told_as_by_a_thread(tmp_path: Path) -> None:
    """A bug of ours has its traceback, once, and exit code 3."""
    project = copy_of_project(tmp_path / "project")
    late = 'sizes = classes["size"].to_numpy()'
    edit(project / "etl/generators/students.py", late, f'{late} if classes["id"][0].as_py() < 200 else {{}}["gone"]')
    done = [etl("run", "--workers", workers, *CHANGES, cwd=project) for workers in ("1", "2")]
    assert [each.returncode for each in done] == [3, 3], done[1].stderr
    assert [each.stderr.count("Traceback") for each in done] == [1, 1]
    assert done[1].stderr.splitlines()[-2:] == done[0].stderr.splitlines()[-2:]
    assert litter(project / "build") == []


@pytest.mark.fault("a process that makes shards is killed")
@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("if HELPER: os.kill(os.getpid(), signal.SIGKILL)", f"{local.LOST}\n"),
        ("if HELPER: raise MemoryError", f"{local.LOST}\n"),
        ("if HELPER: print('not an answer')", "not an answer\n"),
    ],
)
def test_a_process_that_is_lost_changes_nothing(tmp_path: Path, act: str, said: str) -> None:
    """A process that the system ends, or that lacks memory: its shard is made here, which is said; nothing is lost."""
    path = small.project_with_notes(tmp_path, NOTES.format(act=act), inputs="{students: students}")
    out = tmp_path / "build"
    done = [etl("run", path, "--out", out, "--workers", workers, *CHANGES, "--force") for workers in ("1", "2")]
    assert [each.returncode for each in done] == [0, 0], done[1].stderr
    assert "built again, the same bytes" in done[1].stdout
    assert said in done[1].stderr
    assert said not in done[0].stderr


def helpers_of(parent: int) -> list[int]:
    """The processes that make shards for a run."""
    listed = subprocess.run(["ps", "-axo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 2) for line in listed.splitlines())
    return [int(row[0]) for row in rows if int(row[1]) == parent and "etl.engines.helper" in row[2]]


def runs(process: int) -> bool:
    """Whether a process runs (a dead one whose parent does not look is listed too)."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) and not done.stdout.strip().startswith("Z")


@pytest.mark.fault("a run with processes is ended")
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_no_process_is_left(tmp_path: Path, sent: signal.Signals, code: int, seconds: float) -> None:
    """However a run is ended, its processes end, nothing is littered or the next run sweeps it, builds are whole."""
    out = tmp_path / "build"
    assert etl("run", TINY, "--out", out, "--quiet").returncode == 0
    before = hashes(out)
    job = command("run", "--out", out, "--workers", "3", "--scale", "30", *CHANGES, "--quiet")
    with subprocess.Popen(job, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while not (helpers := helpers_of(process.pid)) and process.poll() is None:
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(sent)
        _, complained = process.communicate(timeout=30)
    assert (process.returncode, len(helpers) > 0) == (code, True), complained
    assert complained in {"", "Interrupted; the builds that were there are whole.\n"}
    end = time.monotonic() + 5
    while (left := [pid for pid in helpers if runs(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []
    assert etl("run", TINY, "--out", out, "--quiet").returncode == 0
    assert hashes(out) == before
    assert litter(out) == []
