"""Columns of files as Arrow arrays, all values at once.

Each function returns None if a value does not fit, or if that is not certain. Then the values are read one by one,
which gives the same array, or what is wrong with each value.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.pipeline import cells
from etl.pipeline.datatypes import convert, first_too_long, is_convertible, is_text
from etl.pipeline.values import first_bad_value

if TYPE_CHECKING:
    from collections.abc import Sequence

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
