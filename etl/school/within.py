"""Cross-products within rosters: all that least squares with roster effects and clustered errors needs of the students.

A roster effect is removed by subtracting the roster's mean from every variable (Frisch and Waugh, "Partial time
regressions as compared with individual trends", Econometrica 1, 1933). What is left of a roster are a few sums of
products of variables: its moments. The estimate follows from the sums of the moments over rosters, and its
cluster-robust variance, a quadratic form in each roster's moments, from the sums of their products. So a shard yields a
fixed number of sums, however many students it has.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TREATED, GAIN, EXCESS = "treated", "gain", "excess"
#: The regressors: 1 for treated students, and scores on the test that the assignment follows.
REGRESSORS = (TREATED, "score", "overall")
#: Products of two variables within a roster; a regressor stands first, and the first of two.
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
PARTS = 2.0**64
TYPE = pa.decimal256(76, 0)
_HIGH, _MIDDLE = 2.0**80, 2.0**40  # parts
_LARGEST = 2.0**78  # 2^62 of the high ones


def both_groups(roster: NDArray[np.int64], treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the students whose roster has both treated and control students."""
    _, place = np.unique(roster, return_inverse=True)
    share = np.bincount(place, weights=treated) / np.maximum(np.bincount(place), 1)
    mixed: NDArray[np.bool_] = ((share > 0) & (share < 1))[place]
    return mixed


def within_sums(
    roster: NDArray[np.int64], treated: NDArray[np.bool_], variables: Mapping[str, Floats]
) -> dict[str, list[int]]:
    """Add up the moments of rosters that each have both treated and control students.

    ``variables`` are score, overall, gain and excess: a row a student, a column for each measure that is compared; an
    array of one column is the same for all. Returns for each of COUNTS and SUMS a number per column of ``gain``.
    """
    columns = variables[GAIN].shape[1]
    if not len(roster):
        return {name: [0] * columns for name in (*COUNTS, *SUMS)}
    order = np.argsort(roster, kind="stable")
    _, starts, sizes = np.unique(roster[order], return_index=True, return_counts=True)
    flag = treated[order, None].astype(np.float64)

    def total(values: Floats) -> Floats:
        """Sum over the students of each roster, in their order: the same in every shard."""
        sums: Floats = np.add.reduceat(values, starts, axis=0)
        return sums

    def centred(values: Floats) -> Floats:
        """Subtract the mean of each roster."""
        return values - np.repeat(total(values) / sizes[:, None], sizes, axis=0)

    values = {TREATED: flag, **{name: cells[order] for name, cells in variables.items()}}
    deviations = {name: centred(values[name]) for name in REGRESSORS}
    cells = np.empty((len(SUMS), len(sizes), columns))
    cells[0] = total(flag * values[GAIN]) * (sizes[:, None] - total(flag)) / sizes[:, None]
    for place, (name, other) in enumerate((*MOMENTS, *EXCESSES), start=1):
        cells[place] = total(deviations[name] * values[other])
    first, second = np.triu_indices(len(MOMENTS))
    np.multiply(cells[1 + first], cells[1 + second], out=cells[-len(first) :])
    counts = (len(sizes), int(treated.sum()), int((~treated).sum()))
    return {
        **{name: [count] * columns for name, count in zip(COUNTS, counts, strict=True)},
        **dict(zip(SUMS, _parts(cells), strict=True)),
    }


def _parts(cells: Floats) -> list[list[int]]:
    """Add up the rosters (the middle axis) exactly, in parts. Raises ValueError where the parts would be too many.

    Each number is cut into three whole numbers of 2^80, 2^40 and 1 parts, of which 64 bits can add up many.
    """
    if cells.size and np.abs(cells).max() >= _LARGEST / cells.shape[1]:
        message = f"products of scores of {np.abs(cells).max():.3g} are too large to sum exactly; use a narrower clamp"
        raise ValueError(message)
    parts = cells * PARTS
    high = np.floor(parts / _HIGH)
    parts -= high * _HIGH
    middle = np.floor(parts / _MIDDLE)
    sums = [limb.astype(np.int64).sum(axis=1).tolist() for limb in (high, middle, parts - middle * _MIDDLE)]
    return [
        [int(_HIGH) * one + int(_MIDDLE) * two + three for one, two, three in zip(*limbs, strict=True)]
        for limbs in zip(*sums, strict=True)
    ]
