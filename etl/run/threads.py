"""Makes the shards in threads of this process, ahead of whoever takes them."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from etl.run.progress import Progress
    from etl.run.shards import Made


def run_shards(
    make: Callable[[int], Made], count: int, workers: int, progress: Progress
) -> Generator[tuple[int, Made]]:
    """Make ``count`` shards, ``workers`` at once; yield each with its number, in order.

    As many as there are workers are made beside the one that is handed on, so memory stays flat.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
        numbers = iter(range(count))
        try:
            waiting: deque[tuple[int, Future[Made]]] = deque(
                (number, pool.submit(make, number)) for number in islice(numbers, workers)
            )
            while waiting:
                number, job = waiting.popleft()
                with progress.phase("generate"):
                    made = job.result()
                waiting.extend((number, pool.submit(make, number)) for number in islice(numbers, 1))
                yield number, made
                del made, job  # or they would be held while the next shard is awaited
        finally:
            pool.shutdown(cancel_futures=True)
