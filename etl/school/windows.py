"""Intervention windows: which students get an assignment between two tests, and how far they come with it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa

from etl.generator.params import Columns, CountRange, In, NotBefore, Text, UpTo
from etl.generator.size import Inputs, generator
from etl.generator.streams import Streams, choose, uniform
from etl.school.classes import classes
from etl.school.params import Shares, StatusShares
from etl.school.sittings import drive, present

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A status code is an index of this list.
STATUSES = ("completed", "started", "not_started")
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
    """Give every assignment created after a test to the students of some rosters at some levels of that test.

    Who missed the test has no level, and gets none. Driven students have shares of their own, if ``status`` says so.

    One row an assignment and student, in the order of students: assignment_id, student_id, status (a code), and the
    days started_at and completed_at, where there are such. The work starts on any day from the day of the test
    ``after`` to that of ``until``, and is completed on any day from then on. Raises ValueError when one of the two
    has no day, or when they stand in the wrong order.
    """
    begin, end = _day(tests, after), _day(tests, until)
    if end < begin:
        message = f"the window ends before it begins: {until} is given before {after}"
        raise ValueError(message)
    test_id = tests["id"][tests["name"].to_pylist().index(after)].as_py()
    given = assignments["id"].to_numpy()[assignments["created_after_test_id"].to_numpy() == test_id]

    scores = present(scores)
    roster = scores["roster_id"].to_numpy()
    chosen = (roster >= rosters.low) & (roster <= rosters.high) & np.isin(scores["level"].to_numpy(), levels)
    students, driven = scores["student_id"].to_numpy()[chosen], drive(scores)[chosen]

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
    """Gather windows into rows of the table ``assignment_students``, in the order of students, then assignments."""
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
    """The day of a test, counted from 1970-01-01."""
    text = tests["administered_at"][tests["name"].to_pylist().index(name)].as_py()
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        said = f"'{text}' is no day written as YYYY-MM-DD" if text else "it has none"
        message = f"a window needs the day of {name} in tests.administered_at, and {said}"
        raise ValueError(message) from None
    return (day - date(1970, 1, 1)).days


def _days(days: NDArray[np.int64], absent: NDArray[np.bool_]) -> pa.Array:
    return pa.array(days.reshape(-1).astype("datetime64[D]"), mask=absent.reshape(-1))
