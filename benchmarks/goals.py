"""What has to be shown, and how it is read from the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders import (
    AGAIN,
    BASELINE,
    DATABASE_ONLY,
    FLOOR,
    MILLION_STUDENTS,
    PARQUET,
    PARQUET_DASK,
    RUN,
    RUN_ALONE,
)
from benchmarks.results import ALL_STAGES, ratio
from benchmarks.serve import share_of_trivial
from benchmarks.waits import EDIT_SCALES, SEED, TINY, edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Results

    Reading = Callable[[Results], float | None]

AT_MOST, AT_LEAST = "at most", "at least"


@dataclass(frozen=True)
class Goal:
    """A number that is to be at most, or at least, so much."""

    what: str
    asked: str  # AT_MOST or AT_LEAST
    bound: float
    unit: str
    value: Reading

    def row(self, results: Results) -> list[str]:
        """The goal as a row of a table."""
        value = self.value(results)
        asked = f"{self.asked} {self.bound:g}{self.unit}"
        if value is None:
            return [self.what, asked, "not measured", ""]
        met = value >= self.bound if self.asked == AT_LEAST else value <= self.bound
        return [self.what, asked, f"{value:.3g}{self.unit}", "pass" if met else "**fail**"]


def _against(name: str, base: str, scale: int) -> Reading:
    """Median wall time as a multiple of another's."""
    return lambda results: ratio(results.wall(scale, name), results.wall(scale, base))


def _faster(name: str, base: str, scale: int) -> Reading:
    """How many times faster than another."""
    return _against(base, name, scale)


def _memory(scale: int) -> Reading:
    return lambda results: results.memory(scale, RUN_ALONE)


def _growth(results: Results) -> float | None:
    """Wall time a row at 100x, against 10x."""
    large, small = (
        ratio(results.wall(scale, DATABASE_ONLY), results.rows(scale, DATABASE_ONLY)) for scale in (100, 10)
    )
    return ratio(large, small)


def _other(what: str) -> Reading:
    return lambda results: results.other(what)


GOALS = (
    Goal("1x: the whole run, against better-sqlite3's database alone", AT_MOST, 1.45, "x", _against(RUN, BASELINE, 1)),
    Goal("1x: the same, forced again over the finished build", AT_MOST, 1.45, "x", _against(AGAIN, BASELINE, 1)),
    Goal("1x: database alone, against better-sqlite3", AT_MOST, 1, "x", _against(DATABASE_ONLY, BASELINE, 1)),
    *(
        Goal(
            f"{scale}x: database alone, faster than better-sqlite3",
            AT_LEAST,
            bound,
            "x",
            _faster(DATABASE_ONLY, BASELINE, scale),
        )
        for scale, bound in ((10, 2.4), (20, 2.8), (100, 3.1))
    ),
    Goal("100x: database alone, against the C writer", AT_MOST, 1.45, "x", _against(DATABASE_ONLY, FLOOR, 100)),
    *(
        Goal(edit(scale), AT_MOST, bound, "", _other(edit(scale)))
        for scale, bound in zip(EDIT_SCALES, (0.55, 0.25, 0.15), strict=True)
    ),
    Goal(SEED, AT_MOST, 0.65, "", _other(SEED)),
    Goal(TINY, AT_MOST, 0.4, " s", _other(TINY)),
    Goal("100x: peak memory of the whole run, one worker", AT_MOST, 300, " MiB", _memory(100)),
    Goal("1,000,000 students: the same", AT_MOST, 300, " MiB", _memory(MILLION_STUDENTS)),
    Goal("database alone: time a row at 100x, against 10x", AT_MOST, 1.1, "x", _growth),
    Goal("generation, all but the digests: million score rows a second a core", AT_LEAST, 2, "", _other(ALL_STAGES)),
    Goal(
        "100x: Parquet with 2 workers of Dask, faster than with one",
        AT_LEAST,
        1.6,
        "x",
        _faster(PARQUET_DASK, PARQUET, 100),
    ),
    Goal(share_of_trivial("/api/rosters"), AT_LEAST, 0.7, "", _other(share_of_trivial("/api/rosters"))),
)
