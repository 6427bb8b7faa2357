"""What a study of many worlds found, as a document and a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.plot import forest
from benchmarks.results import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NORMAL = 1.96  # standard errors to either side of a 95 % interval
LEAST, MOST = 0.93, 0.97  # where the coverage of a right 95 % interval must lie
FAR = 3  # standard errors: so far off by chance is a mean once in 370 times


class Mean(NamedTuple):
    """A mean over worlds, and its standard error."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float, float]:
        """The mean, and the ends of its 95 % interval."""
        return self.value, self.value - NORMAL * self.error, self.value + NORMAL * self.error


class Study(NamedTuple):
    """What is known of the estimator in one pipeline's worlds, or for one assignment of them; in scale points."""

    name: str
    worlds: int
    planted: Mean
    bias: Mean  # the estimate less what was planted
    expected: Mean  # the bias that each world's students make expected
    excess: Mean  # the bias less the expected one
    rmse: float  # root mean square of the bias
    error: float  # root mean square of the standard errors that the estimates state
    covered: Mean  # share of intervals that hold what was planted
    corrected: Mean  # share that hold what was planted and the assignment's mean expected bias together
    alone: tuple[Study, ...] = ()  # each assignment by itself
    fair: bool = True  # without the assignment the two groups would have grown alike

    def told(self) -> str:
        """A line for a person who waits."""
        return (
            f"{self.name}: {self.worlds} worlds, bias {self.bias.value:.3f} (expected {self.expected.value:.3f}), "
            f"coverage {self.covered.value:.1%} (of truth and expected bias {self.corrected.value:.1%})"
        )


PREFACE = """\
# How good are the estimates?

Written by `make study`. The field's analysis, difference in differences with Welch's interval (`impact_estimates` in
[data.md](data.md)), is run on {worlds} worlds of each pipeline, seeds 1 to {worlds}, each of its full size. What was
planted in each world is known exactly, so this says how far the analysis can be trusted, and where it cannot be: in
`biased`, where those who completed their work would have grown more without it, the intervals miss the truth by what
[data.md](data.md#biased) works out beforehand.

![Coverage and bias]({picture})

- **planted**: the mean effect on those who completed an assignment, in scale points, all assignments pooled
- **bias**: the estimate less what was planted; **expected**: the bias that who completed makes expected
- **excess**: the bias less the expected one: chance alone, so it must be about zero
- **RMSE**: root mean square of the bias; **stated**: root mean square of the standard errors that the estimates state
- **holds the truth**: share of the 95 % intervals that hold what was planted; **with the bias**: that hold what was
  planted and the assignment's expected bias, its mean over the worlds, together

Behind ± stands the standard error of a mean over worlds. Estimates of one world share its students, those of two worlds
share nothing, so each world counts once.
"""
HEADER = ("planted", "bias", "expected", "excess", "RMSE", "stated", "holds the truth", "with the bias")


def document(studies: Sequence[Study], image: str) -> str:
    """The document, in Markdown, around a picture."""
    rows = ([study.name, *_cells(study)] for study in studies)
    parts = [
        PREFACE.format(worlds=max(study.worlds for study in studies), picture=image),
        "## All assignments pooled\n",
        table(["world", *HEADER], rows, 1),
        "\n## What was asked\n",
        table(["goal", "found", ""], goals(studies), 3),
        "\n## Each assignment by itself\n",
    ]
    alone = ([study.name, each.name, *_cells(each)] for study in studies for each in study.alone)
    return "\n".join([*parts, table(["world", "assignment", *HEADER], alone, 2)]) + "\n"


def goals(studies: Sequence[Study]) -> Iterator[list[str]]:
    """What the study must show: each goal, what was found, and whether that is enough."""
    for study in studies:
        coverage = study.covered if study.fair else study.corrected
        what = "the truth" if study.fair else "the truth and the expected bias"
        goal = f"{study.name}: {LEAST:.0%} to {MOST:.0%} of the intervals hold {what}"
        yield [goal, f"{coverage.value:.2%}", _passed(LEAST <= coverage.value <= MOST)]
        off = abs(study.excess.value) / study.excess.error if study.excess.error else 0.0
        goal = f"{study.name}: the mean bias is the expected one, within {FAR} of its standard errors"
        yield [goal, f"{off:.2f}", _passed(off <= FAR)]


def picture(studies: Sequence[Study]) -> str:
    """The picture, as SVG."""
    covered = {study.name: [_percent(study.covered)] for study in studies}
    corrected = {study.name: [_percent(study.corrected)] for study in studies}
    points = {study.name: [study.bias.interval, study.expected.interval] for study in studies}
    band = (100 * LEAST, 100 * MOST)
    return forest(
        [
            ("Intervals that hold the truth, %", covered, [], band),
            ("... the truth and the expected bias, %", corrected, [], band),
            ("Mean bias, points", points, ["found", "expected"], None),
        ]
    )


def _percent(share: Mean) -> tuple[float, float, float]:
    value, low, high = Mean(100 * share.value, 100 * share.error).interval
    return value, low, high


def _cells(study: Study) -> list[str]:
    return [
        _points(study.planted.value),
        _points(study.bias.value) + _error(study.bias.error, 3),
        _points(study.expected.value),
        _points(study.excess.value) + _error(study.excess.error, 3),
        _points(study.rmse),
        _points(study.error),
        *(f"{share.value:.1%}{_error(100 * share.error, 1)}" for share in (study.covered, study.corrected)),
    ]


def _points(number: float) -> str:
    """A number to three digits, never -0.000."""
    return f"{round(number, 3) + 0.0:.3f}"


def _error(error: float, digits: int) -> str:
    return "" if math.isnan(error) else f" ± {error:.{digits}f}"


def _passed(enough: bool) -> str:  # noqa: FBT001 -- what a comparison says
    return "pass" if enough else "**fail**"
