"""The estimators: each makes an estimate of an assignment's effect of the sums over its students."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

from etl.school.impact import TALLY, WITHIN_PLANTED
from etl.school.inference import (
    fixed_effect_weights,
    fixed_effects,
    hoeffding_bound,
    student_t,
    welch,
)
from etl.school.within import EXCESSES, LIMBS, MOMENTS, REGRESSORS, TREATED, WEIGHTED_GAIN, totals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Row = dict[str, Any]
    Number = Fraction | float

_CONFIDENCE = 0.95  # of the intervals


@dataclass(frozen=True)
class Estimate:
    """An effect, in scale points; None for what cannot be computed."""

    treated: int
    control: int
    treated_gain: Number | None = None
    control_gain: Number | None = None
    planted: Number | None = None
    expected_bias: Number | None = None
    variance: Number | None = None  # of the effect
    df: float | None = None  # degrees of freedom; infinite where the variance is taken as known
    surprise: float | None = None

    def cells(self) -> dict[str, Any]:
        """Return the computed columns."""
        students = {"treated": self.treated, "control": self.control}
        points = {name: getattr(self, name) for name in ("treated_gain", "control_gain", "planted", "expected_bias")}
        interval: dict[str, Any] = {}
        if self.treated_gain is not None and self.control_gain is not None and self.planted is not None:
            effect = self.treated_gain - self.control_gain
            points |= {"effect": effect, "bias": effect - self.planted}
            interval = self._interval(float(effect), float(self.planted))
        rounded = {name: None if point is None else six_decimals(point) for name, point in points.items()}
        return {
            **students,
            **rounded,
            **interval,
            "surprise": None if self.surprise is None else _six_digits(self.surprise),
        }

    def _interval(self, effect: float, planted: float) -> dict[str, Any]:
        """Return standard error, t, two-sided p, the confidence interval and whether it contains the planted effect."""
        if self.variance is None:
            return {}
        error = math.sqrt(self.variance)
        if not error or self.df is None:
            return {"standard_error": 0.0}
        t = effect / error
        p, critical = student_t(t, self.df, _CONFIDENCE)
        low, high = effect - critical * error, effect + critical * error
        return {
            "standard_error": six_decimals(error),
            "degrees_of_freedom": six_decimals(self.df) if math.isfinite(self.df) else None,
            "t": six_decimals(t),
            "p": _six_digits(p),
            "low": six_decimals(low),
            "high": six_decimals(high),
            "covered": int(low <= planted <= high),
        }


def _two_means(sums: Row) -> Estimate:
    """Compare the mean gain of the treated with that of the control group, with Welch's interval.

    Difference in differences: Angrist and Pischke, "Mostly Harmless Econometrics", Princeton 2009, section 5.2.
    The expected bias is the comparison's expectation less the mean planted effect over the treated, given the scores
    before the impacted test. The rest is the excess: due to the draws of growth alone.
    """
    students = sums["treated"], sums["control"]
    treated, control = (_Group.of(sums, name) for name in ("treated", "control"))
    if treated is None:
        return Estimate(*students, control_gain=None if control is None else control.gain)
    if control is None:
        return Estimate(*students, treated.gain, planted=treated.planted)
    excess = treated.excess - control.excess
    expected = treated.gain - control.gain - excess
    variance, df = None, None
    if treated.variance is not None and control.variance is not None:
        variance, df = welch((treated.students, treated.variance), (control.students, control.variance))
    return Estimate(
        *students,
        treated.gain,
        control.gain,
        treated.planted,
        expected - treated.planted,
        variance,
        df,
        hoeffding_bound(excess, treated.spread + control.spread),
    )


def _within_rosters(sums: Row, covariates: Sequence[str] = ()) -> Estimate:
    """Compare gains within the rosters that have both groups, with intervals that are cluster-robust by roster.

    Rosters weigh by n1 n0 / (n1 + n0), their treated and control students. With covariates the control gain is what
    control students with the scores of the treated would have gained.
    """
    students = sums["within_treated"], sums["within_control"]
    if not sums["rosters"]:
        return Estimate(*students)
    cells = totals(sums[LIMBS])
    found = fixed_effects(
        covariates,
        {pair: cells[".".join(pair)] for pair in (*MOMENTS, *EXCESSES)},
        {pairs: cells[" ".join(map(".".join, pairs))] for pairs in combinations_with_replacement(MOMENTS, 2)},
        sums["rosters"],
        sum(students),
    )
    if found is None:
        return Estimate(*students)
    parts, weight = sums["parts"], cells[f"{TREATED}.{TREATED}"]
    gain = cells[WEIGHTED_GAIN] / weight / parts
    planted = Fraction(sums[WITHIN_PLANTED], students[0] * parts * sums["denominator"])
    return Estimate(
        *students,
        gain,
        gain - found.effect / parts,
        planted,
        (found.effect - found.excess) / parts - planted,
        None if found.variance is None else found.variance / parts**2,
        found.df,
    )


@dataclass(frozen=True)
class _Group:
    """Means over the treated or the control students, in points."""

    students: int
    gain: Fraction
    variance: Fraction | None  # sample variance of the gains; None for a single student
    planted: Fraction
    excess: Fraction  # of the gain over its expectation
    spread: Fraction  # sum over students and standards of the squared range of the mean gain

    @classmethod
    def of(cls, sums: Row, name: str) -> _Group | None:
        """Read a group's sums; None for an empty group."""
        students, parts = sums[name], sums["parts"]
        if not students:
            return None
        gain, squares, planted, excess, spread = (sums[f"{name}_{kind}"] for kind in TALLY)
        cells, fine = students * parts, students * parts * sums["denominator"]
        among = students * (students - 1) * parts**2
        return cls(
            students,
            Fraction(gain, cells),
            Fraction(students * squares - gain * gain, among) if among else None,
            Fraction(planted, fine),
            Fraction(excess, fine),
            Fraction(spread, cells * cells),
        )


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """Pool the estimates of a category that have a variance; the truths are pooled with the same weights."""
    students = sum(estimate.treated for estimate in estimates), sum(estimate.control for estimate in estimates)
    known = [(estimate, Fraction(estimate.variance)) for estimate in estimates if estimate.variance]
    if not known:
        return Estimate(*students)
    weights, variance = fixed_effect_weights([variance for _, variance in known])

    def mean(name: str) -> Fraction:
        parts = (
            weight * Fraction(getattr(estimate, name)) for weight, (estimate, _) in zip(weights, known, strict=True)
        )
        return sum(parts, Fraction(0))

    return Estimate(
        *students,
        mean("treated_gain"),
        mean("control_gain"),
        mean("planted"),
        mean("expected_bias"),
        variance,
        math.inf,
    )


def six_decimals(number: Number) -> float:
    """Round to six decimals; never returns -0.0."""
    return round(float(number), 6) + 0.0


def _six_digits(number: float) -> float:
    """Round to six significant digits, for small probabilities."""
    return float(f"{number:.6g}")


#: The estimators, by their names in the table.
ESTIMATORS: Mapping[str, Callable[[Row], Estimate]] = {
    "did": _two_means,
    "did_fixed_effects": _within_rosters,
    "ancova": partial(_within_rosters, covariates=REGRESSORS[1:]),
}
