"""Reference data: the rows of files, and the references between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, did_you_mean
from etl.pipeline.constraints import collation_key
from etl.pipeline.form_errors import describe
from etl.pipeline.sources.rows import MAX_LISTED, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType


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
        return f"{target.file} has no row with {pairs(target_columns, cells)}"

    source.report_each(unknown, columns[-1], message)


def check_distinct(reference: Reference, column: str) -> None:
    """Report the cells of a column that repeat an earlier one; nulls are distinct."""
    seen: dict[Cell, int] = {}
    firsts = {row: seen.setdefault(cell, row) for row, cell in enumerate(reference.cells(column)) if cell is not None}
    repeated = [row for row, first in firsts.items() if first != row]
    reference.report_each(repeated, column, partial(repeats, reference, (column,), firsts))


def pairs(names: Iterable[str], cells: Iterable[Cell]) -> str:
    """Columns with their values, for a message."""
    return ", ".join(f"{name} {describe(cell)}" for name, cell in zip(names, cells, strict=True))


def repeats(result: Reference, columns: Sequence[str], firsts: Mapping[int, int], row: int) -> str:
    """The message for a row that has the key of an earlier one."""
    first = firsts[row]
    key, other = (", ".join(str(result.cells(name)[number]) for name in columns) for number in (row, first))
    spelling = "" if key == other else f", as {other}"
    return f"duplicate {key} (first {result.rows.counted(first)}{spelling})"
