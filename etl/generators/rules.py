"""Rules over every number of a shard, held before the numbers become JSON: each yields the rows that break it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa

from etl.generators.columns import matrix
from etl.generators.scores import (
    SITTING,
    WINDOW,
    Assignments,
    AssignmentStandards,
    Clamp,
    Impact,
    Measure,
    Standards,
    Tests,
    status_bounds,
)
from etl.generators.sittings import drive
from etl.params import Growth

if TYPE_CHECKING:
    from numpy.typing import NDArray


def broken_growth(
    tests: Tests,
    standards: Standards,
    assignments: Assignments,
    assignment_standards: AssignmentStandards,
    *,
    clamp: Clamp,
    growth: Growth,
    **sittings_and_windows: Annotated[pa.Table, SITTING, WINDOW],
) -> pa.RecordBatch:
    """Find the standard scores that moved by more or less than their growth allows, from one sitting to the next.

    One row each: student_id, test_id, standard_id, before, after, and the least and greatest score allowed. Students
    who are not in both sittings are left out; those who are and missed a test are not.
    """
    measure = Measure.of(standards)
    windows = {name: table for name, table in sittings_and_windows.items() if "status" in table.column_names}
    sittings = _in_sequence(tests, [table for name, table in sittings_and_windows.items() if name not in windows])
    found = []
    for before, after in pairwise(sittings):
        ids, driven, was, now = _both(before, after)
        test_id = after["test_id"][0].as_py()
        low = np.full((len(ids), len(measure.standards)), growth.untouched.low, dtype=np.int32)
        high = np.full_like(low, growth.untouched.high)
        assigned = np.zeros(low.shape, dtype=bool)
        impact = Impact.of(assignments, assignment_standards, measure, test_id)
        for held in impact.held(windows, ids):
            seen = assigned.reshape(-1)[held.cells]
            for bound, own in zip((low, high), status_bounds(growth.assigned, held.statuses), strict=True):
                flat = bound.reshape(-1)  # the same memory
                flat[held.cells] = np.where(seen, np.maximum(flat[held.cells], own[:, None]), own[:, None])
            assigned.reshape(-1)[held.cells] = True
        begin = was + growth.driven * driven[:, None]
        least, most = (np.clip(np.add(bound, begin, out=bound), *clamp, out=bound) for bound in (low, high))
        row, column = np.divmod(np.flatnonzero((now < least) | (now > most)), len(measure.standards))
        found.append(
            {
                "student_id": ids[row],
                "test_id": np.full(len(row), test_id),
                "standard_id": measure.standards[column],
                **{
                    name: cells[row, column].astype(np.int64)
                    for name, cells in (("before", was), ("after", now), ("least", least), ("most", most))
                },
            }
        )
    names = ("student_id", "test_id", "standard_id", "before", "after", "least", "most")
    return pa.record_batch({name: _column([rows[name] for rows in found]) for name in names})


def broken_means(tests: Tests, standards: Standards, **sittings: Annotated[pa.Table, SITTING]) -> pa.RecordBatch:
    """Find the students whose scores are not the rounded means of the scores below them, from the second test on.

    One row each: student_id, test_id, overall.
    """
    measure = Measure.of(standards)
    found = []
    for sitting in _in_sequence(tests, list(sittings.values()))[1:]:
        standard, category, overall = (
            matrix(sitting["standards"]),
            matrix(sitting["categories"]),
            sitting["overall"].to_numpy(),
        )
        # A mean m of k scores is rounded half up to r when -k <= 2 (sum - k r) < k.
        wrong = _not_mean(category, overall)
        for index in range(len(measure.categories)):
            wrong |= _not_mean(standard[:, measure.category == index], category[:, index])
        found.append(
            {name: sitting[name].to_numpy()[wrong].astype(np.int64) for name in ("student_id", "test_id", "overall")}
        )
    names = ("student_id", "test_id", "overall")
    return pa.record_batch({name: _column([rows[name] for rows in found]) for name in names})


def _not_mean(parts: NDArray[np.int32], whole: NDArray[np.int32]) -> NDArray[np.bool_]:
    count = parts.shape[1]
    twice = 2 * (parts.sum(axis=1, dtype=np.int64) - count * whole.astype(np.int64))
    wrong: NDArray[np.bool_] = (twice < -count) | (twice >= count)
    return wrong


def _both(
    before: pa.Table, after: pa.Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """The students of both sittings: their ids, who is driven, and their standard scores before and after."""
    first, second = before["student_id"].to_numpy(), after["student_id"].to_numpy()
    driven, was, now = drive(before), matrix(before["standards"]), matrix(after["standards"])
    if np.array_equal(first, second):
        return first, driven, was, now
    ids, in_first, in_second = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    return ids, driven[in_first], was[in_first], now[in_second]


def _in_sequence(tests: pa.Table, sittings: list[pa.Table]) -> list[pa.Table]:
    sequence = dict(zip(tests["id"].to_pylist(), tests["sequence"].to_pylist(), strict=True))
    filled = [table for table in sittings if table.num_rows]
    return sorted(filled, key=lambda table: sequence[table["test_id"][0].as_py()])


def _column(parts: list[NDArray[np.int64]]) -> pa.Array:
    return pa.array(np.concatenate(parts) if parts else np.empty(0, dtype=np.int64))
