"""What a column takes: the Arrow type of its declared type, what becomes that without loss, and what none may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The Arrow type of each type that a schema may declare.
ARROW = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}

#: What to write in SQL to get there.
SQL = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "VARCHAR"}

#: Digits of a decimal that every 64-bit number keeps: as a whole number, and as a double that reads back the same.
_WHOLE_DIGITS, _DOUBLE_DIGITS = 18, 15


class Fault(NamedTuple):
    """A value that a column may not keep, and its row, counted from 0."""

    row: int
    what: str  # what the value is, or has
    mend: str  # what to do about it


def becomes(found: pa.DataType, declared: str) -> bool:
    """Whether values of an Arrow type can go into a column of a declared type as what they are."""
    if pa.types.is_dictionary(found):
        return becomes(found.value_type, declared)
    if pa.types.is_null(found):
        return True
    if declared == "INTEGER":
        whole = pa.types.is_integer(found) and found != pa.uint64()
        return whole or pa.types.is_boolean(found) or (_digits(found) <= _WHOLE_DIGITS and found.scale == 0)
    if declared == "REAL":
        return pa.types.is_floating(found) or pa.types.is_integer(found) or _digits(found) <= _DOUBLE_DIGITS
    moment = pa.types.is_timestamp(found) and found.tz is None
    return _is_text(found) or pa.types.is_date(found) or moment


def converted(column: pa.ChunkedArray, declared: str) -> pa.ChunkedArray:
    """A column that ``becomes`` a declared type, as its Arrow type. Raises pa.ArrowInvalid when a value would change.

    Days are written YYYY-MM-DD, and moments YYYY-MM-DD HH:MM:SS.
    """
    wanted = ARROW[declared]
    if column.type == wanted:
        return column
    if pa.types.is_dictionary(column.type):
        return converted(column.cast(column.type.value_type), declared)
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_decimal(column.type) and declared == "REAL":
        return column.cast(pa.string()).cast(wanted)  # which rounds once
    return column.cast(wanted)


def fault(column: pa.ChunkedArray) -> Fault | None:
    """The first value that no result may have: a number that is none, or a text that is broken."""
    row = 0
    for chunk in column.chunks:
        found = _fault(chunk)
        if found:
            return found._replace(row=row + found.row)
        row += len(chunk)
    return None


def _fault(chunk: pa.Array) -> Fault | None:
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        return _fault(chunk.dictionary_decode())
    if pa.types.is_floating(kind):
        finite = pc.is_finite(chunk)
        row = finite.index(False).as_py()
        return Fault(row, f"is {chunk[row].as_py()}", "make it a finite number or null") if row >= 0 else None
    if _is_text(kind):
        return _broken_text(chunk)
    if pa.types.is_struct(kind):
        return min(filter(None, map(_fault, chunk.flatten())), default=None)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        found = _fault(chunk.flatten())
        return found._replace(row=pc.list_parent_indices(chunk)[found.row].as_py()) if found else None
    return None


def _broken_text(chunk: pa.Array) -> Fault | None:
    """SQLite, JSON and CSV each make something else of a text that is no UTF-8, or that has a NUL in it."""
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid as error:
        row = next((row for row, text in enumerate(_bytes(chunk)) if not _decodes(text)), None)
        if row is None:
            return Fault(0, f"is no Arrow array ({error})", "make it with pa.array")
        return Fault(row, "is not UTF-8", "decode the bytes that it is made of")
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    _, offsets, data = chunk.buffers()
    if data is None or not data.size:
        return None
    width = np.int32 if pa.types.is_string(chunk.type) else np.int64
    ends = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    signs = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    if not signs.size or signs.min():
        return None
    row = pc.match_substring(chunk, "\0").index(True).as_py()
    return Fault(row, "has a NUL character", "take it out") if row >= 0 else None


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
    """The digits of a decimal; more than any has for what is none."""
    return int(kind.precision) if pa.types.is_decimal(kind) else 99
