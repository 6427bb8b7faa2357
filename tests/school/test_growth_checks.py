"""The rules over a shard's numbers: they find a planted fault, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.generator.streams import Streams
from etl.school.arrays import matrix, vectors
from etl.school.growth_checks import broken_growth, broken_means
from etl.school.params import MeasurementError
from etl.school.scores import first_scores, next_scores
from tests.support import small

if TYPE_CHECKING:
    from etl.school.params import Growth

TESTS = small.tests("2025-08-15", "2025-10-15", "2025-12-15")
STANDARDS = small.standards(1, 1, 2, 2)
LEVELS = small.levels(0)
CLAMP = Range(100, 1300)
GROWTH = small.growth((-15, 15), completed=(40, 80), started=(15, 35), not_started=(-15, 15))
#: Assignments 1 and 2 impact the second test and share standard 2; assignment 3 impacts the third.
ASSIGNMENTS = small.assignments((12, 11), (12, 11), (13, 12))
COVERING = small.covering((1, 1), (1, 2), (2, 2), (2, 3), (3, 4))
WINDOWS = {
    "window1": small.window((1, 1, 0), (2, 1, 2), (1, 2, 1), (2, 3, 0)),
    "window2": small.window((3, 1, 1), (3, 4, 0)),
}
IDS = [1, 2, 3, 4]


def year(
    seed: int, clamp: Range = CLAMP, growth: Growth = GROWTH, error: MeasurementError | None = None
) -> dict[str, pa.Table]:
    """Three sittings of four students, as the pipeline makes them."""
    sittings = {
        "pm1": small.table(
            first_scores(
                Streams(seed, "pm1"),
                small.students(*IDS),
                TESTS,
                STANDARDS,
                LEVELS,
                test="T1",
                mean=700,
                sd=400,
                clamp=clamp,
                category_jitter=Range(-40, 40),
                standard_jitter=Range(-25, 25),
                error=error,
            )
        )
    }
    for number in (2, 3):
        sittings[f"pm{number}"] = small.table(
            next_scores(
                Streams(seed, f"pm{number}"),
                sittings[f"pm{number - 1}"],
                TESTS,
                STANDARDS,
                LEVELS,
                ASSIGNMENTS,
                COVERING,
                test=f"T{number}",
                clamp=clamp,
                growth=growth,
                error=error,
                **WINDOWS,
            )
        )
    return sittings


def growth_faults(sittings: dict[str, pa.Table], clamp: Range = CLAMP, growth: Growth = GROWTH) -> list[dict[str, int]]:
    """Run broken_growth."""
    found = broken_growth(TESTS, STANDARDS, ASSIGNMENTS, COVERING, clamp=clamp, growth=growth, **sittings, **WINDOWS)
    rows: list[dict[str, int]] = found.to_pylist()
    return rows


def mean_faults(sittings: dict[str, pa.Table]) -> list[dict[str, int]]:
    """Run broken_means."""
    rows: list[dict[str, int]] = broken_means(TESTS, STANDARDS, **sittings).to_pylist()
    return rows


def with_cell(sitting: pa.Table, column: str, row: int, place: int, score: int) -> pa.Table:
    """A sitting with another number in one cell."""
    numbers = matrix(sitting[column]).copy()
    numbers[row, place] = score
    return sitting.set_column(sitting.column_names.index(column), column, vectors(numbers))


def with_shift(sittings: dict[str, pa.Table], shift: list[int]) -> dict[str, pa.Table]:
    """Sittings that say by how much students grew beyond the ranges."""
    return {name: sitting.append_column("shift", pa.array(shift, pa.int32())) for name, sitting in sittings.items()}


def allowed(sittings: dict[str, pa.Table], number: int, row: int, standard: int) -> tuple[int, int]:
    """Least and greatest score that DATA.md allows a student's standard on a test."""
    before = matrix(sittings[f"pm{number - 1}"]["standards"])[row, standard - 1]
    held = {
        (2, 1, 1): (40, 80),
        (2, 1, 2): (40, 80),  # of completed and not started the larger
        (2, 1, 3): (-15, 15),
        (2, 2, 1): (15, 35),
        (2, 2, 2): (15, 35),
        (2, 3, 2): (40, 80),
        (2, 3, 3): (40, 80),
        (3, 1, 4): (15, 35),
        (3, 4, 4): (40, 80),
    }.get((number, IDS[row], standard), (-15, 15))
    low, high = (min(max(int(before) + bound, CLAMP.low), CLAMP.high) for bound in held)
    return low, high


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.lists(st.integers(-90, 90), min_size=8, max_size=8),
)
def test_what_the_generators_make_breaks_nothing(seed: int, low: int, size: int, bounds: list[int]) -> None:
    """For any clamp and growth, the rules find nothing in the generators' own numbers."""
    ranges = [(min(pair), max(pair)) for pair in zip(bounds[::2], bounds[1::2], strict=True)]
    clamp, growth = Range(low, low + size), small.growth(*ranges)
    sittings = year(seed, clamp, growth)
    assert growth_faults(sittings, clamp, growth) == []
    assert mean_faults(sittings) == []


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.integers(0, 50), st.sampled_from([2, 3]), st.integers(0, 3), st.integers(1, 4), st.sampled_from([-2, -1, 1]))
def test_a_planted_growth_is_found(seed: int, number: int, row: int, standard: int, by: int) -> None:
    """One score moved out of its range by a point is found, with its range; at the range's ends nothing is.

    On the second test two assignments cover one standard, and the larger growth counts.
    """
    sittings = {name: sitting for name, sitting in year(seed).items() if name <= f"pm{number}"}
    least, most = allowed(sittings, number, row, standard)

    def faults(score: int) -> list[dict[str, int]]:
        name = f"pm{number}"
        return growth_faults({**sittings, name: with_cell(sittings[name], "standards", row, standard - 1, score)})

    assert faults(least) == faults(most) == []
    outside = (most if by > 0 else least) + by
    before = int(matrix(sittings[f"pm{number - 1}"]["standards"])[row, standard - 1])
    place = {"student_id": IDS[row], "test_id": 10 + number, "standard_id": standard}
    assert faults(outside) == [{**place, "before": before, "after": outside, "least": least, "most": most}]


def test_growth_beyond_its_range_is_exact() -> None:
    """A student who grows beyond the ranges is checked for just so much more, and another one for none."""
    usual = year(5)
    assert {fault["student_id"] for fault in growth_faults(with_shift(usual, [0, 100, 0, 100]))} == {2, 4}
    moved = {**usual, "pm3": with_cell(usual["pm3"], "standards", 1, 0, allowed(usual, 3, 1, 1)[1] + 100)}
    moved = with_shift({name: moved[name] for name in ("pm2", "pm3")}, [0, 100, 0, 100])
    faults = {(fault["student_id"], fault["standard_id"]) for fault in growth_faults(moved)}
    assert faults == {(student, standard) for student in (2, 4) for standard in range(1, 5)} - {(2, 1)}


def test_seen_scores_follow_from_true_ones() -> None:
    """A seen score that is not the true one plus its error, clamped, is found, and so is a mean of other scores."""
    error = MeasurementError(sitting=200, standard=100)
    sittings = year(5, error=error)
    assert growth_faults(sittings) == mean_faults(sittings) == []
    assert max(np.abs(matrix(sittings["pm2"]["error"])).max(axis=0)) > 100
    score = matrix(sittings["pm1"]["standards"])[2, 3] ^ 1
    (fault,) = growth_faults({**sittings, "pm1": with_cell(sittings["pm1"], "standards", 2, 3, score)})
    assert (fault["student_id"], fault["test_id"], fault["standard_id"]) == (3, 11, 4)
    (fault,) = mean_faults({**sittings, "pm1": with_cell(sittings["pm1"], "categories", 2, 0, 5)})
    assert (fault["student_id"], fault["test_id"]) == (3, 11)


def test_a_missed_test_is_checked() -> None:
    """The numbers underneath a test that was missed obey the rules too."""
    sittings = year(5)
    sittings["pm3"] = with_cell(sittings["pm3"], "standards", 0, 0, CLAMP.high)
    marks = pa.array([0, 1, 1, 1], pa.int8())
    marked = {name: sitting.append_column("taken", marks) for name, sitting in sittings.items()}
    assert [fault["student_id"] for fault in growth_faults(marked)] == [1]
    assert [fault["student_id"] for fault in mean_faults(marked)] == [1]


@pytest.mark.parametrize("name", ["pm2", "pm3"])
@pytest.mark.parametrize("column", ["categories", "overall"])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_planted_mean_is_found(name: str, column: str, by: int) -> None:
    """A category or overall score beside its mean by a point is found, on every test but the first."""
    sittings = year(3)
    assert mean_faults(sittings) == []
    sitting = sittings[name]
    if column == "categories":
        # Both categories differ in one point upwards and downwards, so that the overall mean stays.
        numbers = matrix(sitting["categories"]) + np.array([by, -by], dtype=np.int32)
        planted = sitting.set_column(sitting.column_names.index(column), column, vectors(numbers))
        students = IDS
    else:
        overall = sitting["overall"].to_numpy() + np.array([0, by, 0, 0], dtype=np.int32)
        planted = sitting.set_column(sitting.column_names.index(column), column, pa.array(overall))
        students = [2]
    found = mean_faults({**sittings, name: planted})
    assert [(row["student_id"], row["test_id"]) for row in found] == [
        (student, 10 + int(name[-1])) for student in students
    ]


@pytest.mark.parametrize(("scores", "mean"), [([1, 2, 0, 0], 2), ([-1, -2, 0, 0], -1), ([-1, -1, 0, 0], -1)])
def test_means_round_half_up(scores: list[int], mean: int) -> None:
    """Only the mean that is rounded half up passes, also below zero."""
    standards = small.standards(1, 1, 2, 2)
    for category in range(-4, 5):
        overall = (category + 1) // 2  # of the category and 0
        sitting = small.sitting(12, {1: scores}, width=4, overall=overall)
        column = vectors(np.array([[category, 0]], dtype=np.int32))
        sitting = sitting.set_column(sitting.column_names.index("categories"), "categories", column)
        first = small.sitting(11, {1: scores}, width=4)
        assert (broken_means(TESTS, standards, pm1=first, pm2=sitting).num_rows == 0) == (category == mean)


def test_sittings_in_any_order() -> None:
    """The tests' sequences decide which sitting comes first, not the order of the inputs."""
    sittings = year(3)
    turned = dict(reversed(sittings.items()))
    assert growth_faults(turned) == []
    assert mean_faults(turned) == []


def test_a_student_who_missed_a_test() -> None:
    """A student who missed a test is not checked there; the others are."""
    sittings = year(3)
    least, _ = allowed(sittings, 3, 2, 1)
    planted = with_cell(sittings["pm3"], "standards", 2, 0, least - 1)
    found = growth_faults(
        {**sittings, "pm2": sittings["pm2"].filter(pa.array([True, False, True, True])), "pm3": planted}
    )
    assert [(row["student_id"], row["standard_id"]) for row in found] == [(3, 1)]


def test_rules_with_nothing_to_compare_fail() -> None:
    """A rule that would judge nothing, for want of a second sitting, says so instead of finding nothing."""
    sittings = year(1)
    one = {name: sittings[name] for name in list(sittings)[:1]}
    for few in ({}, one):
        for faults in (growth_faults, mean_faults):
            with pytest.raises(ValueError, match="give it two or more, or remove the stage"):
                faults(few)
