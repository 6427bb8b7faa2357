"""Arrow types of declared column types, lossless conversion to them, and values that no column may contain."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Arrow types by declared type.
ARROW = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}

#: Types of casts in SQL by declared type.
SQL = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}

#: Digits of decimals that fit into a 64-bit integer, and that survive a round trip through a double.
_WHOLE_DIGITS, _DOUBLE_DIGITS = 18, 15


class BadValue(NamedTuple):
    """A value that no column may contain."""

    row: int  # from 0
    problem: str
    fix: str


def is_convertible(found: pa.DataType, declared: str) -> bool:
    """Whether values of an Arrow type can be stored under a declared type without a change of meaning."""
    if pa.types.is_dictionary(found):
        return is_convertible(found.value_type, declared)
    if pa.types.is_null(found):
        return True
    if declared == "INTEGER":
        whole = pa.types.is_integer(found) and found != pa.uint64()
        return whole or pa.types.is_boolean(found) or (_digits(found) <= _WHOLE_DIGITS and found.scale == 0)
    if declared == "REAL":
        return pa.types.is_floating(found) or pa.types.is_integer(found) or _digits(found) <= _DOUBLE_DIGITS
    timestamp = pa.types.is_timestamp(found) and found.tz is None
    return _is_text(found) or pa.types.is_date(found) or timestamp


def convert(column: pa.ChunkedArray, declared: str) -> pa.ChunkedArray:
    """A convertible column as the Arrow type of a declared type. Raises pa.ArrowInvalid if a value would change.

    Dates become YYYY-MM-DD, timestamps YYYY-MM-DD HH:MM:SS.
    """
    wanted = ARROW[declared]
    if column.type == wanted:
        return column
    if pa.types.is_dictionary(column.type):
        return convert(column.cast(column.type.value_type), declared)
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_decimal(column.type) and declared == "REAL":
        return column.cast(pa.string()).cast(wanted)  # rounds only once
    return column.cast(wanted)


def first_bad_value(column: pa.ChunkedArray) -> BadValue | None:
    """The first number that is not finite, or text that is not UTF-8 or contains NUL."""
    row = 0
    for chunk in column.chunks:
        found = _bad_value(chunk)
        if found:
            return found._replace(row=row + found.row)
        row += len(chunk)
    return None


def _bad_value(chunk: pa.Array) -> BadValue | None:
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        return _bad_value(chunk.dictionary_decode())
    if pa.types.is_floating(kind):
        finite = pc.is_finite(chunk)
        row = finite.index(False).as_py()
        return BadValue(row, f"is {chunk[row].as_py()}", "make it a finite number or null") if row >= 0 else None
    if _is_text(kind):
        return _broken_text(chunk)
    if pa.types.is_struct(kind):
        return min(filter(None, map(_bad_value, chunk.flatten())), default=None)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        found = _bad_value(chunk.flatten())
        return found._replace(row=pc.list_parent_indices(chunk)[found.row].as_py()) if found else None
    return None


def _broken_text(chunk: pa.Array) -> BadValue | None:
    """Find text that SQLite, JSON and CSV would each read differently: invalid UTF-8 and NUL."""
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid as error:
        row = next((row for row, text in enumerate(_bytes(chunk)) if not _decodes(text)), None)
        if row is None:
            return BadValue(0, f"is not a valid Arrow array ({error})", "build it with pa.array")
        return BadValue(row, "is not UTF-8", "decode its bytes first")
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    _, offsets, data = chunk.buffers()
    if data is None or not data.size:
        return None
    width = np.int32 if pa.types.is_string(chunk.type) else np.int64
    ends = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    characters = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    if not characters.size or characters.min():
        return None
    row = pc.match_substring(chunk, "\0").index(True).as_py()
    return BadValue(row, "has a NUL character", "remove it") if row >= 0 else None


def _bytes(chunk: pa.Array) -> Iterator[bytes | None]:
    kind = pa.large_binary() if pa.types.is_large_string(chunk.type) else pa.binary()
    binary = chunk.view(kind) if not pa.types.is_string_view(chunk.type) else chunk.view(pa.binary_view())
    yield from (value.as_py() for value in binary)


def _decodes(text: bytes | None) -> bool:
    try:
        (text or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _digits(kind: pa.DataType) -> int:
    """The digits of a decimal; 99 for any other type."""
    return int(kind.precision) if pa.types.is_decimal(kind) else 99
