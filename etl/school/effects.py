"""The planted effects: the exact expectation of growth into an impacted test, clamp included.

A standard's score x on the test before becomes clamp(x + G). G is uniform on the integers of its range or, where
several of a student's assignments cover the standard, the largest of independent draws. The planted effect at x is
E[clamp(x + G)] less the same without assignments. Every expectation is an integer multiple of 1 / denominator, so
that sums over students are exact whatever the shards.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from etl.generator.params import Range
from etl.school.columns import matrix
from etl.school.measure import Impact, Measure, driven_flags, find, present
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
    """Sums over some students of what growth into a test is expected to do to one standard's score."""

    expected: int  # expected change, in 1 / denominator points
    untouched: int  # the same without assignments
    spread: int  # squared distance between the least and the greatest possible score


@dataclass(frozen=True)
class Impacted:
    """A test that assignments impact: the students who took it and the one before it, and their assignments."""

    impact: Impact
    clamp: Range
    growth: Growth
    ids: NDArray[np.int64]
    before: NDArray[np.int32]  # standard scores on the test before, a row a student
    after: NDArray[np.int32]  # and on this one
    driven: NDArray[np.int64]  # 1 for students who grow by `growth.driven` more
    statuses: dict[int, NDArray[np.int64]]  # by assignment
    covering: dict[int, list[int]]  # by standard: the assignments that cover it
    denominator: int  # parts of a point in which expectations are integers

    def outlook(self, rows: NDArray[np.int64], standard: int) -> Outlook:
        """Return the outlook of some students (row indexes) in a standard (index in the measure)."""
        if not len(rows):
            return Outlook(0, 0, 0)
        covering = self.covering[standard]
        kinds = self.driven[rows]
        for number in covering:
            kinds = kinds * _KINDS + self.statuses[number][rows]
        scores = np.clip(self.before[rows, standard], *self.clamp) - self.clamp.low
        found = np.zeros(len(Outlook._fields), dtype=np.int64)
        for kind in np.unique(kinds).tolist():  # few kinds and few scores: count the students of each, then multiply
            students = np.bincount(scores[kinds == kind], minlength=_width(self.clamp))
            found += self._table(kind, len(covering)) @ students
        return Outlook(*found.tolist())

    def _table(self, kind: int, covering: int) -> NDArray[np.int64]:
        """Return the outlook of each score on the scale, for students of one kind (driven or not, statuses)."""
        ranges_given = []
        for _ in range(covering):
            kind, status = divmod(kind, _KINDS)
            if status != NOT_ASSIGNED:
                ranges_given.append(getattr(self.growth.assigned, STATUSES[status]))
        extra = kind * self.growth.driven
        ranges, untouched = (
            tuple(sorted(Range(low + extra, high + extra) for low, high in some))
            for some in (ranges_given or [self.growth.untouched], [self.growth.untouched])
        )
        return _outlooks(ranges, untouched, self.clamp, self.denominator)


def common_denominator(growth: Growth, clamp: Range, assignments: int) -> int:
    """Return the denominator of the expectations of up to ``assignments`` assignments on one standard.

    It is capped where sums could exceed 64 bits (at hundreds of millions for a scale of a few hundred points);
    expectations are then rounded to the nearest part.
    """
    sizes = [high - low + 1 for low, high in (getattr(growth.assigned, status) for status in STATUSES)]
    untouched = growth.untouched.high - growth.untouched.low + 1
    return min(math.lcm(untouched, math.lcm(*sizes) ** assignments), max(1, _LARGEST // _ROOM // _width(clamp)))


@lru_cache(maxsize=64)  # every shard asks for the same tables
def _outlooks(
    ranges: tuple[Range, ...], untouched: tuple[Range, ...], clamp: Range, denominator: int
) -> NDArray[np.int64]:
    scores = np.arange(clamp.low, clamp.high + 1)
    least, most = (np.clip(scores + max(ends), *clamp) for ends in zip(*ranges, strict=True))
    moves = [_expected_moves(some, clamp, denominator) for some in (ranges, untouched)]
    return np.stack([*moves, (most - least) ** 2])


def _expected_moves(ranges: tuple[Range, ...], clamp: Range, denominator: int) -> NDArray[np.int64]:
    """E[clamp(x + M)] - x for every score x, in parts of the denominator; M is the largest of a draw from each range.

    The draws are independent, so M <= g with the product of their chances. A whole number M that is clamped to the
    distances from x to the ends of the scale is the upper one less the number of g between the two with M <= g.
    """
    width = _width(clamp)
    chances = math.prod(high - low + 1 for low, high in ranges)
    small = 4 * width * chances * denominator < _LARGEST
    number: Any = np.int64 if small else object  # Python's own numbers do not overflow
    growth = np.arange(-width, width + 1).astype(number)
    below = np.ones_like(growth)
    for low, high in ranges:
        below *= np.clip(growth - low + 1, 0, high - low + 1)
    total = np.cumsum(below)
    up = np.arange(width - 1, -1, -1)  # from each score to the upper end of the scale; width - 1 - up to the lower one
    counted = total[width + up - 1] - total[up]  # M <= g, over the g from the lower end to the one below the upper end
    moves = chances * up.astype(number) - counted
    parts: NDArray[np.int64] = ((2 * moves * denominator + chances) // (2 * chances)).astype(np.int64)
    return parts


def _width(clamp: Range) -> int:
    return clamp.high - clamp.low + 1


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
    if pair is None:
        nobody, nothing = np.empty(0, dtype=np.int64), np.empty((0, len(measure.standards)), dtype=np.int32)
        no_status = dict.fromkeys(impact.covered, nobody)
        return Impacted(impact, clamp, growth, nobody, nothing, nothing, nobody, no_status, covering, denominator)
    before, after = pair
    ids = before["student_id"].to_numpy()
    was, now, driven = matrix(before["standards"]), matrix(after["standards"]), driven_flags(before)
    if not np.array_equal(ids, after["student_id"].to_numpy()):
        place, took = find(after["student_id"].to_numpy(), ids)
        ids, was, now, driven = ids[took], was[took], now[place[took]], driven[took]
    statuses = {number: np.full(len(ids), NOT_ASSIGNED, dtype=np.int64) for number in impact.covered}
    for given in impact.assigned(windows, ids):
        statuses[given.assignment][find(ids, given.students)[0]] = given.statuses
    return Impacted(impact, clamp, growth, ids, was, now, driven, statuses, covering, denominator)
