"""The parts of all tables, made by the engine that a run asks for: threads of this process, or Dask's workers."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from etl.errors import EtlError
from etl.run.shards import Made, Part, make_shard, parts, run_gathered, run_whole, shard_count
from etl.run.threads import run_shards
from etl.tables.digest import table_digest
from etl.tables.parquet import open_target

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import pyarrow as pa

    from etl.run.job import Job
    from etl.run.plan import Plan
    from etl.run.progress import Progress
    from etl.tables.parquet import Target

    Digest = Callable[[pa.Table], int | Future[int]]
    #: What stages that ran once yielded, and the number of shards: each shard with its number, in any order.
    Runner = Callable[[Mapping[str, pa.Table], int], Generator[tuple[int, Made]]]


def parts_of(job: Job, target: str | None) -> Generator[Part]:
    """Yield the parts of all tables; with a target they are written there as Parquet (a URL, or a folder).

    Close it before the target's folder is taken away: shards may be in the making. Raises EtlError when the engine
    cannot do what is asked.
    """
    sqlite = "sqlite" in job.pipeline.outputs
    if job.how.engine == "local":
        workers = job.how.workers or _workers(writing=sqlite)
        yield from local_parts(job.plan, job.progress, workers, open_target(target) if target else None)
        return
    from etl.run import dask  # noqa: PLC0415 -- an extra

    if target is None or sqlite:
        raise EtlError("--engine dask only writes Parquet; say outputs: [parquet], or --set outputs=[parquet]")
    yield from _drive(job.plan, job.progress, dask.runner(job, target), open_target(target), table_digest)


def local_parts(plan: Plan, progress: Progress, workers: int = 1, target: Target | None = None) -> Generator[Part]:
    """Yield the parts of all tables, made by threads of this process.

    Rows that go on, to be loaded, are digested meanwhile.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="digest") as pool:

        def later(rows: pa.Table) -> Future[int]:
            return pool.submit(table_digest, rows)

        digest = table_digest if target else later

        def run(once: Mapping[str, pa.Table], count: int) -> Generator[tuple[int, Made]]:
            return run_shards(lambda number: make_shard(plan, once, number, target, digest), count, workers, progress)

        yield from _drive(plan, progress, run, target, digest)


def _drive(plan: Plan, progress: Progress, run: Runner, target: Target | None, digest: Digest) -> Generator[Part]:
    """Parents before their children; then the shards; then what is gathered over all of them."""
    with progress.phase("generate"):
        once = run_whole(plan, progress.stage)
        filled = {stage.name: once[stage.name] for stage in plan.whole if stage.table}
        made = parts(plan, filled, 0, target, digest)
    yield from made
    kept: dict[str, dict[int, pa.Table]] = {name: {} for name in plan.kept}
    with closing(run(once, shard_count(plan, once))) as shards:
        for number, shard in shards:
            for stage in shard.told:
                progress.stage(*stage)
            for name, rows in shard.gathered.items():
                kept[name][number] = rows
            yield from shard.parts
            del shard  # or it would be held while the next one is awaited
    in_order = {name: [rows for _, rows in sorted(tables.items())] for name, tables in kept.items()}
    with progress.phase("generate"):
        made = parts(plan, run_gathered(plan, once, in_order, progress.stage), 0, target, digest)
    yield from made


def _workers(*, writing: bool) -> int:
    """One for each processor, but for the one that writes the database."""
    return max(1, (os.cpu_count() or 1) - writing)
