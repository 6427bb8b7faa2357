"""Runs the shards on this machine: threads make them ahead, or have other processes make them; in order they go on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from etl.digest import table_digest
from etl.shards import Made, Part, make_shard, parts, run_gathered, run_whole, shard_count

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import pyarrow as pa

    from etl.engines.helper import Helper
    from etl.parquet import Target
    from etl.plan import Plan
    from etl.progress import Progress

#: What is said when a helper ends before its time: the system may have ended it, for want of memory.
LOST = "a process that made shards has ended; its work is done by a thread"


def results(
    plan: Plan,
    progress: Progress,
    *,
    workers: int = 1,
    target: Target | None = None,
    helpers: Sequence[Helper] = (),
) -> Iterator[Part]:
    """Yield the parts of all tables: parents before their children, then shard by shard, then what is gathered.

    ``workers`` shards are made at once, beside the one that is handed on, so memory stays flat. Those that go on as
    rows, to be loaded, are digested meanwhile. With helpers, who are some of the workers, rows go to the target alone.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="digest") as digesting:

        def beside(rows: pa.Table) -> Future[int]:
            return digesting.submit(table_digest, rows)

        digest = table_digest if target else beside
        with progress.phase("generate"):
            whole = run_whole(plan, progress.stage)
            filled = {stage.name: whole[stage.name] for stage in plan.whole if stage.table}
            made = parts(plan, filled, 0, target, digest)
        yield from made
        kept: dict[str, list[pa.Table]] = {name: [] for name in plan.kept}

        def make(number: int) -> Made:
            return make_shard(plan, whole, number, target, digest)

        with closing(_ahead(make, shard_count(plan, whole), workers, helpers, progress)) as shards:
            for shard in shards:
                for stage in shard.told:
                    progress.stage(*stage)
                for name, rows in shard.gathered.items():
                    kept[name].append(rows)
                yield from shard.parts
                del shard  # or it would be held while the next one is awaited
        with progress.phase("generate"):
            made = parts(plan, run_gathered(plan, whole, kept, progress.stage), 0, target, digest)
        yield from made


def _ahead(
    make: Callable[[int], Made], count: int, workers: int, helpers: Sequence[Helper], progress: Progress
) -> Generator[Made]:
    """Make the shards in as many threads as there are workers, the helpers' among them; in order."""
    free: SimpleQueue[Helper] = SimpleQueue()

    def greet(helper: Helper) -> None:
        if helper.ready():
            free.put(helper)
        else:
            progress.say(LOST)

    def share(number: int) -> Made:
        try:
            helper = free.get_nowait()
        except Empty:
            helper = None
        if helper and (made := helper.make(number)):
            free.put(helper)
            return made
        made = make(number).written()  # if a mistake in it has ended the helper, here it comes again, to be told
        if helper:
            progress.say(LOST)
        return made

    with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
        numbers = iter(range(count))
        ahead = 2 * workers if helpers else workers  # without rows they are small, and nobody waits for a slower one
        job = share if helpers else make
        try:
            for helper in helpers:
                pool.submit(greet, helper)
            waiting: deque[Future[Made]] = deque(pool.submit(job, number) for number in islice(numbers, ahead))
            while waiting:
                with progress.phase("generate"):
                    made = waiting.popleft().result()
                waiting.extend(pool.submit(job, number) for number in islice(numbers, 1))
                yield made
                del made  # as above
        finally:
            pool.shutdown(cancel_futures=True)
