"""Rules across stages; tests/bad has the messages of most of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from etl.config.source import load
from etl.errors import Mistakes
from etl.pipeline.validate import validate
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path

CLINIC = """
CREATE TABLE patients (id INTEGER PRIMARY KEY, age INTEGER);
CREATE TABLE sums (id INTEGER PRIMARY KEY, n INTEGER);
"""
GENERATOR = """
import pyarrow as pa

def patients(people: pa.Table) -> pa.Table:
    return people.select(["id"]).append_column("age", people["id"])
"""


def clinic(folder: Path, rows: int, *, more: str = "", sums: str) -> Path:
    """A world of another domain: patients are made by shards of so many people, and a query follows."""
    stages = f"""
        people: {{csv: people.csv, internal: true, like: patients}}
        floors: {{csv: floors.csv, internal: true}}
        patients: {{python: 'own_{folder.name}:patients', inputs: [people], shard: {{by: people, rows: {rows}}}}}
        sums: {{sql: sums.sql, inputs: [patients, floors]{more}}}
    """
    people = "id,age\n" + "".join(f"{number},{number}\n" for number in range(1, 8))
    files = {"people.csv": people, "floors.csv": "floor\n1\n2\n", "sums.sql": sums, "schema.sql": CLINIC}
    return small.project(folder, stages, files | {f"own_{folder.name}.py": GENERATOR})


def test_a_query_that_sees_one_shard_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs all rows is refused below shards, at its place, unless the stage gathers; then it has all of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    total = "SELECT 1 AS id,\n  count(*) AS n\nFROM patients, floors WHERE floor = '1'"
    with pytest.raises(Mistakes) as caught:
        validate(load(clinic(tmp_path / "cut", 2, sums=total)))
    assert str(caught.value) == (
        "cut/sums.sql:2:3: stages.sums: count(*) needs all rows, and the stage sees one shard's rows of patients at a "
        "time; add 'gather: true' to run it once over the rows of all shards"
    )
    for rows in (2, 3):
        path = clinic(tmp_path / f"all{rows}", rows, more=", gather: true", sums=total)
        made = small.gathered(validate(load(path)))
        assert made["sums"].to_pylist() == [{"id": 1, "n": 7}]


def test_a_query_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks at one row at a time follows the shards, and gives the same rows whatever their size."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    query = "SELECT id, age * (SELECT count(*) FROM floors) AS n FROM patients WHERE age > 2"
    found = [
        small.gathered(validate(load(clinic(tmp_path / f"cut{rows}", rows, sums=query))))["sums"].to_pylist()
        for rows in (2, 3)
    ]
    assert found[0] == found[1] == [{"id": id_, "n": 2 * id_} for id_ in range(3, 8)]
