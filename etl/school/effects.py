"""The planted truth: what growth into an impacted test does to a score, on average, the clamp included.

A standard's score x on the test before becomes clamp(x + G). G is uniform on the whole numbers of its range or, where
a student holds several assignments that cover the standard, the largest of independent draws. Given x, what an
assignment plants in it is E[clamp(x + G)] less the same for a student who holds none. Every expectation is a whole
number of parts of one denominator, so that sums over students are exact, however the students are cut into shards.
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
from etl.school.params import Growth
from etl.school.scores import Impact, Measure, find
from etl.school.sittings import drive, present
from etl.school.windows import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

#: Stands for the status of a student without the assignment.
NOT_HELD = len(STATUSES)
_KINDS = NOT_HELD + 1
_LARGEST = 2**63  # numbers stay below it
_ROOM = 2**20  # students whose sums must stay below it, each at the far end of the scale


class Outlook(NamedTuple):
    """What growth into a test means for some students' scores in one standard, added up over the students."""

    expected: int  # expected move, in parts of the denominator
    untouched: int  # the same if the students held no assignment
    spread: int  # the distance between the least and the greatest score possible, squared


@dataclass(frozen=True)
class Impacted:
    """A test that assignments impact: who took it and the one before it, and what they hold, a row a student."""

    impact: Impact
    clamp: Range
    growth: Growth
    ids: NDArray[np.int64]
    before: NDArray[np.int32]  # standard scores on the test before
    after: NDArray[np.int32]  # and on this one
    driven: NDArray[np.int64]  # 1 for students who grow by `growth.driven` more, whatever they hold
    statuses: dict[int, NDArray[np.int64]]  # by assignment
    covering: dict[int, list[int]]  # by standard: the assignments that cover it
    denominator: int  # the parts that a point is divided into

    def outlook(self, rows: NDArray[np.int64], standard: int) -> Outlook:
        """What some students (their rows) could expect in a standard (its index in the measure)."""
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
        """The outlook of every score on the scale, for students of one kind."""
        held = []
        for _ in range(covering):
            kind, status = divmod(kind, _KINDS)
            held += [getattr(self.growth.assigned, STATUSES[status])] if status != NOT_HELD else []
        extra = kind * self.growth.driven
        ranges, untouched = (
            tuple(sorted(Range(low + extra, high + extra) for low, high in some))
            for some in (held or [self.growth.untouched], [self.growth.untouched])
        )
        return _outlooks(ranges, untouched, self.clamp, self.denominator)


def common_denominator(growth: Growth, clamp: Range, held: int) -> int:
    """The parts of a point in which the expectations of up to ``held`` assignments together are whole numbers.

    Where sums could outgrow 64 bits it is cut off, at hundreds of millions of parts for a scale of a few hundred
    points, and expectations are rounded to the nearest part.
    """
    sizes = [high - low + 1 for low, high in (getattr(growth.assigned, status) for status in STATUSES)]
    untouched = growth.untouched.high - growth.untouched.low + 1
    return min(math.lcm(untouched, math.lcm(*sizes) ** held), max(1, _LARGEST // _ROOM // _width(clamp)))


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
    was, now, driven = matrix(before["standards"]), matrix(after["standards"]), drive(before)
    if not np.array_equal(ids, after["student_id"].to_numpy()):
        place, took = find(after["student_id"].to_numpy(), ids)
        ids, was, now, driven = ids[took], was[took], now[place[took]], driven[took]
    statuses = {number: np.full(len(ids), NOT_HELD, dtype=np.int64) for number in impact.covered}
    for held in impact.held(windows, ids):
        statuses[held.assignment][find(ids, held.students)[0]] = held.statuses
    return Impacted(impact, clamp, growth, ids, was, now, driven, statuses, covering, denominator)
