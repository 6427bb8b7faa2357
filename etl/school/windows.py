"""Intervention windows: which students get an assignment between two tests, and its status."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa

from etl.generator.params import Columns, CountRange, In, NotBefore, Text, UpTo
from etl.generator.size import Inputs, generator
from etl.generator.streams import Streams, choose, uniform
from etl.school.classes import classes
from etl.school.measure import optional, present
from etl.school.params import STATUSES, Shares, StatusShares

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPLETED, _STARTED, _NOT_STARTED = range(len(STATUSES))

Window = Annotated[pa.Table, Columns(("assignment_id", "student_id", "status", "started_at", "completed_at"))]


def _expected(params: Any, inputs: Inputs) -> int:  # noqa: ANN401 -- the params of window
    """A row for each student of its rosters: about half of them are chosen, for one to four assignments."""
    chosen: int = params.rosters.high - params.rosters.low + 1
    return inputs.rows("scores") * chosen // max(inputs.param(classes, "count") or 0, chosen)


@generator(rows=_expected)
def window(
    streams: Streams,
    scores: Annotated[pa.Table, Columns(("student_id", "roster_id", "level"))],
    assignments: Annotated[pa.Table, Columns(("id", "created_after_test_id"))],
    tests: Annotated[pa.Table, Columns(("id", "name", "administered_at"))],
    *,
    after: Annotated[Text, In("tests.name")],
    until: Annotated[Text, In("tests.name"), NotBefore("after", "tests.name", "administered_at")],
    rosters: Annotated[CountRange, UpTo(classes, "count")],
    levels: list[Annotated[int, In("performance_levels.level")]],
    status: StatusShares,
) -> pa.RecordBatch:
    """Give the assignments that follow a test to the students of some rosters at some levels of that test.

    Students who missed the test have no level and get none. ``status.driven``, if set, has the shares of driven ones.

    One row per assignment and student, in the order of students: assignment_id, student_id, status (a code), and the
    days started_at and completed_at, null where they do not apply. The start is uniform over the days from the test
    ``after`` to the test ``until``, completion over the days from the start to ``until``. Raises ValueError when
    either test has no date, or ``until`` is before ``after``.
    """
    begin, end = _day(tests, after), _day(tests, until)
    if end < begin:
        message = f"the window ends before it begins: {until} is before {after}"
        raise ValueError(message)
    test_id = tests["id"][tests["name"].to_pylist().index(after)].as_py()
    given = assignments["id"].to_numpy()[assignments["created_after_test_id"].to_numpy() == test_id]

    scores = present(scores)
    roster = scores["roster_id"].to_numpy()
    chosen = (roster >= rosters.low) & (roster <= rosters.high) & np.isin(scores["level"].to_numpy(), levels)
    students, driven = scores["student_id"].to_numpy()[chosen], optional(scores, "driven")[chosen]

    statuses, starts, ends = (np.zeros((len(students), len(given)), dtype=np.int64) for _ in range(3))
    for index, assignment in enumerate(given):
        words = streams.words_of(f"assignment {assignment}", students, 3)
        statuses[:, index] = _statuses(words[:, 0], status)
        if status.driven:
            statuses[:, index] = np.where(driven, _statuses(words[:, 0], status.driven), statuses[:, index])
        starts[:, index] = uniform(words[:, 1], begin, end)
        ends[:, index] = uniform(words[:, 2], starts[:, index], end)
    return pa.record_batch(
        {
            "assignment_id": pa.array(np.tile(given, len(students))),
            "student_id": pa.array(np.repeat(students, len(given))),
            "status": pa.array(statuses.reshape(-1).astype(np.int8)),
            "started_at": _days(starts, statuses == _NOT_STARTED),
            "completed_at": _days(ends, statuses != _COMPLETED),
        }
    )


@generator(rows=lambda _, inputs: sum(size.rows for size in inputs.sizes.values()))
def enrollment_rows(**windows: Window) -> pa.RecordBatch:
    """Combine windows into rows of the table ``assignment_students``, in the order of students, then assignments."""
    table = pa.concat_tables(windows.values()).sort_by([("student_id", "ascending"), ("assignment_id", "ascending")])
    status = pa.DictionaryArray.from_arrays(table["status"].combine_chunks(), pa.array(STATUSES))
    return pa.record_batch(
        {
            "assignment_id": table["assignment_id"].combine_chunks(),
            "student_id": table["student_id"].combine_chunks(),
            "status": status.dictionary_decode(),
            "started_at": table["started_at"].combine_chunks().cast(pa.string()),
            "completed_at": table["completed_at"].combine_chunks().cast(pa.string()),
        }
    )


def _statuses(words: NDArray[np.uint32], shares: Shares) -> NDArray[np.int8]:
    return choose(words, (shares.completed, shares.started, shares.not_started))


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
