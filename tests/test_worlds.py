"""The other worlds of pipelines/: each builds, keeps every rule, and is what it says that it is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from etl.config.source import load
from etl.pipeline.validate import validate
from etl.tables.checks import read_checks, run_checks
from etl.tables.sqlite import open_database
from tests.support import oneroster, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOT = small.ROOT
#: What makes each of them small: twelve classes with a third of them in each window, or six with half.
SMALL = {
    "null": (*small.TWELVE, "report=false"),
    "realistic": small.TWELVE,
    "biased": (*small.TWELVE, "report=false"),
    "regression": (*small.TWELVE, "report=false"),
    "clustered": (*small.TWELVE, "report=false"),
    "ela": (
        "stages.classes.params.count=6",
        "stages.window1.params.rosters=[1, 3]",
        "stages.window2.params.rosters=[4, 6]",
    ),
}


class Built(NamedTuple):
    """The folder of a small build of a world, and its tables as rows."""

    folder: Path

    @property
    def pipeline(self) -> dict[str, Any]:
        """The pipeline in its manifest."""
        return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))["pipeline"])

    @property
    def database(self) -> Path:
        """Its database."""
        return self.folder / str(self.pipeline["database"])

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        with closing(sqlite3.connect(self.database)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]

    def estimates(self) -> list[dict[str, Any]]:
        """The assignments' estimates by difference in differences."""
        chosen = "scope = 'assignment' AND estimator = 'did'"
        return self.rows(f"SELECT * FROM impact_estimates WHERE {chosen} ORDER BY assignment_id")  # noqa: S608 -- ours


@pytest.fixture(scope="module")
def worlds(built: Callable[..., Path]) -> Callable[[str], Built]:
    """Build a world, once."""
    return lambda name: Built(built(f"pipelines/{name}.yaml", *SMALL[name]))


@pytest.mark.parametrize("name", SMALL)
def test_every_check_passes(name: str, worlds: Callable[[str], Built]) -> None:
    """The world is valid at its full size, and a small one passes every check, the full ones too."""
    source = load(ROOT / f"pipelines/{name}.yaml")
    assert len(validate(source).stages) > len(SMALL)
    world = worlds(name)
    checks = read_checks(ROOT / "sql/checks", "sql/checks", full=True, in_full=source.full_name)
    with closing(open_database(world.database)) as database:
        run_checks(checks, database, world.pipeline)
    assert world.pipeline["site"]["title"] in (world.folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["ela", "realistic"])
def test_oneroster_bundle_is_valid(name: str, worlds: Callable[[str], Built], tmp_path: Path) -> None:
    """The queries of the OneRoster bundle fit a world with other tests and levels, and one with missed tests."""
    assert oneroster.faults(oneroster.make(worlds(name).database, tmp_path)) == []


def test_null_world_has_no_effects(worlds: Callable[[str], Built]) -> None:
    """In null.yaml nothing is planted, whatever came of an assignment."""
    effects = worlds("null").rows("SELECT DISTINCT status, effect FROM planted_effects WHERE students > 0")
    assert {row["status"] for row in effects} == {"completed", "started", "not_started"}
    assert {row["effect"] for row in effects} == {0}
    assert {row["planted"] for row in worlds("null").estimates()} == {0}


def test_realistic_students_miss_tests_and_leave(worlds: Callable[[str], Built]) -> None:
    """In realistic.yaml a few tests are missed, some students leave for good, and nobody absent is given work."""
    world = worlds("realistic")
    took: dict[int, list[int]] = {row["id"]: [] for row in world.rows("SELECT id FROM students")}
    for row in world.rows("SELECT student_id, test_id FROM scores ORDER BY id"):
        took[row["student_id"]].append(row["test_id"])
    missed = sum(test not in tests for tests in took.values() for test in range(1, max(tests, default=0)))
    assert 0.01 < missed / sum(map(len, took.values())) < 0.08
    gone = sum(max(tests, default=0) < 5 for tests in took.values())
    assert 0.01 < gone / len(took) < 0.12
    given = world.rows(
        "SELECT student_id, created_after_test_id AS test FROM assignment_students"
        " JOIN assignments ON assignments.id = assignment_id"
    )
    assert all(row["test"] in took[row["student_id"]] for row in given)


def test_biased_world_has_the_expected_bias(worlds: Callable[[str], Built]) -> None:
    """In biased.yaml estimates are too large by what is expected of them, and no build fails for that."""
    rows = worlds("biased").estimates()
    assert min(row["expected_bias"] for row in rows[:4]) > 1
    assert min(row["surprise"] for row in rows) > 1e-6
    for row in rows:
        assert abs(row["bias"] - row["expected_bias"]) < 5 * row["standard_error"]


def test_regression_world_has_the_expected_bias(worlds: Callable[[str], Built]) -> None:
    """In regression.yaml every estimate is larger than the planted effect by the return of bad luck to the mean."""
    rows = worlds("regression").estimates()
    assert len(rows) == 8
    for row in rows:
        assert row["expected_bias"] > 5
        assert abs(row["bias"] - row["expected_bias"]) < row["standard_error"]
        assert row["surprise"] > 1e-6


def test_ela_has_its_own_tests_and_scale(worlds: Callable[[str], Built]) -> None:
    """In ela.yaml there are three tests, three categories, twelve standards, five levels and another scale."""
    world = worlds("ela")
    counts = {
        table: world.rows(f"SELECT count(*) AS number FROM {table}")[0]["number"]  # noqa: S608 -- our own
        for table in ("tests", "reporting_categories", "standards", "performance_levels", "assignments")
    }
    assert counts == {
        "tests": 3,
        "reporting_categories": 3,
        "standards": 12,
        "performance_levels": 5,
        "assignments": 4,
    }
    (scores,) = world.rows(
        "SELECT min(overall_score) AS low, max(overall_score) AS high, max(level) AS top FROM scores"
    )
    assert scores["low"] >= 300
    assert scores["high"] <= 700
    assert scores["top"] == 5
    api = world.folder / "api"
    assert {row["code"] for row in json.loads((api / "standards.json").read_text(encoding="utf-8"))} >= {
        "RI.4.1",
        "L.4.5",
    }
    assert len(json.loads((api / "rosters/1/scores.json").read_text(encoding="utf-8"))) > 0


def test_every_pipeline_is_documented() -> None:
    """The README and docs/data.md name every pipeline."""
    for path in (ROOT / "pipelines").glob("*.yaml"):
        for document in ("README.md", "docs/data.md"):
            assert f"pipelines/{path.name}" in (ROOT / document).read_text(encoding="utf-8"), document
