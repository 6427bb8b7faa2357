"""Generates one shard, the unit of work and of memory: a pure function of the plan and the shard's number."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from etl.errors import CheckFailed
from etl.run.ids import Ids
from etl.run.stages import run_stage
from etl.tables.checks import MAX_ROWS, failure
from etl.tables.digest import table_digest
from etl.tables.parquet import write_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.pipeline.model import Stage
    from etl.run.plan import Plan
    from etl.tables.parquet import File, Target

    Tables = Mapping[str, pa.Table]
    Report = Callable[[str, int, float], object]  # called with a stage's name, rows and seconds


def _ignore(*_: object) -> None:
    """Report nothing."""


def run_once(plan: Plan, report: Report = _ignore) -> dict[str, pa.Table]:
    """Run the stages that run once, before the shards: their results by name."""
    return _run(plan, plan.once, {}, report)


def shard_count(plan: Plan, once: Tables) -> int:
    """The number of shards; ``once`` are the results of :func:`run_once`."""
    return -(-once[plan.by].num_rows // plan.rows) if plan.by else 0


def shard_ids(plan: Plan, once: Tables) -> Ids:
    """The ids of rows whose stage gives none, for all shards."""

    def make(number: int, stage: str) -> None:
        run_shard(plan.until(stage), once, number, ids=ids)

    ids = Ids(make)
    return ids


def run_shard(
    plan: Plan, once: Tables, number: int, report: Report = _ignore, ids: Ids | None = None
) -> dict[str, pa.Table]:
    """Run the per-shard stages for one shard, counted from 0: their results by name.

    ``ids`` are those of :func:`shard_ids`, to be shared by the shards that a process makes.
    """
    if plan.by is None:
        return {}
    rows, ids = once[plan.by].slice(number * plan.rows, plan.rows), ids or shard_ids(plan, once)
    return _run(plan, plan.per_shard, {**once, plan.by: rows}, report, partial(ids.first, number))


def run_after_shards(
    plan: Plan, once: Tables, collected: Mapping[str, Sequence[pa.Table]], report: Report = _ignore
) -> dict[str, pa.Table]:
    """Run the stages that follow the shards: their results by name.

    ``collected`` are the results of the shards, by stage, in the order of the shards.
    """
    tables = {name: pa.concat_tables(parts) for name, parts in collected.items()}
    return _run(plan, plan.after_shards, {**once, **tables}, report)


def run_until(plan: Plan, name: str) -> pa.Table:
    """Run one stage and everything upstream of it, for the first shard only: its result."""
    plan = plan.until(name)
    once = run_once(plan)
    shard = run_shard(plan, once, 0)
    after = run_after_shards(plan, once, {name: [rows] for name, rows in shard.items()})
    return {**once, **shard, **after}[name]


def _run(
    plan: Plan,
    stages: Sequence[Stage],
    inputs: Tables,
    report: Report,
    first: Callable[[str, int], int] = lambda *_: 1,
) -> dict[str, pa.Table]:
    """Run stages in order, with the results of others as inputs: their own results.

    ``first`` gives the first id of a stage's rows from their number, if the stage gives no ids.
    """
    results: dict[str, pa.Table] = {}
    for stage in stages:
        start = time.perf_counter()
        found = {
            name: results[source] if source in results else inputs[source] for name, source in stage.inputs.items()
        }
        result = run_stage(stage, found, plan.pipeline, partial(first, stage.name))
        if stage.check and result.num_rows:
            rows = result.slice(0, MAX_ROWS).to_pylist()
            raise CheckFailed(failure(stage.name, stage.check, rows, result.num_rows), stage.where)
        results[stage.name] = result
        report(stage.name, result.num_rows, time.perf_counter() - start)
    return results


@dataclass(frozen=True)
class Part:
    """Rows of one table from one shard; 0 for a table that is not sharded."""

    table: str
    shard: int
    rows: pa.Table | None  # None once a worker on another machine has written them
    count: int
    file: File | None = None  # the Parquet file with these rows
    digest: int | None = None  # of the rows in the file


def make_parts(plan: Plan, results: Tables, shard: int, target: Target | None = None) -> list[Part]:
    """Make parts of the results that fill tables, parents before children (the order of the schema).

    With a target, also write their Parquet files and compute their digests.
    """
    filled = {plan.pipeline.stages[name].table: rows for name, rows in results.items()}
    parts = []
    for name, table in plan.pipeline.schema.tables.items():
        if name in filled:
            rows = filled[name]
            written = (write_part(target, table, shard, rows), table_digest(rows)) if target else ()
            parts.append(Part(name, shard, rows, rows.num_rows, *written))
    return parts


class ShardResult(NamedTuple):
    """The output of one shard."""

    parts: list[Part]
    collected: dict[str, pa.Table]  # by stage: input of the stages that run after all shards
    timings: list[tuple[str, int, float]]  # of each stage: its name, rows and seconds

    def without_rows(self) -> ShardResult:
        """The same without the rows, which are in files."""
        return self._replace(parts=[replace(part, rows=None) for part in self.parts])


def make_shard(plan: Plan, once: Tables, number: int, target: Target | None, ids: Ids) -> ShardResult:
    """Run the per-shard stages for one shard, and make parts of the results that fill tables."""
    timings: list[tuple[str, int, float]] = []
    results = run_shard(plan, once, number, lambda *stage: timings.append(stage), ids)
    collected = {name: results[name] for name in plan.collected}
    return ShardResult(make_parts(plan, results, number, target), collected, timings)
