"""Explains why SQLite rejects the rows of a stage: the violated constraints and the first violating rows."""

from __future__ import annotations

from contextlib import closing
from itertools import takewhile
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, Where
from etl.pipeline.constraints import violations
from etl.pipeline.form_errors import describe
from etl.pipeline.schema import Rule
from etl.run.engine import generate_locally
from etl.run.progress import Progress
from etl.tables.checks import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.schema import Table, Unique
    from etl.run.plan import Plan
    from etl.run.shards import Part


def explain(plan: Plan, part: Part, error: EtlError) -> EtlError:
    """The error with the stage, the constraints and the rows; with SQLite's message if no violation is found.

    The rows are examined here because DuckDB aborts the transaction: the database cannot be queried any more.
    """
    table = plan.pipeline.schema.tables[part.table]
    stage = plan.pipeline.stage_of_table(part.table)
    if stage is None or part.rows is None or "constraint failed" not in error.message:
        return error  # such as a full disk
    earlier = _earlier_keys(plan, part) if "UNIQUE" in error.message else []
    found = list(_violations(table, part.rows, earlier))
    message = "\n".join([f"the table {table.name} does not take its rows:", *found]) if found else error.message
    where = Where(stage.file) if stage.kind == "sql" else stage.where
    return EtlError(message, where, f"stages.{stage.name}")


def _violations(table: Table, rows: pa.Table, earlier: list[pa.Table]) -> Iterator[str]:
    """Lines with each violated constraint and the first violating rows; ``earlier`` are keys loaded before."""
    known = pa.concat_tables([*earlier, rows], promote_options="default")
    offset = known.num_rows - rows.num_rows
    violated: dict[Rule | Unique, list[int]] = {}
    for found in violations(table, known.to_pydict()):
        if found.row >= offset:
            violated.setdefault(found.rule, []).append(found.row - offset)
    for rule, numbers in violated.items():
        name = f"CHECK ({rule.sql})" if isinstance(rule, Rule) else f"UNIQUE ({', '.join(rule.columns)})"
        yield f"{name} is broken by {len(numbers):,} of {rows.num_rows:,} rows, first by"
        for row in rows.take(numbers[:MAX_ROWS]).to_pylist():
            yield "  " + ", ".join(f"{column}={describe(value)}" for column, value in row.items())


def _earlier_keys(plan: Plan, part: Part) -> list[pa.Table]:
    """The keys of the rows loaded before a part; they are generated again, which gives the same rows."""
    table = plan.pipeline.schema.tables[part.table]
    names = list(dict.fromkeys(name for key in table.unique for name in key.columns))
    with closing(generate_locally(plan, Progress())) as parts:
        shards = ((other.shard, other.rows) for other in parts if other.table == part.table and other.rows)
        return [rows.select(names) for _, rows in takewhile(lambda shard: shard[0] != part.shard, shards)]
