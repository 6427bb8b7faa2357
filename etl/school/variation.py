"""How schools, classes, students and sittings differ: normal deviations, in scale points, rounded to whole points.

A deviation is drawn for the number of its school, class or student, so that it is the same in every shard. It is one
of 65,536 equally likely numbers, none further than 4.4 standard deviations from 0.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from etl.generator.streams import Streams, normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from etl.school.params import MeasurementError, Variation

_FURTHEST = 5  # standard deviations: further than any


def deviations(streams: Streams, draw: str, ids: NDArray[np.int64], sd: float, width: int = 1) -> NDArray[np.int32]:
    """Return ``width`` deviations for each of some ascending ids; zeros where the standard deviation is 0."""
    if not sd:
        return np.zeros((len(ids), width), dtype=np.int32)
    drawn: NDArray[np.int32] = _quantiles(sd)[streams.words_of(draw, ids, width) >> 16]
    return drawn


@lru_cache(maxsize=16)  # all shards need the same tables
def _quantiles(sd: float) -> NDArray[np.int32]:
    """Return the numbers in the middle of 65,536 equal parts of a normal distribution."""
    middles = np.arange(2**15, 2**32, 2**16, dtype=np.uint32)
    reach = math.ceil(_FURTHEST * sd)
    return normal(middles, 0, sd, -reach, reach)


def shared(streams: Streams, draw: str, groups: NDArray[np.int64], sd: float) -> NDArray[np.int32]:
    """Return for each row the deviation of its group, given the groups' numbers."""
    numbers, place = np.unique(groups, return_inverse=True)
    of_rows: NDArray[np.int32] = deviations(streams, draw, numbers, sd)[place, 0]
    return of_rows


def start(streams: Streams, rosters: NDArray[np.int64], sd: float, variation: Variation) -> NDArray[np.int32]:
    """Return how far above the mean each student's school and class begin, of all the variation ``sd``."""
    shares = variation.start
    schools = shared(streams, "school", _schools(rosters, variation), sd * math.sqrt(shares.schools))
    return schools + shared(streams, "class", rosters, sd * math.sqrt(shares.classes))


def pace(
    streams: Streams, students: NDArray[np.int64], rosters: NDArray[np.int64], variation: Variation
) -> NDArray[np.int32]:
    """Return the points by which each student's standards grow faster from test to test, the whole year."""
    sds = variation.pace
    schools = shared(streams, "pace of school", _schools(rosters, variation), sds.schools)
    classes = shared(streams, "pace of class", rosters, sds.classes)
    return schools + classes + deviations(streams, "pace", students, sds.students)[:, 0]


def errors(streams: Streams, students: NDArray[np.int64], standards: int, error: MeasurementError) -> NDArray[np.int32]:
    """Return the error with which a sitting sees each student's standards: of the sitting, and of each standard."""
    of_sitting = deviations(streams, "error of sitting", students, error.sitting)
    return of_sitting + deviations(streams, "error of standard", students, error.standard, standards)


def _schools(rosters: NDArray[np.int64], variation: Variation) -> NDArray[np.int64]:
    """Return the number of each roster's school, from 1: ``rosters_per_school`` rosters in a row are a school."""
    schools: NDArray[np.int64] = 1 + (rosters - 1) // variation.rosters_per_school
    return schools
