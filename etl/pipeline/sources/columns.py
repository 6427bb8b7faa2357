"""Columns of files as Arrow arrays, all values at once.

The functions ``from_...`` return None if a value does not fit, or if that is not certain. Then the values are read one
by one, which gives the same array, or what is wrong with each value.
"""

from __future__ import annotations

import contextlib
from functools import partial
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.pipeline import cells
from etl.pipeline.datatypes import TYPES, convert, first_too_long, is_convertible, is_text, other_type
from etl.pipeline.sources.rows import SourceColumn, each
from etl.pipeline.values import first_bad_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType

#: The form of a type's texts. Arrow casts other texts, too, such as 0x1F, and 1e-999 to a decimal.
_FORMS = {
    pa.int64().id: "-?[0-9]{1,19}",  # longer ones are read one by one
    pa.float64().id: cells.NUMBER,
    pa.decimal128(1).id: r"-?(?:[0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})",
    pa.bool_().id: "(?i:true|false|1|0)",
    pa.date32().id: cells.DATE,
    pa.timestamp("us").id: cells.DATETIME.replace(" ", "[ T]"),
}

#: The types of Python whose values Arrow takes as they are, or not at all.
_TYPES: dict[pa.DataType, set[type]] = {
    pa.int64(): {int},
    pa.float64(): {int, float},
    pa.bool_(): {bool},
    pa.string(): {str},
}


def from_texts(texts: pa.ChunkedArray, kind: DataType) -> pa.ChunkedArray | None:
    """Texts of a CSV file as a type."""
    if is_text(kind.arrow):
        return _checked(texts, kind)
    import pyarrow.compute as pc  # noqa: PLC0415 -- takes 50 ms, and small files do without

    if not _all(pc.match_substring_regex(texts, rf"\A(?:{_FORMS[kind.arrow.id]})\z")):
        return None
    try:
        column = texts.cast(kind.arrow)
    except pa.ArrowInvalid:  # such as 2025-02-30
        return None
    if pa.types.is_floating(kind.arrow):
        zeros = texts.filter(pc.equal(column, 0))
        if not _all(pc.match_substring_regex(zeros, r"\A[-0.]*(?:[eE]|\z)")):
            return None  # 1e-999 is too small
    return _checked(column, kind)


def from_values(values: Sequence[Any], kind: DataType) -> pa.ChunkedArray | None:
    """Values of Python as a type."""
    found = set(map(type, values)) - {NoneType}
    try:
        if found <= {str} and (pa.types.is_date(kind.arrow) or pa.types.is_timestamp(kind.arrow)):
            return from_texts(_array(values, pa.string()), kind)
        if found <= {int, float} and pa.types.is_decimal(kind.arrow):
            return from_texts(_array([None if value is None else str(value) for value in values], pa.string()), kind)
        return _checked(_array(values, kind.arrow), kind) if found <= _TYPES.get(kind.arrow, set()) else None
    except (pa.ArrowException, ValueError, OverflowError):
        return None


def from_arrow(column: pa.ChunkedArray, kind: DataType) -> pa.ChunkedArray | None:
    """Values of Arrow as a type."""
    if not is_convertible(column.type, kind):
        return None
    try:
        return _checked(convert(column, kind), kind)
    except pa.ArrowInvalid:
        return None


def _all(column: pa.ChunkedArray) -> bool:
    """Whether no value is false."""
    return bool(column.index(False).as_py() < 0)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.ChunkedArray:
    array = pa.array(values, kind)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _checked(column: pa.ChunkedArray, kind: DataType) -> pa.ChunkedArray | None:
    """A column without a value that no column, or none of its type, may contain."""
    return None if first_bad_value(column) or first_too_long(column, kind) is not None else column


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
