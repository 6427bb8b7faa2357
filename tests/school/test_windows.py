"""Intervention windows, on tiny tables: who is chosen, how far they come, and when."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.generator.streams import Streams, choose
from etl.school.params import STATUSES, ByScore, Calendar, Shares, StatusShares
from etl.school.windows import enrollment_rows, window
from tests.support import small

if TYPE_CHECKING:
    from numpy.typing import NDArray

STREAMS = Streams(7, "window1")
TESTS = small.tests("2025-08-15", "2025-10-15", None)
SHARES = StatusShares(completed=0.6, started=0.15, not_started=0.25)
#: Assignments 1 and 3 follow the first test, assignment 2 the second.
GIVEN = small.assignments((12, 11), (13, 12), (12, 11))


def scores(*rows: tuple[int, int, int]) -> pa.Table:
    """A sitting's columns that decide who is chosen: student, roster, level; the overall score is 100 times that."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    names = ("student_id", "roster_id", "level", "overall")
    return pa.table({name: pa.array(column) for name, column in zip(names, [*columns, 100 * columns[2]], strict=True)})


FOUR = scores((1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 3, 3))


def opened(sitting: pa.Table = FOUR, **changes: Any) -> pa.RecordBatch:  # noqa: ANN401 -- the generator's params
    """Run the generator, with other params than the usual ones."""
    usual = {"after": "T1", "until": "T2", "rosters": Range(1, 3), "levels": [1, 2], "status": SHARES}
    return window(STREAMS, sitting, GIVEN, **{"tests": TESTS, **usual, **changes})


@pytest.mark.parametrize(
    ("rosters", "levels", "chosen"),
    [
        ((1, 3), (1, 2), [1, 2, 3]),
        ((1, 1), (1, 2), [1, 2]),
        ((2, 2), (1, 2), [3]),
        ((1, 3), (1,), [1, 3]),
        ((1, 3), (3,), [4]),
        ((3, 3), (1, 2), []),
        ((1, 3), (), []),
        ((4, 9), (1, 2, 3), []),
    ],
)
def test_who_is_chosen(rosters: tuple[int, int], levels: tuple[int, ...], chosen: list[int]) -> None:
    """Every student of the rosters at the levels, for each assignment that follows the test, and nobody else."""
    found = opened(rosters=Range(*rosters), levels=list(levels))
    rows = list(zip(found["student_id"].to_pylist(), found["assignment_id"].to_pylist(), strict=True))
    assert rows == [(student, assignment) for student in chosen for assignment in (1, 3)]


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    st.sets(st.integers(1, 2**40), min_size=1, max_size=4),
    st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.25, 0.25)]),
    st.dates(),
    st.integers(0, 400),
)
def test_dates_fit_the_status(students: set[int], shares: tuple[float, ...], first: date, length: int) -> None:
    """For any students, shares and window: days are in it, in order, and only where the status has them."""
    last = date.fromordinal(min(first.toordinal() + length, date.max.toordinal()))
    status = StatusShares(completed=shares[0], started=shares[1], not_started=shares[2])
    found = opened(
        scores(*((student, 1, 1) for student in sorted(students))),
        status=status,
        tests=small.tests(first.isoformat(), last.isoformat()),
    )
    for row in found.to_pylist():
        name = STATUSES[row["status"]]
        assert getattr(status, name) > 0
        days = [first, *(row[column] for column in ("started_at", "completed_at") if row[column]), last]
        assert days == sorted(days)
        assert (row["started_at"] is not None) == (name != "not_started")
        assert (row["completed_at"] is not None) == (name == "completed")


def test_driven_students_have_their_own_shares() -> None:
    """Driven students come as far as their shares say, by the same draws; the others as if nobody were driven."""
    everyone = scores(*((student, 1, 1) for student in range(1, 401)))
    some = everyone.append_column("driven", pa.array([student % 2 for student in range(400)], pa.int8()))
    sure = Shares(completed=0, started=1, not_started=0)
    usual = opened(everyone)["status"].to_numpy()
    found = opened(some, status=SHARES.model_copy(update={"driven": sure}))["status"].to_numpy()
    odd = np.repeat(np.arange(400) % 2 == 1, 2)
    assert (found[odd] == STATUSES.index("started")).all()
    assert (found[~odd] == usual[~odd]).all()
    same = SHARES.model_copy(update={"driven": Shares(completed=0.6, started=0.15, not_started=0.25)})
    assert opened(some, status=same).equals(opened(everyone))


def completed(found: pa.RecordBatch) -> NDArray[np.bool_]:
    """Who completed the first assignment, in the order of students."""
    return np.asarray(found["status"].to_numpy()[::2] == STATUSES.index("completed"))


def test_some_classes_complete_more() -> None:
    """The share completed varies between classes by so much, around the same mean; the rest keeps its proportions."""
    everyone = scores(*((student, 1 + student // 50, 1) for student in range(20_000)))
    found = opened(everyone, rosters=Range(1, 400), status=SHARES.model_copy(update={"classes": 0.15}))
    by_class = completed(found).reshape(400, 50).mean(axis=1)
    assert abs(by_class.mean() - 0.6) < 4 * 0.17 / 400**0.5
    assert abs(by_class.var() - 0.15**2 - 0.24 / 50) < 4 * (0.15**2 + 0.24 / 50) * (2 / 400) ** 0.5
    started, none = np.bincount(found["status"], minlength=3)[1:]
    assert abs(started / (started + none) - 0.375) < 0.02


def test_high_scores_complete_more() -> None:
    """The share completed changes by so much for each 100 points, and never leaves 0 to 1."""
    everyone = scores(*((student, 1, 1 + student % 3) for student in range(1, 15_001)))  # of 100, 200 and 300 points
    shares = SHARES.model_copy(update={"by_score": ByScore(score=200, per_100=0.1)})
    found = completed(opened(everyone, levels=[1, 2, 3], status=shares)).reshape(-1, 3).mean(axis=0)
    assert found == pytest.approx([0.6, 0.7, 0.5], abs=5 * 0.5 / 5000**0.5)
    steep = SHARES.model_copy(update={"by_score": ByScore(score=200, per_100=1)})
    found = completed(opened(everyone, levels=[1, 2, 3], status=steep)).reshape(-1, 3).mean(axis=0)
    assert found[[1, 2]].tolist() == [1, 0]


def test_work_follows_the_calendar() -> None:
    """Days are as likely as their weights, for the start and then for completion; all weights alike change nothing."""
    everyone = scores(*((student, 1, 1) for student in range(1, 20_001)))
    assert opened(everyone, calendar=Calendar()).equals(opened(everyone))
    found = opened(everyone, calendar=Calendar(weekend=0.25, last_days=6, last=0))
    starts = np.array([day for day in found["started_at"].to_pylist() if day])
    counts = {day: int((starts == day).sum()) for day in sorted(set(starts))}
    usual = {day: count for day, count in counts.items() if day < date(2025, 10, 10)}
    weekend = [count for day, count in usual.items() if day.weekday() >= 5]
    school_days = [count for day, count in usual.items() if day.weekday() < 5]
    assert np.mean(weekend) / np.mean(school_days) == pytest.approx(0.25, abs=0.03)
    assert sum(counts.values()) - sum(usual.values()) < 0.002 * len(starts)
    ends = [day for day in found["completed_at"].to_pylist() if day]
    assert np.mean([day > date(2025, 10, 9) for day in ends]) < 0.02
    assert np.mean([day.weekday() >= 5 for day in ends]) < 0.15


def test_who_missed_the_test_is_not_chosen() -> None:
    """A student without a score has no level; the others are given what they would have been given."""
    absent = FOUR.append_column("taken", pa.array([1, 0, 1, 1], pa.int8()))
    assert opened(absent).equals(opened(FOUR.take([0, 2, 3])))


def test_draws_are_named_by_assignment() -> None:
    """A status is the choice of its assignment's stream for its student, whoever else is chosen."""
    for row in opened().to_pylist():
        words = STREAMS.words(f"assignment {row['assignment_id']}", row["student_id"], 1, 3)
        assert row["status"] == choose(words[:, 0], (0.6, 0.15, 0.25))[0]
    assert opened(FOUR.slice(2)).equals(opened().slice(4))
    assert opened(rosters=Range(2, 3)).equals(opened().slice(4))


def test_nobody_is_chosen() -> None:
    """A window that chooses nobody, or a sitting of nobody, is an empty window with the same columns."""
    schema = opened().schema
    for empty in (opened(levels=[]), opened(FOUR.slice(0, 0)), opened(after="T2", until="T2", levels=[])):
        assert empty.schema.equals(schema)
        assert empty.num_rows == 0


@pytest.mark.parametrize(
    ("between", "day", "message"),
    [
        (("T1", "T3"), None, r"the date of T3 in tests\.administered_at, .*, but it is empty"),
        (("T3", "T1"), None, r"the date of T3 in tests\.administered_at, .*, but it is empty"),
        (("T1", "T3"), "15.12.2025", r"date of T3 in .*, as YYYY-MM-DD, not '15\.12\.2025'"),
        (("T2", "T1"), None, "the window ends before it begins: T1 is before T2"),
    ],
)
def test_windows_without_days(between: tuple[str, str], day: str | None, message: str) -> None:
    """A window between tests without a date, or in the wrong order, is an error that names the test."""
    with pytest.raises(ValueError, match=message):
        opened(tests=small.tests("2025-08-15", "2025-10-15", day), after=between[0], until=between[1])


def test_rows_gather_windows() -> None:
    """Windows become rows in the order of students, then assignments, with the status in words and days as text."""
    rows = {
        "assignment_id": [5, 1, 1],
        "student_id": [2, 2, 1],
        "status": pa.array([0, 1, 2], pa.int8()),
        "started_at": pa.array([date(2025, 8, 20), date(2025, 8, 15), None]),
        "completed_at": pa.array([date(2025, 9, 1), None, None]),
    }
    table = pa.table(rows)
    found = enrollment_rows(window1=table.slice(0, 1), window2=table.slice(1), window3=table.slice(0, 0))
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (1, 1, "not_started", None, None),
        (1, 2, "started", "2025-08-15", None),
        (5, 2, "completed", "2025-08-20", "2025-09-01"),
    ]
