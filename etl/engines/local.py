"""Runs the shards on this machine: threads make them ahead (numpy and Arrow release the GIL), in order they go on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from etl.digest import table_digest
from etl.shards import Part, parts, run_gathered, run_shard, run_whole, shard_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from etl.parquet import Target
    from etl.plan import Plan
    from etl.progress import Progress

    Made = tuple[dict[str, pa.Table], list[Part]]


def results(plan: Plan, progress: Progress, *, workers: int = 1, target: Target | None = None) -> Iterator[Part]:
    """Yield the parts of all tables: parents before their children, then shard by shard, then what is gathered.

    ``workers`` shards are made at once, beside the one that is handed on, so memory stays flat. Those that go on as
    rows, to be loaded, are digested meanwhile.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="digest") as digesting:

        def beside(rows: pa.Table) -> Future[int]:
            return digesting.submit(table_digest, rows)

        yield from _results(plan, progress, workers, target, table_digest if target else beside)


def _results(
    plan: Plan, progress: Progress, workers: int, target: Target | None, digest: Callable[[pa.Table], int | Future[int]]
) -> Iterator[Part]:
    with progress.phase("generate"):
        whole = run_whole(plan, progress.stage)
        made = parts(plan, {stage.name: whole[stage.name] for stage in plan.whole if stage.table}, 0, target, digest)
    yield from made
    kept: dict[str, list[pa.Table]] = {name: [] for name in plan.kept}

    def make(number: int) -> Made:
        shard = run_shard(plan, whole, number, progress.stage)
        tables = {name: rows for name, rows in shard.items() if plan.pipeline.stages[name].table}
        return {name: shard[name] for name in kept}, parts(plan, tables, number, target, digest)

    with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
        numbers = iter(range(shard_count(plan, whole)))
        waiting: deque[Future[Made]] = deque(pool.submit(make, number) for number in islice(numbers, workers))
        while waiting:
            with progress.phase("generate"):
                gathered, made = waiting.popleft().result()
            waiting.extend(pool.submit(make, number) for number in islice(numbers, 1))
            for name, rows in gathered.items():
                kept[name].append(rows)
            yield from made
            del gathered, made  # or they would be held while the next ones are awaited
    with progress.phase("generate"):
        made = parts(plan, run_gathered(plan, whole, kept, progress.stage), 0, target, digest)
    yield from made
