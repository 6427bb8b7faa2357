"""Reference data: the rows of files, checked against the tables that they fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, Where, did_you_mean
from etl.generator.params import LIMIT
from etl.pipeline import csv_file
from etl.pipeline.constraints import collation_key, violations
from etl.pipeline.csv_file import Row
from etl.pipeline.datatypes import TYPES, DataType
from etl.pipeline.explain import describe, hints
from etl.pipeline.schema import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.schema import Column, Table, Unique

#: The number of cells with the same mistake that are listed; the rest are counted.
MAX_LISTED = 10


@dataclass
class Reference:
    """The rows of a file by column, and the mistakes in them."""

    file: str  # its name in messages
    columns: dict[str, list[Cell]] = field(default_factory=dict)
    types: dict[str, DataType] = field(default_factory=dict)
    collations: dict[str, str] = field(default_factory=dict)  # of columns that a table declares
    lines: list[int] = field(default_factory=list)  # of each row
    mistakes: list[EtlError] = field(default_factory=list)
    all_rows: bool = True  # False if a row could not be read
    bad_columns: set[str] = field(default_factory=set)  # with a cell that could not be read
    positions: dict[str, int] = field(default_factory=dict)  # of each column in a row, from 1

    def report(self, message: str, row: int, column: str) -> None:
        """Add a mistake in a cell; its place is the line, and the position of the cell in its row."""
        where = Where(self.file, self.lines[row], self.positions[column])
        self.mistakes.append(EtlError(message, where, column))

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
        return pa.table({name: self.types[name].array(cells) for name, cells in self.columns.items()})

    def is_complete(self, *columns: str) -> bool:
        """Whether every cell of the columns was read, so that a missing value really is missing."""
        return self.all_rows and all(name in self.columns and name not in self.bad_columns for name in columns)


def lacks(reference: Reference | None, column: str, value: object) -> str | None:
    """A message if a column does not have a value; None if it does, or if a cell could not be read."""
    if reference is None or not reference.is_complete(column) or value in reference.columns[column]:
        return None
    hint = did_you_mean(str(value), {str(choice) for choice in reference.columns[column]})
    return f"{reference.file} has no {column} {describe(value)}{hint}"


def check_references(
    source: Reference, columns: Sequence[str], target: Reference, target_columns: Sequence[str]
) -> None:
    """Report the rows that refer to no row of another file; a null refers to nothing."""
    if not target.is_complete(*target_columns) or not set(columns) <= set(source.columns):
        return
    collations = [target.collations.get(name, "BINARY") for name in target_columns]

    def keys(reference: Reference, names: Sequence[str]) -> list[tuple[object, ...] | None]:
        rows = zip(*(reference.columns[name] for name in names), strict=True)
        return [None if None in row else tuple(map(collation_key, row, collations)) for row in rows]

    known = set(keys(target, target_columns))
    unknown = [row for row, key in enumerate(keys(source, columns)) if key is not None and key not in known]

    def message(row: int) -> str:
        cells = [source.columns[name][row] for name in columns]
        if len(cells) == 1:
            return lacks(target, target_columns[0], cells[0]) or ""
        return f"{target.file} has no row with {_pairs(target_columns, cells)}"

    source.report_each(unknown, columns[-1], message)


def check_distinct(reference: Reference, column: str) -> None:
    """Report the cells of a column that repeat an earlier one; nulls are distinct."""
    seen: dict[Cell, int] = {}
    firsts = {row: seen.setdefault(cell, row) for row, cell in enumerate(reference.columns[column]) if cell is not None}
    repeated = [row for row, first in firsts.items() if first != row]
    reference.report_each(repeated, column, partial(_repeats, reference, (column,), firsts))


#: The function that reads the rows of a file, header first, by kind of stage. It raises EtlError.
READERS: dict[str, Callable[[Path, str], list[Row]]] = {"csv": csv_file.read}


def read_reference(kind: str, path: Path, file: str, table: Table | None, *, fills_table: bool) -> Reference:
    """Read a file; the table's rules apply to the columns that it has, too. The result lists the mistakes.

    ``fills_table``: the file must have exactly the columns of the table.
    """
    result, rows = Reference(file), list[Row]()
    try:
        rows = READERS[kind](path, file)
        _header(rows[0], result, table if fills_table else None)
    except EtlError as error:
        result.mistakes.append(error)
    if not rows or (fills_table and table is None):  # a mistake in the schema, or in the name of the table
        result.all_rows = False
        return result
    known = {name: column for name, column in table.columns.items() if name in result.columns} if table else {}
    result.types = {name: known[name].data_type if name in known else TYPES["TEXT"] for name in result.columns}
    result.collations = {name: column.collation for name, column in known.items()}
    _cells(_complete_rows(rows[1:], len(rows[0].cells), result), known, result)
    if table:
        _rules(result, table)
    return result


def _header(row: Row, result: Reference, table: Table | None) -> None:
    """Read the names of the columns, which must be those of the table."""

    def report(message: str, position: int) -> None:
        result.mistakes.append(EtlError(message, Where(result.file, row.line, position)))

    first: dict[object, str] = {}
    for position, name in enumerate(row.cells, 1):
        if not name:
            report("the column has no name", position)
        elif name in result.columns:
            report(f"duplicate column '{name}'", position)
            result.bad_columns.add(name)
        else:
            if (other := first.setdefault(collation_key(name, "NOCASE"), name)) != name:
                report(f"the columns '{other}' and '{name}' differ in case only, which SQL ignores", position)
            result.columns[name], result.positions[name] = [], position
    if table:
        extra = [name for name in result.columns if name not in table.columns]
        unknown, missing = hints(extra, [name for name in table.columns if name not in result.columns])
        for name, hint in unknown.items():
            report(f"the table {table.name} has no column '{name}'{hint or '; remove it'}", result.positions[name])
        for name in missing:
            report(f"the column '{name}' of the table {table.name} is missing", len(row.cells) + 1)


def _complete_rows(rows: list[Row], width: int, result: Reference) -> list[Row]:
    """The rows with as many cells as the header; the others are reported."""
    wrong = [row for row in rows if len(row.cells) != width]
    for row in wrong[:MAX_LISTED]:
        count = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
        message = f"the row has {count}, the header {width}; a comma too few or too many?"
        result.mistakes.append(EtlError(message, Where(result.file, row.line, min(len(row.cells), width) + 1)))
    if len(wrong) > MAX_LISTED:
        message = f"and {len(wrong) - MAX_LISTED:,} more rows do not have as many cells as the header"
        result.mistakes.append(EtlError(message, Where(result.file, wrong[MAX_LISTED].line)))
    result.all_rows = not wrong
    return [row for row in rows if len(row.cells) == width]


def _cells(rows: list[Row], known: dict[str, Column], result: Reference) -> None:
    """Read the cells; those that are empty or wrong become None."""
    result.lines = [row.line for row in rows]
    for name, position in result.positions.items():
        problems = {}
        for number, row in enumerate(rows):
            value = None
            try:
                value = _value(row.cells[position - 1], known.get(name))
            except ValueError as error:
                blank = 'a blank line; remove it, or write "" for an empty string'
                problems[number] = blank if row.is_blank else str(error)
            result.columns[name].append(value)
        if problems:
            result.bad_columns.add(name)
            result.report_each(list(problems), name, problems.__getitem__)


def _value(cell: str | None, column: Column | None) -> Cell:
    """The value of a cell; a column of no table is text. Raises ValueError with what is wrong."""
    if cell is None:
        if column and column.nullable:
            return None
        raise ValueError("the cell is empty; enter a value")
    value = column.data_type.parse(cell) if column else cell
    if column and column.key and not 1 <= int(cell) <= LIMIT:
        raise ValueError(f"ids are whole numbers from 1 to {LIMIT:,}, not {cell}")
    return value


def _rules(result: Reference, table: Table) -> None:
    """Report the rows that violate a CHECK or repeat a key."""
    broken: dict[Rule | Unique, dict[int, int]] = {}
    for found in violations(table, result.columns):
        broken.setdefault(found.rule, {})[found.row] = found.first
    for rule, rows in broken.items():
        if isinstance(rule, Rule):
            result.report_each(list(rows), rule.columns[-1], partial(_breaks, result, table, rule))
        else:
            result.report_each(list(rows), rule.columns[-1], partial(_repeats, result, rule.columns, rows))


def _breaks(result: Reference, table: Table, rule: Rule, row: int) -> str:
    """The message for a row that violates a CHECK."""
    cells = [result.columns[name][row] for name in rule.columns]
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
    key, other = (", ".join(str(result.columns[name][number]) for name in columns) for number in (row, first))
    spelling = "" if key == other else f", as {other}"
    return f"duplicate {key} (first on line {result.lines[first]}{spelling})"
