"""Conversion of columns between Arrow and numpy, and from numbers to JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 2048  # rows written at a time, to stay in the CPU cache
_LONGEST_TABLE = 100_000  # a larger table of formatted numbers costs more than it saves


def vectors(numbers: NDArray[np.int32]) -> pa.FixedSizeListArray:
    """Return a column of fixed-size lists, one for each row of the array."""
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), numbers.shape[1])


def matrix(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return a column of fixed-size lists, none of them null, as a 2D array; a single chunk is not copied."""
    width = column.type.list_size
    parts: list[NDArray[np.int32]] = [
        chunk.values.slice(chunk.offset * width, len(chunk) * width).to_numpy().reshape(-1, width)
        for chunk in column.chunks
    ]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, width), dtype=np.int32)


def json_objects(keys: NDArray[np.int64], numbers: NDArray[np.int32]) -> pa.Array:
    """Write each row as a compact JSON object, ``{"1":5420,"2":5510}``: a text column.

    If all numbers have the same number of digits, every row is a template with digits copied in from a table.
    Otherwise rows are joined piece by piece, which is at least ten times slower.
    """
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    width = len(str(high))
    if low < 0 or len(str(low)) != width or high - low > _LONGEST_TABLE:
        return _joined(keys, numbers)
    template, starts = _template(keys, width)
    digit_type = f"u{width}" if width in {1, 2, 4, 8} else f"V{width}"  # one copy per number, by numpy's fastest loops
    digits = np.array([f"{number}" for number in range(low, high + 1)], dtype=f"S{width}").view(digit_type)
    places = np.ascontiguousarray((numbers - low).T)
    rows = np.empty((len(numbers), len(template)), dtype=np.uint8)
    block = np.empty((_BLOCK, len(template)), dtype=np.uint8)
    block[:] = np.frombuffer(template, dtype=np.uint8)
    fields = [np.ndarray(_BLOCK, digit_type, block, start, (len(template),)) for start in starts]  # views of the block
    for first in range(0, len(rows), _BLOCK):
        count = min(_BLOCK, len(rows) - first)
        for field, place in zip(fields, places, strict=True):
            field[:count] = digits[place[first : first + count]]
        rows[first : first + count] = block[:count]
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * len(template)
    return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(rows))


def _template(keys: NDArray[np.int64], width: int) -> tuple[bytes, list[int]]:
    """Return a row's text with zeros for its numbers, and the offset of each number."""
    text, starts = "{", []
    for index, key in enumerate(keys):
        text += f'{"," if index else ""}"{key}":'
        starts.append(len(text))
        text += "0" * width
    return f"{text}}}".encode(), starts


def _joined(keys: NDArray[np.int64], numbers: NDArray[np.int32]) -> pa.Array:
    pieces: list[pa.Array] = []
    for index, key in enumerate(keys):
        pieces.append(_text(f'{"," if index else "{"}"{key}":'))
        pieces.append(pa.array(np.ascontiguousarray(numbers[:, index])).cast(pa.large_string()))
    return pc.binary_join_element_wise(*pieces, _text("}"), _text(""))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
