"""The chance to find an effect, by the number of rosters.

In ``realistic.yaml`` all rosters are in the first window, and only its two tests are made. The sums of ten rosters add
up to those of a hundred, as those of shards do, so a world of a thousand rosters has comparisons of every smaller size.
"""

from __future__ import annotations

from itertools import repeat
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.diagnosis import Mean
from benchmarks.worlds import World
from etl.school.arrays import matrix
from etl.school.estimates import added_up
from etl.school.estimators import ESTIMATORS
from etl.school.impact import NUMBERS, gain_sums

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

WORLD, ESTIMATOR = "pipelines/realistic.yaml", "ancova"
EFFECTS = (0.05, 0.1, 0.2)  # standard deviations of scores in the covered standards on the first test
FINE, COARSE = 10, 50  # rosters of a block
ROSTERS = (10, 20, 50, 100, 200, 500, 1000)
COMPARISONS = 20  # of one size in a world, at most: those of ten and twenty rosters need fine blocks
ASSIGNMENT = 1
_YEAR = ("pm1", "window1", "pm2")  # the first window and its two tests


class Point(NamedTuple):
    """What so many rosters find."""

    rosters: int
    power: Mean
    coverage: Mean


#: By effect, in standard deviations.
Curves = dict[float, list[Point]]


def curves(worlds: int, pool: Executor) -> Curves:
    """Power over the number of rosters for each effect, in so many worlds of a thousand rosters."""
    natural, deviation = _scale()
    found: Curves = {}
    for effect in EFFECTS:
        growth = [end + round(effect * deviation) for end in natural]
        made = list(pool.map(compared, repeat(growth), range(1, worlds + 1)))
        found[effect] = [
            Point(
                rosters, *(_mean([fmean(each[kind] for each in world[rosters]) for world in made]) for kind in (0, 1))
            )
            for rosters in ROSTERS
        ]
    return found


def _mean(worlds: list[float]) -> Mean:
    return Mean(fmean(worlds), stdev(worlds) / sqrt(len(worlds)) if len(worlds) > 1 else float("nan"))


def _scale() -> tuple[tuple[int, int], float]:
    """Growth without an assignment, and the standard deviation of scores in the covered standards on the first test."""
    world = World(WORLD, 0)
    growth = world.plan.pipeline.stages["pm2"].params.growth.untouched
    tables = world.run(stage for stage in world.plan.per_shard if stage.name in {"students", "pm1"})
    covering = tables["assignment_standards"]
    covering = covering.filter(pc.equal(covering["assignment_id"], ASSIGNMENT))
    places = np.searchsorted(np.sort(tables["standards"]["id"].to_numpy()), covering["standard_id"].to_numpy())
    return growth, float(matrix(tables["pm1"]["standards"])[:, places].mean(axis=1).std())


def compared(growth: list[int], seed: int) -> dict[int, list[tuple[bool, bool]]]:
    """By the number of rosters: does each comparison find an effect, and does its interval contain the planted one.

    ``growth``: the range of those who complete the assignment.
    """
    fine = range(0, min(20 * COMPARISONS, ROSTERS[-1]), FINE)
    edges = [*fine, *range(fine.stop, ROSTERS[-1] + 1, COARSE)]
    blocks = dict(zip(edges, _blocks(growth, seed, edges), strict=False))
    found = {}
    for rosters in ROSTERS:
        starts = range(0, ROSTERS[-1], rosters)[:COMPARISONS]
        groups = [[sums for edge, sums in blocks.items() if start <= edge < start + rosters] for start in starts]
        sums = [added_up(pa.Table.from_batches(group), ("assignment_id",), NUMBERS) for group in groups]
        cells = [ESTIMATORS[ESTIMATOR](row).cells() for (row,) in sums]
        found[rosters] = [(cell["low"] > 0 or cell["high"] < 0, bool(cell["covered"])) for cell in cells]
    return found


def _blocks(growth: list[int], seed: int, edges: list[int]) -> Iterator[pa.RecordBatch]:
    """Yield the sums of the assignment over the rosters from each edge to the next one."""
    windows = (f"stages.{window}.params.rosters=[1, {ROSTERS[-1]}]" for window in ("window1", "window2", "window3"))
    changes = (f"stages.classes.params.count={ROSTERS[-1]}", *windows, f"x-growth.assigned.completed={growth}")
    world = World(WORLD, seed, *changes)
    year = world.run(stage for stage in world.plan.per_shard if stage.name in {"students", *_YEAR})
    assignments = year["assignments"].filter(pc.equal(year["assignments"]["id"], ASSIGNMENT))
    rules = world.plan.pipeline.stages["gain_sums"].params
    first = np.append(year["classes"]["first_student"].to_numpy(), year["students"].num_rows + 1)[edges]
    ends = {name: np.searchsorted(year[name]["student_id"].to_numpy(), first) for name in _YEAR}
    for block in range(len(edges) - 1):
        sums = gain_sums(
            year["tests"],
            year["standards"],
            assignments,
            year["assignment_standards"],
            clamp=rules.clamp,
            growth=rules.growth,
            **{name: year[name].slice(at[block], at[block + 1] - at[block]) for name, at in ends.items()},
        )
        yield sums.slice(0, 1)
