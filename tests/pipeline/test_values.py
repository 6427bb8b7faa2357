"""What a column takes: types that become another without loss, and values that no result may have."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from etl.pipeline.datatypes import convert, data_type, is_convertible
from etl.pipeline.values import first_bad_value

DAY, MOMENT = date(2025, 1, 2), datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001 -- without a zone is what it is about


@pytest.mark.parametrize(
    ("array", "declared", "values"),
    [
        (pa.array([True, None]), "INTEGER", [1, None]),
        (pa.array([255], pa.uint8()), "INTEGER", [255]),
        (pa.array([2**32 - 1], pa.uint32()), "INTEGER", [2**32 - 1]),
        (pa.array([Decimal(10**17)]), "INTEGER", [10**17]),
        (pa.array([None]), "INTEGER", [None]),
        (pa.array([2**53, -1]), "REAL", [2.0**53, -1.0]),
        (pa.array([0.1], pa.float32()), "REAL", [0.10000000149011612]),
        (pa.array([Decimal("0.1"), Decimal("123456.789")], pa.decimal128(15, 3)), "REAL", [0.1, 123456.789]),
        (pa.array(["a", None]).dictionary_encode(), "TEXT", ["a", None]),
        (pa.array(["a", "b"], pa.string_view()), "TEXT", ["a", "b"]),
        (pa.array(["a"], pa.large_string()), "TEXT", ["a"]),
        (pa.array([DAY]), "TEXT", ["2025-01-02"]),
        (pa.array([DAY], pa.date64()), "TEXT", ["2025-01-02"]),
        (pa.array([MOMENT]), "TEXT", ["2025-01-02 03:04:05"]),
        (pa.array([MOMENT], pa.timestamp("ns")), "TIMESTAMP", [MOMENT]),
        (pa.array([DAY], pa.date64()), "DATE", [DAY]),
        (pa.array([7, None], pa.int8()), "DECIMAL(9, 2)", [Decimal("7.00"), None]),
        (pa.array([Decimal("1.50")], pa.decimal128(38, 4)), "DECIMAL(9, 2)", [Decimal("1.50")]),
    ],
)
def test_conversions(array: pa.Array, declared: str, values: list[Any]) -> None:
    """What is the same value in another type is convert."""
    column = pa.chunked_array([array])
    kind = data_type(declared)
    assert is_convertible(array.type, kind)
    assert convert(column, kind).type == kind.arrow
    assert convert(column, kind).to_pylist() == values


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        (pa.uint64(), "INTEGER"),
        (pa.float64(), "INTEGER"),
        (pa.decimal128(38, 0), "INTEGER"),
        (pa.decimal128(9, 2), "INTEGER"),
        (pa.string(), "INTEGER"),
        (pa.date32(), "INTEGER"),
        (pa.decimal128(38, 2), "REAL"),
        (pa.bool_(), "REAL"),
        (pa.int64(), "TEXT"),
        (pa.bool_(), "TEXT"),
        (pa.binary(), "TEXT"),
        (pa.time64("us"), "TEXT"),
        (pa.timestamp("us", "UTC"), "TEXT"),
        (pa.list_(pa.string()), "TEXT"),
        (pa.dictionary(pa.int8(), pa.int64()), "TEXT"),
        (pa.int64(), "BOOLEAN"),
        (pa.string(), "DATE"),
        (pa.timestamp("us"), "DATE"),
        (pa.timestamp("us", "UTC"), "DATETIME"),
        (pa.float64(), "DECIMAL(9, 2)"),
        (pa.uint64(), "DECIMAL(9, 2)"),
    ],
)
def test_types_that_need_a_cast(kind: pa.DataType, declared: str) -> None:
    """What could become another value, or be written in several ways, is left to the stage."""
    assert not is_convertible(kind, data_type(declared))


@pytest.mark.parametrize(
    ("array", "declared"),
    [
        (pa.array([2**53 + 1]), "REAL"),
        (pa.array([MOMENT.replace(microsecond=1)]), "TEXT"),
        (pa.array([1], pa.timestamp("ns")), "DATETIME"),
        (pa.array([Decimal("0.125")]), "DECIMAL(9, 2)"),
        (pa.array([10**7]), "DECIMAL(9, 2)"),
        (pa.array([-(2**63)]), "DECIMAL(15, 15)"),
    ],
)
def test_a_value_that_would_change(array: pa.Array, declared: str) -> None:
    """A whole number beyond 2**53 is no double, and a moment is written in whole seconds: neither is cut in silence."""
    with pytest.raises(pa.ArrowInvalid):
        convert(pa.chunked_array([array]), data_type(declared))


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("array", "row", "what"),
    [
        (pa.array([1.0, None, -INF]), 2, "is -inf"),
        (pa.array([NAN], pa.float32()), 0, "is nan"),
        (pa.array([[1.0], [], [2.0, NAN]]), 2, "is nan"),
        (pa.array([[1.0, 2.0], [INF, 1.0]], pa.list_(pa.float64(), 2)), 1, "is inf"),
        (pa.array([{"a": 1.0, "b": "x"}, {"a": INF, "b": "x"}]), 1, "is inf"),
        (pa.array([b"ok", None, b"a\xff"]).view(pa.string()), 2, "is not UTF-8"),
        (pa.array([b"\xed\xa0\x80"], pa.large_binary()).view(pa.large_string()), 0, "is not UTF-8"),
        (pa.array(["ok", "a\0b"]), 1, "has a NUL character"),
        (pa.array(["ok", "a\0b"], pa.string_view()), 1, "has a NUL character"),
        (pa.array(["ok", "a\0b"]).dictionary_encode(), 1, "has a NUL character"),
        (pa.array([["ok"], ["a", "\0"]]), 1, "has a NUL character"),
        (
            pa.array([20_000, None, 2**31 - 1], pa.int32()).cast(pa.date32()),
            2,
            "is infinite, or not in the years 1 to 9999",
        ),
        (pa.array([0, 2**62]).cast(pa.timestamp("us", "UTC")), 1, "is infinite, or not in the years 1 to 9999"),
    ],
)
def test_values_that_no_result_may_have(array: pa.Array, row: int, what: str) -> None:
    """A number that is none, and a text that is broken, are found by their row, wherever the column is cut."""
    found = first_bad_value(pa.chunked_array([array]))
    assert found is not None
    assert (found.row, found.problem) == (row, what)
    found = first_bad_value(pa.chunked_array([array.slice(0, row), array.slice(row)]))
    assert found is not None
    assert found.row == row


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1.5, None]),
        pa.array([], pa.string()),
        pa.array([None], pa.string()),
        pa.array(["x\0", "é", "b"]).slice(1),
        pa.array([1, 2]),
        pa.array([b"\xff\0"]),
        pa.array([[1.0], None]),
    ],
)
def test_values_that_are_fine(array: pa.Array) -> None:
    """Nulls, empty columns, bytes, and what a slice has cut away are no fault."""
    assert first_bad_value(pa.chunked_array([array])) is None
