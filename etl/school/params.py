"""Types of params: shares and growth by status, and a range covered by the performance levels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from etl.generator.params import Between, Count, Group, Marker, Range, Share, Whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from etl.generator.params import Context, ReferenceData


#: How far a student came with an assignment; a status code is an index of this list.
STATUSES = ("completed", "started", "not_started")


class Shares(Group):
    """Shares of the statuses, which sum to 1."""

    completed: Share
    started: Share
    not_started: Share

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = math.fsum((self.completed, self.started, self.not_started))
        if not math.isclose(total, 1, abs_tol=1e-9):
            message = f"the shares must sum to 1, not to {total:g}"
            raise ValueError(message)
        return self


class ByScore(Group):
    """How a share changes with the overall score."""

    score: Annotated[Whole, Field(description="The score at which the share is as given.")]
    per_100: Annotated[float, Field(ge=-1, le=1, description="What each 100 points above that add to the share.")]

    def added(self, scores: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return what each score adds to the share."""
        added: NDArray[np.float64] = (scores - float(self.score)) * self.per_100 / 100
        return added


class StatusShares(Shares):
    """Shares of the statuses among assigned students."""

    driven: Annotated[Shares | None, Field(description="Shares among driven students, if different.")] = None
    classes: Annotated[
        float, Field(ge=0, le=0.5, description="Standard deviation between classes of the share completed.")
    ] = 0
    by_score: Annotated[ByScore | None, Field(description="Change of the share completed with the score.")] = None


class Chronic(Group):
    """Share of the students who are chronically absent, for the whole year."""

    share: Share
    by_score: Annotated[ByScore | None, Field(description="Change of the share with the true overall score.")] = None

    def shares(self, scores: NDArray[np.int32]) -> Any:  # noqa: ANN401 -- a share, or an array with one for each score
        """Return the share at each score, or one for all."""
        return self.share + self.by_score.added(scores) if self.by_score else self.share


class Calendar(Group):
    """How likely work is begun or completed on a day, a school day being 1."""

    weekend: Annotated[Share, Field(description="On a Saturday or Sunday.")] = 1
    last_days: Annotated[int, Field(ge=0, le=366, description="Number of days up to the next test that differ.")] = 0
    last: Annotated[Share, Field(description="On each of the last days, times the above.")] = 1


class StatusGrowth(Group):
    """Growth of a standard covered by an assignment, by status."""

    completed: Between
    started: Between
    not_started: Between


class Growth(Group):
    """Change of a standard's score from one test to the next, in scale points."""

    untouched: Between
    assigned: StatusGrowth
    driven: Annotated[Whole, Field(description="Extra growth of driven students, with or without an assignment.")] = 0


Points = Annotated[float, Field(ge=0, le=1000, description="A standard deviation, in scale points.")]


class MeasurementError(Group):
    """Error of a test's scores: it sees each standard's true score with the sum of two errors."""

    sitting: Annotated[Points, Field(description="Of the error that a student's standards share on one test.")] = 0
    standard: Annotated[Points, Field(description="Of the error that each standard has by itself.")] = 0


class StartShares(Group):
    """Intraclass correlations of true scores: the shares of the variance that lie between schools and classes."""

    schools: Share = 0
    classes: Annotated[Share, Field(description="Between the classes of a school.")] = 0

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if self.schools + self.classes > 1:
            message = f"the shares must sum to 1 at most, not to {self.schools + self.classes:g}"
            raise ValueError(message)
        return self


class Pace(Group):
    """How much more a standard grows from each test to the next: standard deviations, in points."""

    schools: Points = 0
    classes: Annotated[Points, Field(description="Between the classes of a school.")] = 0
    students: Annotated[Points, Field(description="Between the students of a class.")] = 0


class Variation(Group):
    """How schools, classes and students differ, in true scores at the start and in growth."""

    rosters_per_school: Annotated[Count, Field(description="So many rosters in a row are a school.")] = 1
    start: StartShares = StartShares()
    pace: Pace = Pace()


@dataclass(frozen=True)
class CoveredBy(Marker):
    """The range must lie within this table's bands, from its first ``min_score`` to its last ``max_score``."""

    table: str

    def faults(self, value: Range, context: Context) -> Iterator[str]:
        """Check the bands as well; their mistakes are reported for their CSV file."""
        reference = context.reference(self.table)
        if reference and reference.is_complete("min_score", "max_score"):
            yield from _uncovered(value, reference)


def _uncovered(clamp: Range, reference: ReferenceData) -> Iterator[str]:
    """Report bands that do not ascend without gaps, and yield what is wrong with the clamp."""
    low, high = [_number(cell) for cell in reference.cells("min_score")], reference.cells("max_score")
    before = len(reference.mistakes)
    _ascending(low, reference)
    for row, begin in enumerate(low if len(reference.mistakes) == before else ()):
        end = _number(high[row])
        previous = _number(high[row - 1]) if row else None
        if begin is None:
            continue
        if end is not None and end < begin:
            reference.report(f"the band ends at {end}, before its start {begin}", row, "max_score")
        elif row and previous is None:
            reference.report("only the last band may have an empty max_score", row - 1, "max_score")
        elif row and previous is not None and begin != previous + 1:
            message = f"the band must begin at {previous + 1}, right after the previous band, not at {begin}"
            reference.report(message, row, "min_score")
    if len(reference.mistakes) > before or not low or low[0] is None:
        return
    top = _number(high[-1])
    if clamp.low < low[0] or (top is not None and clamp.high > top):
        span = f"from {low[0]}" + ("" if top is None else f" to {top}")
        yield f"[{clamp.low}, {clamp.high}] is not covered by the bands in {reference.file}, {span}"


def _ascending(low: list[int | None], reference: ReferenceData) -> None:
    for row in range(1, len(low)):
        previous, begin = low[row - 1], low[row]
        if previous is not None and begin is not None and begin <= previous:
            message = f"the bands must ascend; this one begins at {begin}, the previous one at {previous}"
            reference.report(message, row, "min_score")


def _number(cell: object) -> int | None:
    return cell if isinstance(cell, int) else None
