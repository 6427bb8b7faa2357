"""Reference data: the rows of files, checked against the tables that they fill."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from etl.errors import Bug, EtlError, did_you_mean
from etl.generator.params import LIMIT
from etl.pipeline.constraints import collation_key, violations
from etl.pipeline.form_errors import describe, hints
from etl.pipeline.schema import Rule
from etl.pipeline.sources import csv_file, json_file, parquet_file, sqlite_file
from etl.pipeline.sources.rows import MAX_LISTED, Rows, SourceColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.model import Stage
    from etl.pipeline.schema import Column, Table, Unique


@dataclass
class Reference:
    """The rows of a file by column, and the mistakes in them."""

    rows: Rows
    arrays: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    types: dict[str, DataType] = field(default_factory=dict)
    collations: dict[str, str] = field(default_factory=dict)  # of columns that a table declares
    mistakes: list[EtlError] = field(default_factory=list)
    all_rows: bool = True  # False if a row could not be read
    bad_columns: set[str] = field(default_factory=set)  # with a cell that could not be read
    positions: dict[str, int] = field(default_factory=dict)  # of each column of the file in a row, from 1
    _cells: dict[str, list[Cell]] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Its name in messages."""
        return self.rows.file

    @property
    def lines(self) -> Sequence[int]:
        """The line of each row, or its number."""
        return self.rows.lines

    def report(self, message: str, row: int, column: str) -> None:
        """Add a mistake in a cell; its place is the line, and the position of the cell in its row."""
        where = self.rows.place(self.lines[row], self.positions.get(column, 0))
        self.mistakes.append(EtlError(message, where, column))

    def report_header(self, message: str, position: int) -> None:
        """Add a mistake in the name of a column."""
        self.mistakes.append(EtlError(message, self.rows.place(self.rows.header, position)))

    def report_each(self, rows: Sequence[int], column: str, message: Callable[[int], str]) -> None:
        """Add the same mistake in several cells of a column: the first ones, and the number of the others."""
        for row in rows[:MAX_LISTED]:
            self.report(message(row), row, column)
        if len(rows) > MAX_LISTED:
            self.report(f"and {len(rows) - MAX_LISTED:,} more like those above", rows[MAX_LISTED], column)

    def arrow_schema(self) -> pa.Schema:
        """The columns with their types."""
        return pa.schema([(name, kind.arrow) for name, kind in self.types.items()])

    def to_table(self) -> pa.Table:
        """The rows as an Arrow table."""
        return pa.table(self.arrays)

    def cells(self, column: str) -> list[Cell]:
        """The cells of a column as SQLite stores them; None for one that could not be read."""
        if column not in self._cells:
            read = self.types[column].read
            self._cells[column] = [None if value is None else read(value) for value in self.arrays[column].to_pylist()]
        return self._cells[column]

    def is_complete(self, *columns: str) -> bool:
        """Whether every cell of the columns was read, so that a missing value really is missing."""
        return self.all_rows and all(name in self.arrays and name not in self.bad_columns for name in columns)


def lacks(reference: Reference | None, column: str, value: object) -> str | None:
    """A message if a column does not have a value; None if it does, or if a cell could not be read."""
    if reference is None or not reference.is_complete(column) or value in reference.cells(column):
        return None
    hint = did_you_mean(str(value), {str(choice) for choice in reference.cells(column)})
    return f"{reference.file} has no {column} {describe(value)}{hint}"


def check_references(
    source: Reference, columns: Sequence[str], target: Reference, target_columns: Sequence[str]
) -> None:
    """Report the rows whose reference is missing in another file; a null refers to nothing."""
    if not target.is_complete(*target_columns) or not set(columns) <= set(source.arrays):
        return
    collations = [target.collations.get(name, "BINARY") for name in target_columns]

    def keys(reference: Reference, names: Sequence[str]) -> list[tuple[object, ...] | None]:
        rows = zip(*map(reference.cells, names), strict=True)
        return [None if None in row else tuple(map(collation_key, row, collations)) for row in rows]

    known = set(keys(target, target_columns))
    unknown = [row for row, key in enumerate(keys(source, columns)) if key is not None and key not in known]

    def message(row: int) -> str:
        cells = [source.cells(name)[row] for name in columns]
        if len(cells) == 1:
            return lacks(target, target_columns[0], cells[0]) or ""
        return f"{target.file} has no row with {_pairs(target_columns, cells)}"

    source.report_each(unknown, columns[-1], message)


def check_distinct(reference: Reference, column: str) -> None:
    """Report the cells of a column that repeat an earlier one; nulls are distinct."""
    seen: dict[Cell, int] = {}
    firsts = {row: seen.setdefault(cell, row) for row, cell in enumerate(reference.cells(column)) if cell is not None}
    repeated = [row for row, first in firsts.items() if first != row]
    reference.report_each(repeated, column, partial(_repeats, reference, (column,), firsts))


#: From so many rows on Arrow compares keys first, in a tenth of SQLite's time.
_MANY = 10_000

#: The function that reads a file, by kind of stage. It raises EtlError.
READERS: dict[str, Callable[[Path, str, Any, Mapping[str, DataType]], Rows]] = {
    "csv": csv_file.read,
    "json": json_file.read,
    "parquet": parquet_file.read,
    "sqlite": sqlite_file.read,
}


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
    table = replace(table, unique=tuple(key for key in table.unique if not _is_distinct(key, result)))
    broken: dict[Rule | Unique, dict[int, int]] = {}
    rules: tuple[Rule | Unique, ...] = (*table.rules, *table.unique)
    used = {name for rule in rules for name in rule.columns} & result.arrays.keys()
    for found in violations(table, {name: result.cells(name) for name in used}):
        broken.setdefault(found.rule, {})[found.row] = found.first
    for rule, rows in broken.items():
        if isinstance(rule, Rule):
            result.report_each(list(rows), rule.columns[-1], partial(_breaks, result, table, rule))
        else:
            result.report_each(list(rows), rule.columns[-1], partial(_repeats, result, rule.columns, rows))


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
        return f"{_pairs(rule.columns, cells)} violate CHECK ({rule.sql})"
    if allowed := table.columns[rule.columns[0]].values:
        return f"{describe(cells[0])} is not allowed{did_you_mean(str(cells[0]), allowed)}"
    return f"{describe(cells[0])} violates CHECK ({rule.sql})"


def _pairs(names: Iterable[str], cells: Iterable[Cell]) -> str:
    return ", ".join(f"{name} {describe(cell)}" for name, cell in zip(names, cells, strict=True))


def _repeats(result: Reference, columns: Sequence[str], firsts: Mapping[int, int], row: int) -> str:
    """The message for a row that has the key of an earlier one."""
    first = firsts[row]
    key, other = (", ".join(str(result.cells(name)[number]) for name in columns) for number in (row, first))
    spelling = "" if key == other else f", as {other}"
    return f"duplicate {key} (first {result.rows.counted(first)}{spelling})"
