"""The rows of a file, as the reader of any format gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.errors import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from etl.errors import EtlError
    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType


#: How many mistakes of the same kind are listed; the rest are counted.
MAX_LISTED = 10


@dataclass(frozen=True)
class SourceColumn:
    """A column of a file."""

    name: str | None
    type: DataType  # if no table declares one
    cells: Callable[[DataType], Iterable[Cell | ValueError]]  # as a type; raises ValueError if it has another type


@dataclass
class Rows:
    """The rows of a file by column."""

    file: str  # its name in messages
    columns: list[SourceColumn]
    lines: Sequence[int]  # of each row; in a file without lines, its number from 1
    header: int = 0  # the line of the names, 0 if there is none
    has_lines: bool = True
    nullable: bool = True  # whether a column that no table declares can have null
    mistakes: list[EtlError] = field(default_factory=list)  # in rows that are left out

    def place(self, line: int = 0, position: int = 0) -> Where:
        """The place of a line, or of a row in a file without lines. ``position``: of a cell in a CSV file, from 1."""
        return Where(self.file, line, position if self.header else 0, in_rows=not self.has_lines)

    def counted(self, row: int) -> str:
        """The place of a row, from 0, after the name of a file: ``on line 7`` or ``in row 6``."""
        return f"on line {self.lines[row]}" if self.has_lines else f"in row {self.lines[row]}"


def each(values: Iterable[Any], read: Callable[[Any], Cell]) -> Iterator[Cell | ValueError]:
    """What a function reads of each value; null is null."""
    for value in values:
        try:
            yield None if value is None else read(value)
        except ValueError as error:
            yield error
