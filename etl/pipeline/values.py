"""Finds values that no column may contain: numbers that are not finite, and broken text.

The usual case, a column without any, is decided by numpy: faster, and pyarrow.compute need not be imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from etl.pipeline.datatypes import is_text

if TYPE_CHECKING:
    from collections.abc import Callable


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
    return next((find(chunk) for fits, find in _FINDERS if fits(chunk.type)), None)


def _raw(chunk: pa.Array, kind: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401 -- numpy's names of types
    """The values of a chunk of fixed width; where it has null they may be anything."""
    data = chunk.buffers()[1]
    values = np.frombuffer(data, kind) if data else np.empty(0, kind)
    return values[chunk.offset : chunk.offset + len(chunk)]


def _infinite(chunk: pa.Array) -> BadValue | None:
    if np.isfinite(_raw(chunk, chunk.type.to_pandas_dtype())).all():
        return None
    import pyarrow.compute as pc  # noqa: PLC0415 -- see above

    row = pc.is_finite(chunk).index(False).as_py()
    return BadValue(row, f"is {chunk[row].as_py()}", "make it a finite number or null") if row >= 0 else None


def _in_struct(chunk: pa.Array) -> BadValue | None:
    return min(filter(None, map(_bad_value, chunk.flatten())), default=None)


def _in_list(chunk: pa.Array) -> BadValue | None:
    import pyarrow.compute as pc  # noqa: PLC0415 -- as above

    found = _bad_value(chunk.flatten())
    return found._replace(row=pc.list_parent_indices(chunk)[found.row].as_py()) if found else None


def _distant_year(chunk: pa.Array) -> BadValue | None:
    """Find a day whose year does not have four digits: texts of such days do not sort as days do."""
    unit = "d" if pa.types.is_date32(chunk.type) else getattr(chunk.type, "unit", "ms")
    if unit == "ns":
        return None  # these end in 2262
    raw = _raw(chunk, np.int32 if unit == "d" else np.int64)
    if not raw.size or (raw.min() // _PER_DAY[unit] >= _FIRST_DAY and raw.max() // _PER_DAY[unit] <= _LAST_DAY):
        return None
    import pyarrow.compute as pc  # noqa: PLC0415 -- as above

    days = pc.divide(chunk.cast(pa.int32() if unit == "d" else pa.int64()), _PER_DAY[unit])
    row = pc.and_(pc.greater_equal(days, _FIRST_DAY), pc.less_equal(days, _LAST_DAY)).index(False).as_py()
    problem = "is infinite, or not in the years 1 to 9999"
    return BadValue(row, problem, "make it a date of these years, or null") if row >= 0 else None


_PER_DAY = {"d": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31, in days since 1970


def _broken_text(chunk: pa.Array) -> BadValue | None:
    """Find text that SQLite, JSON and CSV would each read differently: invalid UTF-8 and NUL."""
    if not _is_valid(chunk):
        row = next((row for row in range(len(chunk)) if not _is_valid(chunk.slice(row, 1))), 0)
        return BadValue(row, "is not UTF-8", "decode its bytes first")
    if pa.types.is_string_view(chunk.type):
        chunk = chunk.cast(pa.large_string())
    data = chunk.buffers()[2]
    if data is None or not data.size or np.frombuffer(data, np.uint8).min():
        return None
    import pyarrow.compute as pc  # noqa: PLC0415 -- as above

    row = pc.match_substring(chunk, "\0").index(True).as_py()
    return BadValue(row, "has a NUL character", "remove it") if row >= 0 else None


def _is_valid(chunk: pa.Array) -> bool:
    try:
        chunk.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _has_year(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


_FINDERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], BadValue | None]], ...] = (
    (pa.types.is_dictionary, lambda chunk: _bad_value(chunk.dictionary_decode())),
    (pa.types.is_floating, _infinite),
    (is_text, _broken_text),
    (_has_year, _distant_year),
    (pa.types.is_struct, _in_struct),
    (_is_list, _in_list),
)
