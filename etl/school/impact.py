"""Per-shard sums for each assignment's effect: of gains, and of planted effects.

They are integers, so the order of addition and the cut into shards do not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa

from etl.generator.params import Columns
from etl.generator.size import generator
from etl.school.columns import matrix
from etl.school.effects import impacts, sittings_of, windows_of
from etl.school.measure import SITTING, WINDOW, AssignmentStandards, Clamp, Measure, Standards, Tests, find
from etl.school.params import STATUSES, Growth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from etl.school.effects import Impacted

_COMPLETED = STATUSES.index("completed")
_LARGEST = 2**63  # limit of 64-bit integers

Assignments = Annotated[pa.Table, Columns(("id", "rc_id", "created_after_test_id", "impacted_test_id"))]

#: The sums over the students of a group.
TALLY = ("gain", "squares", "planted", "excess", "spread")
#: The columns of numbers of gain_sums: treated, treated_gain ... control, control_gain ...
NUMBERS = tuple(f"{group}{name}" for group in ("treated", "control") for name in ("", *(f"_{name}" for name in TALLY)))
_KEYS = ("assignment_id", "rc_id", "standard_id", "parts", "denominator")
GAIN_SUMS = pa.schema([(name, pa.int64()) for name in (*_KEYS, *NUMBERS)])
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
                        "planted": outlook.expected - outlook.untouched,
                        "denominator": impacted.denominator,
                    }
                )
    return pa.RecordBatch.from_pylist(rows, schema=PLANTED_SUMS)


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

    One row an assignment (standard_id is null) and one for each of its standards; rc_id is the category of either.
    For ``treated`` and ``control`` a row has the number of students, and over them the sums of: the gain times parts;
    its square; the planted effect, and by how much the gain exceeds its expectation, both times parts and in parts of
    a ``denominator``; and, for each standard, the square of the distance between its least and greatest score
    possible. Raises ValueError when the scale is so wide that the sums might not be exact.
    """
    measure = Measure.of(standards)
    windows, sittings = windows_of(sittings_and_windows), sittings_of(sittings_and_windows)
    rows: list[dict[str, Any]] = []
    for row, impacted in impacts(
        tests, measure, assignments, assignment_standards, clamp, growth, sittings_and_windows
    ):
        first = sittings.get(row["created_after_test_id"])
        groups = _groups(row["id"], impacted, first, windows)
        covered = impacted.impact.covered[row["id"]]
        tallies = {name: _tally(impacted, *group, covered) for name, group in groups.items()}
        for place, standard in enumerate((None, *covered.tolist())):
            standard_id = None if standard is None else int(measure.standards[standard])
            category = row["rc_id"] if standard is None else int(measure.categories[measure.category[standard]])
            keys = (row["id"], category, standard_id, len(covered) if standard is None else 1, impacted.denominator)
            numbers = {f"{name}{suffix}": sums[place] for name, of in tallies.items() for suffix, sums in of.items()}
            rows.append(dict(zip(_KEYS, keys, strict=True)) | numbers)
    return pa.RecordBatch.from_pylist(rows, schema=GAIN_SUMS)


def _groups(
    assignment: int, impacted: Impacted, first: pa.Table | None, windows: dict[str, pa.Table]
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int32]]]:
    """The treated and the control students: their rows, and their standard scores on the first test."""
    nobody = dict.fromkeys(("treated", "control"), (impacted.ids[:0], impacted.before[:0]))
    if first is None:
        return nobody
    students, scores = first["student_id"].to_numpy(), matrix(first["standards"])
    assigned = np.zeros(len(students), dtype=bool)
    for window in windows.values():
        given = window["student_id"].to_numpy()[window["assignment_id"].to_numpy() == assignment]
        place, found = find(students, given)
        assigned[place[found]] = True
    if not assigned.any():
        return nobody
    rosters, roster = np.unique(first["roster_id"].to_numpy(), return_inverse=True)
    somebody = np.zeros(len(rosters), dtype=bool)  # per roster: was anybody given it
    somebody[roster[assigned]] = True
    around = somebody[roster] & ~assigned
    place, took = find(students, impacted.ids)
    chosen = {
        "treated": np.flatnonzero(took & (impacted.statuses[assignment] == _COMPLETED)),
        "control": np.flatnonzero(took & around[place]),
    }
    return {name: (rows, scores.take(place[rows], axis=0)) for name, rows in chosen.items()}


def _tally(
    impacted: Impacted, rows: NDArray[np.int64], first: NDArray[np.int32], covered: NDArray[np.int64]
) -> dict[str, list[int]]:
    """The sums over some students: for all the covered standards together, then for each."""
    after = impacted.after[np.ix_(rows, covered)].astype(np.int64)
    moves = after - impacted.before[np.ix_(rows, covered)]
    gains = after - first[:, covered]
    gains = np.column_stack([gains.sum(axis=1), gains])
    peak = int(np.abs(gains).max(initial=0))
    if peak * peak * len(rows) >= _LARGEST:
        message = f"gains of {peak} points, squared, are too large to sum exactly; use a narrower clamp"
        raise ValueError(message)
    planted, excess, spread = [], [], []
    for standard, move in zip(covered.tolist(), moves.T, strict=True):
        outlook = impacted.outlook(rows, standard)
        planted.append(outlook.expected - outlook.untouched)
        excess.append(int(move.sum()) * impacted.denominator - outlook.expected)
        spread.append(outlook.spread)
    return {
        "": [len(rows)] * (1 + len(covered)),
        "_gain": gains.sum(axis=0).tolist(),
        "_squares": (gains * gains).sum(axis=0).tolist(),
        **{
            name: [sum(sums), *sums] for name, sums in (("_planted", planted), ("_excess", excess), ("_spread", spread))
        },
    }
