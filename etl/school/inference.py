"""The formulas of the analysis, each with its source. Those of two means are exact fractions up to the last step."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from itertools import product
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from etl.school.within import EXCESS, GAIN, MOMENTS, TREATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Pair = tuple[str, str]


_STEPS = 10_000  # far more than a continued fraction needs
_TINY = 1e-15  # a negligible relative change
_CLOSE = 1e-12
_COLLINEAR = 1e-9  # the share of a variable that others must leave unexplained


class Regression(NamedTuple):
    """The coefficient of the treatment in a regression with roster effects."""

    effect: float
    excess: float  # of the effect over its expectation
    variance: float | None  # cluster-robust; 0 when the regression explains every gain; None for too few students
    df: int  # degrees of freedom of the variance


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


def fixed_effects(
    covariates: Sequence[str],
    moments: Mapping[Pair, float],
    products: Mapping[tuple[Pair, Pair], float],
    rosters: int,
    students: int,
) -> Regression | None:
    """Regress the gain on the treatment, covariates and roster effects, with standard errors clustered by roster.

    ``moments`` and ``products`` are summed over rosters: see :mod:`etl.school.within`. A collinear covariate is left
    out; None if the treatment is collinear. Least squares by the sweep operator: Goodnight, "A tutorial on the SWEEP
    operator", American Statistician 33, 1979. The variance is CR1, a sandwich of the rosters' scores times
    G / (G - 1) x (N - 1) / (N - K), where K counts the regressors and a constant: Liang and Zeger, "Longitudinal data
    analysis using generalized linear models", Biometrika 73, 1986; Cameron and Miller, "A practitioner's guide to
    cluster-robust inference", J. Human Resources 50, 2015. Its t has G - 1 degrees of freedom.
    """
    inverse: dict[Pair, float] = {}
    used: list[str] = []
    for name in (*covariates, TREATED):
        if _sweep(inverse, used, name, moments):
            used.append(name)
    if TREATED not in used:
        return None
    slopes = {one: sum(inverse[one, other] * moments[other, GAIN] for other in used) for one in used}
    weights = {name: inverse[TREATED, name] for name in used}
    # What a roster adds to the effect is a weighted sum of its moments: the weights times its scores.
    influence = dict.fromkeys(MOMENTS, 0.0)
    for one, other in product(used, used):
        influence[(one, other) if (one, other) in influence else (other, one)] -= weights[one] * slopes[other]
    influence |= {(name, GAIN): weights[name] for name in used}
    terms = [
        influence[one] * influence[other] * products[(one, other) if (one, other) in products else (other, one)]
        for one, other in product(influence, influence)
    ]
    variance, df = math.fsum(terms), students - len(used) - 1
    if variance < _CLOSE * math.fsum(map(abs, terms)):
        variance = 0.0  # what rounding left
    factor = rosters / (rosters - 1) * (students - 1) / df if rosters > 1 and df else None
    excess = sum(weights[name] * moments[name, EXCESS] for name in used)
    return Regression(slopes[TREATED], excess, None if factor is None else factor * variance, rosters - 1)


def _sweep(inverse: dict[Pair, float], used: Sequence[str], name: str, moments: Mapping[Pair, float]) -> bool:
    """Extend the inverse of the moments of the ``used`` variables by one; False if it is collinear with them."""

    def moment(one: str, other: str) -> float:
        return moments[(one, other) if (one, other) in moments else (other, one)]

    slopes = {one: sum(inverse[one, other] * moment(other, name) for other in used) for one in used}
    rest = moment(name, name) - sum(slopes[one] * moment(one, name) for one in used)
    if rest <= _COLLINEAR * moment(name, name):
        return False
    for one, other in product(used, used):
        inverse[one, other] += slopes[one] * slopes[other] / rest
    for one in used:
        inverse[one, name] = inverse[name, one] = -slopes[one] / rest
    inverse[name, name] = 1 / rest
    return True


def student_t(t: float, df: float, confidence: float) -> tuple[float, float]:
    """Two-sided p of a statistic, and the critical value for a level of confidence.

    "Student", "The probable error of a mean", Biometrika 6, 1908. With infinitely many degrees of freedom it is the
    normal distribution.
    """
    p = math.erfc(abs(t) / math.sqrt(2)) if math.isinf(df) else _two_tails(t, df)
    return p, _critical_value(df, confidence)


@lru_cache(maxsize=1024)  # many estimates have as many rosters
def _critical_value(df: float, confidence: float) -> float:
    """How many standard errors an interval reaches: a quantile, by Newton's method from the normal one below it.

    The tail is convex, so every step comes nearer from below.
    """
    critical = NormalDist().inv_cdf((1 + confidence) / 2)
    if math.isinf(df):
        return critical
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    for _ in range(100):
        density = math.exp(log_scale - (df + 1) / 2 * math.log1p(critical * critical / df))
        step = (_two_tails(critical, df) - (1 - confidence)) / (2 * density)
        critical += step
        if abs(step) < _CLOSE * critical:
            break
    return critical


def _two_tails(t: float, df: float) -> float:
    """Chance of a t so far from zero: the incomplete beta function of x = v / (v + t^2), v/2 and 1/2.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, equation 26.7.1; the function by the continued
    fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, evaluated by Lentz's method.
    """
    a, b, square = df / 2, 0.5, t * t
    x, rest = df / (df + square), square / (df + square)
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

    The weights are inverse variances, which count as known, so that the pooled statistic is
    normal: Borenstein, Hedges, Higgins and Rothstein, "Introduction to Meta-Analysis", Wiley 2009, chapter 11.
    """
    total = sum((1 / variance for variance in variances), Fraction(0))
    return [1 / (variance * total) for variance in variances], 1 / total


def hoeffding_bound(excess: Fraction, spread: Fraction) -> float:
    """A bound for the chance that a sum of independent numbers misses its expectation by so much, up or down.

    ``spread`` is the sum of the squares of the distances from each number's least value to its greatest. Hoeffding,
    "Probability inequalities for sums of bounded random variables", J. American Statistical Association 58, 1963,
    theorem 2. It is valid for any number of students; Welch's t needs many.
    """
    if not spread:
        return float(not excess)
    return min(1.0, 2 * math.exp(-2 * excess * excess / spread))
