"""Runs one stage of any kind: tables in, a table out, which fits the table of the database that it fills."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from etl.errors import Bug, EtlError, Where
from etl.sandbox import run_query
from etl.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.model import Pipeline, Stage
    from etl.reference import Reference
    from etl.tables import Table

_ARROW = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}


def run_stage(stage: Stage, inputs: Mapping[str, pa.Table], pipeline: Pipeline) -> pa.Table:
    """Run a stage over its inputs, by the names it knows them by. Raises EtlError with the stage's place."""
    if stage.kind == "csv":
        result = reference_table(pipeline.references[stage.name])
    elif stage.kind == "sql":
        result = _run_sql(stage, inputs)
    else:
        result = _run_python(stage, inputs, pipeline.seed)
    return _fitted(result, stage, pipeline.schema.tables[stage.table]) if stage.table else result


def reference_table(reference: Reference) -> pa.Table:
    """The rows of a CSV file as Arrow."""
    return pa.table(
        {name: pa.array(cells, type=_ARROW[reference.types[name]]) for name, cells in reference.columns.items()}
    )


def _run_sql(stage: Stage, inputs: Mapping[str, pa.Table]) -> pa.Table:
    try:
        return run_query(stage.text, stage.params, inputs)
    except duckdb.Error as error:
        raise EtlError(f"stages.{stage.name}: {error}", Where(stage.shown, 1, 1)) from error


def _run_python(stage: Stage, inputs: Mapping[str, pa.Table], seed: int) -> pa.Table:
    contract = stage.contract
    if contract is None:
        raise Bug(stage.name)
    arguments: dict[str, Any] = {**inputs, **{name: getattr(stage.params, name) for name in contract.hints}}
    for name, table in inputs.items():
        if misfit := contract.misfit(name, table.column_names):
            message = f"{misfit}; take another stage than '{stage.inputs[name]}'"
            raise EtlError(f"stages.{stage.name}.inputs.{name}: {message}", stage.where)
    if contract.streams:
        arguments[contract.streams] = Streams(seed, stage.name)
    try:
        result = contract.function(**arguments)
        batches = list(result) if isinstance(result, Iterator) else [result]
    except ValueError as error:  # what a generator says of params and inputs that do not go together
        raise EtlError(f"stages.{stage.name}: {error}", stage.where) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]  # without this one
        own = [frame for frame in frames if frame.filename == frames[0].filename] if frames else []
        place = f" in line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""
        message = f"{stage.generator} failed{place}: {type(error).__name__}: {error}"
        raise EtlError(f"stages.{stage.name}: {message}", stage.where) from error
    return _joined(batches, stage)


def _joined(batches: list[Any], stage: Stage) -> pa.Table:
    """One table of the record batches that a generator made."""
    if not batches:
        raise EtlError(f"stages.{stage.name}: {stage.generator} yielded no batch; yield an empty one", stage.where)
    for batch in batches:
        if not isinstance(batch, (pa.RecordBatch, pa.Table)):
            message = f"{stage.generator} made a {type(batch).__name__}; return a pa.RecordBatch, or yield several"
            raise EtlError(f"stages.{stage.name}: {message}", stage.where)
        if not batch.schema.equals(batches[0].schema):
            message = f"the batches of {stage.generator} differ in their columns; make them alike"
            raise EtlError(f"stages.{stage.name}: {message}", stage.where)
    return pa.concat_tables(
        [batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch]) for batch in batches]
    )


def _fitted(result: pa.Table, stage: Stage, table: Table) -> pa.Table:
    """Hold that a result has the columns of its table, with their types, and nulls only where they may be."""
    twice = sorted(name for name, count in Counter(result.column_names).items() if count > 1)
    if twice:
        raise EtlError(f"stages.{stage.name}: the result has two columns {', '.join(twice)}", stage.where)
    missing = [name for name in table.columns if name not in result.column_names]
    extra = [name for name in result.column_names if name not in table.columns]
    if missing or extra:
        says = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has also {', '.join(extra)}"] * bool(extra)
        message = f"the result {' and '.join(says)}; the table {table.name} has {', '.join(table.columns)}"
        raise EtlError(f"stages.{stage.name}: {message}", stage.where)
    for column in table.columns.values():
        found = result[column.name]
        if not _fits(found.type, column.type):
            message = f"the column {column.name} is {found.type}, its table says {column.type}"
            raise EtlError(f"stages.{stage.name}: {message}", stage.where)
        if found.null_count and not column.nullable:
            raise EtlError(f"stages.{stage.name}: the column {column.name} may not be null", stage.where)
    return result.select(list(table.columns))


def _fits(arrow: pa.DataType, declared: str) -> bool:
    if pa.types.is_null(arrow):
        return True
    if declared == "INTEGER":
        return bool(pa.types.is_integer(arrow))
    if declared == "REAL":
        return bool(pa.types.is_floating(arrow) or pa.types.is_integer(arrow))
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow))
