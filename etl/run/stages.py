"""Runs one stage of any kind: Arrow tables in, one Arrow table out, with the types of the database table it fills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from etl.errors import Bug, EtlError
from etl.generator.streams import Streams
from etl.pipeline.fitting import check_values, fit
from etl.pipeline.query import query_error, run_query
from etl.run.guard import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.pipeline.model import Pipeline, Stage


def run_stage(
    stage: Stage, inputs: Mapping[str, pa.Table], pipeline: Pipeline, first: Callable[[int], int] = lambda _: 1
) -> pa.Table:
    """Run a stage over its inputs, by the stage's own names for them. Raises EtlError with the stage's place.

    ``first`` gives the first id for a number of rows, if the stage leaves them to AUTOINCREMENT.
    """
    if reference := pipeline.references.get(stage.name):
        result = reference.to_table()
    elif stage.kind == "sql":
        result = _run_sql(stage, inputs)
    else:
        result = _run_python(stage, inputs, pipeline)
    check_values(result, stage)
    return fit(result, stage, pipeline.schema.tables[stage.table], first) if stage.table else result


def _run_sql(stage: Stage, inputs: Mapping[str, pa.Table]) -> pa.Table:
    try:
        return run_query(stage.text, stage.params, inputs)
    except duckdb.Error as error:
        located = query_error(error, stage.text, stage.file)
        raise located.under(f"stages.{stage.name}") from error


def _run_python(stage: Stage, inputs: Mapping[str, pa.Table], pipeline: Pipeline) -> pa.Table:
    contract = stage.contract
    if contract is None:
        raise Bug(stage.name)
    arguments: dict[str, Any] = {**inputs, **{name: getattr(stage.params, name) for name in contract.hints}}
    for name, table in inputs.items():
        if misfit := contract.misfit(name, table.column_names):
            message = f"{misfit}; use another stage than '{stage.inputs[name]}'"
            raise EtlError(message, stage.where, f"stages.{stage.name}.inputs.{name}")
    if contract.streams:
        arguments[contract.streams] = Streams(pipeline.seed, stage.name)
    with running(stage, pipeline.source.root, f"{stage.generator} failed"):
        result = contract.function(**arguments)
        batches = list(result) if isinstance(result, Iterator) else [result]
    return _concat(batches, stage)


def _concat(batches: list[Any], stage: Stage) -> pa.Table:
    """Concatenate the record batches that a generator returned. Raises EtlError when they are something else."""
    if not batches:
        raise EtlError(f"{stage.generator} yielded no batch; yield an empty one", stage.where, f"stages.{stage.name}")
    for batch in batches:
        if not isinstance(batch, (pa.RecordBatch, pa.Table)):
            message = f"{stage.generator} made a {type(batch).__name__}; return a pa.RecordBatch, or yield several"
            raise EtlError(message, stage.where, f"stages.{stage.name}")
        if not batch.schema.equals(batches[0].schema):
            message = f"the batches of {stage.generator} differ in their columns; make them alike"
            raise EtlError(message, stage.where, f"stages.{stage.name}")
    return pa.concat_tables(
        [batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch]) for batch in batches]
    )
