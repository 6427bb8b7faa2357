"""The formulas of the analysis, each with its source. Sums come in as fractions: only the last step rounds."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def difference_in_differences(treated_gain: Fraction, control_gain: Fraction) -> Fraction:
    """How much more the treated gained between two tests than the control group.

    Angrist and Pischke, "Mostly Harmless Econometrics", Princeton 2009, section 5.2.
    """
    return treated_gain - control_gain


def welch(*groups: tuple[int, Fraction]) -> tuple[Fraction, float | None]:
    """Variance of the difference of two means, and its degrees of freedom, from each group's size and variance.

    The variances may differ: Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34, 1947. Degrees of freedom: Satterthwaite, "An approximate distribution of
    estimates of variance components", Biometrics Bulletin 2, 1946; None when nothing varies.
    """
    terms = [(number, variance / number) for number, variance in groups]
    total = sum((term for _, term in terms), Fraction(0))
    below = sum((term * term / (number - 1) for number, term in terms), Fraction(0))
    return total, float(total * total / below) if below else None


def student(t: float, freedom: float, confidence: float) -> tuple[float, float]:
    """Two-sided p of a statistic, and how many standard errors an interval of some confidence reaches to either side.

    "Student", "The probable error of a mean", Biometrika 6, 1908. With infinitely many degrees of freedom it is the
    normal distribution.
    """
    upper = (1 + confidence) / 2
    if math.isinf(freedom):
        return math.erfc(abs(t) / math.sqrt(2)), NormalDist().inv_cdf(upper)
    from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415 -- takes 0.3 s to import

    return 2 * float(stdtr(freedom, -abs(t))), float(stdtrit(freedom, upper))


def fixed_effect_weights(variances: Sequence[Fraction]) -> tuple[list[Fraction], Fraction]:
    """The weights with which estimates of one effect are pooled, which sum to 1, and the variance of the pooled one.

    Each weighs as much as its variance is small, and the variances count as known, so that the pooled statistic is
    normal: Borenstein, Hedges, Higgins and Rothstein, "Introduction to Meta-Analysis", Wiley 2009, chapter 11.
    """
    total = sum((1 / variance for variance in variances), Fraction(0))
    return [1 / (variance * total) for variance in variances], 1 / total


def surprise(excess: Fraction, spread: Fraction) -> float:
    """A bound for the chance that a sum of independent numbers misses its expectation by so much, up or down.

    ``spread`` is the sum of the squares of the distances from each number's least value to its greatest. Hoeffding,
    "Probability inequalities for sums of bounded random variables", J. American Statistical Association 58, 1963,
    theorem 2. It holds for three students as for a nation, where Welch's t needs many.
    """
    if not spread:
        return float(not excess)
    return min(1.0, 2 * math.exp(-2 * excess * excess / spread))
