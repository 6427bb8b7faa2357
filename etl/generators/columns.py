"""Whole columns between Arrow and numpy, and from numbers to JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def vectors(numbers: NDArray[np.int32]) -> pa.FixedSizeListArray:
    """Make a column of lists of fixed size, one for each row of the array."""
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers.reshape(-1)), numbers.shape[1])


def matrix(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Read a column of lists of fixed size as an array, a row a list; no copy is made of a single chunk."""
    parts = [chunk.flatten().to_numpy().reshape(-1, column.type.list_size) for chunk in column.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def json_objects(keys: NDArray[np.int64], numbers: NDArray[np.int32]) -> pa.Array:
    """Write each row as a compact JSON object, ``{"1":5420,"2":5510}``: a text column.

    Rows whose numbers all have the same number of digits have the same length: they are a template with digits
    filled in. Other rows are joined piece by piece, which takes ten times as long.
    """
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    width = len(str(high))
    if low < 0 or len(str(low)) != width:
        return _joined(keys, numbers)
    template = np.frombuffer(
        ("{" + ",".join(f'"{key}":{"0" * width}' for key in keys) + "}").encode(), dtype=np.uint8
    )
    digits = np.array([f"{number}" for number in range(low, high + 1)], dtype=f"S{width}").view(np.uint8)
    digits = digits.reshape(-1, width)
    rows = np.empty((len(numbers), len(template)), dtype=np.uint8)
    rows[:] = template
    end = 1
    for index, key in enumerate(keys):
        start = end + len(f'"{key}":')
        rows[:, start : start + width] = digits[numbers[:, index] - low]
        end = start + width + 1
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * len(template)
    return pa.LargeStringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(rows))


def _joined(keys: NDArray[np.int64], numbers: NDArray[np.int32]) -> pa.Array:
    pieces: list[pa.Array] = []
    for index, key in enumerate(keys):
        pieces.append(_text(f'{"," if index else "{"}"{key}":'))
        pieces.append(pa.array(np.ascontiguousarray(numbers[:, index])).cast(pa.large_string()))
    return pc.binary_join_element_wise(*pieces, _text("}"), _text(""))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
