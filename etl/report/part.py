"""What a part of the report is, and the words and numbers that the parts share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.report.queries import SCORES, TESTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.report.frame import Spec
    from etl.report.queries import Database

#: Rows of a chart; the table has them all.
MOST_ROWS = 60

_MARGIN = 1e-9

#: As printed numbers have it, not the hyphen.
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Part:
    """A part of the report: what to see, the chart, what its colours mean, and the table behind it."""

    title: str
    says: tuple[str, ...]
    head: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    chart: Spec | None = None
    key: tuple[tuple[str, str, str], ...] = ()  # a shape, its colour, and what it stands for
    unit: str = ""  # of the chart's axis


def number(value: float | None, digits: int = 0) -> str:
    """A number for people: 12,345.68; nothing for None."""
    return "" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)  # never -0.00


def share(part: float, whole: float) -> str:
    """A share in per cent: 38.2 %."""
    return f"{part / whole:.1%}".replace("%", " %") if whole else "0.0 %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence: a, b and c."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none"


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its noun: 1 roster, 2 rosters."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Spread:
    """How numbers are spread."""

    number: int
    mean: float
    sd: float
    least: int
    lower: int
    median: int
    upper: int
    most: int


def spread_of(counts: Mapping[int, int]) -> Spread:
    """Describe numbers by how often each is there; quartiles are the lowest numbers that reach their share."""
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
    """The tests that somebody took, in their order."""
    taken = {row["test_id"] for row in database.ask(SCORES)}
    return [test for test in database.ask(TESTS) if test["id"] in taken]
