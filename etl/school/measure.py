"""What a test measures, which assignments affect it, and the sittings with its scores.

A sitting is a test as numbers, one row per student, in the order of students: test_id, student_id, roster_id, overall,
level, and two lists of fixed size, ``categories`` and ``standards``: a scale score for each category and each
standard, in the order of their ids. It has every student still enrolled, so that growth continues underneath a missed
test. Optional columns:

- ``taken``: 0 for students who missed the test, 1 for others;
- ``driven``: 1 for students whose shares of statuses, and growth, differ from the others';
- ``chronic``: 1 for students who are chronically absent;
- ``pace``: points by which a student's standards grow faster from test to test;
- ``shift``: points by which they grew beyond the ranges of growth into this test, for any reason;
- ``latent``: a list of true standard scores, where ``standards``, and all that follows from them, is what was observed;
- ``error``: a list of what was added to the true scores; the sum is clamped to the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from etl.generator.params import Between, Columns, In, Share, Text
from etl.generator.streams import Streams
from etl.school.arrays import matrix
from etl.school.params import STATUSES, CoveredBy, MeasurementError, StatusGrowth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Clamp = Annotated[Between, CoveredBy("performance_levels")]
TestName = Annotated[Text, In("tests.name")]
Missed = Annotated[
    Share, Field(description="Share of the students who miss this test, at random; growth goes on underneath.")
]
Left = Annotated[
    Share, Field(description="Share of the students who leave, at random, between the previous test and this one.")
]
Driven = Annotated[
    Share, Field(description="Share of the students who are driven, at random: see growth.driven and status.driven.")
]
Error = Annotated[
    MeasurementError | None, Field(description="Errors of measurement; without them a test sees the true scores.")
]

NamedTests = Annotated[pa.Table, Columns(("id", "name"))]
Tests = Annotated[pa.Table, Columns(("id", "sequence"))]
Standards = Annotated[pa.Table, Columns(("id", "rc_id"))]
Levels = Annotated[pa.Table, Columns(("level", "min_score"))]
Assignments = Annotated[pa.Table, Columns(("id", "impacted_test_id"))]
AssignmentStandards = Annotated[pa.Table, Columns(("assignment_id", "standard_id"))]
SITTING = Columns(("student_id", "roster_id", "test_id", "overall", "level", "categories", "standards"))
WINDOW = Columns(("assignment_id", "student_id", "status"))

#: Marks standard scores that no assignment affects.
UNTOUCHED = np.iinfo(np.int32).min


@dataclass(frozen=True)
class Measure:
    """The standards and categories that a test measures, in the order of their ids."""

    standards: NDArray[np.int64]  # ids
    categories: NDArray[np.int64]  # ids
    category: NDArray[np.int64]  # for each standard the index of its category

    @classmethod
    def of(cls, standards: pa.Table) -> Measure:
        """Read the table of standards. Raises ValueError when it is empty."""
        if not standards.num_rows:
            message = "there are no standards; a test measures at least one"
            raise ValueError(message)
        ids = standards["id"].to_numpy()
        order = np.argsort(ids)
        categories, category = np.unique(standards["rc_id"].to_numpy()[order], return_inverse=True)
        return cls(ids[order], categories, category)

    def means(self, scores: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the category scores and the overall score that belong to standard scores (one row per student).

        A category is the mean of its standards, the overall score the mean of the rounded categories.
        """
        columns = np.ascontiguousarray(scores.T)  # adding whole columns is faster than adding within rows
        categories = [half_up_mean(columns[self.category == index]) for index in range(len(self.categories))]
        return np.stack(categories, axis=1), half_up_mean(np.stack(categories))


def half_up_mean(columns: NDArray[np.int32]) -> NDArray[np.int32]:
    """Mean of some columns (one row per column), rounded to the nearest whole number, halves up."""
    count = len(columns)
    mean: NDArray[np.int64] = (2 * columns.sum(axis=0, dtype=np.int64) + count) // (2 * count)
    return mean.astype(np.int32)


class Assigned(NamedTuple):
    """An assignment and the students who were given it, in the order of the window's rows."""

    assignment: int
    students: NDArray[np.int64]  # ids
    statuses: NDArray[np.int8]  # codes
    cells: NDArray[np.int64]  # per student and covered standard: index in the flattened array of standard scores


@dataclass(frozen=True)
class Impact:
    """The assignments that impact one test, and the standards that each covers (as indexes of the measure)."""

    covered: dict[int, NDArray[np.int64]]
    standards: int  # number of them in the measure

    @classmethod
    def of(cls, assignments: pa.Table, assignment_standards: pa.Table, measure: Measure, test_id: int) -> Impact:
        """Find the assignments that impact the test."""
        impacted = zip(assignments["id"].to_pylist(), assignments["impacted_test_id"].to_pylist(), strict=True)
        pairs = np.stack([assignment_standards[name].to_numpy() for name in ("assignment_id", "standard_id")])
        return cls(
            {
                assignment: np.searchsorted(measure.standards, np.sort(pairs[1, pairs[0] == assignment]))
                for assignment, test in impacted
                if test == test_id
            },
            len(measure.standards),
        )

    def assigned(self, windows: dict[str, pa.Table], ids: NDArray[np.int64]) -> Iterator[Assigned]:
        """Yield each assignment that any of these students was given; ``ids`` must be sorted."""
        for window in windows.values() if self.covered else ():
            assignment_ids, statuses = window["assignment_id"].to_numpy(), window["status"].to_numpy()
            students = window["student_id"].to_numpy()
            for assignment, covered in self.covered.items():
                rows = np.flatnonzero(assignment_ids == assignment)
                if not len(rows):
                    continue
                places, found = find(ids, students[rows])
                if found.any():
                    rows = rows[found]
                    cells = places[found, None] * self.standards + covered
                    yield Assigned(assignment, students[rows], statuses[rows], cells)


def status_bounds(growth: StatusGrowth, statuses: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest growth for each status code (an index of STATUSES)."""
    bounds = np.array([getattr(growth, status) for status in STATUSES])
    return bounds[statuses, 0], bounds[statuses, 1]


def present(sitting: pa.Table) -> pa.Table:
    """Return the rows of the students who took the test."""
    return sitting.filter(pc.equal(sitting["taken"], 1)) if "taken" in sitting.column_names else sitting


def optional(sitting: pa.Table, column: str) -> NDArray[np.int64]:
    """Return a column of numbers that a sitting may lack; then zeros."""
    if column not in sitting.column_names:
        return np.zeros(sitting.num_rows, dtype=np.int64)
    return np.asarray(sitting[column].to_numpy()).astype(np.int64)


def latent_scores(sitting: pa.Table) -> NDArray[np.int32]:
    """Return the true standard scores, a row a student; they are the observed ones in a world without error."""
    return matrix(sitting["latent" if "latent" in sitting.column_names else "standards"])


def draw_share(
    streams: Streams, draw: str, ids: NDArray[np.int64], share: float | NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return a mask of students drawn at random; a larger share includes the students of a smaller one.

    The share may be an array, with one for each student.
    """
    chosen: NDArray[np.bool_] = streams.words_of(draw, ids)[:, 0] < np.rint(np.multiply(share, 2.0**32))
    return chosen


def draw_by_chronic(
    streams: Streams, draw: str, sitting: pa.Table, share: float, chronic: float | None
) -> NDArray[np.bool_]:
    """Return a mask of a sitting's students: a share of them, and another one of the chronically absent."""
    ids = sitting["student_id"].to_numpy()
    if chronic is None:
        return draw_share(streams, draw, ids, share)
    return draw_share(streams, draw, ids, np.where(optional(sitting, "chronic") > 0, chronic, share))


def find(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the index of each wanted id in the sorted ``ids``, and whether it was found."""
    if not len(ids):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    dense = ids[-1] - ids[0] == len(ids) - 1  # no gaps: the index follows from the id
    places = wanted - ids[0] if dense else np.searchsorted(ids, wanted)
    np.clip(places, 0, len(ids) - 1, out=places)
    return places, ids[places] == wanted
