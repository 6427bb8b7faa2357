"""The tests: the first drawn from a distribution, each later one grown from the one before, and all as table rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Apart, Between, Columns, Count, Range, Whole
from etl.generator.size import Inputs, Size, generator
from etl.generator.streams import Streams, normal, uniform
from etl.school.columns import json_objects, matrix, vectors
from etl.school.measure import (
    SITTING,
    UNTOUCHED,
    WINDOW,
    Assignments,
    AssignmentStandards,
    Clamp,
    Driven,
    Error,
    Impact,
    Left,
    Levels,
    Measure,
    Missed,
    NamedTests,
    Standards,
    TestName,
    Tests,
    draw_share,
    find,
    latent_scores,
    optional,
    present,
    status_bounds,
)
from etl.school.params import Growth, MeasurementError, Points, Variation
from etl.school.variation import deviations, errors, pace, shared, start

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Columns that a student keeps from test to test.
_LASTING = ("student_id", "roster_id", "driven", "pace")


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
    variation: Annotated[Variation | None, Field(description="How schools, classes and students differ.")] = None,
    error: Error = None,
) -> pa.RecordBatch:
    """Draw a sitting from a normal distribution, in scale points.

    A category is the overall score plus ``category_jitter``, a standard its category plus ``standard_jitter``; every
    score is clamped. A share of the students is ``driven``, without effect on this test, and a share ``missed`` it.
    Of the variance ``sd`` squared, ``variation`` puts some between schools and classes. With an ``error`` those are
    true scores; the sitting has the seen ones, its categories and overall score their means.
    """
    measure = Measure.of(standards)
    ids = students["id"].to_numpy()

    def jitter(draw: str, width: int, jitter: Range) -> NDArray[np.int32]:
        return uniform(streams.words_of(draw, ids, width), jitter.low, jitter.high)

    columns = {"student_id": students["id"], "roster_id": students["roster_id"]}
    overall = _overall(streams, ids, students["roster_id"].to_numpy(), (mean, sd, clamp), variation)
    categories = overall[:, None] + jitter("category", len(measure.categories), category_jitter)
    np.clip(categories, clamp.low, clamp.high, out=categories)
    scores = categories[:, measure.category] + jitter("standard", len(measure.standards), standard_jitter)
    np.clip(scores, clamp.low, clamp.high, out=scores)
    if variation:
        columns["pace"] = pa.array(pace(streams, ids, students["roster_id"].to_numpy(), variation))
    if driven:
        columns["driven"] = pa.array(draw_share(streams, "driven", ids, driven).astype(np.int8))
    if missed:
        columns["taken"] = _taken(streams, ids, missed)
    if error:
        scores = _seen(streams, ids, scores, error, clamp, columns)
        categories, overall = measure.means(scores)
    return _sitting(_test_id(tests, test), columns, performance_levels, (overall, categories, scores))


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
    shock: Annotated[Points, Field(description="Standard deviation between classes of growth into this test.")] = 0,
    error: Error = None,
    **windows: Annotated[pa.Table, WINDOW],
) -> pa.RecordBatch:
    """Grow a sitting from the ``previous`` one: every standard moves by its growth and is clamped.

    Where the student has an assignment in ``windows`` that impacts this test and covers the standard, growth is drawn
    for its status (the largest draw, if several cover it), and ``growth.untouched`` otherwise. Driven students grow by
    ``growth.driven`` more, every student by their pace, and each class by a ``shock`` of its own. A share of the
    previous students has ``left``; those who ``missed`` this test grow too. With an ``error`` true scores grow, and
    the sitting has the seen ones.
    """
    measure = Measure.of(standards)
    if left:
        leavers = draw_share(streams, "left", previous["student_id"].to_numpy(), left)
        previous = previous.filter(pa.array(~leavers))
    ids = previous["student_id"].to_numpy()
    scores = uniform(streams.words_of("growth", ids, len(measure.standards)), *growth.untouched)
    impact = Impact.of(assignments, assignment_standards, measure, _test_id(tests, test))
    if impact.covered:
        largest = np.full_like(scores, UNTOUCHED)
        flat = largest.reshape(-1)  # the same memory
        for given in impact.assigned(windows, ids):
            words = streams.words_of(f"growth of assignment {given.assignment}", given.students, given.cells.shape[1])
            low, high = status_bounds(growth.assigned, given.statuses)
            flat[given.cells] = np.maximum(flat[given.cells], uniform(words, low[:, None], high[:, None]))
        np.copyto(scores, largest, where=largest != UNTOUCHED)
    columns = {name: previous[name] for name in _LASTING if name in previous.column_names}
    if shock or "pace" in columns or (growth.driven and "driven" in columns):
        shift = _shift(streams, previous, growth, shock)
        scores += shift[:, None]
        columns["shift"] = pa.array(shift)
    scores += latent_scores(previous)
    np.clip(scores, clamp.low, clamp.high, out=scores)
    if missed:
        columns["taken"] = _taken(streams, ids, missed)
    if error:
        scores = _seen(streams, ids, scores, error, clamp, columns)
    categories, overall = measure.means(scores)
    return _sitting(_test_id(tests, test), columns, performance_levels, (overall, categories, scores))


def _expected(_: Any, inputs: Inputs) -> Size:  # noqa: ANN401 -- it needs no params
    """A row a student and test; its JSON has about 12 bytes for each standard, its category's part included."""
    rows = sum(size.rows for name, size in inputs.sizes.items() if name not in {"tests", "standards"})
    return Size(rows, width=40 + 12 * inputs.rows("standards"))


@generator(rows=_expected)
def score_rows(
    tests: Tests, standards: Standards, **sittings: Annotated[pa.Table, SITTING, Apart("test")]
) -> pa.RecordBatch:
    """Combine sittings into rows of the table ``scores``, by student, then test, without missed tests.

    An id is (student - 1) x number of tests + sequence of the test. The two JSON columns are compact objects, from
    the id of a category or a standard to its scale score, in the order of ids. Raises ValueError when the tests'
    sequences would give two rows the same id.
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


def _sequences(tests: pa.Table, test_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sequence of each test."""
    ids, sequences = tests["id"].to_numpy(), tests["sequence"].to_numpy()
    if sorted(sequences) != list(range(sequences.min(), sequences.min() + len(sequences))):
        message = f"the tests' sequences must be consecutive numbers, not {', '.join(map(str, sorted(sequences)))}"
        raise ValueError(message)
    order = np.argsort(ids)
    places, _ = find(ids[order], test_ids)
    return np.asarray(sequences[order][places])


def _test_id(tests: pa.Table, name: str) -> int:
    return int(tests["id"][tests["name"].to_pylist().index(name)].as_py())


def _overall(
    streams: Streams,
    ids: NDArray[np.int64],
    rosters: NDArray[np.int64],
    scale: tuple[int, int, Range],
    variation: Variation | None,
) -> NDArray[np.int32]:
    """Draw overall scores: by the student alone or, of the same variance, by school, class and student."""
    mean, sd, clamp = scale
    words = streams.words_of("overall", ids)[:, 0]
    if variation is None:
        return normal(words, mean, sd, clamp.low, clamp.high)
    within = sd * math.sqrt(max(0.0, 1 - variation.start.schools - variation.start.classes))
    scores = mean + start(streams, rosters, sd, variation) + deviations(streams, "overall", ids, within)[:, 0]
    clamped: NDArray[np.int32] = np.clip(scores, *clamp)
    return clamped


def _shift(streams: Streams, previous: pa.Table, growth: Growth, shock: float) -> NDArray[np.int32]:
    """Points by which each student's standards grow beyond their ranges."""
    shift = growth.driven * optional(previous, "driven") + optional(previous, "pace")
    if shock:
        shift += shared(streams, "shock", previous["roster_id"].to_numpy(), shock)
    return shift.astype(np.int32)


def _seen(
    streams: Streams,
    ids: NDArray[np.int64],
    latent: NDArray[np.int32],
    error: MeasurementError,
    clamp: Range,
    columns: dict[str, Any],
) -> NDArray[np.int32]:
    """Return standard scores as a test sees them; the true ones and the errors become columns."""
    added = errors(streams, ids, latent.shape[1], error)
    columns |= {"latent": vectors(latent), "error": vectors(added)}
    seen: NDArray[np.int32] = np.clip(latent + added, *clamp)
    return seen


def _taken(streams: Streams, ids: NDArray[np.int64], missed: float) -> pa.Array:
    return pa.array((~draw_share(streams, "missed", ids, missed)).astype(np.int8))


def _sitting(
    test_id: int,
    columns: dict[str, pa.Array | pa.ChunkedArray],
    levels: pa.Table,
    scores: tuple[NDArray[np.int32], ...],
) -> pa.RecordBatch:
    overall, categories, standards = scores
    lowest = levels["min_score"].to_numpy()
    order = np.argsort(lowest)
    band = np.searchsorted(lowest[order], overall, side="right") - 1
    if (band < 0).any():
        message = f"the score {overall.min()} is below the lowest performance level"
        raise ValueError(message)
    return pa.record_batch(
        {
            "test_id": pa.array(np.full(len(overall), test_id, dtype=np.int64)),
            **{
                name: column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
                for name, column in columns.items()
            },
            "overall": pa.array(overall),
            "level": pa.array(levels["level"].to_numpy()[order][band]),
            "categories": vectors(categories),
            "standards": vectors(standards),
        }
    )
