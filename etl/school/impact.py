"""Per-shard sums for each assignment's effect: of scores, of gains, and of planted effects.

They are whole numbers, so the order of addition and the cut into shards do not matter.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa

from etl.generator.params import Columns
from etl.generator.size import generator
from etl.school.arrays import matrix
from etl.school.effects import impacts, sittings_of, windows_of
from etl.school.measure import SITTING, WINDOW, AssignmentStandards, Clamp, Impact, Measure, Standards, Tests, find
from etl.school.params import STATUSES, Growth
from etl.school.within import COUNTS, LIMBS, TYPE, Students, within_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from etl.school.effects import Impacted

_COMPLETED = STATUSES.index("completed")
_TREATED, _CONTROL, _OTHER = range(3)
_LARGEST = 2**63  # limit of 64-bit integers

Assignments = Annotated[pa.Table, Columns(("id", "rc_id", "created_after_test_id", "impacted_test_id"))]

#: The sums over the students of a group.
TALLY = ("gain", "squares", "planted", "excess", "spread")
#: The planted effect of treated students whose roster has control students too.
WITHIN_PLANTED = "within_planted"
GROUPS = ("treated", "control")
#: The columns of numbers of gain_sums: treated, treated_gain ... control, control_gain ..., then those within rosters.
_TALLIES = tuple(f"{group}{name}" for group in GROUPS for name in ("", *(f"_{name}" for name in TALLY)))
NUMBERS = (*_TALLIES, *COUNTS, WITHIN_PLANTED)
#: Its other columns.
KEYS = ("assignment_id", "rc_id", "standard_id", "parts", "denominator")
GAIN_SUMS = pa.schema([*((name, pa.int64()) for name in (*KEYS, *NUMBERS)), (LIMBS, TYPE)])
#: The columns of numbers of score_sums: treated, treated_before, treated_after, control ...
SCORE_NUMBERS = tuple(f"{group}{name}" for group in GROUPS for name in ("", "_before", "_after"))
SCORE_SUMS = pa.schema([(name, pa.int64()) for name in ("assignment_id", "standard_id", *SCORE_NUMBERS)])
PLANTED_SUMS = pa.schema(
    [
        ("assignment_id", pa.int64()),
        ("standard_id", pa.int64()),
        ("status", pa.string()),
        ("students", pa.int64()),
        ("planted", pa.int64()),
        ("denominator", pa.int64()),
    ]
)


@generator(rows=lambda _, inputs: 3 * inputs.rows("assignment_standards"))
def planted_sums(
    tests: Tests,
    standards: Standards,
    assignments: Assignments,
    assignment_standards: AssignmentStandards,
    *,
    clamp: Clamp,
    growth: Growth,
    **sittings_and_windows: Annotated[pa.Table, SITTING, WINDOW],
) -> pa.RecordBatch:
    """Add up what was planted in a shard, for each assignment, standard that it covers, and status.

    One row each: assignment_id, standard_id, status, the students who took the impacted test and the one before it,
    and the sum of what their score in the standard was expected to gain over a student without an assignment, as
    planted parts of a denominator. What a student's other assignments add to the same standard is in it.
    """
    measure = Measure.of(standards)
    rows = []
    for row, impacted in impacts(
        tests, measure, assignments, assignment_standards, clamp, growth, sittings_and_windows
    ):
        statuses = impacted.statuses[row["id"]]
        for code, status in enumerate(STATUSES):
            students = np.flatnonzero(statuses == code)
            for standard in impacted.impact.covered[row["id"]].tolist():
                outlook = impacted.outlook(students, standard)
                rows.append(
                    {
                        "assignment_id": row["id"],
                        "standard_id": int(measure.standards[standard]),
                        "status": status,
                        "students": len(students),
                        "planted": int((outlook.expected - outlook.untouched).sum()),
                        "denominator": impacted.denominator,
                    }
                )
    return pa.RecordBatch.from_pylist(rows, schema=PLANTED_SUMS)


@generator(rows=lambda _, inputs: inputs.rows("assignments") + inputs.rows("assignment_standards"))
def score_sums(
    standards: Standards,
    assignments: Assignments,
    assignment_standards: AssignmentStandards,
    **sittings_and_windows: Annotated[pa.Table, SITTING, WINDOW],
) -> pa.RecordBatch:
    """Add up a shard's scores on the test that an assignment follows and on the one that it impacts.

    Treated students completed the assignment; control students are in a roster where somebody was given it, and were
    not. Both took both tests. One row an assignment (standard_id is null), where a student's score is the mean in the
    standards that the assignment covers, rounded half away from zero, and one for each of these standards.
    """
    measure = Measure.of(standards)
    windows, sittings = windows_of(sittings_and_windows), sittings_of(sittings_and_windows)
    rows: list[dict[str, Any]] = []
    for row in sorted(assignments.to_pylist(), key=itemgetter("id")):
        covered = Impact.of(assignments, assignment_standards, measure, row["impacted_test_id"]).covered[row["id"]]
        if row["impacted_test_id"] is None or not len(covered):
            continue
        pair = [sittings.get(row[name]) for name in ("created_after_test_id", "impacted_test_id")]
        sums = _score_sums(row["id"], pair, windows, covered)
        for place, standard in enumerate((None, *measure.standards[covered].tolist())):
            numbers = dict(zip(SCORE_NUMBERS, sums[:, place].tolist(), strict=True))
            rows.append({"assignment_id": row["id"], "standard_id": standard, **numbers})
    return pa.RecordBatch.from_pylist(rows, schema=SCORE_SUMS)


def _score_sums(
    assignment: int, pair: Sequence[pa.Table | None], windows: dict[str, pa.Table], covered: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sums, a row for each of SCORE_NUMBERS: for all the covered standards together, then for each."""
    first, after = pair
    if first is None or after is None:
        return np.zeros((len(SCORE_NUMBERS), 1 + len(covered)), dtype=np.int64)
    place, took = find(after["student_id"].to_numpy(), first["student_id"].to_numpy())
    groups = np.where(took, _groups(assignment, first, windows), _OTHER)
    sums = []
    for code in range(len(GROUPS)):
        rows = np.flatnonzero(groups == code)
        sums.append(np.full(1 + len(covered), len(rows)))
        for sitting, some in ((first, rows), (after, place[rows])):
            scores = matrix(sitting["standards"])[some[:, None], covered]
            sums.append(_points(scores.T.astype(np.int64)).sum(axis=1))
    return np.stack(sums)


def _points(scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put the rounded mean of all rows before them."""
    total, count = scores.sum(axis=0, keepdims=True), len(scores)
    return np.concatenate([np.sign(total) * ((2 * np.abs(total) + count) // (2 * count)), scores])


def _groups(assignment: int, first: pa.Table, windows: dict[str, pa.Table]) -> NDArray[np.int8]:
    """The group of each student who took the test that an assignment follows: treated, control or other."""
    students, roster = first["student_id"].to_numpy(), first["roster_id"].to_numpy()
    groups = np.full(len(students), _CONTROL, dtype=np.int8)
    for window in windows.values():
        rows = window["assignment_id"].to_numpy() == assignment
        place, found = find(students, window["student_id"].to_numpy()[rows])
        completed = window["status"].to_numpy()[rows] == _COMPLETED
        groups[place[found]] = np.where(completed, _TREATED, _OTHER)[found]
    groups[~np.isin(roster, roster[groups != _CONTROL])] = _OTHER
    return groups


@generator(rows=lambda _, inputs: inputs.rows("assignments") + inputs.rows("assignment_standards"))
def gain_sums(
    tests: Tests,
    standards: Standards,
    assignments: Assignments,
    assignment_standards: AssignmentStandards,
    *,
    clamp: Clamp,
    growth: Growth,
    **sittings_and_windows: Annotated[pa.Table, SITTING, WINDOW],
) -> pa.RecordBatch:
    """Add up a shard's gains, of students who completed an assignment and of classmates who were not given it.

    A gain is the mean score in the standards that the assignment covers (``parts`` of them) on the test that it
    impacts, less that on the test that it follows. Treated students completed it; control students are in a roster
    where somebody was given it, and were not. Both took those two tests and the one before the impacted test.

    One row per assignment (standard_id is null) and one for each of its standards; rc_id is the category of either.
    For ``treated`` and ``control`` a row has the number of students, and over them the sums of: the gain times parts;
    its square; the planted effect, and by how much the gain exceeds its expectation, both times parts and in parts of
    a ``denominator``; and, for each standard, the square of the distance between its least and greatest score
    possible. Then follow sums over the rosters that have both groups: see :mod:`etl.school.within`. Raises ValueError
    when the scale is so wide that the sums might not be exact.
    """
    measure = Measure.of(standards)
    windows, sittings = windows_of(sittings_and_windows), sittings_of(sittings_and_windows)
    rows: list[dict[str, Any]] = []
    for row, impacted in impacts(
        tests, measure, assignments, assignment_standards, clamp, growth, sittings_and_windows
    ):
        covered = impacted.impact.covered[row["id"]]
        compared = _compared(row["id"], impacted, sittings.get(row["created_after_test_id"]), windows)
        sums = _sums(impacted, compared, covered)
        for place, standard in enumerate((None, *covered.tolist())):
            standard_id = None if standard is None else int(measure.standards[standard])
            category = row["rc_id"] if standard is None else int(measure.categories[measure.category[standard]])
            keys = (row["id"], category, standard_id, len(covered) if standard is None else 1, impacted.denominator)
            rows.append(dict(zip(KEYS, keys, strict=True)) | {name: cells[place] for name, cells in sums.items()})
    return pa.RecordBatch.from_pylist(rows, schema=GAIN_SUMS)


class _Compared(NamedTuple):
    """The students whom an assignment's analysis compares: the treated, then the control group."""

    rows: NDArray[np.int64]  # of the impacted test
    treated: int  # the number of treated ones, which come first
    roster: NDArray[np.int64]
    first: NDArray[np.int32]  # standard scores on the test that the assignment follows, a column a student
    overall: NDArray[np.int32]  # the overall score on it, which decided who was given the assignment


def _compared(assignment: int, impacted: Impacted, first: pa.Table | None, windows: dict[str, pa.Table]) -> _Compared:
    """Find the students who are compared; nobody, if nobody was given the assignment."""
    if first is None:
        return _Compared(impacted.ids[:0], 0, impacted.ids[:0], impacted.before[:0].T, impacted.before[:0, 0])
    place, took = find(first["student_id"].to_numpy(), impacted.ids)
    group = np.where(took, _groups(assignment, first, windows)[place], _OTHER)
    treated = np.flatnonzero(group == _TREATED)
    rows = np.concatenate([treated, np.flatnonzero(group == _CONTROL)])
    place = place[rows]
    roster = first["roster_id"].to_numpy()
    return _Compared(
        rows, len(treated), roster[place], matrix(first["standards"])[place].T, first["overall"].to_numpy()[place]
    )


def _sums(impacted: Impacted, compared: _Compared, covered: NDArray[np.int64]) -> dict[str, list[Any]]:
    """The sums, by name: for all the covered standards together, then for each."""
    rows, treated = compared.rows, compared.treated
    after, before = (scores[rows[:, None], covered].T.astype(np.int64) for scores in (impacted.after, impacted.before))
    first = compared.first[covered].astype(np.int64)
    outlooks = [impacted.outlook(rows, standard) for standard in covered.tolist()]
    expected, untouched, spread = (np.stack(cells) for cells in zip(*outlooks, strict=True))
    gain = _with_sum(after - first)
    planted, excess = _with_sum(expected - untouched), _with_sum((after - before) * impacted.denominator - expected)
    peak = int(np.abs(gain).max(initial=0))
    if peak * peak * len(rows) >= _LARGEST:
        message = f"gains of {peak} points, squared, are too large to sum exactly; use a narrower clamp"
        raise ValueError(message)
    tally = dict(zip(TALLY, (gain, gain * gain, planted, excess, _with_sum(spread)), strict=True))
    sums: dict[str, list[Any]] = {}
    for group, chosen in zip(GROUPS, (slice(treated), slice(treated, None)), strict=True):
        sums[group] = [len(rows[chosen])] * len(gain)
        sums |= {f"{group}_{name}": cells[:, chosen].sum(axis=1).tolist() for name, cells in tally.items()}
    students = Students(compared.roster, np.arange(len(rows)) < treated)
    mixed = students.in_both_groups()
    variables: dict[str, NDArray[Any]] = {
        "score": _with_sum(first - impacted.clamp.low),
        "overall": compared.overall[None] - impacted.clamp.low,
        "gain": gain,
        "excess": excess / impacted.denominator,
    }
    sums[WITHIN_PLANTED] = planted[:, :treated][:, mixed[:treated]].sum(axis=1).tolist()
    used = {name: cells[:, mixed].astype(np.float64) for name, cells in variables.items()}
    return sums | within_sums(Students(students.roster[mixed], students.treated[mixed]), used)


def _with_sum(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put the sum of all rows before them."""
    return np.concatenate([cells.sum(axis=0, keepdims=True), cells])
