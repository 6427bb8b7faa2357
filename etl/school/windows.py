"""Intervention windows: which students get an assignment between two tests, and its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Columns, CountRange, In, NotBefore, Text, UpTo
from etl.generator.size import Inputs, generator
from etl.generator.streams import Streams, choose, uniform
from etl.school.classes import classes
from etl.school.measure import optional, present
from etl.school.params import STATUSES, Calendar, Shares, StatusShares
from etl.school.variation import shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARTS = 1000  # of a share, or of the weight of a day
_THURSDAY, _SATURDAY = 3, 5  # weekdays from 0: day 0, 1970-01-01, was a Thursday
_COMPLETED, _STARTED, _NOT_STARTED = range(len(STATUSES))

Window = Annotated[pa.Table, Columns(("assignment_id", "student_id", "status", "started_at", "completed_at"))]


def _expected(params: Any, inputs: Inputs) -> int:  # noqa: ANN401 -- the params of window
    """A row for each student of its rosters: about half of them are chosen, for one to four assignments."""
    chosen: int = params.rosters.high - params.rosters.low + 1
    return inputs.rows("scores") * chosen // max(inputs.param(classes, "count") or 0, chosen)


@generator(rows=_expected)
def window(
    streams: Streams,
    scores: Annotated[pa.Table, Columns(("student_id", "roster_id", "overall", "level"))],
    assignments: Annotated[pa.Table, Columns(("id", "created_after_test_id"))],
    tests: Annotated[pa.Table, Columns(("id", "name", "administered_at"))],
    *,
    after: Annotated[Text, In("tests.name")],
    until: Annotated[Text, In("tests.name"), NotBefore("after", "tests.name", "administered_at")],
    rosters: Annotated[CountRange, UpTo(classes, "count")],
    levels: list[Annotated[int, In("performance_levels.level")]],
    status: StatusShares,
    calendar: Annotated[Calendar | None, Field(description="Days on which there is less work.")] = None,
) -> pa.RecordBatch:
    """Give the assignments that follow a test to the students of some rosters at some levels of that test.

    Students who missed the test have no level and get none. ``status.driven`` has the shares of driven students.
    ``status.classes`` and ``status.by_score`` vary the share that completes the work, equally for all assignments.

    One row per assignment and student, in the order of students: assignment_id, student_id, status (a code), and the
    days started_at and completed_at, null where they do not apply. The start is one of the days from the test
    ``after`` to the test ``until``, completion one of the days from the start to ``until``; without a ``calendar`` all
    are equally likely. Raises ValueError when either test has no date, or ``until`` is before ``after``.
    """
    begin, end = _span(tests, after, until)
    test_id = tests["id"][tests["name"].to_pylist().index(after)].as_py()
    given = assignments["id"].to_numpy()[assignments["created_after_test_id"].to_numpy() == test_id]

    scores = present(scores)
    roster = scores["roster_id"].to_numpy()
    chosen = (roster >= rosters.low) & (roster <= rosters.high) & np.isin(scores["level"].to_numpy(), levels)
    students = scores["student_id"].to_numpy()[chosen]

    added = _added(streams, roster[chosen], scores["overall"].to_numpy()[chosen], status)
    draw_status = _Statuses(status, optional(scores, "driven")[chosen] > 0, added)
    weights = _weights(begin, end, calendar)
    statuses, starts, ends = (np.zeros((len(students), len(given)), dtype=np.int64) for _ in range(3))
    for index, assignment in enumerate(given):
        words = streams.words_of(f"assignment {assignment}", students, 3)
        statuses[:, index] = draw_status(words[:, 0])
        starts[:, index] = _weighted(words[:, 1], weights, 0)
        ends[:, index] = _weighted(words[:, 2], weights, starts[:, index])
    return pa.record_batch(
        {
            "assignment_id": pa.array(np.tile(given, len(students))),
            "student_id": pa.array(np.repeat(students, len(given))),
            "status": pa.array(statuses.reshape(-1).astype(np.int8)),
            "started_at": _days(begin + starts, statuses == _NOT_STARTED),
            "completed_at": _days(begin + ends, statuses != _COMPLETED),
        }
    )


@generator(rows=lambda _, inputs: sum(size.rows for size in inputs.sizes.values()))
def enrollment_rows(**windows: Window) -> pa.RecordBatch:
    """Combine windows into rows of the table ``assignment_students``, in the order of students, then assignments."""
    table = pa.concat_tables(windows.values()).sort_by([("student_id", "ascending"), ("assignment_id", "ascending")])
    status = pa.DictionaryArray.from_arrays(table["status"].combine_chunks(), pa.array(STATUSES, pa.string()))
    return pa.record_batch(
        {
            "assignment_id": table["assignment_id"].combine_chunks(),
            "student_id": table["student_id"].combine_chunks(),
            "status": status.dictionary_decode(),
            "started_at": table["started_at"].combine_chunks().cast(pa.string()),
            "completed_at": table["completed_at"].combine_chunks().cast(pa.string()),
        }
    )


@dataclass(frozen=True)
class _Statuses:
    """Draws the statuses of some students."""

    shares: StatusShares
    driven: NDArray[np.bool_]
    added: NDArray[np.float64] | None  # to each student's share completed

    def __call__(self, words: NDArray[np.uint32]) -> NDArray[np.int8]:
        usual = self._drawn(words, self.shares)
        return np.where(self.driven, self._drawn(words, self.shares.driven), usual) if self.shares.driven else usual

    def _drawn(self, words: NDArray[np.uint32], shares: Shares) -> NDArray[np.int8]:
        if self.added is None:
            return choose(words, (shares.completed, shares.started, shares.not_started))
        completed = np.clip(shares.completed + self.added, 0, 1)
        rest = shares.started + shares.not_started
        begun = completed + (1 - completed) * (shares.started / rest if rest else 0)
        statuses: NDArray[np.int8] = np.sum([words >= np.rint(bound * 2.0**32) for bound in (completed, begun)], axis=0)
        return statuses


def _added(
    streams: Streams, rosters: NDArray[np.int64], scores: NDArray[np.int64], status: StatusShares
) -> NDArray[np.float64] | None:
    """Return what class and score add to each student's share completed; None where they add nothing."""
    if not (status.classes or status.by_score):
        return None
    added = shared(streams, "class", rosters, _PARTS * status.classes) / _PARTS
    return added + status.by_score.added(scores) if status.by_score else added


def _weights(begin: int, end: int, calendar: Calendar | None) -> NDArray[np.int64]:
    """Return how likely the days up to each day of a window are, in whole numbers: 0, then sums to the last day."""
    days = np.arange(begin, end + 1)
    weights = np.ones(len(days))
    if calendar:
        weekend = (days + _THURSDAY) % 7 >= _SATURDAY
        last = days > end - calendar.last_days
        weights = _PARTS * np.where(weekend, calendar.weekend, 1) * np.where(last, calendar.last, 1)
    return np.concatenate([[0], np.cumsum(np.maximum(np.rint(weights), 1).astype(np.int64))])


def _weighted(
    words: NDArray[np.uint32], weights: NDArray[np.int64], first: NDArray[np.int64] | int
) -> NDArray[np.int64]:
    """Draw a day from the first one on, with probability proportional to its weight; days are counted from 0."""
    return np.searchsorted(weights, uniform(words, weights[first], weights[-1] - 1), side="right") - 1


def _span(tests: pa.Table, after: str, until: str) -> tuple[int, int]:
    """Return the days of two tests."""
    begin, end = _day(tests, after), _day(tests, until)
    if end < begin:
        message = f"the window ends before it begins: {until} is before {after}"
        raise ValueError(message)
    return begin, end


def _day(tests: pa.Table, name: str) -> int:
    """Return the day of a test, in days since 1970-01-01."""
    text = tests["administered_at"][tests["name"].to_pylist().index(name)].as_py()
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        found = f"not '{text}'" if text else "but it is empty"
        message = f"a window needs the date of {name} in tests.administered_at, as YYYY-MM-DD, {found}"
        raise ValueError(message) from None
    return (day - date(1970, 1, 1)).days


def _days(days: NDArray[np.int64], absent: NDArray[np.bool_]) -> pa.Array:
    return pa.array(days.reshape(-1).astype("datetime64[D]"), mask=absent.reshape(-1))
