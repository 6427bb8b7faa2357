"""Runs the shards on Dask's workers. Each writes its own Parquet files; the driver plans, watches and counts."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.run.bundle import pack, unpack
from etl.run.shards import Made, make_shard
from etl.tables.parquet import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import pyarrow as pa

    from etl.run.bundle import Bundle
    from etl.run.job import How, Job

#: How often a shard is tried again when its worker is lost.
RETRIES = 5


def runner(job: Job, target: str) -> Callable[[Mapping[str, pa.Table], int], Generator[tuple[int, Made]]]:
    """What makes all shards on Dask's workers, which write them to the target (a URL, or a folder that all see).

    It yields them in the order of finishing, and raises EtlError when Dask is not installed or no scheduler answers.
    """

    def run(_: Mapping[str, pa.Table], count: int) -> Generator[tuple[int, Made]]:
        return _shards(job, count, target)

    return run


def work(number: int, bundle: Bundle, target: str) -> tuple[int, Made]:
    """Make one shard on a worker, which writes it: its number, and what goes on without its rows."""
    plan, whole = unpack(bundle)
    return number, make_shard(plan, whole, number, open_target(target)).written()


def _handed_out(bundle: Bundle) -> Bundle:
    """The bundle as a task's result, which Dask makes again when all workers that have it are lost."""
    return bundle


def _shards(job: Job, count: int, target: str) -> Generator[tuple[int, Made]]:
    """Make all shards on the workers; in the order of finishing."""
    try:
        from dask.distributed import as_completed  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise EtlError("the engine dask is not installed; mend it with: pip install 'dask[distributed]'") from error
    with _client(job.how) as client:
        bundle = client.submit(_handed_out, pack(job.source, job.identity), pure=False)
        tasks = client.map(work, range(count), bundle=bundle, target=target, retries=RETRIES, pure=False)
        for task in as_completed(tasks):
            yield task.result()
            task.release()


@contextlib.contextmanager
def _client(how: How) -> Iterator[Any]:
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415 -- as above

    if how.scheduler is None:
        workers = how.workers or os.cpu_count() or 1
        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
        with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(how.scheduler, timeout=3)
    except (OSError, TimeoutError, ValueError) as error:
        raise EtlError(f"no Dask scheduler answers at {how.scheduler}: {error}") from error
    with client:
        yield client
