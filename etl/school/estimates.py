"""The standard analysis: each assignment's effect estimated from the gains, compared with the planted effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa

from etl.generator.params import Columns
from etl.school.impact import GAIN_SUMS, NUMBERS, PLANTED_SUMS, TALLY
from etl.school.inference import difference_in_differences, fixed_effect_weights, student, surprise, welch
from etl.school.params import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CONFIDENCE = 0.95  # of the intervals

_EFFECTS = pa.schema(
    [
        ("id", pa.int64()),
        ("assignment_id", pa.int64()),
        ("standard_id", pa.int64()),
        ("status", pa.string()),
        ("students", pa.int64()),
        ("effect", pa.float64()),
    ]
)
_GAINS = ("treated_gain", "control_gain", "effect")
_TEST = ("standard_error", "degrees_of_freedom", "t", "p", "low", "high")
_TRUTH = ("planted", "expected_bias", "bias")
_ESTIMATES = pa.schema(
    [
        ("id", pa.int64()),
        ("scope", pa.string()),
        *((name, pa.int64()) for name in ("assignment_id", "rc_id", "standard_id", "treated", "control")),
        *((name, pa.float64()) for name in (*_GAINS, *_TEST, *_TRUTH)),
        ("covered", pa.int64()),
        ("surprise", pa.float64()),
    ]
)


def planted_effects(planted_sums: Annotated[pa.Table, Columns(tuple(PLANTED_SUMS.names))]) -> pa.RecordBatch:
    """Make the rows of the table ``planted_effects`` from every shard's sums: mean effects, in scale points.

    A row for each assignment, standard that it covers, and status; its effect is null when nobody has that status.
    """
    keys = ("assignment_id", "standard_id", "status")
    sums = _added_up(planted_sums, keys, ("students", "planted"))
    sums.sort(key=lambda row: (row["assignment_id"], row["standard_id"], STATUSES.index(row["status"])))
    for number, row in enumerate(sums, start=1):
        parts = row["students"] * row["denominator"]
        row |= {"id": number, "effect": _rounded(Fraction(row["planted"], parts)) if parts else None}
    return pa.RecordBatch.from_pylist(sums, schema=_EFFECTS)


def impact_estimates(gain_sums: Annotated[pa.Table, Columns(tuple(GAIN_SUMS.names))]) -> pa.RecordBatch:
    """Make the rows of the table ``impact_estimates`` from every shard's sums.

    First a row for each assignment, then one for each standard of each assignment, then one for each category that
    assignments practise. Cells are null where a group is empty, and there is no interval where one has a single
    student or no gain differs from another.
    """
    sums = _added_up(gain_sums, ("assignment_id", "standard_id"), NUMBERS)
    sums.sort(key=lambda row: (row["assignment_id"], row["standard_id"] or 0))
    whole = [(row, _compared(row)) for row in sums if row["standard_id"] is None]
    parts = [(row, _compared(row)) for row in sums if row["standard_id"] is not None]
    rows = [
        {**row, "scope": scope, **estimate.cells()}
        for scope, some in (("assignment", whole), ("standard", parts))
        for row, estimate in some
    ]
    for category in sorted({row["rc_id"] for row, _ in whole} - {None}):
        members = [(row, estimate) for row, estimate in whole if row["rc_id"] == category]
        students = {name: sum(row[name] for row, _ in members) for name in ("treated", "control")}
        estimate = _pooled([estimate for _, estimate in members])
        rows.append({"scope": "category", "rc_id": category, **students, **estimate.cells()})
    for number, row in enumerate(rows, start=1):
        row["id"] = number
    return pa.RecordBatch.from_pylist(rows, schema=_ESTIMATES)


@dataclass(frozen=True)
class _Estimate:
    """An effect, in scale points; None for what cannot be computed."""

    treated_gain: Fraction | None = None
    control_gain: Fraction | None = None
    planted: Fraction | None = None
    expected_bias: Fraction | None = None
    variance: Fraction | None = None  # of the effect
    freedom: float | None = None  # degrees of freedom; infinite where the variance is taken as known
    surprise: float | None = None

    def cells(self) -> dict[str, Any]:
        """Return the computed columns."""
        points = {name: getattr(self, name) for name in ("treated_gain", "control_gain", "planted", "expected_bias")}
        interval: dict[str, Any] = {}
        if self.treated_gain is not None and self.control_gain is not None and self.planted is not None:
            effect = difference_in_differences(self.treated_gain, self.control_gain)
            points |= {"effect": effect, "bias": effect - self.planted}
            interval = self._interval(float(effect), float(self.planted))
        rounded = {name: None if point is None else _rounded(point) for name, point in points.items()}
        return {**rounded, **interval, "surprise": None if self.surprise is None else _significant(self.surprise)}

    def _interval(self, effect: float, planted: float) -> dict[str, Any]:
        """Return standard error, t, two-sided p, the confidence interval and whether it contains the planted effect."""
        if self.variance is None:
            return {}
        error = math.sqrt(self.variance)
        if not error or self.freedom is None:
            return {"standard_error": 0.0}
        t = effect / error
        p, reach = student(t, self.freedom, _CONFIDENCE)
        low, high = effect - reach * error, effect + reach * error
        return {
            "standard_error": _rounded(error),
            "degrees_of_freedom": _rounded(self.freedom) if math.isfinite(self.freedom) else None,
            "t": _rounded(t),
            "p": _significant(p),
            "low": _rounded(low),
            "high": _rounded(high),
            "covered": int(low <= planted <= high),
        }


def _compared(sums: dict[str, Any]) -> _Estimate:
    """Compare the gains of the treated with those of the control group.

    The expected bias is the comparison's expectation less the mean planted effect over the treated, given the scores
    before the impacted test. The rest is the excess: due to the draws of growth alone.
    """
    treated, control = (_Group.of(sums, name) for name in ("treated", "control"))
    if treated is None:
        return _Estimate(control_gain=None if control is None else control.gain)
    if control is None:
        return _Estimate(treated.gain, planted=treated.planted)
    excess = treated.excess - control.excess
    expected = difference_in_differences(treated.gain, control.gain) - excess
    variance, freedom = None, None
    if treated.variance is not None and control.variance is not None:
        variance, freedom = welch((treated.students, treated.variance), (control.students, control.variance))
    return _Estimate(
        treated.gain,
        control.gain,
        treated.planted,
        expected - treated.planted,
        variance,
        freedom,
        surprise(excess, treated.spread + control.spread),
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
    def of(cls, sums: dict[str, Any], name: str) -> _Group | None:
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


def _pooled(estimates: Iterable[_Estimate]) -> _Estimate:
    """Pool the estimates of a category that have a variance; the truths are pooled with the same weights."""
    known = [(estimate, estimate.variance) for estimate in estimates if estimate.variance]
    if not known:
        return _Estimate()
    weights, variance = fixed_effect_weights([variance for _, variance in known])

    def mean(name: str) -> Fraction:
        parts = (weight * getattr(estimate, name) for weight, (estimate, _) in zip(weights, known, strict=True))
        return sum(parts, Fraction(0))

    return _Estimate(
        mean("treated_gain"), mean("control_gain"), mean("planted"), mean("expected_bias"), variance, math.inf
    )


def _added_up(sums: pa.Table, keys: Sequence[str], numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Sum the numbers of rows with the same keys, in Python's integers, which do not overflow."""
    totals: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sums.to_pylist():
        total = totals.setdefault(tuple(row[key] for key in keys), {**row, **dict.fromkeys(numbers, 0)})
        for name in numbers:
            total[name] += row[name]
    return list(totals.values())


def _rounded(number: float | Fraction) -> float:
    """Round to six decimals; never returns -0.0."""
    return round(float(number), 6) + 0.0


def _significant(number: float) -> float:
    """Round to six significant digits, for small probabilities."""
    return float(f"{number:.6g}")
