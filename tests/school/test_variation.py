"""Variance components and reliability: what the params state is found again within sampling error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from etl.generator.params import Range
from etl.generator.streams import Streams
from etl.school.arrays import matrix
from etl.school.measure import Measure, latent_scores, optional
from etl.school.params import ByScore, Chronic, MeasurementError, Pace, StartShares, Variation
from etl.school.scores import first_scores, next_scores
from etl.school.variation import deviations, errors
from tests.support import small
from tests.support.components import components

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = Streams(7, "pm1")
TESTS = small.tests("2025-08-15", "2025-10-15")
STANDARDS = small.standards(1, 1, 2, 2)
SCALE = Range(0, 10_000)
SCHOOLS, ROSTERS, SIZE = 300, 4, 10  # rosters a school, students a roster
IDS = np.arange(1, SCHOOLS * ROSTERS * SIZE + 1)
ROSTER = 1 + (IDS - 1) // SIZE
SCHOOL = (ROSTER - 1) // ROSTERS
VARIATION = Variation(
    rosters_per_school=ROSTERS,
    start=StartShares(schools=0.2, classes=0.1),
    pace=Pace(schools=4, classes=6, students=12),
)
ERROR = MeasurementError(sitting=30, standard=46)


def first(start: int = 0, stop: int | None = None, **changes: Any) -> pa.Table:  # noqa: ANN401 -- the generator's params
    """The first test of some of the students, without jitter."""
    students = pa.table({"id": pa.array(IDS[start:stop]), "roster_id": pa.array(ROSTER[start:stop])})
    params = {"mean": 5000, "sd": 95, "clamp": SCALE, "category_jitter": Range(0, 0), "standard_jitter": Range(0, 0)}
    tables = (students, TESTS, STANDARDS, small.levels(0))
    return small.table(first_scores(STREAMS, *tables, test="T1", **{**params, **changes}))


def second(previous: pa.Table, **changes: Any) -> pa.Table:  # noqa: ANN401 -- the generator's params
    """The second test, to which nobody grows but by shifts."""
    tables = (previous, TESTS, STANDARDS, small.levels(0), small.assignments(), small.covering())
    growth = small.growth((0, 0))
    return small.table(next_scores(Streams(7, "pm2"), *tables, test="T2", clamp=SCALE, growth=growth, **changes))


def near(found: float, variance: float, mean_square: float, groups: int) -> bool:
    """Whether an estimate of a variance is within four standard errors, those of a mean square of so many groups."""
    return bool(abs(found - variance) < 4 * mean_square * (2 / groups) ** 0.5)


def assert_components(numbers: NDArray[Any], school: float, roster: float, student: float) -> None:
    """The variances between schools, classes and students are these."""
    found = components(numbers, ROSTER, SCHOOL)
    of_roster = roster + student / SIZE  # of a roster's mean
    assert near(found.student**2, student, student, len(IDS))
    assert near(found.roster**2, roster, of_roster, SCHOOLS * (ROSTERS - 1))
    assert near(found.school**2, school, school + of_roster / ROSTERS, SCHOOLS)


def test_start_varies_between_schools_classes_and_students() -> None:
    """The intraclass correlations of first scores are the stated ones, and their variance is sd squared."""
    scores = first(variation=VARIATION)["overall"].to_numpy()
    assert_components(scores, 0.2 * 95**2, 0.1 * 95**2, 0.7 * 95**2)


def test_pace_lasts_and_shocks_do_not() -> None:
    """Pace moves all of a student's standards in every test alike; a shock moves a class in one of them."""
    pace = second(start := first(variation=VARIATION))
    assert_components(optional(pace, "shift"), 16, 36, 144)
    assert optional(pace, "shift").tolist() == optional(start, "pace").tolist()
    moved = matrix(pace["standards"]) - matrix(start["standards"])
    assert (moved == optional(pace, "shift")[:, None]).all()
    shock = optional(second(first(), shock=5), "shift")
    by_class = shock[::SIZE]
    assert (shock == np.repeat(by_class, SIZE)).all()
    assert near(by_class.var(), 25, 25, len(by_class))


def test_tests_are_as_reliable_as_stated() -> None:
    """The variance of true overall scores is the stated share of that of seen ones; errors are of the stated size."""
    sitting = first(error=ERROR)
    true, seen = latent_scores(sitting)[:, 0], sitting["overall"].to_numpy()
    error = 30**2 + 46**2 / 4  # the overall score is a mean of four standards
    assert true.var() / seen.var() == pytest.approx(95**2 / (95**2 + error), abs=4 * 0.9 * (2 / len(IDS)) ** 0.5)
    drawn = errors(STREAMS, IDS, 4, ERROR)
    assert near(drawn.var(axis=1, ddof=1).mean(), 46**2, 46**2, 3 * len(IDS))
    assert near(drawn.mean(axis=1).var(), error, error, len(IDS))
    assert (matrix(sitting["standards"]) == latent_scores(sitting) + drawn).all()
    _, overall = Measure.of(STANDARDS).means(matrix(sitting["standards"]))
    assert (overall == seen).all()


def test_true_scores_grow() -> None:
    """The next test grows from the true scores, not from the seen ones."""
    start = first(error=ERROR)
    after = second(start, error=ERROR)
    assert (latent_scores(after) == latent_scores(start)).all()
    assert (matrix(after["standards"]) != matrix(start["standards"])).mean() > 0.9


def test_any_part_of_the_students_draws_the_same() -> None:
    """Deviations are those of the ids: a shard by itself gives the rows that it gives among others."""
    params: dict[str, Any] = {"variation": VARIATION, "error": ERROR, "chronic": Chronic(share=0.3)}
    some, everybody = first(37, 455, **params), first(**params)
    assert some.equals(everybody[37:455])
    after, after_all = (second(sitting, shock=9, error=ERROR) for sitting in (some, everybody))
    assert after.equals(after_all[37:455])


def test_deviations_are_normal() -> None:
    """Their mean, spread and tails are those of a normal distribution; without spread they are zeros."""
    drawn = deviations(STREAMS, "any", IDS, 100.0)[:, 0]
    assert abs(drawn.mean()) < 4 * 100 / len(IDS) ** 0.5
    assert near(drawn.var(), 100**2, 100**2, len(IDS))
    assert abs((np.abs(drawn) > 196).mean() - 0.05) < 0.01
    assert not deviations(STREAMS, "any", IDS, 0).any()


def test_the_chronically_absent_score_lower() -> None:
    """Their share falls with the score, and they have other shares of missing a test and leaving."""
    chronic = Chronic(share=0.3, by_score=ByScore(score=5000, per_100=-0.1))
    start = first(chronic=chronic, missed=0.01, missed_chronic=0.2)
    marked, scores = optional(start, "chronic") > 0, start["overall"].to_numpy()
    assert marked.mean() == pytest.approx(0.3, abs=0.02)
    assert scores[~marked].mean() - scores[marked].mean() == pytest.approx(0.1 * 0.95 * 95 / (0.3 * 0.7), rel=0.15)
    missed = optional(start, "taken") == 0
    assert missed[marked].mean() == pytest.approx(0.2, abs=0.03)
    assert missed[~marked].mean() == pytest.approx(0.01, abs=0.005)
    stayed = np.isin(IDS, second(start, left=0, left_chronic=0.5)["student_id"].to_numpy())
    assert stayed[~marked].all()
    assert stayed[marked].mean() == pytest.approx(0.5, abs=0.04)
