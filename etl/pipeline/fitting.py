"""Makes a stage's result the rows of the table that it fills; says what does not fit, where, and what to write."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, Mistakes
from etl.pipeline.constraints import folded
from etl.pipeline.query import read_query, selected, selection, written
from etl.pipeline.values import ARROW, SQL, becomes, converted, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.model import Stage
    from etl.pipeline.schema import Column, Table

#: How long an expression may be that a message repeats.
_SHOWN = 60


def fitted(result: pa.Table, stage: Stage, table: Table) -> pa.Table:
    """The columns of a result in the order of its table and with its types. Raises EtlError."""
    mistakes = list(misfits(result.schema, stage, table))
    if mistakes:
        raise mistakes[0] if len(mistakes) == 1 else Mistakes(mistakes)
    columns = {column.name: _column(result, stage, column) for column in table.columns.values()}
    return pa.table(columns)


def misfits(found: pa.Schema, stage: Stage, table: Table) -> Iterator[EtlError]:
    """What is wrong with the names and types of a result's columns."""
    yield from misnamed(found.names, stage, table)
    for column in table.columns.values():
        if found.names.count(column.name) == 1 and not becomes(found.field(column.name).type, column.type):
            kind = found.field(column.name).type
            message = f"the column {column.name} is {kind}, its table says {column.type}"
            yield _mistake(stage, f"{message}; {_cast(stage, column)}", column.name)


def misnamed(names: list[str], stage: Stage, table: Table) -> Iterator[EtlError]:
    """What is wrong with the names of a result's columns."""
    yield from alike(names, stage)
    missing = [name for name in table.columns if name not in names]
    extra = [name for name in dict.fromkeys(names) if name not in table.columns]
    if missing or extra:
        says = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has also {', '.join(extra)}"] * bool(extra)
        message = f"the result {' and '.join(says)}; the table {table.name} has {', '.join(table.columns)}"
        yield _mistake(stage, message, *extra[:1])


def alike(names: list[str], stage: Stage) -> Iterator[EtlError]:
    """Columns of a result that SQL takes for one: a query over it would find one under another's name."""
    count = Counter(folded(name, "NOCASE") for name in names)
    twice = [name for name in names if count[folded(name, "NOCASE")] > 1]
    if twice:
        why = "" if len(set(twice)) == len({folded(name, "NOCASE") for name in twice}) else ", which SQL takes for one"
        yield _mistake(stage, f"the result has two columns {', '.join(sorted(set(twice)))}{why}", twice[0])


def hold_sound(result: pa.Table, stage: Stage) -> None:
    """Hold that a result has each column once, no number that is none, and no broken text. Raises EtlError."""
    for mistake in alike(result.column_names, stage):
        raise mistake
    for name, column in zip(result.column_names, result.columns, strict=True):
        found = fault(column)
        if found:
            mend = found.mend
            if stage.kind == "sql" and "finite" in mend:
                mend += ", as x / nullif(y, 0) does"
            message = f"the column {name} {found.what} in row {_row(result, found.row, name)}; {mend}"
            raise _mistake(stage, message, name)


def _column(result: pa.Table, stage: Stage, column: Column) -> pa.ChunkedArray:
    found = result[column.name]
    if found.null_count and not column.nullable:
        row = _row(result, found.is_null().index(True).as_py(), column.name)
        raise _mistake(stage, f"the column {column.name} may not be null, and is in row {row}", column.name)
    try:
        return converted(found, column.type)
    except pa.ArrowInvalid as error:
        message = f"the column {column.name} is {found.type}, and not all of it can be {column.type}: {error}"
        raise _mistake(stage, f"{message}; {_cast(stage, column)}", column.name) from error


def _row(result: pa.Table, row: int, column: str) -> str:
    """The number of a row, from 1, and what its first column says."""
    first = result.column_names[0]
    return f"{row + 1}" if first == column else f"{row + 1} ({first} {result[first][row].as_py()})"


def _cast(stage: Stage, column: Column) -> str:
    """What to write to make a column what its table says."""
    if stage.kind != "sql":
        return f"cast it to {ARROW[column.type]}"
    node = selected(read_query(stage.text, stage.shown).tree, column.name)
    text = written(node) if node else column.name
    return f"cast it: {text if len(text) <= _SHOWN else column.name}::{SQL[column.type]}"


def _mistake(stage: Stage, message: str, column: str = "") -> EtlError:
    """A mistake at the place of a column, in the file of a query; else of the stage."""
    where = stage.where
    if stage.kind == "sql":
        query = read_query(stage.text, stage.shown)
        where = query.place([selected(query.tree, column), selection(query.tree)])  # the second when the first has none
    return EtlError(message, where, f"stages.{stage.name}")
