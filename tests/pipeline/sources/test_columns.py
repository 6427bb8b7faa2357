"""Columns read all at once are as those read one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.pipeline.datatypes import data_type
from etl.pipeline.sources.columns import from_texts, from_values
from etl.pipeline.sources.rows import each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.pipeline.datatypes import DataType

KINDS = [
    data_type(name)
    for name in ("INTEGER", "REAL", "TEXT", "VARCHAR(3)", "BOOLEAN", "DATE", "DATETIME", "DECIMAL(5, 2)")
]
#: Values near the edges of each type, and what some readers take for one.
EDGES = [
    *("", " 1", "+1", "-0", "007", "0x1F", "1_0", "\u0661", "9223372036854775807", "9223372036854775808", "1" * 400),
    *(".5", "5.", ".", "-.5E+2", "1e-300", "1e-999", "0e-999", "-0.0", "1e999", "inf", "nan", "1.125", "1000", "1e2"),
    *("true", "TRUE", "yes", "t", "fal\u017fe", "\0", "\ufeff", "abcd", "éé😀"),
    *("2025-02-28", "2025-02-30", "0000-01-01", "0001-01-01", "9999-12-31", "2025-2-8", "2025-02-28\n"),
    *("2025-02-28 10:00:00", "2025-02-28T10:00:00.5", "2025-02-28 10:00:00.1234567", "2025-02-28 24:00:00"),
    *("2025-02-28 10:00:00Z", "2025-02-28 10:00", "2025-02-28TT10:00:00", "0000-02-28 10:00:00"),
]
TEXTS = st.sampled_from(EDGES) | st.text(max_size=5) | st.text("0123456789-+.eE: T", max_size=12) | st.dates().map(str)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([2**53, 2**53 + 1, 2**63, -0.0, 0.5, 1.125])
VALUES = TEXTS | NUMBERS | st.booleans() | st.binary(max_size=2) | st.just("\ud800")


def agrees(array: pa.ChunkedArray | None, values: Sequence[Any], read: Callable[[Any], Any], kind: DataType) -> bool:
    """Whether an array is what each value is when read alone; True if there is no array."""
    if array is None:
        return True
    cells = [cell for cell in each(values, read) if not isinstance(cell, ValueError)]
    return bool(array.combine_chunks().equals(kind.array(cells)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@settings(derandomize=True, max_examples=30, deadline=None)
@given(texts=st.lists(TEXTS | st.none(), max_size=3), values=st.lists(VALUES | st.none(), max_size=3))
def test_all_at_once_is_one_by_one(kind: DataType, texts: list[str | None], values: list[Any]) -> None:
    """Every column of texts or values that is read at once has the cells that its values have alone, and no mistake."""
    assert agrees(from_texts(pa.chunked_array([texts], pa.string()), kind), texts, kind.parse, kind)
    assert agrees(from_values(values, kind), values, kind.read, kind)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_edge(kind: DataType) -> None:
    """The same for each edge alone; those that the type has are read at once, so that large files are read fast."""
    for text in EDGES:
        array = from_texts(pa.chunked_array([[text]], pa.string()), kind)
        assert agrees(array, [text], kind.parse, kind), text
        is_right = not isinstance(next(iter(each([text], kind.parse))), ValueError)
        is_slow = "DECIMAL" in kind.name and "e" in text.lower()
        assert (array is not None) == (is_right and not is_slow), text
