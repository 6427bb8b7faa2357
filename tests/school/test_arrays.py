"""Columns: numbers between Arrow and numpy, and as JSON text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.school import arrays
from etl.school.arrays import json_objects, matrix, vectors

KEYS = st.lists(st.integers(1, 10**6), min_size=1, max_size=6, unique=True).map(sorted)
#: Ranges of numbers: those of one width take the template, the others the general way.
RANGES = st.sampled_from(
    [
        *[(0, 9), (10, 99), (100, 999), (1000, 9999), (10**4, 10**5 - 1), (10**7 - 3, 10**7 - 1)],
        *[(0, 10), (998, 1001), (-5, 5), (-9999, -1000), (-(10**7), 10**7), (10**7, 10**8 - 1)],
    ]
)


def dumped(keys: list[int], numbers: np.ndarray) -> list[str]:
    """What the standard library writes."""
    rows = [dict(zip(map(str, keys), row, strict=True)) for row in numbers.tolist()]
    return [json.dumps(row, separators=(",", ":")) for row in rows]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.data(), KEYS, RANGES, st.integers(0, 5))
def test_json_objects_equal_json(data: st.DataObject, keys: list[int], bounds: tuple[int, int], rows: int) -> None:
    """Numbers of one width or several, close together or not, negative ones too, become what json.dumps gives."""
    cells = data.draw(st.lists(st.integers(*bounds), min_size=rows * len(keys), max_size=rows * len(keys)))
    numbers = np.array(cells, dtype=np.int32).reshape(rows, len(keys))
    written = json_objects(np.array(keys), numbers)
    written.validate(full=True)
    assert written.to_pylist() == dumped(keys, numbers)


@pytest.mark.parametrize("count", [1, 2047, 2048, 2049, 4096, 5000])
def test_json_objects_over_blocks(count: int) -> None:
    """Rows at the borders of the blocks in which they are written are as the others."""
    numbers = np.random.default_rng(count).integers(5100, 5801, (count, 3)).astype(np.int32)
    assert json_objects(np.array([1, 2, 10]), numbers).to_pylist() == dumped([1, 2, 10], numbers)


def test_both_ways_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template writes what the general way writes."""
    numbers = np.array([[5100, 5800], [5420, 5421]], dtype=np.int32)
    with monkeypatch.context() as patch:
        patch.setattr(arrays, "_joined", None)  # it must not be asked
        quick = json_objects(np.array([1, 20]), numbers)
    assert quick.equals(arrays._joined(np.array([1, 20]), numbers))
    assert quick.to_pylist() == ['{"1":5100,"20":5800}', '{"1":5420,"20":5421}']


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 4), max_size=4), st.integers(1, 5))
def test_matrix_undoes_vectors(chunks: list[int], width: int) -> None:
    """A column of lists is read as it was made, from no chunk, one or several, some of them empty."""
    parts = [np.arange(rows * width, dtype=np.int32).reshape(rows, width) for rows in chunks]
    column = pa.chunked_array([vectors(part) for part in parts], type=pa.list_(pa.int32(), width))
    assert matrix(column).tolist() == [row for part in parts for row in part.tolist()]


def test_matrix_of_a_slice() -> None:
    """A slice of a column is read as that slice."""
    column = pa.chunked_array([vectors(np.arange(12, dtype=np.int32).reshape(4, 3))])
    assert matrix(column.slice(1, 2)).tolist() == [[3, 4, 5], [6, 7, 8]]
