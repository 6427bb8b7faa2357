"""Parquet files: values of every type, and what is wrong with them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.pipeline.source_forms import SourceFile
from tests.support.sources import cells, read_file, table_of, told

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.reference_data import Reference

MOMENT = datetime(2025, 8, 15, 10, 0, 0, 500_000)  # noqa: DTZ001 -- no zone


def read(folder: Path, rows: pa.Table, columns: str | None = None) -> Reference:
    """The rows of a file, of an internal stage if there are no columns of a table."""
    path = folder / "t.parquet"
    pq.write_table(rows, path)
    table = table_of(folder, columns) if columns else None
    return read_file("parquet", path, SourceFile(file="t.parquet"), table, fills_table=bool(table))


def test_types_of_the_file_become_those_of_the_table(tmp_path: Path) -> None:
    """Dictionaries, narrow numbers and nanoseconds are what SQLite stores."""
    rows = pa.table(
        {
            "id": pa.array([1, 2], pa.int8()),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "due": pa.array([date(2025, 8, 15), None]),
            "at": pa.array([MOMENT, None], pa.timestamp("ns")),
            "fee": pa.array([Decimal("1.50"), None], pa.decimal128(20, 4)),
            "back": [True, None],
        }
    )
    columns = "id INT, kind TEXT, due DATE, at TIMESTAMP, fee DECIMAL(5,2), back BOOLEAN"
    reference = read(tmp_path, rows, columns)
    assert told(reference) == []
    assert list(map(list, zip(*cells(reference).values(), strict=True))) == [
        [1, "a", "2025-08-15", "2025-08-15 10:00:00.5", 1.5, 1],
        [2, None, None, None, None, None],
    ]


def test_columns_of_no_table(tmp_path: Path) -> None:
    """An internal stage has the columns and the types of the file, dictionaries and nanoseconds apart."""
    rows = pa.table(
        {
            "tags": [["x"], None],
            "at": pa.array([MOMENT, None], pa.timestamp("ns")),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "price": pa.array([Decimal("1.5"), None], pa.decimal128(30, 10)),
            "small": pa.array([1, None], pa.int8()),
        }
    )
    reference = read(tmp_path, rows)
    assert told(reference) == []
    assert reference.to_table().to_pylist() == rows.to_pylist()
    assert str(reference.arrow_schema().field("at").type) == "timestamp[us]"


def test_values_that_do_not_fit(tmp_path: Path) -> None:
    """The message has the number of the row; one about a whole column has none."""
    rows = pa.table(
        {
            "id": [1, None, 1],
            "due": ["2025-08-15"] * 3,
            "fee": pa.array([Decimal("1.5"), Decimal("1.125"), Decimal(5000)], pa.decimal128(20, 4)),
            "size": [0.5, float("nan"), None],
            "Id": [1, 2, 3],
        }
    )
    assert told(read(tmp_path, rows, "id INTEGER PRIMARY KEY, due DATE, fee DECIMAL(5,2), size REAL, note TEXT")) == [
        "t.parquet: the columns 'id' and 'Id' differ in case only, which SQL ignores",
        "t.parquet: the table things has no column 'Id'; known: note",
        "t.parquet: the column 'note' of the table things is missing",
        "t.parquet, row 2: id: the value is null; enter a value",
        "t.parquet: due: the file has string, the table DATE; write it as date32[day]",
        "t.parquet, row 2: fee: 1.1250 cannot be DECIMAL(5, 2) without a change",
        "t.parquet, row 3: fee: 5000.0000 cannot be DECIMAL(5, 2) without a change",
        "t.parquet, row 2: size: nan is not a finite number",
        "t.parquet, row 3: id: duplicate 1 (first in row 1)",
    ]


def test_values_that_python_does_not_have(tmp_path: Path) -> None:
    """Days after the year 9999, nanoseconds, and text that is not UTF-8."""
    day, late = pa.array([0, 3652060], pa.int32()).cast(pa.date32()), pa.array([0, 10**18]).cast(pa.timestamp("us"))
    fine = pa.array([1000, 1001]).cast(pa.timestamp("ns"))
    text = pa.Array.from_buffers(pa.binary(), 2, pa.array([b"a", b"\xff"]).buffers()).view(pa.string())
    rows = pa.table({"day": day, "at": late, "since": fine, "name": text})
    assert told(read(tmp_path, rows, "day DATE, at DATETIME, since DATETIME, name TEXT")) == [
        "t.parquet, row 2: day: the year is not from 1 to 9999",
        "t.parquet, row 2: at: the year is not from 1 to 9999",
        "t.parquet, row 2: since: the time has nanoseconds, which would be lost",
        "t.parquet, row 2: name: the text is not UTF-8",
    ]


@pytest.mark.fault("a broken Parquet file")
def test_files_that_are_not_parquet(tmp_path: Path) -> None:
    """Another format, and a file that was cut."""
    path = tmp_path / "t.parquet"
    path.write_text("id,name\n1,a\n")
    (message,) = told(read_file("parquet", path, SourceFile(file="t.parquet"), fills_table=False))
    assert message.startswith("t.parquet: not a Parquet file: Parquet magic bytes not found in footer")
    pq.write_table(pa.table({"id": range(1000)}), path)
    path.write_bytes(path.read_bytes()[:-500] + b"PAR1")
    (message,) = told(read_file("parquet", path, SourceFile(file="t.parquet"), fills_table=False))
    assert message.startswith("t.parquet: not a Parquet file: ")
