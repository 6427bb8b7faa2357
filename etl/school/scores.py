"""The tests: the first drawn from a distribution, each later one grown from the one before, and all as table rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa

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
    driven_flags,
    find,
    present,
    status_bounds,
)
from etl.school.params import Growth

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    A category is the overall score plus ``category_jitter``, a standard its category plus ``standard_jitter``; every
    score is clamped. A share of the students is ``driven``, without effect on this test, and a share ``missed`` it.
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
    columns = {"student_id": students["id"], "roster_id": students["roster_id"]}
    if driven:
        columns["driven"] = pa.array(draw_share(streams, "driven", ids, driven).astype(np.int8))
    if missed:
        columns["taken"] = _taken(streams, ids, missed)
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
    **windows: Annotated[pa.Table, WINDOW],
) -> pa.RecordBatch:
    """Grow a sitting from the ``previous`` one: every standard moves by its growth and is clamped.

    Where the student has an assignment in ``windows`` that impacts this test and covers the standard, growth is drawn
    for its status (the largest draw, if several cover it), and ``growth.untouched`` otherwise. Driven students grow by
    ``growth.driven`` more. A share of the previous students has ``left``; those who ``missed`` this test grow too.
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
    if growth.driven:
        scores += growth.driven * driven_flags(previous)[:, None]
    scores += matrix(previous["standards"])
    np.clip(scores, clamp.low, clamp.high, out=scores)
    categories, overall = measure.means(scores)
    columns = {name: previous[name] for name in ("student_id", "roster_id", "driven") if name in previous.column_names}
    if missed:
        columns["taken"] = _taken(streams, ids, missed)
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
