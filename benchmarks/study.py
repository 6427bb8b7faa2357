"""The diagnosis of the estimators as a document and pictures, one for each question."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.diagnosis import Mean
from benchmarks.plot import curve, forest
from benchmarks.results import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.diagnosis import Diagnosis
    from benchmarks.power import Curves

    Found = Mapping[str, Mapping[str, Diagnosis]]  # by world and estimator

LEAST, MOST = 0.93, 0.97  # the coverage of a right 95 % interval
FAR = 3  # standard errors: a mean is so far off by chance once in 370 times
#: The estimators as they are called in tables and in pictures.
NAMES = {"did": "DiD", "did_fixed_effects": "DiD within rosters", "ancova": "ANCOVA"}
#: The estimators whose assumptions hold in each world.
FITTING = {
    "default": ("did", "did_fixed_effects", "ancova"),
    "null": ("did", "did_fixed_effects", "ancova"),
    "ela": ("did", "did_fixed_effects", "ancova"),
    "realistic": ("ancova",),
    "regression": ("ancova",),
    "clustered": ("did_fixed_effects", "ancova"),
    "biased": (),
}
#: Where an estimator is known to fail: the coverage that it must stay below.
FAILING = {("regression", "did"): 0.05, ("clustered", "did"): 0.9, ("biased", "did"): 0.9}

PREFACE = """\
# How good are the estimates?

Written by `make study`, which runs the three analyses of `impact_estimates` ([formulas](data.md#what-is-estimated))
on {worlds} worlds of each pipeline, seeds 1 to {worlds}, each of its full size. The planted effects are known
exactly. [analysis.md](analysis.md) says what follows for an analyst.

± is the standard error of the simulation, by a jackknife over worlds: estimates of one world share its students,
those of two worlds share nothing. Points are scale points. The diagnosands are those of DeclareDesign (Blair and
others 2019) and, for type S and exaggeration, of Gelman and Carlin (2014). All assignments of a world are pooled.
"""
BIAS = """
## Does the analysis find the planted effect, on average?

**Bias** is the estimate minus the planted effect. **Expected** is the bias that follows from who was given work, who
did it and how tests erred, computed exactly from what the generators drew. The rest must be chance.

![Mean bias by world and estimator]({stem}-bias.svg)
"""
COVERAGE = """
## Do its intervals contain the planted effect?

**SD** is the standard deviation of the estimate over worlds, **stated** the mean standard error that the analysis
reports: they must agree. **RMSE** is the root mean square of the bias. **Coverage** is the share of 95 % intervals
that contain the planted effect; **with the bias**, the share that contain the planted effect and the assignment's
mean expected bias together.

![Coverage by world and estimator]({stem}-coverage.svg)
"""
SIGNIFICANCE = """
## What does a significant result mean?

**Power** is the share of estimates that differ from zero at the 5 % level; where nothing is planted (`null`) it is
the rate of false alarms. Of the significant estimates, **type S** is the share with the wrong sign, and
**exaggeration** how many times larger than the planted effect they are on average.

![Power, type S errors and exaggeration]({stem}-significance.svg)
"""
POWER = """
## How many classes does a district need?

The chance that ANCOVA finds the effect of a completed assignment in `realistic`, by its size in standard deviations
of observed scores; all classes are in one window. The other analyses are some 20 points too high there, so their
power means nothing.

![Power over the number of classes]({stem}-power.svg)
"""


def document(found: Found, power: Curves, worlds: int, stem: str) -> str:
    """The document, in Markdown; ``stem`` begins the names of its pictures."""
    parts = [
        PREFACE.format(worlds=worlds),
        "## What must be found\n",
        table(["goal", "found", ""], goals(found), 3),
        BIAS.format(stem=stem),
        _table(
            found,
            {"planted": _planted, "bias": _points("bias"), "expected": _points("expected"), "rest": _points("excess")},
        ),
        COVERAGE.format(stem=stem),
        _table(
            found,
            {
                "SD": _points("sd"),
                "stated": _points("standard_error"),
                "RMSE": _points("rmse"),
                "coverage": _share("coverage"),
                "with the bias": _share("corrected"),
            },
        ),
        SIGNIFICANCE.format(stem=stem),
        _table(
            found, {"power": _share("power"), "type S": _share("type_s"), "exaggeration": _points("exaggeration", "x")}
        ),
    ]
    if power:
        header = ["effect, SD", *(f"{point.rosters:,}" for point in next(iter(power.values())))]
        rows = [[f"{effect:g}", *(_percent(point.power) for point in points)] for effect, points in power.items()]
        coverage = [point.coverage for points in power.values() for point in points]
        span = f"{min(each.value for each in coverage):.0%} to {max(each.value for each in coverage):.0%}"
        parts += [
            POWER.format(stem=stem),
            table(header, rows, 1),
            f"\nCoverage is {span} from {header[1]} classes to {header[-1]}: few classes do not make it too narrow.",
        ]
    return "\n".join(parts) + "\n"


def goals(found: Found) -> Iterator[list[str]]:
    """What the study must show: each goal, what was found, and whether it is met."""
    for world, by_estimator in found.items():
        for estimator in FITTING[world]:
            coverage = by_estimator[estimator].coverage.value
            goal = (
                f"{world}: {LEAST:.0%} to {MOST:.0%} of the intervals of {NAMES[estimator]} contain the planted effect"
            )
            yield [goal, f"{coverage:.1%}", _passed(LEAST <= coverage <= MOST)]
        for (name, estimator), most in FAILING.items():
            if name == world:
                coverage = by_estimator[estimator].coverage.value
                yield [
                    f"{world}: fewer than {most:.0%} of those of {NAMES[estimator]} do",
                    f"{coverage:.1%}",
                    _passed(coverage < most),
                ]
        off = [abs(each.excess.value) / each.excess.error for each in by_estimator.values() if each.excess.error > 0]
        goal = f"{world}: the mean bias of each estimator is the expected one, within {FAR} standard errors"
        yield [goal, f"{max(off, default=0):.1f}", _passed(max(off, default=0) <= FAR)]


def pictures(found: Found, power: Curves) -> dict[str, str]:
    """The pictures as SVG, by the endings of their names."""
    series = list(NAMES.values())

    def rows(what: str, factor: float = 1) -> dict[str, list[tuple[float, float, float]]]:
        return {
            world: [Mean(*(factor * number for number in getattr(each, what))).interval for each in estimators.values()]
            for world, estimators in found.items()
        }

    band = (100 * LEAST, 100 * MOST)
    made = {
        "bias": forest(
            [
                ("Mean bias, points", rows("bias"), series, None),
                ("Bias less the expected one, points", rows("excess"), [], None),
            ]
        ),
        "coverage": forest(
            [
                ("Intervals that contain the planted effect, %", rows("coverage", 100), series, band),
                ("... the planted effect and the expected bias, %", rows("corrected", 100), [], band),
            ]
        ),
        "significance": forest(
            [
                ("Power, %", rows("power", 100), series, None),
                ("Significant with the wrong sign, %", rows("type_s", 100), [], None),
                ("Exaggeration of the significant", rows("exaggeration"), [], None),
            ]
        ),
    }
    if power:
        lines = {
            f"{effect:g} SD": [(point.rosters, *Mean(*(100 * x for x in point.power)).interval) for point in points]
            for effect, points in power.items()
        }
        made["power"] = curve("Power, %", "classes", lines, 80)
    return made


def _table(found: Found, columns: Mapping[str, Callable[[Diagnosis], str]]) -> str:
    rows = [
        [world, NAMES[estimator], *(cell(diagnosis) for cell in columns.values())]
        for world, by_estimator in found.items()
        for estimator, diagnosis in by_estimator.items()
    ]
    return table(["world", "estimator", *columns], rows, 2)


def _planted(diagnosis: Diagnosis) -> str:
    return f"{diagnosis.planted.value:.2f}"


def _points(name: str, unit: str = "") -> Callable[[Diagnosis], str]:
    """A number of points with its error."""

    def cell(diagnosis: Diagnosis) -> str:
        mean: Mean = getattr(diagnosis, name)
        if math.isnan(mean.value):
            return ""
        return f"{round(mean.value, 2) + 0.0:.2f}{unit}" + ("" if math.isnan(mean.error) else f" ± {mean.error:.2f}")

    return cell


def _share(name: str) -> Callable[[Diagnosis], str]:
    return lambda diagnosis: _percent(getattr(diagnosis, name))


def _percent(share: Mean) -> str:
    if math.isnan(share.value):
        return ""
    return f"{share.value:.1%}" + ("" if math.isnan(share.error) else f" ± {100 * share.error:.1f}")


def _passed(enough: bool) -> str:  # noqa: FBT001 -- what a comparison says
    return "pass" if enough else "**fail**"
