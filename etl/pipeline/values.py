"""Finds values that no column may contain: numbers that are not finite, and broken text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.pipeline.datatypes import is_text


class BadValue(NamedTuple):
    """A value that no column may contain."""

    row: int  # from 0
    problem: str
    fix: str


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
    if is_text(kind):
        return _broken_text(chunk)
    if pa.types.is_struct(kind):
        return min(filter(None, map(_bad_value, chunk.flatten())), default=None)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        found = _bad_value(chunk.flatten())
        return found._replace(row=pc.list_parent_indices(chunk)[found.row].as_py()) if found else None
    return None


def _broken_text(chunk: pa.Array) -> BadValue | None:
    """Find text that SQLite, JSON and CSV would each read differently: invalid UTF-8 and NUL."""
    if not _is_valid(chunk):
        row = next((row for row in range(len(chunk)) if not _is_valid(chunk.slice(row, 1))), 0)
        return BadValue(row, "is not UTF-8", "decode its bytes first")
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    data = chunk.buffers()[2]
    if data is None or not data.size or np.frombuffer(data, np.uint8).min():
        return None  # the usual case, in a tenth of the time
    row = pc.match_substring(chunk, "\0").index(True).as_py()
    return BadValue(row, "has a NUL character", "remove it") if row >= 0 else None


def _is_valid(chunk: pa.Array) -> bool:
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
