"""Queries bound before anything is generated: their columns, types and constants, and what their tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE visits (id INTEGER PRIMARY KEY, cost REAL, day TEXT);
CREATE TABLE sums (id INTEGER PRIMARY KEY, total INTEGER, rate REAL, note TEXT);
"""
STAGES = """
visits: {csv: visits.csv}
bills: {sql: bills.sql, inputs: [visits], internal: true}
sums: {sql: sums.sql, inputs: {v: visits, bills: bills}, params: {day: x}}
"""
ODD = "SELECT id, total::BIGINT AS total, cost AS rate, $day AS note FROM v JOIN bills USING (id)"
BILLS = "SELECT id, sum(cost) AS total FROM visits GROUP BY id"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An empty list, to be filled by :func:`check`; the folder of the project is the working folder."""
    monkeypatch.chdir(tmp_path)
    return []


def check(folder: Path, *, sums: str = ODD, bills: str = BILLS, stages: str = STAGES) -> list[str]:
    """The mistakes of a project with these queries."""
    visits = "id,cost,day\n1,2.5,x\n"
    files = {"schema.sql": SCHEMA, "visits.csv": visits, "bills.sql": bills, "sums.sql": sums}
    path = small.project(folder, stages, files)
    try:
        validate(load(path))
    except EtlError as error:
        return str(error).splitlines()
    return []


def test_queries_that_fit(tmp_path: Path) -> None:
    """A query over csv stages, and over another query, is bound without a word."""
    assert check(tmp_path) == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("sums", "message"),
    [
        (
            "-- é\nSELECT id, 'é' AS note,\n  nope AS total, cost AS rate, $day AS day FROM v JOIN bills USING (id)",
            '3:3 DuckDB says: Referenced column "nope" not found in FROM clause; there is ',
        ),
        (
            ODD.replace("total::BIGINT", "day + 1"),
            "1:16 DuckDB says: No function matches the given name and argument types '+(VARCHAR,",
        ),
        (
            ODD.replace("total::BIGINT", "'abc'::INTEGER"),
            "1:17 DuckDB says: Could not convert string 'abc' to INT32",
        ),
        (
            ODD.replace("cost AS rate", "1 AS rate") + " WHERE $day::DATE > DATE '2025-01-01'",
            '1:99 DuckDB says: invalid date field format: "x", expected format is (YYYY-MM-DD)',
        ),
        (
            ODD.replace("total::BIGINT", "sum(v.id) OVER ()"),
            "1:12 the column total is decimal128(38, 0), its table declares INTEGER; ",
        ),
        (
            ODD.replace("total::BIGINT", "v.day"),
            "1:12 the column total is string, its table declares INTEGER; cast it with ::BIGINT",
        ),
        (
            ODD.replace("cost AS rate", "cost AS ratio"),
            "1:36 the result lacks rate and has extra ratio; the table",
        ),
        (
            f"{ODD} UNION ALL {ODD}".replace("total::BIGINT AS total, ", ""),
            "1:8 the result lacks total; the table",
        ),
        (
            ODD.replace("SELECT id", "SELECT id, v.id"),
            "1:8 the result has two columns id",
        ),
        (
            "SELECT *, total::BIGINT AS total FROM v, bills WHERE v.day = $day",
            "1:8 the result has two columns id",
        ),
        (
            ODD.replace("SELECT id", "SELECT id, 1 AS Total"),
            "1:12 the result has two columns Total, total (SQL ignores case)",
        ),
    ],
)
def test_a_query_that_does_not_fit(tmp_path: Path, sums: str, message: str) -> None:
    """What DuckDB refuses, and what the table does not take, is told with file, line and column, before any row is."""
    found = check(tmp_path, sums=sums)
    place, _, says = message.partition(" ")
    assert any(line.startswith(f"sums.sql:{place}: stages.sums: {says}") for line in found), found


@pytest.mark.usefixtures("told")
def test_every_query_is_bound(tmp_path: Path) -> None:
    """Mistakes in several queries, and in others files, come together; what only follows from one is not told."""
    found = check(
        tmp_path,
        bills="SELECT idd FROM visits",
        sums=ODD + "\n  WHERE random() > 0",
        stages=f"{STAGES}\nx: {{}}",
    )
    assert [line.split()[0] for line in found] == [
        "bills.sql:1:8:",
        "pipeline.yaml:14:3:",
        "sums.sql:2:9:",
    ]


def test_constants_that_may_fail(tmp_path: Path) -> None:
    """TRY, TRY_CAST, and casts of what only the rows decide are left alone."""
    tries = "TRY('x'::INTEGER)::BIGINT + TRY_CAST('x' AS INTEGER) + day::INTEGER"
    assert check(tmp_path, sums=ODD.replace("total::BIGINT", tries)) == []


@pytest.mark.usefixtures("told")
def test_over_a_python_stage_the_names_are_compared(tmp_path: Path) -> None:
    """Which columns an internal Python stage has is not known before it runs; how a query names its own is."""
    (tmp_path / "own_bound.py").write_text(
        "import pyarrow as pa\ndef any(visits: pa.Table) -> pa.Table:\n    return visits\n"
    )
    stages = STAGES.replace("sql: bills.sql", "python: 'own_bound:any'")
    (found,) = check(
        tmp_path, sums="SELECT whatever AS id, 1 AS totals, $day AS rate, note FROM v, bills", stages=stages
    )
    assert found.startswith(
        "sums.sql:1:24: stages.sums: the result lacks total and has extra totals; the table sums has"
    )


def test_a_query_is_not_run(tmp_path: Path) -> None:
    """Binding makes no rows, however many there would be."""
    endless = " WHERE id = (SELECT count(*) FROM range(1000000000000000))"
    assert check(tmp_path, sums=ODD + endless) == []
