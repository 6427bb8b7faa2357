"""Runs shards on Dask workers, which write their Parquet files themselves."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.run.bundle import pack, unpack
from etl.run.shards import ShardResult, make_shard
from etl.tables.parquet import open_target

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from etl.run.bundle import Bundle
    from etl.run.job import Execution, Job

#: Dask's workers return freed memory to the system at once by this variable of glibc: each array of a shard then gets
#: new pages, which takes a fifth of the time.
_TRIM = "MALLOC_TRIM_THRESHOLD_"
_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"

#: How often a shard is retried when its worker is lost.
RETRIES = 5


def run_shards(job: Job, count: int, target: str) -> Generator[tuple[int, ShardResult]]:
    """Make ``count`` shards; yield each with its number and without its rows, in order of completion.

    ``target``: a URL, or a folder that all workers can reach. Raises EtlError when Dask is not installed or no
    scheduler answers.
    """
    try:
        from dask.distributed import as_completed  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise EtlError("the engine dask is not installed; fix it with: pip install 'dask[distributed]'") from error
    with _client(job.execution) as client:
        bundle = client.submit(_identity, pack(job.source, job.identity), pure=False)
        tasks = client.map(work, range(count), bundle=bundle, target=target, retries=RETRIES, pure=False)
        for task in as_completed(tasks):
            yield task.result()
            task.release()


def work(number: int, bundle: Bundle, target: str) -> tuple[int, ShardResult]:
    """Make one shard on a worker and write it: its number, and the result without its rows."""
    from dask.distributed import get_worker  # noqa: PLC0415 -- as above

    plan, once, ids = unpack(bundle, get_worker().local_directory)  # which Dask deletes, even if the worker is killed
    return number, make_shard(plan, once, number, open_target(target), ids).without_rows()


def _identity(bundle: Bundle) -> Bundle:
    """Make the bundle a task's result: Dask recomputes it when all workers that have it are lost."""
    return bundle


@contextlib.contextmanager
def _client(execution: Execution) -> Iterator[Any]:
    from dask import config  # noqa: PLC0415 -- as above
    from dask.distributed import Client, LocalCluster  # noqa: PLC0415

    if execution.scheduler is None:
        workers = execution.workers or os.cpu_count() or 1
        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
        environment = {name: value for name, value in config.get(_ENVIRONMENT).items() if name != _TRIM}
        with (
            config.set({_ENVIRONMENT: environment}),
            LocalCluster(n_workers=workers, **options) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(execution.scheduler, timeout=3)
    except (OSError, TimeoutError, ValueError) as error:
        raise EtlError(f"no Dask scheduler answers at {execution.scheduler}: {error}") from error
    with client:
        yield client
