"""The OneRoster bundle: valid, whole, and read by the usual tools."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from etl.generator.params import Range
from etl.generator.streams import Streams
from etl.pipeline.query import run_query
from etl.school.classes import classes
from tests.support.oneroster import COLUMNS, faults, make, read
from tests.support.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Files = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def database(tiny_build: Path) -> Path:
    """The tiny world's database."""
    return tiny_build / "teacher-dashboard.db"


@pytest.fixture(scope="module")
def bundle(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the tiny world."""
    return make(database, tmp_path_factory.mktemp("build"))


def test_it_is_valid(bundle: Path) -> None:
    """The bundle has what OneRoster 1.2 asks for: files, columns, words, dates, and references that lead somewhere."""
    assert faults(bundle) == []


def test_it_has_all_of_the_world(bundle: Path, database: Path) -> None:
    """Rosters, students, results and the scores of standards are those of the database, and no e-mail is in it."""
    files = read(bundle)
    with closing(sqlite3.connect(database)) as opened:
        tables = ("rosters", "students", "scores", "assignment_students")
        counted = {name: opened.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608
        codes = dict(opened.execute("SELECT CAST(id AS TEXT), code FROM standards"))
        scores = opened.execute("SELECT id, overall_score, std_scores FROM scores").fetchall()
    students = [row for row in files["enrollments"] if row["role"] == "student"]
    assert len(files["classes"]) == counted["rosters"]
    assert len(students) == counted["students"]
    assert len(files["results"]) == counted["scores"] + counted["assignment_students"]
    results = {row["sourcedId"]: row["score"] for row in files["results"] if row["score"]}
    assert results == {f"score-{number}": str(overall) for number, overall, _ in scores}
    found = {
        (row["resultSourcedId"], row["learningObjectiveId"], row["score"])
        for row in files["resultLearningObjectiveIds"]
    }
    assert found == {
        (f"score-{number}", codes[standard], str(score))
        for number, _, text in scores
        for standard, score in json.loads(text).items()
    }
    assert not any("@" in value for row in files["users"] for value in row.values())


def test_other_tools_read_it(bundle: Path, tmp_path: Path) -> None:
    """DuckDB reads every file with the columns of the specification."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path)
        names = [name for name in archive.namelist() if name != "manifest.csv"]
    for name in names:
        found = duckdb.sql(f"FROM read_csv('{tmp_path / name}', all_varchar = true)")
        assert found.columns == [column["name"] for column in COLUMNS[name]]
        assert found.fetchone()


def test_its_classes_come_back(bundle: Path) -> None:
    """A world over the classes of a bundle has as many, of the same sizes, and no name of the bundle."""
    members = {
        name: pacsv.read_csv(io.BytesIO(zipfile.ZipFile(bundle).read(f"{name}.csv")))
        for name in ("classes", "enrollments")
    }
    found = run_query((ROOT / "sql/stages/population.sql").read_text(), {}, members)
    assert found.column_names == ["teacher", "subject", "size"]
    names = pa.table({"name": ["Nobody"]})
    made = classes(Streams(1, "classes"), names, names, count=3, size=Range(1, 9), titles=["X."], population=found)
    sizes = Counter(row["classSourcedId"] for row in read(bundle)["enrollments"] if row["role"] == "student")
    assert made["size"].to_pylist() == [sizes[f"class-{number}"] for number in (1, 2, 3)]
    assert set(made["name"].to_pylist()) == {"X. Nobody - Nobody", "X. Nobody - Nobody 2", "X. Nobody - Nobody 3"}


def test_the_bundle_in_the_repository_is_that_of_the_tiny_world(bundle: Path) -> None:
    """What pipelines/from-oneroster.yaml reads is valid, and the rostering part of the tiny world's bundle."""
    kept = ROOT / "data/oneroster.zip"
    assert faults(kept) == []
    files, whole = read(kept), read(bundle)
    assert files == {name: whole[name] for name in files if name != "manifest"} | {"manifest": files["manifest"]}


def cell(file: str, column: str, value: str) -> Callable[[Files], None]:
    """A change of one cell, in a file's first row."""

    def change(files: Files) -> None:
        files[file][1][files[file][0].index(column)] = value

    return change


def dropped(file: str) -> Callable[[Files], Any]:
    """A file less."""
    return lambda files: files.pop(file)


MUTANTS: list[tuple[Callable[[Files], Any], str]] = [
    (cell("classes.csv", "title", ""), "classes row 1: title is required"),
    (cell("classes.csv", "classType", "lesson"), "classes row 1: classType is not a word of its vocabulary"),
    (
        cell("classes.csv", "courseSourcedId", "course-0"),
        "classes row 1: courseSourcedId leads to nothing in the bundle",
    ),
    (cell("classes.csv", "termSourcedIds", "term-1,term-0"), "classes row 1: termSourcedIds leads to nothing"),
    (cell("classes.csv", "status", "active"), "classes row 1: status is not blank"),
    (cell("orgs.csv", "sourcedId", "a b"), "orgs row 1: sourcedId is not a sourcedId"),
    (cell("users.csv", "enabledUser", "yes"), "users row 1: enabledUser is not a boolean"),
    (cell("lineItems.csv", "dueDate", "2025-8-15"), "lineItems row 1: dueDate is not a date"),
    (cell("lineItems.csv", "resultValueMax", "high"), "lineItems row 1: resultValueMax is not a float"),
    (cell("academicSessions.csv", "endDate", "2025-08-01"), "academicSessions row 1: endDate is exclusive"),
    (cell("academicSessions.csv", "schoolYear", "25-26"), "academicSessions row 1: schoolYear is not a year"),
    (cell("results.csv", "sourcedId", "score-2"), "results: a sourcedId is used twice"),
    (cell("results.csv", "scoreStatus", "graded"), "results row 1: scoreStatus is not a word of its vocabulary"),
    (cell("manifest.csv", "value", "2.0"), "manifest: not version 1.2"),
    (dropped("categories.csv"), "manifest: categories is bulk, and the file is not there"),
    (lambda files: files["courses.csv"][0].reverse(), "courses: not the columns of the specification, in its order"),
    (lambda files: files["roles.csv"].__delitem__(slice(1, None)), "roles: has no rows"),
    (
        lambda files: files.update({"rows/users.csv": []}),
        "rows/users.csv: not a file of OneRoster at the root of the zip",
    ),
    (lambda files: files["manifest.csv"].pop(3), "manifest: not the properties of the specification, in its order"),
]


@pytest.mark.parametrize(("change", "message"), MUTANTS, ids=[message for _, message in MUTANTS])
def test_the_validator_sees(bundle: Path, tmp_path: Path, change: Callable[[Files], Any], message: str) -> None:
    """A bundle with one thing wrong is not valid, so the validator can fail."""
    with zipfile.ZipFile(bundle) as archive:
        names = [name for name in archive.namelist() if "LearningObjective" not in name]
        files = {name: list(csv.reader(archive.read(name).decode().splitlines())) for name in names}
    change(files)
    with zipfile.ZipFile(tmp_path / "mutant.zip", "w") as archive:
        for name, rows in files.items():
            archive.writestr(name, "".join(",".join(f'"{value}"' for value in row) + "\r\n" for row in rows))
    assert any(fault.startswith(message) for fault in faults(tmp_path / "mutant.zip"))
