"""The shard: the unit of generation, of memory, and of parallel work. A pure function of the plan and its number."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from etl.errors import CheckFailed
from etl.run.stages import run_stage
from etl.tables.checks import SHOWN, broken
from etl.tables.digest import table_digest
from etl.tables.parquet import write_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from etl.pipeline.model import Stage
    from etl.run.plan import Plan
    from etl.tables.parquet import File, Target

    Report = Callable[[str, int, float], None]  # a stage's name, its rows, the seconds it took


def _silent(*_: object) -> None:
    """Report nothing."""


def run_whole(plan: Plan, report: Report = _silent) -> dict[str, pa.Table]:
    """Run the stages that run once: their results by name."""
    results: dict[str, pa.Table] = {}
    for stage in plan.whole:
        _run(stage, results, plan, report)
    return results


def shard_count(plan: Plan, whole: Mapping[str, pa.Table]) -> int:
    """Number of shards of the plan."""
    return -(-whole[plan.by].num_rows // plan.rows) if plan.by else 0


def run_shard(plan: Plan, whole: Mapping[str, pa.Table], number: int, report: Report = _silent) -> dict[str, pa.Table]:
    """Run the sharded stages for one shard, counted from 0: the results that fill tables or are gathered, by stage."""
    if plan.by is None:
        return {}
    results = {**whole, plan.by: whole[plan.by].slice(number * plan.rows, plan.rows)}
    for stage in plan.sharded:
        _run(stage, results, plan, report)
    return {stage.name: results[stage.name] for stage in plan.sharded if stage.table or stage.name in plan.kept}


def run_gathered(
    plan: Plan, whole: Mapping[str, pa.Table], kept: Mapping[str, Sequence[pa.Table]], report: Report = _silent
) -> dict[str, pa.Table]:
    """Run the stages that run after all shards, over what these yielded: the results that fill tables, by stage."""
    results = {**whole, **{name: pa.concat_tables(tables) for name, tables in kept.items()}}
    for stage in plan.gathered:
        _run(stage, results, plan, report)
    return {stage.name: results[stage.name] for stage in plan.gathered if stage.table}


def run_until(plan: Plan, name: str) -> pa.Table:
    """Run one stage, of the first shard, and what it needs: its result."""
    results: dict[str, pa.Table] = {}
    for stage in plan.until(name).stages:
        if stage in plan.sharded and plan.by is not None and stage.shard:
            results[plan.by] = results[plan.by].slice(0, plan.rows)
        _run(stage, results, plan)
    return results[name]


def _run(stage: Stage, results: dict[str, pa.Table], plan: Plan, report: Report = _silent) -> None:
    start = time.perf_counter()
    inputs = {name: results[source] for name, source in stage.inputs.items()}
    result = run_stage(stage, inputs, plan.pipeline)
    if stage.check and result.num_rows:
        raise CheckFailed(
            broken(stage.name, stage.check, result.slice(0, SHOWN).to_pylist(), result.num_rows), stage.where
        )
    results[stage.name] = result
    report(stage.name, result.num_rows, time.perf_counter() - start)


@dataclass(frozen=True)
class Part:
    """Rows of a table that were made in one go: those of a shard, or all of them (then the shard is 0)."""

    table: str
    shard: int
    rows: pa.Table | None  # None when they were written where they were made
    count: int
    digest: int | Future[int]
    file: File | None = None  # the Parquet file that holds them


def parts(
    plan: Plan,
    results: Mapping[str, pa.Table],
    shard: int,
    target: Target | None = None,
    digest: Callable[[pa.Table], int | Future[int]] = table_digest,
) -> list[Part]:
    """Make parts of the results that fill tables, parents before their children (the order of the schema).

    With a target their Parquet files are written there. What digests them may do so later, in a thread.
    """
    filled = {plan.pipeline.stages[name].table: rows for name, rows in results.items()}
    made = []
    for name, table in plan.pipeline.schema.tables.items():
        if name in filled:
            rows = filled[name]
            file = write_part(target, table, shard, rows) if target else None
            made.append(Part(name, shard, rows, rows.num_rows, digest(rows), file))
    return made


class Made(NamedTuple):
    """What a shard yielded."""

    parts: list[Part]
    gathered: dict[str, pa.Table]  # what is gathered over all shards, by stage
    told: list[tuple[str, int, float]]  # of each stage: its rows, and the seconds it took

    def written(self) -> Made:
        """The same without the rows, which stand in files."""
        return self._replace(parts=[replace(part, rows=None) for part in self.parts])


def make_shard(
    plan: Plan,
    whole: Mapping[str, pa.Table],
    number: int,
    target: Target | None = None,
    digest: Callable[[pa.Table], int | Future[int]] = table_digest,
) -> Made:
    """Run the sharded stages for one shard, and make parts of the results that fill tables."""
    told: list[tuple[str, int, float]] = []
    shard = run_shard(plan, whole, number, lambda *stage: told.append(stage))
    tables = {name: rows for name, rows in shard.items() if plan.pipeline.stages[name].table}
    made = parts(plan, tables, number, target, digest)
    return Made(made, {name: shard[name] for name in plan.kept}, told)
