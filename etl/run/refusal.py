"""Why SQLite does not take the rows of a stage: the rules that they break, and the first rows that do."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, Where
from etl.pipeline.cells import shown
from etl.pipeline.constraints import violations
from etl.pipeline.schema import Rule
from etl.run.engine import local_parts
from etl.run.progress import Progress
from etl.tables.checks import SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.schema import Table, Unique
    from etl.run.plan import Plan
    from etl.run.shards import Part


def refused(plan: Plan, part: Part, error: EtlError) -> EtlError:
    """The error that names the stage, the rules and the rows; with SQLite's own words where these rows break none.

    DuckDB says only that a constraint failed, and gives the transaction up: nothing can be asked of the database.
    """
    table = plan.pipeline.schema.tables[part.table]
    stage = plan.pipeline.stage_of_table(part.table)
    if stage is None or part.rows is None or "constraint failed" not in error.message:
        return error  # a full disk, for one
    said = list(_broken(table, part.rows))
    if not said and "UNIQUE" in error.message:
        said = list(_broken(table, part.rows, _keys_before(plan, part, part.rows)))
    says = "\n".join([f"the table {table.name} does not take its rows:", *said]) if said else error.message
    where = Where(stage.shown) if stage.kind == "sql" else stage.where
    return EtlError(f"stages.{stage.name}: {says}", where)


def _broken(table: Table, rows: pa.Table, before: pa.Table | None = None) -> Iterator[str]:
    """Say which rules the rows break, and show the first that do; ``before`` are the keys of rows loaded already."""
    earlier = before.num_rows if before else 0
    named = before.column_names if before else table.columns
    columns = {name: rows[name].to_pylist() for name in named}
    cells = {name: [*(before[name].to_pylist() if before else ()), *own] for name, own in columns.items()}
    broken: dict[Rule | Unique, list[int]] = {}
    for found in violations(table, cells):
        if found.row >= earlier:
            broken.setdefault(found.rule, []).append(found.row - earlier)
    for rule, numbers in broken.items():
        name = f"CHECK ({rule.sql})" if isinstance(rule, Rule) else f"UNIQUE ({', '.join(rule.columns)})"
        yield f"{name} is broken by {len(numbers):,} of {rows.num_rows:,} rows, first by"
        for row in rows.take(numbers[:SHOWN]).to_pylist():
            yield "  " + ", ".join(f"{column}={shown(value)}" for column, value in row.items())


def _keys_before(plan: Plan, part: Part, rows: pa.Table) -> pa.Table:
    """The keys of the rows that were loaded before a part: they are made once more, as they are the same."""
    table = plan.pipeline.schema.tables[part.table]
    names = list(dict.fromkeys(name for key in table.unique for name in key.columns))
    keys = [rows.select(names).slice(0, 0)]
    with closing(local_parts(plan, Progress())) as made:
        for other in made:
            if other.table == part.table and other.shard == part.shard:
                break
            if other.table == part.table and other.rows:
                keys.append(other.rows.select(names))
    return pa.concat_tables(keys)
