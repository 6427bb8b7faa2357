"""The tests: the first drawn from a distribution, each later one grown from the one before, and all as table rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Between, Columns, Context, Count, Marker, Range, Share, Whole
from etl.generator.size import generator
from etl.generator.streams import Streams, normal, uniform
from etl.school.arrays import vectors
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
    draw_by_chronic,
    draw_share,
    latent_scores,
    optional,
    status_bounds,
)
from etl.school.params import Chronic, Growth, MeasurementError, Points, Variation
from etl.school.variation import deviations, errors, pace, shared, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class OfChronic(Marker):
    """The first test says who is chronically absent; otherwise the share would apply to nobody."""

    def faults(self, value: float | None, context: Context) -> Iterator[str]:
        """Look at the stage itself and those upstream."""
        said = (context.values.get("chronic"), *context.upstream(first_scores, "chronic").values())
        if value is not None and not any(said):
            yield "no student is chronically absent; set chronic on the first test"


MissedChronic = Annotated[
    Share | None,
    OfChronic(),
    Field(description="Share of the chronically absent students who miss this test, if different."),
]
LeftChronic = Annotated[
    Share | None,
    OfChronic(),
    Field(description="Share of the chronically absent students who leave before it, if different."),
]
#: Columns that a student keeps from test to test.
_LASTING = ("student_id", "roster_id", "driven", "chronic", "pace")


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
    missed_chronic: MissedChronic = None,
    chronic: Annotated[Chronic | None, Field(description="Who is chronically absent.")] = None,
    driven: Driven = 0,
    variation: Annotated[Variation | None, Field(description="How schools, classes and students differ.")] = None,
    error: Error = None,
) -> pa.RecordBatch:
    """Draw a sitting from a normal distribution, in scale points.

    A category is the overall score plus ``category_jitter``, a standard its category plus ``standard_jitter``; every
    score is clamped. Of the variance, ``sd`` squared, ``variation`` puts some between schools and classes. With an
    ``error`` these are true scores: the sitting has the observed ones, and their means. Shares of the students are
    ``driven`` or ``chronic``ally absent, or ``missed`` the test.
    """
    measure = Measure.of(standards)
    ids, rosters = students["id"].to_numpy(), students["roster_id"].to_numpy()
    columns = {"student_id": students["id"], "roster_id": students["roster_id"]}
    overall = _overall(streams, ids, rosters, (mean, sd, clamp), variation)
    categories = overall[:, None] + uniform(
        streams.words_of("category", ids, len(measure.categories)), *category_jitter
    )
    np.clip(categories, clamp.low, clamp.high, out=categories)
    scores = categories[:, measure.category] + uniform(
        streams.words_of("standard", ids, len(measure.standards)), *standard_jitter
    )
    np.clip(scores, clamp.low, clamp.high, out=scores)
    if variation:
        columns["pace"] = pa.array(pace(streams, ids, rosters, variation))
    if driven:
        columns["driven"] = _flags(draw_share(streams, "driven", ids, driven))
    if chronic:
        columns["chronic"] = _flags(draw_share(streams, "chronic", ids, chronic.shares(overall)))
    if missed or missed_chronic:
        columns["taken"] = _taken(streams, columns, missed, missed_chronic)
    if error:
        scores = _observed(streams, ids, scores, error, clamp, columns)
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
    missed_chronic: MissedChronic = None,
    left: Left = 0,
    left_chronic: LeftChronic = None,
    shock: Annotated[Points, Field(description="Standard deviation between classes of growth into this test.")] = 0,
    error: Error = None,
    **windows: Annotated[pa.Table, WINDOW],
) -> pa.RecordBatch:
    """Grow a sitting from the ``previous`` one: every standard moves by its growth and is clamped.

    Where the student has an assignment in ``windows`` that impacts this test and covers the standard, growth is drawn
    for its status (the largest draw, if several cover it), and ``growth.untouched`` otherwise. Driven students grow by
    ``growth.driven`` more, every student by their pace, and each class by a random ``shock``. A share of the
    previous students has ``left``; those who ``missed`` this test grow too. With an ``error`` true scores grow, and
    the sitting has the observed ones.
    """
    measure = Measure.of(standards)
    if left or left_chronic:
        previous = previous.filter(pa.array(~draw_by_chronic(streams, "left", previous, left, left_chronic)))
    ids = previous["student_id"].to_numpy()
    impact = Impact.of(assignments, assignment_standards, measure, _test_id(tests, test))
    scores = _growth(streams, ids, growth, impact, windows)
    columns = {name: previous[name] for name in _LASTING if name in previous.column_names}
    if shock or "pace" in columns or (growth.driven and "driven" in columns):
        shift = _shift(streams, previous, growth, shock)
        scores += shift[:, None]
        columns["shift"] = pa.array(shift)
    scores += latent_scores(previous)
    np.clip(scores, clamp.low, clamp.high, out=scores)
    if missed or missed_chronic:
        columns["taken"] = _taken(streams, columns, missed, missed_chronic)
    if error:
        scores = _observed(streams, ids, scores, error, clamp, columns)
    categories, overall = measure.means(scores)
    return _sitting(_test_id(tests, test), columns, performance_levels, (overall, categories, scores))


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


def _growth(
    streams: Streams, ids: NDArray[np.int64], growth: Growth, impact: Impact, windows: dict[str, pa.Table]
) -> NDArray[np.int32]:
    """Draw the growth of each student's standards."""
    drawn = uniform(streams.words_of("growth", ids, impact.standards), *growth.untouched)
    if impact.covered:
        largest = np.full_like(drawn, UNTOUCHED)
        flat = largest.reshape(-1)  # the same memory
        for given in impact.assigned(windows, ids):
            words = streams.words_of(f"growth of assignment {given.assignment}", given.students, given.cells.shape[1])
            low, high = status_bounds(growth.assigned, given.statuses)
            flat[given.cells] = np.maximum(flat[given.cells], uniform(words, low[:, None], high[:, None]))
        np.copyto(drawn, largest, where=largest != UNTOUCHED)
    return drawn


def _shift(streams: Streams, previous: pa.Table, growth: Growth, shock: float) -> NDArray[np.int32]:
    """Points by which each student's standards grow beyond their ranges."""
    shift = growth.driven * optional(previous, "driven") + optional(previous, "pace")
    if shock:
        shift += shared(streams, "shock", previous["roster_id"].to_numpy(), shock)
    return shift.astype(np.int32)


def _observed(
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
    observed: NDArray[np.int32] = np.clip(latent + added, *clamp)
    return observed


def _taken(streams: Streams, columns: dict[str, Any], missed: float, chronic: float | None) -> pa.Array:
    return _flags(~draw_by_chronic(streams, "missed", pa.table(columns), missed, chronic))


def _flags(mask: NDArray[np.bool_]) -> pa.Array:
    return pa.array(mask.astype(np.int8))


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
