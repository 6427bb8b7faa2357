"""The rows of a file, as the reader of any format gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.errors import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

    from etl.errors import EtlError
    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType


#: How many mistakes of the same kind are listed; the rest are counted.
MAX_LISTED = 10


class SourceColumn(NamedTuple):
    """A column of a file."""

    name: str | None
    type: DataType  # that a table declares, or else that of the file
    array: pa.ChunkedArray | None  # its cells, if all of them are of the type
    one_by_one: Callable[[], Iterable[Cell | ValueError]] | None = None  # if they are not: see cells

    def cells(self) -> Iterable[Cell | ValueError]:
        """Each cell as SQLite stores it, or what is wrong with it. Raises ValueError if the whole column is wrong."""
        if self.array is None and self.one_by_one:
            return self.one_by_one()
        return each(self.array.to_pylist() if self.array else (), self.type.read)


@dataclass
class Rows:
    """The rows of a file by column."""

    file: str  # its name in messages
    columns: list[SourceColumn]
    count: int
    find_lines: Callable[[], Sequence[int]]  # of each row; in a file without lines, its number from 1
    header: int = 0  # the line of the names, 0 if there is none
    has_lines: bool = True
    nullable: bool = True  # whether a column that no table declares can have null
    mistakes: list[EtlError] = field(default_factory=list)  # in rows that are left out

    @cached_property
    def lines(self) -> Sequence[int]:
        """The line of each row, or its number."""
        return self.find_lines()

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
