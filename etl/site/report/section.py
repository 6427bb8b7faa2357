"""The parts of a report, and how they format numbers and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows of a chart; the table has them all.
MOST_ROWS = 60

#: U+2212, which is as wide as a plus.
MINUS = "\N{MINUS SIGN}"


class Html(str):
    """A cell that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True)
class Part:
    """A part of a report: text, a chart with its legend, and the table of its numbers."""

    title: str
    says: tuple[str, ...]
    head: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    chart: str = ""  # an SVG
    key: tuple[tuple[str, str, str], ...] = ()  # the legend: shape, colour, label
    unit: str = ""  # of the chart's axis
    folded: bool = True  # whether the table opens on a click


def number(value: float | None, digits: int = 0) -> str:
    """A number formatted as 12,345.68; empty for None."""
    return "" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)  # never -0.00


def share(part: float, whole: float) -> str:
    """A share as a percentage: 38.2 %."""
    return f"{part / whole:.1%}".replace("%", " %") if whole else "0.0 %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names as a list in a sentence: a, b and c."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none"


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its noun: 1 row, 2 rows."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def short(text: object, letters: int) -> str:
    """A name cut to a length, with spaces for characters that are not printable."""
    clean = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return clean if len(clean) <= letters else f"{clean[: letters - 1]}…"
