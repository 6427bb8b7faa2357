"""Read the file of a stage, and check its header, its cells and its rows against the table that they fill."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.errors import Bug, EtlError, did_you_mean
from etl.generator.params import LIMIT
from etl.pipeline.constraints import collation_key, violations
from etl.pipeline.form_errors import describe, hints
from etl.pipeline.reference_data import Reference, pairs, repeats
from etl.pipeline.schema import Rule
from etl.pipeline.sources import READERS
from etl.pipeline.sources.rows import Rows, SourceColumn

if TYPE_CHECKING:
    from collections.abc import Collection

    from etl.pipeline.cells import Cell
    from etl.pipeline.model import Stage
    from etl.pipeline.schema import Column, Table, Unique

#: From so many rows on Arrow compares keys first, in a tenth of SQLite's time.
_MANY = 10_000


def read_reference(stage: Stage, table: Table | None) -> Reference:
    """Read the file of a stage. The result lists the mistakes.

    The rules of a table apply to the columns that it has, too; a stage that fills the table must have exactly these.
    """
    fills_table = not stage.internal
    try:
        if stage.path is None:
            raise Bug(stage.name)
        types = {name: column.data_type for name, column in table.columns.items()} if table else {}
        rows = READERS[stage.kind](stage.path, stage.file, stage.options, types)
    except EtlError as error:
        return Reference(Rows(stage.file, [], 0, lambda: ()), mistakes=[error], all_rows=False)
    result = Reference(rows, mistakes=list(rows.mistakes), all_rows=not rows.mistakes)
    columns = _header(result, table if fills_table else None)
    if fills_table and table is None:  # a mistake in the schema, or in the name of the table
        result.all_rows = False
        return result
    known = {name: column for name, column in table.columns.items() if name in columns} if table else {}
    result.collations = {name: column.collation for name, column in known.items()}
    for name, column in columns.items():
        result.types[name] = column.type
        _read_cells(column, known.get(name), result)
    rows.columns.clear()  # the result has them now
    if table:
        if fills_table and table.autoincrement and table.autoincrement not in columns:
            result.types[table.autoincrement] = table.columns[table.autoincrement].data_type
            numbers = pa.array(np.arange(1, rows.count + 1))
            result.arrays[table.autoincrement] = pa.chunked_array([numbers])  # others may refer to them
        _rules(result, table)
    return result


def _header(result: Reference, table: Table | None) -> dict[str, SourceColumn]:
    """The columns by name, which must be those of the table that they fill."""
    rows = result.rows
    if not (rows.columns or rows.count):  # such as an empty array in JSON
        if table is None:
            message = "the file has no rows, so its columns are not known"
            result.mistakes.append(EtlError(message, rows.place()))
        found = table.columns.values() if table else ()
        kinds = {each.name: each.data_type for each in found}
        return {name: SourceColumn(name, kind, pa.chunked_array([], kind.arrow)) for name, kind in kinds.items()}
    first: dict[object, str] = {}
    columns: dict[str, SourceColumn] = {}
    for position, column in enumerate(rows.columns, 1):
        if not column.name:
            result.report_header("the column has no name", position)
        elif column.name in columns:
            result.report_header(f"duplicate column '{column.name}'", position)
            result.bad_columns.add(column.name)
        else:
            if (other := first.setdefault(collation_key(column.name, "NOCASE"), column.name)) != column.name:
                message = f"the columns '{other}' and '{column.name}' differ in case only, which SQL ignores"
                result.report_header(message, position)
            columns[column.name], result.positions[column.name] = column, position
    if table:
        _names(columns, table, result)
    return columns


def _names(columns: Collection[str], table: Table, result: Reference) -> None:
    """Report columns that the table does not have, and those that are missing."""
    extra = [name for name in columns if name not in table.columns]
    unknown, missing = hints(extra, [name for name in table.columns if name not in {*columns, table.autoincrement}])
    for name, hint in unknown.items():
        message = f"the table {table.name} has no column '{name}'{hint or '; remove it'}"
        result.report_header(message, result.positions[name])
    for name in missing:
        message = f"the column '{name}' of the table {table.name} is missing"
        result.report_header(message, len(result.rows.columns) + 1)


def _read_cells(source: SourceColumn, declared: Column | None, result: Reference) -> None:
    """Read the cells of a column; those that are wrong become None."""
    name = source.name or ""
    if source.array is not None and _may_have(source.array, declared, result.rows):
        result.arrays[name] = source.array
        return
    problems: dict[int, str] = {}
    cells: list[Cell] = []
    try:
        for found in source.cells():
            problem = str(found) if isinstance(found, ValueError) else _problem(found, declared, result.rows)
            if problem:
                problems[len(cells)] = problem
            cells.append(None if problem or isinstance(found, ValueError) else found)
    except ValueError as error:  # the whole column has another type
        result.mistakes.append(
            EtlError(str(error), result.rows.place(result.rows.header, result.positions[name]), name)
        )
        cells = [None] * result.rows.count
        result.bad_columns.add(name)
    result.arrays[name] = source.type.array(cells)
    if problems:
        result.bad_columns.add(name)
        result.report_each(list(problems), name, problems.__getitem__)


def _may_have(array: pa.ChunkedArray, declared: Column | None, rows: Rows) -> bool:
    """Whether no cell of a column has a problem."""
    if array.null_count and not (declared.nullable if declared else rows.nullable):
        return False
    if declared and declared.key:
        ids = array.to_numpy()  # with NaN for null
        return bool(((ids >= 1) & (ids <= LIMIT)).all())
    return True


def _problem(cell: Cell, declared: Column | None, rows: Rows) -> str:
    """What is wrong with a cell apart from its type."""
    if cell is None:
        nullable = declared.nullable if declared else rows.nullable
        return (
            ""
            if nullable
            else f"the {'cell' if rows.header else 'value'} is {'empty' if rows.header else 'null'}; enter a value"
        )
    if declared and declared.key and not 1 <= int(cell) <= LIMIT:
        return f"ids are whole numbers from 1 to {LIMIT:,}, not {cell}"
    return ""


def _rules(result: Reference, table: Table) -> None:
    """Report the rows that violate a CHECK or repeat a key. Arrow decides most keys of many rows."""
    table = table._replace(unique=tuple(key for key in table.unique if not _is_distinct(key, result)))
    broken: dict[Rule | Unique, dict[int, int]] = {}
    rules: tuple[Rule | Unique, ...] = (*table.rules, *table.unique)
    used = {name for rule in rules for name in rule.columns} & result.arrays.keys()
    for found in violations(table, {name: result.cells(name) for name in used}):
        broken.setdefault(found.rule, {})[found.row] = found.first
    for rule, rows in broken.items():
        if isinstance(rule, Rule):
            result.report_each(list(rows), rule.columns[-1], partial(_breaks, result, table, rule))
        else:
            result.report_each(list(rows), rule.columns[-1], partial(repeats, result, rule.columns, rows))


def _is_distinct(key: Unique, result: Reference) -> bool:
    """Whether no two values of a key of one column are the same bytes, which is how SQLite compares most types."""
    column = result.arrays.get(key.columns[0])
    if column is None or len(column) < _MANY or key.collations != ("BINARY",) or pa.types.is_floating(column.type):
        return False
    import pyarrow.compute as pc  # noqa: PLC0415 -- takes 50 ms

    return bool(pc.count_distinct(column).as_py() == len(column) - column.null_count)


def _breaks(result: Reference, table: Table, rule: Rule, row: int) -> str:
    """The message for a row that violates a CHECK."""
    cells = [result.cells(name)[row] for name in rule.columns]
    if len(cells) > 1:
        return f"{pairs(rule.columns, cells)} violate CHECK ({rule.sql})"
    if allowed := table.columns[rule.columns[0]].values:
        return f"{describe(cells[0])} is not allowed{did_you_mean(str(cells[0]), allowed)}"
    return f"{describe(cells[0])} violates CHECK ({rule.sql})"
