"""Results meet their tables: what is convert, and what is told of values and types that a table does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from etl.run.shards import run_until
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = """
CREATE TABLE visits (id INTEGER PRIMARY KEY, cost REAL, day TEXT);
CREATE TABLE sums (id INTEGER PRIMARY KEY, total INTEGER, rate REAL, note TEXT);
"""
VISITS = "id,cost,day\n7,2.5,x\n8,0,y\n9,,z\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, where modules are found that are named after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def rows(
    folder: Path, select: str, *, stages: str = "", files: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query that fills a table of another domain than the school."""
    stages = f"visits: {{csv: visits.csv}}\n{stages or 'sums: {sql: sums.sql, inputs: [visits]}'}"
    given = {"visits.csv": VISITS, "sums.sql": select, "schema.sql": SCHEMA, **(files or {})}
    path = small.project(folder, stages, given)
    found: list[dict[str, Any]] = run_until(make_plan(validate(load(path))), "sums").to_pylist()
    return found


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        ("true AS total, 1.5 AS rate, DATE '2025-01-02' AS note", (1, 1.5, "2025-01-02")),
        ("3::UTINYINT AS total, 0.1::FLOAT AS rate, 'x'::ENUM('x', 'y') AS note", (3, 0.10000000149011612, "x")),
        ("2::DECIMAL(9, 0) AS total, 2 AS rate, TIMESTAMP '2025-01-02 03:04' AS note", (2, 2.0, "2025-01-02 03:04:00")),
        ("sum(id)::BIGINT AS total, avg(cost) AS rate, json_object('a', 1) AS note", (24, 1.25, '{"a":1}')),
        ("1 AS total, 1 / nullif(0, 0) AS rate, NULL::VARCHAR AS note", (1, None, None)),
    ],
)
def test_lossless_types(folder: Path, columns: str, row: tuple[Any, ...]) -> None:
    """Truth, enums, decimals, days and moments of a query become what SQLite keeps, where that is the same value."""
    (found,) = rows(folder, f"SELECT 1 AS id, {columns} FROM visits" + " LIMIT 1" * ("sum" not in columns))  # noqa: S608
    assert tuple(found.values()) == (1, *row)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "1 AS total,\n 1 / cost AS rate, day AS note",
            "2:4 the column rate is inf in row 2 (id 8); make it a finite number or null, such as with x / nullif(",
        ),
        (
            "1 AS total, 9007199254740991 + id AS rate, '' AS note",
            "1:41 the column rate is int64, and not all of it can be REAL: Integer value 9007199254740998 not in range",
        ),
        (
            "day::BIGINT AS total, 1 AS rate, '' AS note",
            "1:15 DuckDB says: Could not convert string 'x' to INT64 when casting from source column day",
        ),
    ],
)
def test_what_a_table_does_not_take(folder: Path, columns: str, message: str) -> None:
    """A query's values and types that a table does not take are told with the query's line, the row, and the cure."""
    place, _, says = message.partition(" ")
    with pytest.raises(EtlError) as caught:
        rows(folder, f"SELECT id, {columns} FROM visits")  # noqa: S608 -- a query of ours
    assert str(caught.value).startswith(f"sums.sql:{place}: stages.sums: {says}")


GENERATOR = """
import pyarrow as pa

def sums(visits: pa.Table) -> pa.Table:
    columns = dict.fromkeys(["total", "rate", "note"], [None] * 3)
    return pa.table({{"id": visits["id"], **columns, **{{{}}}}})
"""


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("'rate': [1.0, float('nan'), 1.0]", "the column rate is nan in row 2 (id 8); make it a finite number or null"),
        ("'note': pa.array([b'a', b'b', b'\\xff']).view(pa.string())", "the column note is not UTF-8 in row 3 (id 9)"),
        (
            "'total': pa.array([1, 2, 3], pa.uint64())",
            "the column total is uint64, its table declares INTEGER; cast it to",
        ),
    ],
)
def test_what_a_python_stage_may_not_make(folder: Path, column: str, message: str) -> None:
    """The same holds for a generator, whose stage is the place."""
    module = f"own_{folder.name}"
    with pytest.raises(EtlError) as caught:
        rows(
            folder,
            "",
            stages=f"sums: {{python: '{module}:sums', inputs: [visits]}}",
            files={f"{module}.py": GENERATOR.format(column)},
        )
    assert str(caught.value).startswith(f"pipeline.yaml:11:3: stages.sums: {message}")


def test_a_broken_value_is_told_where_it_is_made(folder: Path) -> None:
    """An internal stage may have any columns, and no such value either: what comes later would hide it."""
    stages = "rates: {sql: rates.sql, inputs: [visits], internal: true}\nsums: {sql: sums.sql, inputs: [rates]}"
    query = "SELECT 1 AS id, count(*) AS total, 1 AS rate, '' AS note FROM rates WHERE rates[1] > 3"
    with pytest.raises(EtlError, match=r"^rates\.sql:1:9: stages\.rates: the column rates is inf in row 2; make"):
        rows(folder, query, stages=stages, files={"rates.sql": "SELECT [1 / cost] AS rates FROM visits"})
