"""How good the estimates are: hundreds of worlds of each pipeline, by seed, against what was planted; ``make study``.

    python -m benchmarks.coverage --seeds 500

Of each world only the stages are run that the table ``impact_estimates`` needs; nothing is loaded or written. What is
told of the estimator is worked out here, in floating point, from rows that the pipeline has rounded to six digits.
"""

from __future__ import annotations

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import ROOT
from benchmarks.study import Mean, Study, document, picture
from etl.config.source import load
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from etl.run.shards import run_after_shards, run_once, run_shard, shard_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from etl.pipeline.model import Pipeline
    from etl.run.plan import Plan

WORLDS = {
    "default": "pipeline.yaml",
    "null": "pipelines/null.yaml",
    "realistic": "pipelines/realistic.yaml",
    "ela": "pipelines/ela.yaml",
    "biased": "pipelines/biased.yaml",
}
#: Where the two groups would not have grown alike without the assignment.
UNFAIR = {"biased"}
TABLE = "impact_estimates"


class Estimate(NamedTuple):
    """An assignment's effect in one world, in scale points: what was planted, and what was found."""

    assignment: int
    planted: float
    expected_bias: float
    bias: float
    standard_error: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Whether the interval holds a number."""
        return self.low <= truth <= self.high


World = list[Estimate]


def estimated(plan: Plan, seed: int) -> World:
    """The assignments' estimates in the world of a seed; an assignment without an interval is left out."""
    plan = replace(plan, pipeline=replace(plan.pipeline, seed=seed))
    once = run_once(plan)
    collected: dict[str, list[pa.Table]] = {name: [] for name in plan.collected}
    for number in range(shard_count(plan, once)):
        shard = run_shard(plan, once, number)
        for name, tables in collected.items():
            tables.append(shard[name])
    rows = run_after_shards(plan, once, collected)[TABLE].to_pylist()
    return [
        Estimate(row["assignment_id"], *(row[name] for name in Estimate._fields[1:]))
        for row in rows
        if row["scope"] == "assignment" and row["low"] is not None
    ]


def simulated(pipeline: Pipeline, seeds: Iterable[int]) -> list[World]:
    """The estimates in the worlds of some seeds."""
    plan = make_plan(pipeline).until(TABLE)
    return [estimated(plan, seed) for seed in seeds]


def studied(name: str, worlds: Sequence[World]) -> Study:
    """What the estimates of many worlds say of the estimator: all of them, and each assignment by itself."""
    numbers = sorted({each.assignment for world in worlds for each in world})
    by_number = {
        number: [[each for each in world if each.assignment == number] for world in worlds] for number in numbers
    }
    biases = {
        number: fmean(each.expected_bias for world in some for each in world) for number, some in by_number.items()
    }
    alone = [_study(f"{number}", some, biases) for number, some in by_number.items()]
    return _study(name, worlds, biases)._replace(alone=tuple(alone), fair=name not in UNFAIR)


def _study(name: str, worlds: Sequence[World], biases: Mapping[int, float]) -> Study:
    """Some estimates of each world; ``biases`` are the mean expected biases of the assignments, over worlds."""
    some = [world for world in worlds if world]

    def mean(what: Callable[[Estimate], float]) -> Mean:
        """Over worlds: the estimates in one share students, those of different worlds are independent."""
        values = [fmean(what(each) for each in world) for world in some]
        return Mean(fmean(values), stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan)

    return Study(
        name,
        len(some),
        planted=mean(lambda each: each.planted),
        bias=mean(lambda each: each.bias),
        expected=mean(lambda each: each.expected_bias),
        excess=mean(lambda each: each.bias - each.expected_bias),
        rmse=math.sqrt(mean(lambda each: each.bias**2).value),
        error=math.sqrt(mean(lambda each: each.standard_error**2).value),
        covered=mean(lambda each: each.holds(each.planted)),
        corrected=mean(lambda each: each.holds(each.planted + biases[each.assignment])),
    )


@cache  # a process validates each pipeline once
def _plan(path: str) -> Plan:
    return make_plan(validate(load(ROOT / path))).until(TABLE)


def _one(path: str, seed: int) -> World:
    return estimated(_plan(path), seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, and write the document and the picture beside it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="worlds of each pipeline, from seed 1 on")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--only", action="append", choices=WORLDS, help="this pipeline, not all of them")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/study.md", help="the document")
    options = parser.parse_args(arguments)
    studies = []
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for name in options.only or WORLDS:
            worlds = pool.map(_one, repeat(WORLDS[name]), range(1, options.seeds + 1), chunksize=5)
            studies.append(studied(name, list(worlds)))
            print(studies[-1].told(), flush=True)
    options.out.write_text(document(studies, options.out.with_suffix(".svg").name), encoding="utf-8")
    options.out.with_suffix(".svg").write_text(picture(studies), encoding="utf-8")


if __name__ == "__main__":
    main()
