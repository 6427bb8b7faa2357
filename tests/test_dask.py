"""Dask: the shards on a cluster give the rows of this machine, whoever dies on the way."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dask.distributed import Client, LocalCluster

from etl import config, manifest, remote
from etl.build import run
from etl.bundle import pack, unpack
from etl.errors import EtlError
from etl.identity import identify
from etl.job import How
from etl.progress import Progress
from tests.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = ROOT / "pipelines" / "tiny.yaml"
PARQUET = ["outputs=[parquet]", "stages.students.shard.rows=1"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of two workers, each a process of its own."""
    options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with LocalCluster(n_workers=2, **options) as started:
        yield started


def test_a_cluster_makes_the_same_build(cluster: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- Dask has no types
    """The manifest is the same to the last byte, files and digests, on Dask and on this machine."""
    source = config.load(TINY, changes=PARQUET)
    here = run(source, tmp_path / "here", how=How(workers=2))
    progress = Progress()
    there = run(
        source, tmp_path / "there", progress=progress, how=How(engine="dask", scheduler=cluster.scheduler_address)
    )
    assert there.manifest == here.manifest
    assert progress.stages["scores"].rows == here.manifest["tables"]["scores"]["rows"]


def test_a_worker_that_is_killed_changes_nothing(cluster: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- as above
    """A worker dies in the middle: its shards are made again elsewhere, with the same rows and files."""
    source = config.load(TINY, changes=PARQUET, scale=8)
    here = remote.run(source, str(tmp_path / "here"), progress=Progress(), how=How(workers=2))
    killed = threading.Event()

    class Killer(Progress):
        """Kills a worker once rows arrive."""

        def loaded(self, rows: int) -> None:
            if rows and len(self.stages) > 20 and not killed.is_set():
                killed.set()
                with Client(cluster) as client:
                    worker = next(iter(client.run(os.getpid).values()))
                os.kill(worker, signal.SIGKILL)

    how = How(engine="dask", scheduler=cluster.scheduler_address)
    there = remote.run(source, f"file://{tmp_path}/there", progress=Killer(), how=how).removeprefix("file://")
    assert manifest.read(Path(there)) == manifest.read(Path(here)) is not None
    assert not list(manifest.damage(Path(there)))
    assert killed.is_set()


def test_dask_writes_parquet_alone(tmp_path: Path) -> None:
    """A database cannot be written by a cluster; the message says what to change."""
    with pytest.raises(EtlError, match=r"say outputs: \[parquet\]"):
        run(config.load(TINY), tmp_path / "build", how=How(engine="dask"))
    assert not list((tmp_path / "build").glob("[0-9a-f]*"))


def test_no_scheduler_is_told(tmp_path: Path) -> None:
    """An address where nobody answers is an error of one line."""
    source = config.load(TINY, changes=PARQUET)
    with pytest.raises(EtlError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        run(source, tmp_path / "build", how=How(engine="dask", scheduler="tcp://127.0.0.1:1"))


def test_ship_needs_parquet(tmp_path: Path) -> None:
    """Rows for another file system are Parquet alone."""
    with pytest.raises(EtlError, match="ship writes Parquet alone"):
        remote.run(config.load(TINY), str(tmp_path), progress=Progress(), how=How())


def test_a_bundle_is_the_same_pipeline_elsewhere() -> None:
    """A worker makes the same plan out of a bundle, changes and scale included."""
    source = config.load(TINY, changes=PARQUET, seed=9, scale=2)
    plan, whole = unpack(pack(source, identify(source)))
    assert plan.pipeline.seed == 9
    assert whole["classes"].num_rows == 6


def test_a_worker_with_other_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that would make another build says what to install."""
    source = config.load(TINY, changes=PARQUET, seed=10)
    bundle = pack(source, identify(source))
    monkeypatch.setattr("etl.identity._code", lambda: {"other": "code"})
    with pytest.raises(EtlError, match="install the same etl"):
        unpack(bundle)
