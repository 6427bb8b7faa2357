"""The types of columns: one row of a table for each, with its name in every format, and the values that it takes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from etl.pipeline.explain import describe

if TYPE_CHECKING:
    from collections.abc import Callable

Cell = str | int | float | None

_WHOLE = re.compile(r"-?[0-9]{1,999}\Z")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")

#: Digits of decimals that fit into a 64-bit integer, and that survive a round trip through a double.
_WHOLE_DIGITS, _DOUBLE_DIGITS = 18, 15


class DataType(NamedTuple):
    """A type of column."""

    arrow: pa.DataType  # in memory and in Parquet
    cast: str  # in DuckDB's SQL
    json: str  # in an endpoint's columns
    takes: Callable[[pa.DataType], bool]  # whether values of an Arrow type can be stored without a change of meaning
    parse: Callable[[str], Cell]  # the value of a text in a file; raises ValueError with what is wrong


def is_convertible(found: pa.DataType, declared: str) -> bool:
    """Whether values of an Arrow type can be stored under a declared type without a change of meaning."""
    if pa.types.is_dictionary(found):
        return is_convertible(found.value_type, declared)
    return pa.types.is_null(found) or TYPES[declared].takes(found)


def convert(column: pa.ChunkedArray, declared: str) -> pa.ChunkedArray:
    """A convertible column as the Arrow type of a declared type. Raises pa.ArrowInvalid if a value would change.

    Dates become YYYY-MM-DD, timestamps YYYY-MM-DD HH:MM:SS.
    """
    wanted = TYPES[declared].arrow
    if column.type == wanted:
        return column
    if pa.types.is_dictionary(column.type):
        return convert(column.cast(column.type.value_type), declared)
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_decimal(column.type) and declared == "REAL":
        column = column.cast(pa.string())  # to round only once
    return column.cast(wanted)


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _digits(kind: pa.DataType) -> int:
    """The digits of a decimal; 99 for any other type."""
    return int(kind.precision) if pa.types.is_decimal(kind) else 99


def _integer_takes(kind: pa.DataType) -> bool:
    whole = pa.types.is_integer(kind) and kind != pa.uint64()
    return whole or pa.types.is_boolean(kind) or (_digits(kind) <= _WHOLE_DIGITS and kind.scale == 0)


def _real_takes(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or _digits(kind) <= _DOUBLE_DIGITS


def _text_takes(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)


def _integer(text: str) -> int:
    if not _WHOLE.match(text):
        raise ValueError(f"{describe(text)} is not a whole number")
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{describe(text)} does not fit; whole numbers go from {-(2**63)} to {2**63 - 1}")
    return value


def _real(text: str) -> float:
    if not _NUMBER.match(text):
        raise ValueError(f"{describe(text)} is not a number")
    value = float(text)
    digits = text.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("-0.")):
        raise ValueError(f"{describe(text)} is too {'small' if value == 0 else 'large'} for a REAL")
    return value


#: By the name in ``sql/schema.sql``.
TYPES = {
    "INTEGER": DataType(pa.int64(), "BIGINT", "integer", _integer_takes, _integer),
    "REAL": DataType(pa.float64(), "DOUBLE", "number", _real_takes, _real),
    "TEXT": DataType(pa.string(), "VARCHAR", "text", _text_takes, str),
}
