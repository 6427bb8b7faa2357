"""Fits a stage's result to the table that it fills, or reports which columns do not fit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.errors import EtlError, Mistakes
from etl.pipeline.constraints import collation_key
from etl.pipeline.datatypes import convert, first_too_long, is_convertible
from etl.pipeline.query import is_sorted, read_query, selection
from etl.pipeline.values import first_bad_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.pipeline.model import Stage
    from etl.pipeline.schema import Column, Table


def fit(result: pa.Table, stage: Stage, table: Table, first: Callable[[int], int]) -> pa.Table:
    """The result with the order and types of the table's columns. Raises EtlError.

    Without the column that has AUTOINCREMENT, its rows are numbered from ``first`` of their count on.
    """
    mistakes = list(column_mistakes(result.schema, stage, table))
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)
    if table.autoincrement and table.autoincrement not in result.column_names:
        start = first(result.num_rows)
        ids = np.arange(start, start + result.num_rows, dtype=np.int64)
        result = result.append_column(table.autoincrement, pa.array(ids))
    return pa.table({column.name: _column(result, stage, column) for column in table.columns.values()})


def column_mistakes(found: pa.Schema, stage: Stage, table: Table) -> Iterator[EtlError]:
    """What is wrong with the names and types of a result's columns."""
    yield from name_mistakes(found.names, stage, table)
    for column in table.columns.values():
        if found.names.count(column.name) == 1 and not is_convertible(found.field(column.name).type, column.data_type):
            message = f"the column {column.name} is {found.field(column.name).type}, its table declares {column.type}"
            yield _mistake(stage, f"{message}; {_cast(stage, column)}", column.name)


def name_mistakes(names: list[str], stage: Stage, table: Table) -> Iterator[EtlError]:
    """What is wrong with the names of a result's columns."""
    yield from duplicate_names(names, stage)
    numbered = table.autoincrement not in names
    missing = [name for name in table.columns if name not in names and name != table.autoincrement]
    extra = [name for name in dict.fromkeys(names) if name not in table.columns]
    if missing or extra:
        faults = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has extra {', '.join(extra)}"] * bool(extra)
        message = f"the result {' and '.join(faults)}; the table {table.name} has {', '.join(table.columns)}"
        if not extra and all(table.columns[name].key for name in missing):
            message += " (with AUTOINCREMENT the rows are numbered)"
        yield _mistake(stage, message, *extra[:1])
    elif table.autoincrement and numbered and stage.kind == "sql" and not is_sorted(read_query(stage.text, stage.file)):
        message = f"the rows have no {table.autoincrement}, so they are numbered in their order; add ORDER BY"
        yield _mistake(stage, f"{message}, or give the {table.autoincrement}")


def duplicate_names(names: list[str], stage: Stage) -> Iterator[EtlError]:
    """Columns with the same name to SQL, which ignores case: a query would read the wrong one."""
    count = Counter(collation_key(name, "NOCASE") for name in names)
    twice = [name for name in names if count[collation_key(name, "NOCASE")] > 1]
    if twice:
        message = f"the result has two columns {', '.join(sorted(set(twice)))} (SQL ignores case)"
        yield _mistake(stage, message, twice[0])


def check_values(result: pa.Table, stage: Stage) -> None:
    """Check for duplicate columns, numbers that are not finite, and invalid text. Raises EtlError."""
    for mistake in duplicate_names(result.column_names, stage):
        raise mistake
    for name, column in zip(result.column_names, result.columns, strict=True):
        if found := first_bad_value(column):
            fix = found.fix
            if stage.kind == "sql" and pa.types.is_floating(column.type):
                fix += ", such as with x / nullif(y, 0)"
            message = f"the column {name} {found.problem} in row {_row(result, found.row, name)}; {fix}"
            raise _mistake(stage, message, name)


def _column(result: pa.Table, stage: Stage, column: Column) -> pa.ChunkedArray:
    found = result[column.name]
    if found.null_count and not column.nullable:
        row = _row(result, found.is_null().index(True).as_py(), column.name)
        raise _mistake(stage, f"the column {column.name} must not be null, but is in row {row}", column.name)
    try:
        values = convert(found, column.data_type)
    except pa.ArrowInvalid as error:
        message = f"the column {column.name} is {found.type}, and not all of it can be {column.type}: {error}"
        raise _mistake(stage, f"{message}; {_cast(stage, column)}", column.name) from error
    if (long := first_too_long(values, column.data_type)) is not None:
        message = f"the column {column.name} has more than {column.data_type.length} characters"
        raise _mistake(stage, f"{message} in row {_row(result, long, column.name)}", column.name)
    return values


def _row(result: pa.Table, row: int, column: str) -> str:
    """The number of a row, from 1, and the value of its first column."""
    first = result.column_names[0]
    return f"{row + 1}" if first == column else f"{row + 1} ({first} {result[first][row].as_py()})"


def _cast(stage: Stage, column: Column) -> str:
    return f"cast it with ::{column.data_type.cast}" if stage.kind == "sql" else f"cast it to {column.data_type.arrow}"


def _mistake(stage: Stage, message: str, column: str = "") -> EtlError:
    """A mistake at the place of a column in the query, or of the stage."""
    where = stage.where
    if stage.kind == "sql":
        query = read_query(stage.text, stage.file)
        columns = selection(query.tree)
        where = query.place([columns.get(column), *columns.values()])  # the second when the first has none
    return EtlError(message, where, f"stages.{stage.name}")
