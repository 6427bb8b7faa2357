"""Rules over every number of a shard, held before the numbers become JSON: each yields the rows that break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.generators.columns import matrix
from etl.generators.scores import Clamp, Impact, Measure, status_bounds
from etl.params import Growth  # noqa: TC001 -- an annotation that the pipeline reads at run time

if TYPE_CHECKING:
    from numpy.typing import NDArray


def broken_growth(
    tests: pa.Table,
    standards: pa.Table,
    assignments: pa.Table,
    assignment_standards: pa.Table,
    *,
    clamp: Clamp,
    growth: Growth,
    **sittings_and_windows: pa.Table,
) -> pa.RecordBatch:
    """Find the standard scores that moved by more or less than their growth allows, from one sitting to the next.

    One row each: student_id, test_id, standard_id, before, after, and the least and greatest score allowed.
    """
    measure = Measure.of(standards)
    windows = {name: table for name, table in sittings_and_windows.items() if "status" in table.column_names}
    sittings = _in_sequence(tests, [table for name, table in sittings_and_windows.items() if name not in windows])
    found = []
    for before, after in zip(sittings, sittings[1:], strict=False):
        ids, test_id = after["student_id"].to_numpy(), after["test_id"][0].as_py()
        low = np.full((len(ids), len(measure.standards)), growth.untouched.low, dtype=np.int32)
        high = np.full_like(low, growth.untouched.high)
        assigned = np.zeros(low.shape, dtype=bool)
        impact = Impact.of(assignments, assignment_standards, measure, test_id)
        for _, covered, students, statuses in impact.held(windows):
            cells = np.ix_(np.searchsorted(ids, students), covered)
            for bound, least_or_most in zip((low, high), status_bounds(growth.assigned, statuses), strict=True):
                own = least_or_most[:, None]
                bound[cells] = np.where(assigned[cells], np.maximum(bound[cells], own), own)
            assigned[cells] = True
        was, now = matrix(before["standards"]), matrix(after["standards"])
        least, most = (np.clip(was + bound, clamp.low, clamp.high) for bound in (low, high))
        row, column = np.nonzero((now < least) | (now > most))
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


def broken_means(tests: pa.Table, standards: pa.Table, **sittings: pa.Table) -> pa.RecordBatch:
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
    return (twice < -count) | (twice >= count)


def _in_sequence(tests: pa.Table, sittings: list[pa.Table]) -> list[pa.Table]:
    sequence = dict(zip(tests["id"].to_pylist(), tests["sequence"].to_pylist(), strict=True))
    filled = [table for table in sittings if table.num_rows]
    return sorted(filled, key=lambda table: sequence[table["test_id"][0].as_py()])


def _column(parts: list[NDArray[np.int64]]) -> pa.Array:
    return pa.array(np.concatenate(parts) if parts else np.empty(0, dtype=np.int64))
