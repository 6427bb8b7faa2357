"""Runs the shards on Dask's workers. Each writes its own Parquet files; the driver plans, watches and counts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from etl.bundle import unpack
from etl.errors import EtlError
from etl.parquet import open_target
from etl.shards import Part, run_shard, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.bundle import Bundle
    from etl.progress import Progress

#: How often a shard is tried again when its worker is lost.
RETRIES = 5


def parts(
    bundle: Bundle, count: int, target: str, progress: Progress, *, scheduler: str | None, workers: int
) -> Iterator[list[Part]]:
    """Yield what each shard wrote, in the order of finishing. Raises EtlError when the cluster is not to be had."""
    try:
        from dask.distributed import as_completed  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise EtlError("the engine dask is not installed; mend it with: pip install 'teacher-dashboard-etl[dask]'") from error
    with _client(scheduler, workers) as client:
        sent = client.scatter(bundle, broadcast=True, hash=False)
        tasks = client.map(make_shard, range(count), bundle=sent, target=target, retries=RETRIES, pure=False)
        for task in as_completed(tasks):
            made, seconds = task.result()
            for stage, rows, taken in seconds:
                progress.stage(stage, rows, taken)
            yield made
            task.release()


def make_shard(number: int, bundle: Bundle, target: str) -> tuple[list[Part], list[tuple[str, int, float]]]:
    """Make one shard on a worker: the files it wrote, and the rows and seconds of each stage."""
    plan, whole = unpack(bundle)
    seconds: list[tuple[str, int, float]] = []
    results = run_shard(plan, whole, number, lambda *told: seconds.append(told))
    return write_parts(plan, results, number, open_target(target)), seconds


@contextlib.contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[object]:
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415 -- as above

    if scheduler:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise EtlError(f"no Dask scheduler answers at {scheduler}: {error}") from error
        with client:
            yield client
        return
    options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50}
    with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster) as client:
        yield client
