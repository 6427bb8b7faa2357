"""What must fit together: stages and their inputs, tables, shards, reference data, and params that name it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from etl.config.source import load
from etl.errors import Mistakes
from etl.pipeline.validate import validate
from tests.support import small

ROOT = Path(__file__).parents[2]


def told(*changes: str) -> list[str]:
    """The mistakes that changes of the tiny world make, without their places."""
    try:
        validate(load(ROOT / "pipelines" / "tiny.yaml", changes=changes))
    except Mistakes as error:
        return [mistake.message for mistake in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("stages.pm2.inputs.previous=pm0", "stages.pm2.inputs.previous: there is no stage 'pm0'; did you mean 'pm6'?"),
        (
            "stages.broken_growth.inputs.more=broken_means",
            "stages.broken_growth.inputs.more: 'broken_means' is a check, which yields no rows",
        ),
        (
            "stages.rosters.inputs=[classes, tests]",
            "stages.rosters.inputs: sql/stages/rosters.sql does not read 'tests'",
        ),
        ("stages.rosters.params.more=1", "stages.rosters.params.more: sql/stages/rosters.sql has no $more"),
        (
            "stages.rosters.params=null",
            "stages.rosters.params: sql/stages/rosters.sql uses $created_at; give it a value",
        ),
        (
            "stages.pm1.inputs.students=pm6",
            "stages.pm1.inputs: stages form a cycle: pm1 <- pm6 <- pm5 <- ",
        ),
        (
            "stages.pm2.inputs.assignments=tests",
            "stages.pm2.inputs.assignments: next_scores needs the column impacted_test_id, and this has id, group_id,",
        ),
        (
            "stages.classes.inputs={last_names: last_names, subjects: intervention_standards}",
            "stages.classes.inputs.subjects: classes needs the column name, and this has intervention, standard; use",
        ),
        ("stages.subjects.internal=false", "stages.subjects: the schema has no table 'subjects'"),
        ("stages.pm1.internal=false", "stages.pm1: the schema has no table 'pm1'"),
        ("stages.first_names.table=tests", "stages.first_names.table: an internal stage fills no table"),
        ("stages.standards.like=tests", "stages.standards.like: the stage fills a table, so that table's rules apply"),
        (
            "stages.students.shard.by=rosters",
            "stages.students.shard.by: the stage has no input 'rosters'; known: classes",
        ),
    ],
)
def test_what_does_not_fit_is_told(change: str, message: str) -> None:
    """Each mistake is one message, and nothing is told that only follows from it."""
    (found,) = told(change)
    assert found.startswith(message)


def test_stages_that_are_cut_follow_one_cut() -> None:
    """Only one stage's rows are counted off, in one size; what is downstream follows."""
    order = "stages.rosters: ORDER BY needs all rows, and the stage sees one shard's rows of classes at a time; remove "
    (found,) = told("stages.rosters.shard={by: classes, rows: 2}")
    assert found.startswith(order)
    found, also = sorted(told("stages.rosters.shard={by: classes, rows: 3}"))
    assert found.startswith(order)
    assert also == "stages.students.shard: must be the same as in stages.rosters: by classes, 3 rows"
    (found,) = told("stages.pm3.shard={by: previous, rows: 2}")
    assert found.startswith("stages.pm3.shard: a stage upstream is sharded")


def test_every_circle_is_told() -> None:
    """Two circles are two mistakes, each begun at its first stage in the file."""
    found = told("stages.pm3.inputs.previous=pm4", "stages.classes.inputs={last_names: rosters, subjects: subjects}")
    assert found == [
        "stages.classes.inputs: stages form a cycle: classes <- rosters <- classes; remove one input",
        "stages.pm3.inputs: stages form a cycle: pm3 <- pm4 <- window2 <- pm3; remove one input",
    ]


def test_table_is_filled_once() -> None:
    """The stage that says 'table' is the one that is told, wherever it stands."""
    found = told(
        "stages.more={sql: ../sql/stages/rosters.sql, inputs: [classes], params: {created_at: x}, table: rosters}"
    )
    assert found == ["stages.more.table: the table 'rosters' is already filled by stages.rosters"]


def test_broken_file_does_not_make_others_wrong() -> None:
    """When reference data can't be read, nothing is told of what refers to it."""
    (found,) = told("stages.tests.csv=../data/none.csv")
    assert found.startswith("stages.tests.csv: there is no file ../data/none.csv; known: first_names.csv, ")


def test_broken_schema_does_not_make_others_wrong() -> None:
    """When the schema can't be read, nothing is told of tables."""
    assert told("schema=../data/tests.csv") == ["only CREATE TABLE, CREATE INDEX and CREATE VIEW are allowed here"]


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
