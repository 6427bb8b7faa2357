"""Regressions with roster effects: from sums within rosters they are those of least squares over all students."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from etl.school.estimates import impact_estimates
from etl.school.impact import GAIN_SUMS, NUMBERS
from etl.school.within import Students, within_sums
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Student = tuple[int, bool, int, int, int]  # roster, treated, score, overall score, gain


def sums_of(students: Sequence[Student], **others: int) -> pa.Table:
    """The sums of an assignment with these students; growth is expected to be nothing."""
    roster, treated, score, overall, gain = np.array(students).reshape(-1, 5).T
    chosen = Students(roster, treated > 0).in_both_groups()
    variables = {"score": score, "overall": overall, "gain": gain, "excess": gain}
    cells = {name: values[None, chosen].astype(np.float64) for name, values in variables.items()}
    found = within_sums(Students(roster[chosen], treated[chosen] > 0), cells)
    row = {**dict.fromkeys(NUMBERS, 0), **{name: cells[0] for name, cells in found.items()}, **others}
    keys = {"assignment_id": 1, "rc_id": None, "standard_id": None, "parts": 1, "denominator": 1}
    return pa.Table.from_pylist([keys | row], GAIN_SUMS)


def estimate(students: Sequence[Student], estimator: str, **others: int) -> dict[str, Any]:
    """The estimate of one estimator."""
    rows = impact_estimates(sums_of(students, **others)).to_pylist()
    return next(row for row in rows if row["estimator"] == estimator)


def least_squares(students: Sequence[Student], covariates: int) -> tuple[float, float]:
    """Effect and standard error by dummies for rosters and the sandwich of the textbooks."""
    roster, treated, score, overall, gain = np.array(students, dtype=float).T
    dummies = (roster[:, None] == np.unique(roster)).astype(float)
    x = np.column_stack([treated, *(score, overall)[:covariates], dummies])
    inverse = np.linalg.inv(x.T @ x)
    slopes = inverse @ x.T @ gain
    scores = dummies.T @ (x * (gain - x @ slopes)[:, None])
    rosters, number, regressors = dummies.shape[1], len(x), covariates + 2
    factor = rosters / (rosters - 1) * (number - 1) / (number - regressors)
    return slopes[0], math.sqrt(factor * (inverse @ scores.T @ scores @ inverse)[0, 0])


def drawn(seed: int) -> list[Student]:
    """Some students of a few rosters, of which some have only one group."""
    random = np.random.default_rng(seed)
    rosters = random.integers(2, 9)
    treated = random.integers(0, 2, 60) * random.integers(0, 4, 10)[random.integers(1, rosters + 1, 60)] > 0
    cells = random.integers(0, 700, (60, 2)), random.integers(-80, 81, (60, 1))
    table = np.column_stack([random.integers(1, rosters + 1, 60), treated, *cells])
    return [(row[0], bool(row[1]), row[2], row[3], row[4]) for row in table.tolist()]


@pytest.mark.parametrize("seed", range(20))
def test_estimates_are_those_of_least_squares(seed: int) -> None:
    """Effect, standard error, degrees of freedom, p and interval, whatever the rosters; others do not count."""
    from scipy import stats  # noqa: PLC0415 -- takes a second to import

    students = drawn(seed)
    groups = {roster: {treated for of, treated, *_ in students if of == roster} for roster in range(1, 10)}
    used = [student for student in students if len(groups[student[0]]) == 2]
    rosters = len({student[0] for student in used})
    for estimator, covariates in (("did_fixed_effects", 0), ("ancova", 2)):
        row = estimate(students, estimator)
        effect, error = least_squares(used, covariates)
        assert (row["treated"], row["control"]) == tuple(sum(s[1] == kind for s in used) for kind in (True, False))
        reach = stats.t.ppf(0.975, rosters - 1) * error
        expected = {
            "effect": effect,
            "standard_error": error,
            "degrees_of_freedom": rosters - 1,
            "t": effect / error,
            "p": 2 * stats.t.sf(abs(effect / error), rosters - 1),
            "low": effect - reach,
            "high": effect + reach,
        }
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=3e-6, abs=3e-6)
        assert row["treated_gain"] - row["control_gain"] == pytest.approx(effect, abs=2e-6)
        assert row["expected_bias"] == pytest.approx(0, abs=2e-6)  # all of the gain is chance here


#: Sixteen students of four rosters.
SIXTEEN: list[Student] = [
    *((1, True, 5310, 5340, 61), (1, True, 5390, 5402, 44), (1, False, 5480, 5471, 3), (1, False, 5502, 5520, -8)),
    *((2, True, 5275, 5301, 70), (2, False, 5455, 5440, 12), (2, False, 5541, 5533, -2), (2, False, 5466, 5480, 5)),
    *((3, True, 5342, 5350, 48), (3, True, 5401, 5377, 39), (3, True, 5365, 5399, 66), (3, False, 5490, 5502, 9)),
    *((4, True, 5290, 5322, 53), (4, False, 5433, 5428, -11), (4, False, 5515, 5560, 7), (4, True, 5377, 5361, 58)),
]


@pytest.mark.parametrize(
    ("estimator", "printed"),
    [
        ("did_fixed_effects", (55.071429, 4.2852023, 12.851535, 0.0010167627, 41.434002, 68.708855)),
        ("ancova", (47.088314, 17.747112, 2.6532945, 0.076777222, -9.3909161, 103.56754)),
    ],
)
def test_estimates_are_those_that_pyfixest_prints(estimator: str, printed: tuple[float, ...]) -> None:
    """By pyfixest 0.60: feols("post ~ treated + score + overall | roster", vcov={"CRV1": "roster"}), or of the gain."""
    row = estimate(SIXTEEN, estimator)
    found = [row[name] for name in ("effect", "standard_error", "t", "p", "low", "high")]
    assert found == pytest.approx(printed, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("students", "estimator", "known"),
    [
        ([], "ancova", {}),
        ([(1, True, 0, 0, 5), (1, True, 0, 0, 7), (2, False, 0, 0, 1)], "did_fixed_effects", {"treated": 0}),
        (  # one roster: an effect, no interval
            [(1, True, 0, 0, 5), (1, False, 0, 0, 1)],
            "did_fixed_effects",
            {"treated": 1, "control": 1, "effect": 4, "treated_gain": 5, "control_gain": 1, "standard_error": None},
        ),
        (  # weights 1/2 and 2/3: (1/2 x 4 + 2/3 x 1) / (7/6)
            [(1, True, 0, 0, 5), (1, False, 0, 0, 1), (2, True, 0, 0, 2), (2, False, 0, 0, 0), (2, False, 0, 0, 2)],
            "did_fixed_effects",
            {"effect": round(16 / 7, 6), "treated_gain": round(23 / 7, 6), "degrees_of_freedom": 1},
        ),
        (  # every roster finds the same: nothing varies
            [(roster, treated, 0, 0, 3 * treated + roster) for roster in (1, 2, 3) for treated in (True, False)],
            "did_fixed_effects",
            {"effect": 3, "standard_error": 0, "t": None, "low": None, "degrees_of_freedom": None},
        ),
        (  # the score tells the groups apart: what is its effect and what the treatment's cannot be known
            [(roster, treated, 7 * treated, 0, roster) for roster in (1, 2, 3) for treated in (True, False)],
            "ancova",
            {"treated": 3, "effect": None, "planted": None},
        ),
    ],
)
def test_what_cannot_be_known_is_null(students: list[Student], estimator: str, known: Mapping[str, Any]) -> None:
    """Without a roster of both groups there is no effect, with a single one no interval."""
    row = estimate(students, estimator)
    assert {name: row[name] for name in known} == known
    assert row["surprise"] is None


def test_a_covariate_that_says_nothing_new_is_left_out() -> None:
    """Ancova with an overall score that is the same number as the score is that with one covariate."""
    drawn = np.random.default_rng(1).integers(0, 99, (30, 2)).tolist()
    students = [(place % 3, place % 2 == 0, score, score + 5, gain) for place, (score, gain) in enumerate(drawn)]
    row = estimate(students, "ancova")
    assert (row["effect"], row["standard_error"]) == pytest.approx(least_squares(students, 1), abs=1e-6)


def test_sums_that_would_not_be_exact_are_refused() -> None:
    """A scale so wide that 64 bits cannot add up its squares gives an error, not a wrong number."""
    students = [(1, True, 10**9, 0, 0), (1, True, 0, 10**9, 0), (1, False, 0, 0, 0)]
    with pytest.raises(ValueError, match="too large to sum exactly; use a narrower clamp"):
        sums_of(students * 200)


PACKAGES = small.ROOT / ".venv" / "pandas"  # statsmodels imports pandas, which the environment must not have
CHILD = """
import json, sys
import numpy, statsmodels.api

for students in json.load(sys.stdin):
    roster, treated, score, overall, gain = numpy.array(students).T
    number, place = numpy.unique(roster, return_inverse=True)

    def within(cells):
        return cells - (numpy.bincount(place, cells) / numpy.bincount(place))[place] + cells.mean()

    for outcome, regressors in ((gain, [treated]), (score + gain, [treated, score, overall])):
        design = statsmodels.api.add_constant(numpy.column_stack([within(cells) for cells in regressors]))
        options = {"cov_type": "cluster", "cov_kwds": {"groups": roster}, "use_t": True}
        model = statsmodels.api.OLS(within(outcome), design).fit(**options)
        numbers = model.params[1], model.bse[1], model.tvalues[1], model.pvalues[1], *model.conf_int()[1]
        print(json.dumps([float(cell) for cell in numbers]))
"""


def test_estimates_are_those_of_statsmodels() -> None:
    """To six digits: the gain on the treatment, and the post-test on treatment and pre-tests, both within rosters."""
    if not (PACKAGES / "statsmodels").exists():
        pytest.skip("statsmodels is not there: make test installs it")
    cases = [in_both_groups(compared(assignment)) for assignment in realistic()["assignments"].to_pylist()]
    rows = [row for pair in zip(estimates("did_fixed_effects"), estimates("ancova"), strict=True) for row in pair]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD]
    child = subprocess.run(
        command, env=environment, input=json.dumps(cases), capture_output=True, encoding="utf-8", check=True
    )
    for row, line in zip(rows, child.stdout.splitlines(), strict=True):
        names = ("effect", "standard_error", "t", "p", "low", "high")
        assert [row[name] for name in names] == pytest.approx(json.loads(line), rel=1e-6, abs=1e-6)


def test_plain_estimates_are_those_of_scipy() -> None:
    """The difference of mean gains, and Welch's test of it, are those of the world's students."""
    from scipy import stats  # noqa: PLC0415 -- takes a second to import

    for assignment, row in zip(realistic()["assignments"].to_pylist(), estimates("did"), strict=True):
        students = compared(assignment)
        groups = [[student[-1] for student in students if student[1] == treated] for treated in (1, 0)]
        expected = stats.ttest_ind(*groups, equal_var=False)
        assert [row["treated"], row["control"]] == list(map(len, groups))
        found = (row["effect"], row["t"], row["degrees_of_freedom"], row["p"])
        effect = np.mean(groups[0]) - np.mean(groups[1])
        assert found == pytest.approx((effect, expected.statistic, expected.df, expected.pvalue), rel=2e-6, abs=1e-6)


@cache
def realistic() -> dict[str, pa.Table]:
    """The tables of a small world with missed tests."""
    return small.gathered(small.world(*small.TWELVE, path=small.ROOT / "pipelines/realistic.yaml"))


def estimates(estimator: str) -> list[dict[str, Any]]:
    """What an estimator finds there, by assignment."""
    rows = realistic()["impact_estimates"].to_pylist()
    found = [row for row in rows if (row["scope"], row["estimator"]) == ("assignment", estimator)]
    return sorted(found, key=lambda row: row["assignment_id"])


def in_both_groups(students: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Those in rosters with students of both groups."""
    both = {row[0] for row in students if row[1]} & {row[0] for row in students if not row[1]}
    return [row for row in students if row[0] in both]


def compared(assignment: Mapping[str, Any]) -> list[tuple[float, ...]]:
    """The students of an assignment there: roster, treated, pre-tests and gain."""
    tables = realistic()
    tests = assignment["created_after_test_id"], assignment["impacted_test_id"] - 1, assignment["impacted_test_id"]
    scores = {(row["student_id"], row["test_id"]): row for row in tables["scores"].to_pylist()}
    covered = [
        str(row["standard_id"])
        for row in tables["assignment_standards"].to_pylist()
        if row["assignment_id"] == assignment["id"]
    ]
    status = {
        row["student_id"]: row["status"]
        for row in tables["assignment_students"].to_pylist()
        if row["assignment_id"] == assignment["id"]
    }
    rosters = {row["id"]: row["roster_id"] for row in tables["students"].to_pylist()}
    around = {rosters[student] for student in status}
    found: list[tuple[float, ...]] = []
    for student, roster in rosters.items():
        took = all((student, test) in scores for test in tests)
        if took and roster in around and status.get(student, "completed") == "completed":
            first, last = scores[student, tests[0]], scores[student, tests[2]]
            before, after = (np.mean([json.loads(row["std_scores"])[key] for key in covered]) for row in (first, last))
            found.append(
                (roster, float(student in status), float(before), first["overall_score"], float(after - before))
            )
    return found
