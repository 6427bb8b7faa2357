"""Runs the shards on this machine, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.shards import run_shard, run_whole, shard_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from etl.plan import Plan
    from etl.progress import Progress


def results(plan: Plan, progress: Progress) -> Iterator[tuple[str, pa.Table]]:
    """Yield rows for the tables: parents before their children, then shard by shard."""
    with progress.phase("generate"):
        whole = run_whole(plan, progress.stage)
    yield from in_order(plan, {stage.name: whole[stage.name] for stage in plan.whole if stage.table})
    for number in range(shard_count(plan, whole)):
        with progress.phase("generate"):
            shard = run_shard(plan, whole, number, progress.stage)
        yield from in_order(plan, shard)


def in_order(plan: Plan, stages: Mapping[str, pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """Yield results by table, in the order of the schema, where parents stand before their children."""
    tables = {plan.pipeline.stages[name].table: rows for name, rows in stages.items()}
    for table in plan.pipeline.schema.tables:
        if table in tables:
            yield table, tables[table]
