"""The distribution of numbers, and the tests that were taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.school.report.queries import SCORES, TESTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.school.report.queries import Database

_MARGIN = 1e-9


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation and quantiles of numbers."""

    number: int
    mean: float
    sd: float
    least: int
    lower: int
    median: int
    upper: int
    most: int


def spread_of(counts: Mapping[int, int]) -> Spread:
    """Describe numbers, given how often each occurs; a quantile is the lowest number that reaches its share."""
    values = sorted(counts)
    total = sum(counts.values())
    mean = sum(value * counts[value] for value in values) / total
    variance = sum((value - mean) ** 2 * counts[value] for value in values) / max(total - 1, 1)

    def quantile(part: float) -> int:
        below = 0
        for value in values:
            below += counts[value]
            if below >= part * total - _MARGIN:
                return value
        return values[-1]

    return Spread(
        total, mean, math.sqrt(variance), values[0], quantile(0.25), quantile(0.5), quantile(0.75), values[-1]
    )


def taken(database: Database) -> list[dict[str, Any]]:
    """The tests that somebody took, in order."""
    taken = {row["test_id"] for row in database.ask(SCORES)}
    return [test for test in database.ask(TESTS) if test["id"] in taken]
