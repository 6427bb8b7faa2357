"""Dask: the shards on a cluster give the rows of this machine, whoever dies on the way."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import duckdb
import psutil
import pytest
from dask.distributed import LocalCluster

from etl.build import manifest
from etl.build.run import make_build
from etl.build.ship import ship_tables
from etl.config.identity import identify
from etl.config.source import load
from etl.errors import EtlError
from etl.run.bundle import pack, unpack
from etl.run.job import Execution
from etl.run.progress import Progress
from tests.support import small
from tests.support.running import ROOT, hashes

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = ROOT / "pipelines" / "tiny.yaml"
PARQUET = ["outputs=[parquet]", "stages.students.shard.rows=1"]


def test_a_cluster_makes_the_same_build(tmp_path: Path) -> None:
    """The manifest is the same to the last byte, files and digests, on a cluster that is started for it and without.

    It does not matter who has Dask's usual port, and only this machine can reach the cluster.
    """
    listening: set[str] = set()

    class Looking(Progress):
        """Looks where this process, with the scheduler in it, listens."""

        def stage(self, name: str, rows: int, seconds: float) -> None:
            super().stage(name, rows, seconds)
            sockets = psutil.Process().net_connections("tcp")
            listening.update(each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN)

    source, progress = load(TINY, changes=PARQUET), Looking()
    here = make_build(source, tmp_path / "here", execution=Execution(workers=2))
    with contextlib.ExitStack() as taken:
        with contextlib.suppress(OSError):  # somebody has it already
            taken.enter_context(socket.create_server(("127.0.0.1", 8787)))
        there = make_build(source, tmp_path / "there", progress=progress, execution=Execution(engine="dask", workers=2))
    assert there.manifest == here.manifest
    assert progress.stages["scores"].rows == here.manifest["tables"]["scores"]["rows"]
    assert listening == {"127.0.0.1"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two workers."""
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
    with LocalCluster(n_workers=2, **options) as started:
        yield started


DYING = """
import os, signal
from pathlib import Path
import pyarrow as pa
from distributed import get_worker

rename = Path.rename

def loans(books: pa.Table, *, marker: str) -> pa.RecordBatch:
    try:
        worker = get_worker()
    except ValueError:  # the driver
        return pa.record_batch({"id": [], "days": []})
    def die(path: Path, target: str) -> Path:
        try:
            with Path(marker).open("x") as file:
                file.write(f"{__file__}\\n{worker.local_directory}")
        except FileExistsError:
            return rename(path, target)
        os.kill(os.getpid(), signal.SIGKILL)
    Path.rename = die
    return pa.record_batch({"id": books["id"].combine_chunks(), "days": [7] * len(books)})
"""


@pytest.mark.fault("a worker is killed between writing a file and giving it its name")
def test_a_worker_that_is_killed_leaves_nothing_to_be_counted(cluster: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- as above
    """Its unfinished file is in no build, no manifest and no shipped folder: every row is counted once."""
    path = small.lending(tmp_path / "library", {"dying.py": DYING})
    stage = (
        "{{sql: null, python: 'dying:loans', inputs: [books], shard: {{by: books, rows: 1}}, params: {{marker: {}}}}}"
    )
    execution = Execution(engine="dask", scheduler=cluster.scheduler_address)
    markers = [tmp_path / "first", tmp_path / "second"]
    built, shipped = (load(path, changes=[f"stages.loans={stage.format(marker)}"]) for marker in markers)
    places = [
        make_build(built, tmp_path / "build", execution=execution).folder,
        Path(ship_tables(shipped, str(tmp_path / "lake"), progress=Progress(), execution=execution)),
    ]
    for place, marker in zip(places, markers, strict=True):
        unpacked, deleted = map(Path, marker.read_text().split("\n"))
        assert unpacked.is_relative_to(deleted)  # Dask deletes the folder of a worker that was killed
        assert {*hashes(place)} == {manifest.NAME, *(manifest.read(place) or {})["files"]}
        assert sorted(duckdb.sql(f"FROM read_parquet('{place}/parquet/loans/*')").fetchall()) == [(1, 7), (2, 7)]


def test_dask_writes_parquet_alone(tmp_path: Path) -> None:
    """A database cannot be written by a cluster; the message says what to change."""
    with pytest.raises(EtlError, match=r"say outputs: \[parquet\]"):
        make_build(load(TINY), tmp_path / "build", execution=Execution(engine="dask"))
    assert not list((tmp_path / "build").glob("[0-9a-f]*"))


def test_no_scheduler_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address where nobody answers is an error of one line."""

    def refuse(*_: object, **__: object) -> NoReturn:  # Dask's own tries for three seconds
        raise OSError("Timed out")

    monkeypatch.setattr("dask.distributed.Client", refuse)
    source = load(TINY, changes=PARQUET)
    with pytest.raises(EtlError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        make_build(source, tmp_path / "build", execution=Execution(engine="dask", scheduler="tcp://127.0.0.1:1"))


def test_ship_needs_parquet(tmp_path: Path) -> None:
    """Rows for another file system are Parquet alone."""
    with pytest.raises(EtlError, match="ship only writes Parquet"):
        ship_tables(load(TINY), str(tmp_path), progress=Progress(), execution=Execution())


def test_a_bundle_is_the_same_pipeline_elsewhere() -> None:
    """A worker makes the same plan out of a bundle, changes and scale included."""
    source = load(TINY, changes=PARQUET, seed=9, scale=2)
    plan, once, _ = unpack(pack(source, identify(source)))
    assert plan.pipeline.seed == 9
    assert once["classes"].num_rows == 6


def test_a_worker_with_other_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that would make another build says what to install."""
    source = load(TINY, changes=PARQUET, seed=10)
    bundle = pack(source, identify(source))
    monkeypatch.setattr("etl.config.identity.HOME", tmp_path)
    with pytest.raises(EtlError, match="install the same etl"):
        unpack(bundle)
