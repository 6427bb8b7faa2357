"""What a part of a report is, and the words and numbers that the parts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows of a chart; the table has them all.
MOST_ROWS = 60

#: As printed numbers have it, not the hyphen.
MINUS = "\N{MINUS SIGN}"


class Html(str):
    """A cell that is markup already."""

    __slots__ = ()


@dataclass(frozen=True)
class Part:
    """A part of a report: what to see, the chart, what its colours mean, and the table behind it."""

    title: str
    says: tuple[str, ...]
    head: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    chart: dict[str, Any] | None = None  # a Vega-Lite specification
    key: tuple[tuple[str, str, str], ...] = ()  # a shape, its colour, and what it stands for
    unit: str = ""  # of the chart's axis
    folded: bool = True  # whether the table is opened by a click


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
    """A count and its noun: 1 row, 2 rows."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def short(text: object, letters: int) -> str:
    """A name in so many letters, all of them printable."""
    clean = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return clean if len(clean) <= letters else f"{clean[: letters - 1]}…"
