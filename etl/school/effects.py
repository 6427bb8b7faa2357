"""The planted effects: the exact expectation of a score on an impacted test, clamps included.

The true score x of a standard on the test before becomes y = clamp(x + shift + G), and the test sees clamp(y + error).
The shift is what the student grows by beyond the ranges of growth. G is uniform on the integers of its range or, where
several of a student's assignments cover the standard, the largest of independent draws. Expectations are over G alone:
the generator knows the rest. The planted effect is E[observed score] less the same without assignments. Every
expectation is an integer multiple of 1 / denominator, so that sums over students are exact whatever the shards.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from etl.generator.params import Range
from etl.school.arrays import matrix
from etl.school.expectation import Outcomes
from etl.school.measure import Impact, Measure, find, latent_scores, optional, present
from etl.school.params import STATUSES, Growth

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

#: Status code of a student who was not given the assignment.
NOT_ASSIGNED = len(STATUSES)
_KINDS = NOT_ASSIGNED + 1
_LARGEST = 2**63  # limit of 64-bit integers
_ROOM = 2**20  # students whose sums must fit, each at the far end of the scale


class Outlook(NamedTuple):
    """What is expected of one standard's score on an impacted test, a number for each of some students."""

    expected: NDArray[np.int64]  # observed score less the true score on the test before, in 1 / denominator points
    untouched: NDArray[np.int64]  # the same without assignments
    spread: NDArray[np.int64]  # squared distance between the least and the greatest possible score


@dataclass(frozen=True)
class Impacted:
    """A test that assignments impact: the students who took it and the one before it, and their assignments."""

    impact: Impact
    clamp: Range
    growth: Growth
    ids: NDArray[np.int64]
    before: NDArray[np.int32]  # true standard scores on the test before, one row per student
    after: NDArray[np.int32]  # observed ones on this test
    error: NDArray[np.int32] | None  # of those, before the clamp
    shift: NDArray[np.int64]  # points that a student's standards grow by beyond the ranges
    statuses: dict[int, NDArray[np.int64]]  # by assignment
    covering: dict[int, list[int]]  # by standard: the assignments that cover it
    denominator: int  # parts of a point in which expectations are integers

    def outlook(self, rows: NDArray[np.int64], standard: int) -> Outlook:
        """Return the outlook of some students (row indexes) in a standard (index in the measure)."""
        covering = self.covering[standard]
        kinds = np.zeros(len(rows), dtype=np.int64)
        for number in covering:
            kinds = kinds * _KINDS + self.statuses[number][rows]
        found = np.zeros((len(Outlook._fields), len(rows)), dtype=np.int64)
        usual = [self.growth.untouched]
        for kind in set(kinds.tolist()):  # faster than numpy's unique on so few kinds
            chosen = kinds == kind
            some = rows[chosen]
            error = 0 if self.error is None else self.error[some, standard].astype(np.int64)
            outcomes = Outcomes(self.before[some, standard].astype(np.int64), self.shift[some], error, self.clamp)
            ranges = self._ranges(kind, len(covering)) or usual
            untouched = outcomes.expected(usual, self.denominator)
            expected = untouched if ranges == usual else outcomes.expected(ranges, self.denominator)
            spread = outcomes.spread(ranges)
            found[:, chosen] = expected, untouched, spread * spread
        return Outlook(*found)

    def _ranges(self, kind: int, covering: int) -> list[Range]:
        """Return the ranges of growth of students with one status in each covering assignment."""
        found = []
        for _ in range(covering):
            kind, status = divmod(kind, _KINDS)
            if status != NOT_ASSIGNED:
                found.append(getattr(self.growth.assigned, STATUSES[status]))
        return found


def common_denominator(growth: Growth, clamp: Range, assignments: int) -> int:
    """Return the denominator of the expectations of up to ``assignments`` assignments on one standard.

    It is capped where sums could exceed 64 bits (at hundreds of millions for a scale of a few hundred points);
    expectations are then within one part of the exact ones.
    """
    sizes = [high - low + 1 for low, high in (getattr(growth.assigned, status) for status in STATUSES)]
    untouched = growth.untouched.high - growth.untouched.low + 1
    most = max(1, _LARGEST // _ROOM // (clamp.high - clamp.low + 1))
    return min(math.lcm(untouched, math.lcm(*sizes) ** assignments), most)


def windows_of(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The windows among sittings and windows."""
    return {name: table for name, table in tables.items() if "status" in table.column_names}


def sittings_of(tables: Mapping[str, pa.Table]) -> dict[int, pa.Table]:
    """The sittings among sittings and windows, by test: of those who took it."""
    sittings = [present(table) for table in tables.values() if "status" not in table.column_names]
    return {table["test_id"][0].as_py(): table for table in sittings if table.num_rows}


def impacts(
    tests: pa.Table,
    measure: Measure,
    assignments: pa.Table,
    assignment_standards: pa.Table,
    clamp: Range,
    growth: Growth,
    tables: Mapping[str, pa.Table],
) -> Iterator[tuple[dict[str, Any], Impacted]]:
    """Yield each assignment with an impacted test and standards, in the order of ids: its row, and that test."""
    windows, sittings = windows_of(tables), sittings_of(tables)
    sequence = dict(zip(tests["id"].to_pylist(), tests["sequence"].to_pylist(), strict=True))
    ordered = sorted(sittings, key=sequence.__getitem__)
    found: dict[int, Impacted] = {}
    for row in sorted(assignments.to_pylist(), key=itemgetter("id")):
        test = row["impacted_test_id"]
        if test is not None and test not in found:
            place = ordered.index(test) if test in sittings else 0
            pair = (sittings[ordered[place - 1]], sittings[test]) if place else None
            impact = Impact.of(assignments, assignment_standards, measure, test)
            found[test] = _impacted(impact, measure, clamp, growth, pair, windows)
        if test is not None and len(found[test].impact.covered[row["id"]]):
            yield row, found[test]


def _impacted(
    impact: Impact,
    measure: Measure,
    clamp: Range,
    growth: Growth,
    pair: tuple[pa.Table, pa.Table] | None,
    windows: dict[str, pa.Table],
) -> Impacted:
    covering = defaultdict[int, list[int]](list)
    for number, standards in impact.covered.items():
        for standard in standards.tolist():
            covering[standard].append(number)
    denominator = common_denominator(growth, clamp, max(map(len, covering.values()), default=1))
    ids, shift = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    was = now = np.empty((0, len(measure.standards)), dtype=np.int32)
    error = None
    if pair:
        before, after = pair
        took: Any = slice(None)  # rows of the test before, and of this one, of the students who took both
        rows: Any = slice(None)
        ids, others = before["student_id"].to_numpy(), after["student_id"].to_numpy()
        if not np.array_equal(ids, others):
            place, took = find(others, ids)
            rows = place[took]
        ids, was = ids[took], latent_scores(before)[took]
        now, shift = matrix(after["standards"])[rows], optional(after, "shift")[rows]
        error = matrix(after["error"])[rows] if "error" in after.column_names else None
    statuses = {number: np.full(len(ids), NOT_ASSIGNED, dtype=np.int64) for number in impact.covered}
    for given in impact.assigned(windows, ids):
        statuses[given.assignment][find(ids, given.students)[0]] = given.statuses
    return Impacted(impact, clamp, growth, ids, was, now, error, shift, statuses, covering, denominator)
