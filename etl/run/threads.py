"""Runs shards in threads of this process, ahead of their consumer."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from etl.run.progress import Progress
    from etl.run.shards import ShardResult


def run_shards(
    make: Callable[[int], ShardResult], count: int, workers: int, progress: Progress
) -> Generator[tuple[int, ShardResult]]:
    """Make ``count`` shards, ``workers`` concurrently; yield each with its number, in order.

    At most ``workers`` shards are made ahead of the one that was yielded, so memory use stays flat.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
        jobs = ((number, pool.submit(progress.phase("shard")(make), number)) for number in range(count))
        try:
            waiting: deque[tuple[int, Future[ShardResult]]] = deque(islice(jobs, workers))
            while waiting:
                number, job = waiting.popleft()
                with progress.phase("generate"):
                    shard = job.result()
                waiting.extend(islice(jobs, 1))
                yield number, shard
                del shard, job  # free their memory before waiting for the next one
        finally:
            pool.shutdown(cancel_futures=True)
