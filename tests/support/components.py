"""Variance components of nested groups, by analysis of variance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


class Components(NamedTuple):
    """Standard deviations between schools, between the classes of a school, and between the students of a class."""

    school: float
    roster: float
    student: float

    @property
    def icc(self) -> float:
        """The share of the variance that is between schools."""
        return self.school**2 / (self.school**2 + self.roster**2 + self.student**2)


def components(numbers: Numbers, rosters: Numbers, schools: Numbers) -> Components:
    """Estimate them by the method of moments, from the sums of squares of each level (Searle 1971, chapter 11)."""
    roster, of_roster = _groups(rosters)
    school, of_school = _groups(schools)
    outer = school[np.unique(roster, return_index=True)[1]]  # the school of each roster
    means = [np.bincount(part, numbers) / size for part, size in ((roster, of_roster), (school, of_school))]
    within = ((numbers - means[0][roster]) ** 2).sum() / (len(numbers) - len(of_roster))
    between = (of_roster * (means[0] - means[1][outer]) ** 2).sum() / (len(of_roster) - len(of_school))
    above = (of_school * (means[1] - numbers.mean()) ** 2).sum() / (len(of_school) - 1)
    squares = np.bincount(outer, of_roster**2.0) / of_school  # for each school the size of roster that a student has
    inner = (len(numbers) - squares.sum()) / (len(of_roster) - len(of_school))
    middle = (squares.sum() - (of_roster**2).sum() / len(numbers)) / (len(of_school) - 1)
    outermost = (len(numbers) - (of_school**2).sum() / len(numbers)) / (len(of_school) - 1)
    roster_variance = max((between - within) / inner, 0.0)
    school_variance = max((above - within - middle * roster_variance) / outermost, 0.0)
    return Components(school_variance**0.5, roster_variance**0.5, within**0.5)


def _groups(ids: Numbers) -> tuple[Numbers, Numbers]:
    """The index of each row's group, and the size of each group."""
    _, places, sizes = np.unique(ids, return_inverse=True, return_counts=True)
    return places, sizes
