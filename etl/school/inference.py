"""The formulas of the analysis, each with its source. Inputs are fractions; only the last step rounds."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_STEPS = 10_000  # far more than a continued fraction needs
_TINY = 1e-15  # a negligible relative change
_CLOSE = 1e-12


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
    normal distribution. The quantile is found by Newton's method from the normal one, which lies below it: the tail is
    convex, so every step comes nearer from below.
    """
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    if math.isinf(freedom):
        return math.erfc(abs(t) / math.sqrt(2)), reach
    log_scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(freedom * math.pi) / 2
    for _ in range(100):
        density = math.exp(log_scale - (freedom + 1) / 2 * math.log1p(reach * reach / freedom))
        step = (_two_tails(reach, freedom) - (1 - confidence)) / (2 * density)
        reach += step
        if abs(step) < _CLOSE * reach:
            break
    return _two_tails(t, freedom), reach


def _two_tails(t: float, freedom: float) -> float:
    """Chance of a t so far from zero: the incomplete beta function of x = v / (v + t^2), v/2 and 1/2.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, equation 26.7.1; the function by the continued
    fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, evaluated by Lentz's method.
    """
    a, b, square = freedom / 2, 0.5, t * t
    x, rest = freedom / (freedom + square), square / (freedom + square)
    if not rest:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # converges faster from the other side
        return 1 - _beta(rest, x, b, a)
    return _beta(x, rest, a, b)


def _beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularized incomplete beta function of x, which is 1 - rest."""
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    below = 1 / (1 - (a + b) * x / (a + 1))
    above, fraction = 1.0, below
    for m in range(1, _STEPS):
        for d in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            below = 1 / (1 + d * below)
            above = 1 + d / above
            fraction *= below * above
        if abs(below * above - 1) < _TINY:
            break
    return math.exp(log_front) * fraction / a


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
