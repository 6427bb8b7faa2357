"""The tests: a first one drawn from a distribution, and each next one grown from the one before.

A sitting is a test as numbers, one row a student, in the order of students: test_id, student_id, roster_id, overall,
level, and two lists of fixed size, ``categories`` and ``standards``: a scale score for each category and each
standard, in the order of their ids. It has everybody who is still in class; :mod:`etl.school.sittings` knows the
two columns that it may have beside these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Apart, Between, Columns, Count, In, Range, Share, Text, Whole
from etl.generator.size import Inputs, Size, generator
from etl.generator.streams import Streams, normal, uniform
from etl.school.columns import json_objects, matrix, vectors
from etl.school.params import CoveredBy, Growth, StatusGrowth
from etl.school.sittings import among, drive, present
from etl.school.windows import STATUSES

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

NamedTests = Annotated[pa.Table, Columns(("id", "name"))]
Tests = Annotated[pa.Table, Columns(("id", "sequence"))]
Standards = Annotated[pa.Table, Columns(("id", "rc_id"))]
Levels = Annotated[pa.Table, Columns(("level", "min_score"))]
Assignments = Annotated[pa.Table, Columns(("id", "impacted_test_id"))]
AssignmentStandards = Annotated[pa.Table, Columns(("assignment_id", "standard_id"))]
SITTING = Columns(("student_id", "roster_id", "test_id", "overall", "level", "categories", "standards"))
WINDOW = Columns(("assignment_id", "student_id", "status"))

#: Stands where no assignment moves a score.
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
        """Return the category scores and the overall score that belong to standard scores (a row a student).

        A category is the mean of its standards, the overall score the mean of the rounded categories.
        """
        columns = np.ascontiguousarray(scores.T)  # adding whole columns is faster than adding within rows
        categories = [half_up_mean(columns[self.category == index]) for index in range(len(self.categories))]
        return np.stack(categories, axis=1), half_up_mean(np.stack(categories))


def half_up_mean(columns: NDArray[np.int32]) -> NDArray[np.int32]:
    """Mean of some columns (a row each), rounded to the nearest whole number, halves up."""
    count = len(columns)
    mean: NDArray[np.int64] = (2 * columns.sum(axis=0, dtype=np.int64) + count) // (2 * count)
    return mean.astype(np.int32)


@generator(rows="students")
def first_scores(
    streams: Streams,
    students: Annotated[pa.Table, Columns(("id", "roster_id"))],
    tests: NamedTests,
    standards: Standards,
    performance_levels: Levels,
    *,
    test: TestName,
    mean: Whole,
    sd: Count,
    clamp: Clamp,
    category_jitter: Between,
    standard_jitter: Between,
    missed: Missed = 0,
    driven: Driven = 0,
) -> pa.RecordBatch:
    """Draw a sitting from a normal distribution, in scale points.

    Each category lies ``category_jitter`` from the overall score, each standard ``standard_jitter`` from its
    category, and every score within ``clamp``. A share of the students is ``driven``, which decides nothing here, and
    a share has ``missed`` the test.
    """
    measure = Measure.of(standards)
    ids = students["id"].to_numpy()

    def jitter(draw: str, width: int, jitter: Range) -> NDArray[np.int32]:
        return uniform(streams.words_of(draw, ids, width), jitter.low, jitter.high)

    overall = normal(streams.words_of("overall", ids)[:, 0], mean, sd, clamp.low, clamp.high)
    categories = overall[:, None] + jitter("category", len(measure.categories), category_jitter)
    np.clip(categories, clamp.low, clamp.high, out=categories)
    scores = categories[:, measure.category] + jitter("standard", len(measure.standards), standard_jitter)
    np.clip(scores, clamp.low, clamp.high, out=scores)
    who = {"student_id": students["id"], "roster_id": students["roster_id"]}
    if driven:
        who["driven"] = pa.array(among(streams, "driven", ids, driven).astype(np.int8))
    if missed:
        who["taken"] = _taken(streams, ids, missed)
    return _sitting(_test_id(tests, test), who, performance_levels, (overall, categories, scores))


@generator(rows="previous")
def next_scores(
    streams: Streams,
    previous: Annotated[pa.Table, SITTING],
    tests: NamedTests,
    standards: Standards,
    performance_levels: Levels,
    assignments: Assignments,
    assignment_standards: AssignmentStandards,
    *,
    test: TestName,
    clamp: Clamp,
    growth: Growth,
    missed: Missed = 0,
    left: Left = 0,
    **windows: Annotated[pa.Table, WINDOW],
) -> pa.RecordBatch:
    """Grow a sitting from the ``previous`` one: every standard moves by its growth and is clamped.

    The growth is that of an assignment that impacts this test and covers the standard, if the student has one in the
    ``windows`` (the largest, where there are several), and the untouched growth otherwise; driven students grow by
    ``growth.driven`` more in any case. Students who are not in the previous sitting are not in this one either, and
    neither is the share that has ``left`` since; those who ``missed`` this test grow like the others.
    """
    measure = Measure.of(standards)
    if left:
        gone = among(streams, "left", previous["student_id"].to_numpy(), left)
        previous = previous.filter(pa.array(~gone))
    ids = previous["student_id"].to_numpy()
    scores = uniform(streams.words_of("growth", ids, len(measure.standards)), *growth.untouched)
    impact = Impact.of(assignments, assignment_standards, measure, _test_id(tests, test))
    if impact.covered:
        largest = np.full_like(scores, UNTOUCHED)
        flat = largest.reshape(-1)  # the same memory
        for held in impact.held(windows, ids):
            words = streams.words_of(f"growth of assignment {held.assignment}", held.students, held.cells.shape[1])
            low, high = status_bounds(growth.assigned, held.statuses)
            flat[held.cells] = np.maximum(flat[held.cells], uniform(words, low[:, None], high[:, None]))
        np.copyto(scores, largest, where=largest != UNTOUCHED)
    if growth.driven:
        scores += growth.driven * drive(previous)[:, None]
    scores += matrix(previous["standards"])
    np.clip(scores, clamp.low, clamp.high, out=scores)
    categories, overall = measure.means(scores)
    kept = ("student_id", "roster_id", "driven")
    who = {name: previous[name] for name in kept if name in previous.column_names}
    if missed:
        who["taken"] = _taken(streams, ids, missed)
    return _sitting(_test_id(tests, test), who, performance_levels, (overall, categories, scores))


class Held(NamedTuple):
    """An assignment, the ids of students who hold it, their status codes, and their cells among all standard scores."""

    assignment: int
    students: NDArray[np.int64]
    statuses: NDArray[np.int8]
    cells: NDArray[np.int64]  # a row a student, a column a covered standard: indexes of the flat array of scores


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

    def held(self, windows: dict[str, pa.Table], ids: NDArray[np.int64]) -> Iterator[Held]:
        """Yield each assignment that some of the students hold who took the test; their ``ids`` ascend."""
        for window in windows.values() if self.covered else ():
            assignment_ids, statuses = window["assignment_id"].to_numpy(), window["status"].to_numpy()
            students = window["student_id"].to_numpy()
            for assignment, covered in self.covered.items():
                rows = np.flatnonzero(assignment_ids == assignment)
                if not len(rows):
                    continue
                places, present = find(ids, students[rows])
                if present.any():
                    rows = rows[present]
                    cells = places[present, None] * self.standards + covered
                    yield Held(assignment, students[rows], statuses[rows], cells)


def status_bounds(growth: StatusGrowth, statuses: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest and highest growth for each status code (an index of :data:`etl.school.windows.STATUSES`)."""
    bounds = np.array([getattr(growth, status) for status in STATUSES])
    return bounds[statuses, 0], bounds[statuses, 1]


def _expected(_: Any, inputs: Inputs) -> Size:  # noqa: ANN401 -- it needs no params
    """A row a student and test; its JSON has about 12 bytes for each standard, its category's part included."""
    rows = sum(size.rows for name, size in inputs.sizes.items() if name not in {"tests", "standards"})
    return Size(rows, width=40 + 12 * inputs.rows("standards"))


@generator(rows=_expected)
def score_rows(
    tests: Tests, standards: Standards, **sittings: Annotated[pa.Table, SITTING, Apart("test")]
) -> pa.RecordBatch:
    """Gather sittings into rows of the table ``scores``, in the order of students, then tests: who took them only.

    An id is (student - 1) x number of tests + sequence of the test. The two JSON columns are compact objects, from
    the id of a category or a standard to its scale score, in the order of ids. Raises ValueError when the tests'
    sequences are such that two rows would get one id.
    """
    measure = Measure.of(standards)
    table = pa.concat_tables([present(sitting).select(SITTING.names) for sitting in sittings.values()])
    test_ids = table["test_id"].to_numpy()
    ids = (table["student_id"].to_numpy() - 1) * tests.num_rows + _sequences(tests, test_ids)
    order = np.argsort(ids, kind="stable")
    return pa.record_batch(
        {
            "id": pa.array(ids[order]),
            "student_id": pa.array(table["student_id"].to_numpy()[order]),
            "test_id": pa.array(test_ids[order]),
            "overall_score": pa.array(table["overall"].to_numpy()[order]),
            "level": pa.array(table["level"].to_numpy()[order]),
            "rc_scores": json_objects(measure.categories, matrix(table["categories"]).take(order, axis=0)),
            "std_scores": json_objects(measure.standards, matrix(table["standards"]).take(order, axis=0)),
        }
    )


def find(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted id stands among ``ids``, which ascend, and whether it is there at all."""
    if not len(ids):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    dense = ids[-1] - ids[0] == len(ids) - 1  # where no id is left out, its place is known
    places = wanted - ids[0] if dense else np.searchsorted(ids, wanted)
    np.clip(places, 0, len(ids) - 1, out=places)
    return places, ids[places] == wanted


def _sequences(tests: pa.Table, test_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sequence of each test."""
    ids, sequences = tests["id"].to_numpy(), tests["sequence"].to_numpy()
    if sorted(sequences) != list(range(sequences.min(), sequences.min() + len(sequences))):
        message = f"the tests' sequences must go up by one, each once, not {', '.join(map(str, sorted(sequences)))}"
        raise ValueError(message)
    order = np.argsort(ids)
    places, _ = find(ids[order], test_ids)
    return np.asarray(sequences[order][places])


def _test_id(tests: pa.Table, name: str) -> int:
    return int(tests["id"][tests["name"].to_pylist().index(name)].as_py())


def _taken(streams: Streams, ids: NDArray[np.int64], missed: float) -> pa.Array:
    return pa.array((~among(streams, "missed", ids, missed)).astype(np.int8))


def _sitting(
    test_id: int, who: dict[str, pa.Array | pa.ChunkedArray], levels: pa.Table, scores: tuple[NDArray[np.int32], ...]
) -> pa.RecordBatch:
    overall, categories, standards = scores
    lowest = levels["min_score"].to_numpy()
    order = np.argsort(lowest)
    band = np.searchsorted(lowest[order], overall, side="right") - 1
    if (band < 0).any():
        message = f"no performance level holds the score {overall.min()}; the lowest begins higher"
        raise ValueError(message)
    return pa.record_batch(
        {
            "test_id": pa.array(np.full(len(overall), test_id, dtype=np.int64)),
            **{name: _whole(column) for name, column in who.items()},
            "overall": pa.array(overall),
            "level": pa.array(levels["level"].to_numpy()[order][band]),
            "categories": vectors(categories),
            "standards": vectors(standards),
        }
    )


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
