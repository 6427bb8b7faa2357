"""Diagnosands of an estimator over many worlds, each with its simulation error.

The words are those of DeclareDesign: G. Blair, J. Cooper, A. Coppock and M. Humphreys, "Declaring and Diagnosing
Research Designs", American Political Science Review 113, 2019. Type S errors and exaggeration: A. Gelman and J. Carlin,
"Beyond Power Calculations", Perspectives on Psychological Science 9, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: What is known of an estimate, in scale points.
FIELDS = ("planted", "expected_bias", "bias", "standard_error", "low", "high")
NORMAL = 1.96  # standard errors to either side of a 95 % interval

#: Sums over the worlds of an assignment from which every diagnosand follows.
_SUMS = ("number", *FIELDS[:4], "excess", "squares", "covered", "corrected", "significant", "wrong", "ratio")


class Mean(NamedTuple):
    """A number, and its standard error over worlds; NaN where it is not defined."""

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float, float]:
        """The number, and the ends of its 95 % interval."""
        return self.value, self.value - NORMAL * self.error, self.value + NORMAL * self.error


@dataclass(frozen=True)
class Diagnosis:
    """What many worlds say of an estimator. Points are scale points, shares are from 0 to 1."""

    planted: Mean  # the mean planted effect
    bias: Mean  # the estimate less the planted effect
    expected: Mean  # the bias that is expected, given what each world drew before the impacted test
    excess: Mean  # the bias less the expected one
    sd: Mean  # standard deviation of the estimate, over the worlds of an assignment
    standard_error: Mean  # mean standard error that is stated
    rmse: Mean  # root mean square of the bias
    coverage: Mean  # share of intervals that contain the planted effect
    corrected: Mean  # share that contain the planted effect and the assignment's mean expected bias together
    power: Mean  # share of estimates that differ from 0 at the 5 % level
    type_s: Mean  # share of those with the wrong sign
    exaggeration: Mean  # how many times too large those are on average

    def summary(self) -> str:
        """A line for a person who waits."""
        return (
            f"bias {self.bias.value:.2f} (expected {self.expected.value:.2f}), SD {self.sd.value:.2f}, "
            f"standard error {self.standard_error.value:.2f}, coverage {self.coverage.value:.1%}"
        )


def diagnosed(estimates: Floats) -> Diagnosis:
    """Diagnose the estimates of one estimator: by world, assignment and field."""
    return Diagnosis(**{name: jackknifed(statistic, _sums(estimates)) for name, statistic in STATISTICS.items()})


def jackknifed(statistic: Callable[[Floats], Floats], sums: Floats) -> Mean:
    """A statistic of sums over worlds (by world, assignment and sum), and its error by leaving out each world in turn.

    Estimates of one world share its students; worlds are independent.
    """
    worlds, total = len(sums), sums.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(total))
        others = statistic(total - sums)
    error = float(np.sqrt((worlds - 1) / worlds * ((others - others.mean()) ** 2).sum())) if worlds > 1 else np.nan
    return Mean(value, error)


def _sums(estimates: Floats) -> Floats:
    """What is summed of each estimate; zeros where there is none."""
    planted, expected, bias, error, low, high = np.moveaxis(estimates, -1, 0)
    known = ~np.isnan(bias)
    mean_expected = np.nansum(expected, axis=0) / np.maximum(known.sum(axis=0), 1)
    truth = planted + mean_expected
    effect = planted + bias
    significant = (low > 0) | (high < 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = (
            *(known, planted, expected, bias, error, bias - expected, bias**2),
            *((low <= planted) & (planted <= high), (low <= truth) & (truth <= high), significant),
            *(significant & (effect * planted < 0), significant * np.abs(effect / planted)),
        )
    return np.where(known[..., None], np.stack(cells, axis=-1), 0.0)


def _share(name: str, of: str = "number") -> Callable[[Floats], Floats]:
    """The sum of one number by the sum of another, over all assignments."""
    above, below = _SUMS.index(name), _SUMS.index(of)
    return lambda sums: sums[..., above].sum(axis=-1) / sums[..., below].sum(axis=-1)


def _deviation(sums: Floats) -> Floats:
    """The standard deviation over the worlds of an assignment; of several, the root of the mean variance."""
    number, total, squares = (sums[..., _SUMS.index(name)] for name in ("number", "bias", "squares"))
    deviation: Floats = np.sqrt(((squares - total**2 / number) / (number - 1)).mean(axis=-1))
    return deviation


def _root_mean_square(sums: Floats) -> Floats:
    root: Floats = np.sqrt(_share("squares")(sums))
    return root


def _effects(statistic: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """A statistic that is not defined where nothing is planted."""
    planted = _SUMS.index("planted")
    return lambda sums: np.where(sums[..., planted].sum(axis=-1) == 0, np.nan, statistic(sums))


STATISTICS: dict[str, Callable[[Floats], Floats]] = {
    "planted": _share("planted"),
    "bias": _share("bias"),
    "expected": _share("expected_bias"),
    "excess": _share("excess"),
    "sd": _deviation,
    "standard_error": _share("standard_error"),
    "rmse": _root_mean_square,
    "coverage": _share("covered"),
    "corrected": _share("corrected"),
    "power": _share("significant"),
    "type_s": _effects(_share("wrong", "significant")),
    "exaggeration": _effects(_share("ratio", "significant")),
}
