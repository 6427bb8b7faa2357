"""The realistic world beside published numbers: what docs/data.md says is found in it is, and is in its band."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import date
from functools import cached_property
from itertools import combinations, pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from etl.run.plan import make_plan
from etl.run.shards import run_once, run_shard, shard_count
from etl.school.arrays import matrix
from etl.school.measure import Measure, latent_scores, optional
from tests.support import small
from tests.support.components import components

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from etl.run.plan import Plan
    from tests.support.components import Components

SITTINGS = ("pm1", "pm2", "pm3", "pm4", "pm5", "pm6")
WINDOWS = ("window1", "window2", "window3")


class Year:
    """The sittings and windows of a world of its full size."""

    def __init__(self, plan: Plan) -> None:
        """Run the stages."""
        once = run_once(plan)
        shards = [run_shard(plan, once, number) for number in range(shard_count(plan, once))]
        wanted = (*SITTINGS, *WINDOWS, "planted_sums")
        self._tables = {name: pa.concat_tables([shard[name] for shard in shards]) for name in wanted}
        self._measure = Measure.of(once["standards"])

    def both(self, first: str, second: str, *, true: bool = False) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The overall scores of the students who took two tests, and their rosters; seen ones, or true ones."""
        tables = [self._tables[name] for name in (first, second)]
        taken = [table.filter(pa.array(optional(table, "taken") > 0)) for table in tables]
        overall = [
            self._measure.means(latent_scores(table))[1] if true else table["overall"].to_numpy() for table in taken
        ]
        _, *rows = np.intersect1d(*(table["student_id"].to_numpy() for table in taken), return_indices=True)
        return overall[0][rows[0]], overall[1][rows[1]], taken[0]["roster_id"].to_numpy()[rows[0]]

    @cached_property
    def first(self) -> pa.Table:
        """The first sitting, of everybody."""
        return self._tables["pm1"]

    @cached_property
    def scores(self) -> NDArray[Any]:
        """The overall scores on it."""
        return np.asarray(self.first["overall"].to_numpy())

    def growth(self, *, true: bool = False) -> tuple[NDArray[Any], Components]:
        """What each student grew by in the year, and its standard deviations by level."""
        was, now, rosters = self.both("pm1", "pm6", true=true)
        return now - was, components((now - was).astype(float), rosters, (rosters - 1) // 10)

    def found(self) -> Iterator[tuple[str, Any]]:
        """Each quantity of the table, by the words of its first column."""
        pairs = [self.both(*names) for names in pairwise(SITTINGS)]
        yield "correlation of a test with the next one", fmean(correlation(*pair[:2]) for pair in pairs)
        true, seen = latent_scores(self.first), matrix(self.first["standards"])
        yield "reliability of the overall score", self._variance(true) / self._variance(seen)
        categories = combinations(matrix(self.first["categories"]).T, 2)
        yield "correlation of two categories", fmean(correlation(*pair) for pair in categories)
        rosters, sd = self.first["roster_id"].to_numpy(), self.scores.std()
        yield (
            "share of the variance of scores between schools",
            components(self.scores, rosters, (rosters - 1) // 10).icc,
        )
        grown, levels = self.growth()
        yield "mean growth in the year", grown.mean() / sd
        yield "distance of the upper and lower quarter of classes in growth", 1.349 * levels.roster / grown.std()
        grown, levels = self.growth(true=True)
        yield "standard deviation of true growth in the year", grown.std() / self._variance(true) ** 0.5
        yield "share of the variance of true growth between schools", levels.icc
        yield "effect of completed work", self._effect() / sd
        chronic = optional(self.first, "chronic") > 0
        yield "students who are chronically absent", chronic.mean()
        yield "how much lower they score", (self.scores[~chronic].mean() - self.scores[chronic].mean()) / sd
        yield "students who leave in the year", 1 - self._tables["pm6"].num_rows / len(self.scores)
        yield "students who take a test", fmean(optional(self._tables[name], "taken").mean() for name in SITTINGS)

    def _variance(self, standards: NDArray[Any]) -> float:
        return float(self._measure.means(standards)[1].var())

    def _effect(self) -> float:
        rows = [row for row in self._tables["planted_sums"].to_pylist() if row["status"] == "completed"]
        return float(sum(row["planted"] / row["denominator"] for row in rows) / sum(row["students"] for row in rows))

    def weekend(self) -> float:
        """The share of completed work that was completed on a Saturday or Sunday."""
        days = pa.concat_arrays(
            [chunk for name in WINDOWS for chunk in self._tables[name]["completed_at"].drop_null().chunks]
        )
        weekdays = (days.cast(pa.int32()).to_numpy() + 3) % 7
        return float((weekdays >= 5).mean())


def correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Pearson's correlation."""
    return float(np.asarray(np.corrcoef(one, other))[0, 1])


@pytest.fixture(scope="module")
def years() -> list[Year]:
    """Five worlds: the number of schools in one is too small to find a share of the variance again."""
    pipeline = small.world(path=small.ROOT / "pipelines/realistic.yaml")
    plan = make_plan(pipeline).until("planted_sums")
    return [Year(replace(plan, pipeline=replace(pipeline, seed=seed))) for seed in range(1, 6)]


def table() -> dict[str, list[str]]:
    """The rows of the table in docs/data.md, by their first column: published, found, band, source."""
    text = (small.ROOT / "docs/data.md").read_text(encoding="utf-8")
    part = text[text.index("### Realistic") : text.index("### Regression to the mean")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.splitlines() if line[:2] == "| "]
    return {cells[0]: cells[1:] for cells in rows[2:]}


def test_every_quantity_is_in_its_band(years: list[Year]) -> None:
    """The document states the mean over five worlds, and that is in the band."""
    rows = table()
    worlds = [dict(year.found()) for year in years]
    assert rows.keys() == worlds[0].keys()
    for name in rows:
        value = fmean(world[name] for world in worlds)
        _, stated, band, _ = rows[name]
        low, high = map(float, re.findall(r"[\d.]+", band))
        assert float(stated) == pytest.approx(value, abs=0.0051), name
        assert low <= value <= high, name


def test_work_is_done_on_school_days(years: list[Year]) -> None:
    """Two of seven days are weekends, and much less than that share of the work is completed then."""
    assert 0.05 < years[0].weekend() < 0.15


@pytest.mark.parametrize("path", sorted((small.ROOT / "data").glob("*/tests.csv")), ids=lambda path: path.parent.name)
def test_no_test_is_on_a_weekend(path: Any) -> None:  # noqa: ANN401 -- a path
    """In worlds with their own tests each is on a school day."""
    with path.open(encoding="utf-8") as file:
        assert all(date.fromisoformat(row["administered_at"]).weekday() < 5 for row in csv.DictReader(file))
