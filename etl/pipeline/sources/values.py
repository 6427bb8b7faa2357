"""Values of Python, as the readers of some formats yield them."""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.pipeline.datatypes import TYPES, other_type
from etl.pipeline.sources.bulk import from_values
from etl.pipeline.sources.rows import SourceColumn, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType

#: How many rows a reader adds at once.
BLOCK = 4096


class Values:
    """The values of a column, added in blocks; those that fit the type are Arrow's, in a fifth of the memory."""

    def __init__(self, kind: DataType | None) -> None:
        """Begin a column; None for the type that all of its values have."""
        self._kind = kind
        self._blocks: list[pa.ChunkedArray | Sequence[Any]] = []

    def add(self, values: Sequence[Any]) -> None:
        """Add the values of further rows."""
        array = from_values(values, self._kind) if self._kind else None
        self._blocks.append(values if array is None else array)

    def __iter__(self) -> Iterator[Any]:
        """Each value."""
        for block in self._blocks:
            yield from block.to_pylist() if isinstance(block, pa.ChunkedArray) else block

    def column(self, name: str) -> SourceColumn:
        """The column."""
        if self._kind is None:
            values = list(self)
            self._kind, self._blocks = infer(values), []
            self.add(values)
        arrays = [block for block in self._blocks if isinstance(block, pa.ChunkedArray)]
        if len(arrays) < len(self._blocks):
            return SourceColumn(name, self._kind, None, partial(_cells, self, self._kind))
        chunks = chain.from_iterable(array.chunks for array in arrays)
        return SourceColumn(name, self._kind, pa.chunked_array(chunks, self._kind.arrow))


def _cells(values: Iterable[Any], kind: DataType) -> Iterator[Cell | ValueError]:
    """Each value as SQLite stores it, or what is wrong with it."""
    blob = ValueError("a BLOB, or text that is not UTF-8; store text")
    for value in values:
        yield from (blob,) if isinstance(value, bytes) else each((value,), kind.read)


#: The type of a column by the types of its values; those of Arrow for lists and objects.
_KINDS: tuple[tuple[set[type], str], ...] = (
    ({bool}, "BOOLEAN"),
    ({int}, "INTEGER"),
    ({int, float}, "REAL"),
    ({str}, "TEXT"),
)


def infer(values: Sequence[Any]) -> DataType:
    """The type of the values of a column that declares none; that of the first value if they have several."""
    present = [value for value in values if value is not None and not isinstance(value, bytes)]
    if not present:
        return TYPES["TEXT"]
    found = set(map(type, present))
    if type(present[0]) in {list, dict}:
        for some in (present, present[:1]):
            with contextlib.suppress(ValueError, TypeError, OverflowError):  # of Arrow, also a lone surrogate
                return other_type(pa.infer_type(some))
        return TYPES["TEXT"]
    kinds = (name for types, name in _KINDS if found <= types)
    first = (name for types, name in _KINDS if type(present[0]) in types)
    return TYPES[next(kinds, None) or next(first)]
