"""Cross-products within rosters: all that least squares with roster effects and clustered errors needs of the students.

A roster effect is removed by subtracting the roster's mean from every variable (Frisch and Waugh, "Partial time
regressions as compared with individual trends", Econometrica 1, 1933). What is left of a roster are a few sums of
products of variables: its moments. The estimate follows from the sums of the moments over rosters, and its
cluster-robust variance, a quadratic form in each roster's moments, from the sums of their products. So a shard yields a
fixed number of sums, however many students it has.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TREATED, GAIN, EXCESS = "treated", "gain", "excess"
#: The regressors: 1 for treated students, and scores on the test that the assignment follows.
REGRESSORS = (TREATED, "score", "overall")
#: Products of two variables within a roster; a regressor comes first, and the first of two.
MOMENTS = (*combinations_with_replacement(REGRESSORS, 2), *((name, GAIN) for name in REGRESSORS))
EXCESSES = tuple((name, EXCESS) for name in REGRESSORS)
#: Sums over rosters that have both treated and control students: how many they are, how many students, ...
COUNTS = ("rosters", "within_treated", "within_control")
#: ... the mean gain of the treated, weighted as the estimate weighs rosters, the moments, and the moments' products.
WEIGHTED_GAIN = "weighted_gain"
SUMS = (
    WEIGHTED_GAIN,
    *(".".join(pair) for pair in (*MOMENTS, *EXCESSES)),
    *(" ".join(map(".".join, pairs)) for pairs in combinations_with_replacement(MOMENTS, 2)),
)
#: The sums are whole numbers of parts of 1, so that their order does not matter: fixed point, with room for any world.
#: Each is stored as three numbers that 64 bits hold: of 2^80, of 2^40 and of 1 parts.
LIMBS = "limbs"
TYPE = pa.list_(pa.int64(), 3 * len(SUMS))
_PARTS = 2.0**64
_HIGH, _MIDDLE = 2.0**80, 2.0**40
_LARGEST = 2.0**78  # 2^62 of the high ones


class Students(NamedTuple):
    """The roster of each student, and who is treated."""

    roster: NDArray[np.int64]
    treated: NDArray[np.bool_]

    def in_both_groups(self) -> NDArray[np.bool_]:
        """Return a mask of the students whose roster has both treated and control students."""
        _, place = np.unique(self.roster, return_inverse=True)
        of_roster = np.bincount(place, weights=self.treated)
        mixed: NDArray[np.bool_] = ((of_roster > 0) & (of_roster < np.bincount(place)))[place]
        return mixed


def within_sums(students: Students, variables: Mapping[str, Floats]) -> dict[str, list[Any]]:
    """Add up the moments of rosters that each have both treated and control students.

    ``variables`` are score, overall, gain and excess: a column a student, a row for each measure that is compared; an
    array of one row is the same for all. Returns a cell per row of ``gain`` for each of COUNTS, and for LIMBS.
    """
    rows = len(variables[GAIN])
    if not len(students.roster):
        return {**{name: [0] * rows for name in COUNTS}, LIMBS: [[0] * TYPE.list_size] * rows}
    order = np.argsort(students.roster, kind="stable")
    _, starts, sizes = np.unique(students.roster[order], return_index=True, return_counts=True)
    values = {TREATED: students.treated[None, order].astype(np.float64)}
    values |= {name: cells[:, order] for name, cells in variables.items()}

    def total(cells: Floats) -> Floats:
        """Sum over the students of each roster, in their order: the same in every shard."""
        sums: Floats = np.add.reduceat(cells, starts, axis=1)
        return sums

    deviations = {name: values[name] - np.repeat(total(values[name]) / sizes, sizes, axis=1) for name in REGRESSORS}
    control_share = 1 - total(values[TREATED]) / sizes
    cells = np.empty((len(SUMS), rows, len(sizes)))
    cells[0] = total(values[TREATED] * values[GAIN]) * control_share
    for place, (name, other) in enumerate((*MOMENTS, *EXCESSES), start=1):
        cells[place] = total(deviations[name] * values[other])
    first, second = np.triu_indices(len(MOMENTS))
    np.multiply(cells[1 + first], cells[1 + second], out=cells[-len(first) :])
    counts = (len(sizes), int(students.treated.sum()), int((~students.treated).sum()))
    return {
        **{name: [count] * rows for name, count in zip(COUNTS, counts, strict=True)},
        LIMBS: _limbs(cells),
    }


def _limbs(cells: Floats) -> list[list[int]]:
    """Add up the rosters (the last axis) exactly: a list per row. Raises ValueError where 64 bits might not do."""
    if cells.size and np.abs(cells).max() >= _LARGEST / cells.shape[2]:
        message = f"products of scores of {np.abs(cells).max():.3g} are too large to sum exactly; use a narrower clamp"
        raise ValueError(message)
    parts = cells * _PARTS
    high = np.floor(parts / _HIGH)
    parts -= high * _HIGH
    middle = np.floor(parts / _MIDDLE)
    sums = [limb.astype(np.int64).sum(axis=2) for limb in (high, middle, parts - middle * _MIDDLE)]
    limbs: list[list[int]] = np.concatenate(sums).T.tolist()
    return limbs


def totals(limbs: Sequence[int]) -> dict[str, float]:
    """Return each of SUMS, given its limbs added up over shards."""
    number = len(SUMS)
    parts = (
        int(_HIGH) * high + int(_MIDDLE) * middle + low
        for high, middle, low in zip(limbs[:number], limbs[number : 2 * number], limbs[2 * number :], strict=True)
    )
    return {name: part / _PARTS for name, part in zip(SUMS, parts, strict=True)}
