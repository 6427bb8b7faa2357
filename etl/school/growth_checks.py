"""Checks of every number of a shard, before the numbers become JSON: each returns the rows that break a rule."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa

from etl.generator.params import Range
from etl.school.arrays import matrix
from etl.school.measure import (
    SITTING,
    UNTOUCHED,
    WINDOW,
    Assignments,
    AssignmentStandards,
    Clamp,
    Impact,
    Measure,
    Standards,
    Tests,
    latent_scores,
    optional,
    status_bounds,
)
from etl.school.params import Growth

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FAULT = ("student_id", "test_id", "standard_id", "before", "after", "least", "most")


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
    in only one of the sittings are skipped; a student who missed a test is still in it. Where tests have errors, true
    scores are checked, and then that the observed ones follow from them: ``before`` is the true
    score, ``after`` the observed one.
    """
    measure = Measure.of(standards)
    windows = {name: table for name, table in sittings_and_windows.items() if "status" in table.column_names}
    sittings = _in_sequence(tests, [table for name, table in sittings_and_windows.items() if name not in windows])
    found = [_unseen(sitting, measure, clamp) for sitting in sittings if "error" in sitting.column_names]
    for before, after in pairwise(sittings):
        impact = Impact.of(assignments, assignment_standards, measure, after["test_id"][0].as_py())
        found.append(_grown(before, after, impact, windows, measure, clamp, growth))
    return pa.record_batch({name: _column([rows[place] for rows in found]) for place, name in enumerate(_FAULT)})


def _grown(
    before: pa.Table,
    after: pa.Table,
    impact: Impact,
    windows: dict[str, pa.Table],
    measure: Measure,
    clamp: Range,
    growth: Growth,
) -> list[NDArray[np.int64]]:
    """Return the columns of the true scores that did not grow by the rule, from one sitting to the next."""
    ids, shift, was, now = _both(before, after)
    bounds = np.full((2, now.size), UNTOUCHED, dtype=np.int32)  # of growth, where an assignment covers the standard
    for given in impact.assigned(windows, ids):
        for bound, limit in zip(bounds, status_bounds(growth.assigned, given.statuses), strict=True):
            bound[given.cells] = np.maximum(bound[given.cells], limit[:, None])
    # Most scores are untouched, in range and on the scale: compute exact limits for the rest only.
    moved = now - was
    other = (moved < growth.untouched.low) | (moved > growth.untouched.high) | (shift[:, None] != 0)
    other |= (now < clamp.low) | (now > clamp.high)
    cells = np.flatnonzero(other.reshape(-1) | (bounds[0] != UNTOUCHED))
    row, column = np.divmod(cells, len(measure.standards))
    first, second = was[row, column].astype(np.int64), now[row, column].astype(np.int64)
    least, most = (
        np.clip(first + shift[row] + np.where(bound == UNTOUCHED, usual, bound), *clamp)
        for bound, usual in zip(bounds[:, cells], growth.untouched, strict=True)
    )
    wrong = (second < least) | (second > most)
    test_id = np.full(len(row), after["test_id"][0].as_py())
    columns = (ids[row], test_id, measure.standards[column], first, second, least, most)
    return [values[wrong] for values in columns]


def _unseen(sitting: pa.Table, measure: Measure, clamp: Range) -> list[NDArray[np.int64]]:
    """Return the columns of the scores that are not the true score plus the error, clamped."""
    latent, observed = latent_scores(sitting), matrix(sitting["standards"])
    due = np.clip(latent + matrix(sitting["error"]), *clamp)
    row, column = np.nonzero(observed != due)
    ids, limits = sitting["student_id"].to_numpy()[row], due[row, column]
    test_ids = sitting["test_id"].to_numpy()[row]
    return [ids, test_ids, measure.standards[column], latent[row, column], observed[row, column], limits, limits]


def broken_means(tests: Tests, standards: Standards, **sittings: Annotated[pa.Table, SITTING]) -> pa.RecordBatch:
    """Find the students whose scores are not the rounded means of their parts.

    From the second test on or, where tests have errors, from the first. One row each: student_id, test_id, overall.
    """
    measure = Measure.of(standards)
    found = []
    for place, sitting in enumerate(_in_sequence(tests, list(sittings.values()))):
        if not place and "error" not in sitting.column_names:
            continue
        standard, category, overall = (
            matrix(sitting["standards"]),
            matrix(sitting["categories"]),
            sitting["overall"].to_numpy(),
        )
        # A mean m of k scores is rounded half up to r when -k <= 2 (sum - k r) < k.
        parts, wholes = np.ascontiguousarray(standard.T), np.ascontiguousarray(category.T)
        wrong = _not_mean(wholes, overall)
        for index, whole in enumerate(wholes):
            wrong |= _not_mean(parts[measure.category == index], whole)
        found.append(
            {name: sitting[name].to_numpy()[wrong].astype(np.int64) for name in ("student_id", "test_id", "overall")}
        )
    names = ("student_id", "test_id", "overall")
    return pa.record_batch({name: _column([rows[name] for rows in found]) for name in names})


def _not_mean(parts: NDArray[np.int32], whole: NDArray[np.int32]) -> NDArray[np.bool_]:
    count = len(parts)
    twice = 2 * (parts.sum(axis=0, dtype=np.int64) - count * whole.astype(np.int64))
    wrong: NDArray[np.bool_] = (twice < -count) | (twice >= count)
    return wrong


def _both(
    before: pa.Table, after: pa.Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """The students of both sittings: their ids, their shifts, and their true standard scores before and after."""
    first, second = before["student_id"].to_numpy(), after["student_id"].to_numpy()
    shift, was, now = optional(after, "shift"), latent_scores(before), latent_scores(after)
    if np.array_equal(first, second):
        return first, shift, was, now
    ids, in_first, in_second = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    return ids, shift[in_second], was[in_first], now[in_second]


def _in_sequence(tests: pa.Table, sittings: list[pa.Table]) -> list[pa.Table]:
    """The sittings in the order of their tests. Raises ValueError when there are fewer than two."""
    if len(sittings) < 2:  # noqa: PLR2004 -- a pair
        message = "this check compares each sitting with the one before it; give it two or more, or remove the stage"
        raise ValueError(message)
    sequence = dict(zip(tests["id"].to_pylist(), tests["sequence"].to_pylist(), strict=True))
    filled = [table for table in sittings if table.num_rows]
    return sorted(filled, key=lambda table: sequence[table["test_id"][0].as_py()])


def _column(parts: list[NDArray[np.int64]]) -> pa.Array:
    return pa.array(np.concatenate(parts) if parts else np.empty(0, dtype=np.int64))
