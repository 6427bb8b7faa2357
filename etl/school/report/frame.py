"""What all charts share: size, colours, axes, and the names of rows.

Nothing is placed by the width of a text, so that a drawing does not depend on the machine's fonts: sizes are fixed,
names are text marks cut to a number of letters, an axis has as many labels as there is room for letters, and there is
no title or legend. Colours are CSS variables, so that one drawing serves light, dark and print. A chart is as wide as a
phone.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from etl.site.report.section import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

WIDTH = 360  # pixels, all of it
ROW = 21
CLOSE_ROW = 13  # of several estimates of one effect
LEFT = 40  # room for counts
_NAMES = 210  # room for names, at most
_RIGHT = 20
_BELOW = 22  # room for the labels of the axis
_ABOVE = 6
_LETTER = 6.8  # pixels of a letter, about
_GAP = 8  # between a name and the chart, and between two labels

INK = "currentColor"
SOFT = "var(--soft)"
LINE = "var(--line)"
BAND = "var(--band)"
ACCENT = "var(--accent)"
MISSED = "var(--missed)"
STATUS_COLOURS = {
    "completed": "var(--completed)",
    "started": "var(--started)",
    "not_started": "var(--not-started)",
    "none": "var(--soft)",
}

#: What the legend and Vega call the shapes of points.
SHAPES = {"circle": "circle", "square": "square", "triangle": "triangle-up"}

_OTHERS = ("#8b6bd1", "#2a9d9d", "#c98a1b", "#b8547f", "#5b7fb5")

_CONFIG: Spec = {
    "aria": False,  # the figure has a text of its own
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "title": None,
        "labelColor": SOFT,
        "labelFontSize": 11,
        "labelLimit": 0,
        "labelOverlap": False,
        "labelFlush": False,
        "labelBound": False,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
        "tickCount": 5,
    },
    "text": {"color": INK, "fontSize": 11},
    "bar": {"color": ACCENT},
}


def colour(text: object, place: int) -> str:
    """The colour that the data has, if it is written #RRGGBB; otherwise one of this module's."""
    return str(text) if re.fullmatch(r"#[0-9a-fA-F]{6}", str(text)) else _OTHERS[place % len(_OTHERS)]


def fitted(names: Sequence[str]) -> tuple[int, list[str]]:
    """The width of the names left of a chart, in pixels, and the names, cut to fit."""
    longest = max(map(len, names), default=0) + 1  # some letters are wider
    left = min(_NAMES, max(LEFT, math.ceil(longest * _LETTER) + _GAP))
    return left, [short(name, int((left - _GAP) / _LETTER)) for name in names]


def wide(numbers: Iterable[float | None], *, least: float = 1.0) -> list[float]:
    """A domain that contains all numbers, with a margin at both ends."""
    known = [number for number in numbers if number is not None] or [0.0]
    low, high = min(known), max(known)
    margin = max((high - low) * 0.06, least / 2 if high == low else 0)
    return [round(low - margin, 6), round(high + margin, 6)]


def chart(layers: list[Spec], left: int, height: int, above: int = _ABOVE) -> Spec:
    """A drawing of layers; ``left`` is the width of what is left of it."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": None,
        "autosize": {"type": "none"},
        "padding": {"left": left, "right": _RIGHT, "top": above, "bottom": _BELOW},
        "width": WIDTH - left - _RIGHT,
        "height": height,
        "layer": layers,
        "config": _CONFIG,
    }


def place(rows: int) -> Spec:
    """The vertical place of a row; rows without a mark have one too."""
    return {"field": "row", "type": "ordinal", "scale": {"domain": list(range(rows))}, "axis": None}


def names_beside(names: Sequence[str]) -> Spec:
    """The rows' names, left of the chart."""
    return {
        "data": {"values": [{"row": row, "name": name} for row, name in enumerate(names)]},
        "mark": {"type": "text", "align": "right", "baseline": "middle"},
        "encoding": {"y": place(len(names)), "x": {"value": -_GAP}, "text": {"field": "name", "type": "nominal"}},
    }


def across(field: str, domain: list[float], left: int, *, whole: bool = False, **axis: Any) -> Spec:  # noqa: ANN401 -- of Vega-Lite
    """Numbers from left to right, with ``left`` pixels beside the chart; ``whole``: label whole numbers only."""
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": domain, "nice": False, "zero": False},
        "axis": {"tickCount": ticks(domain, WIDTH - left - _RIGHT, whole=whole), **axis},
    }


def upwards(field: str, most: float) -> Spec:
    """Counts from the ground up."""
    domain = [0, most * 1.05]
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": domain, "nice": False},
        "axis": {"format": count_format(most), "tickCount": ticks(domain, whole=True)},
    }


def ticks(domain: Sequence[float], pixels: float = math.inf, *, whole: bool = False) -> int:
    """How many ticks to ask Vega for, five or fewer, so that their labels do not touch.

    ``whole``: nor are between whole numbers.
    """
    span = domain[1] - domain[0]
    for count in range(5, 1, -1):
        step = _step(span / count)
        digits = max(0, -math.floor(math.log10(step)))
        letters = max(len(f"{end:,.{digits}f}") for end in domain)
        if pixels * step / span >= letters * _LETTER + _GAP and (step >= 1 or not whole):
            return count
    return 1


def _step(about: float) -> float:
    """The distance between ticks that Vega makes of a wanted one: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    factor = next((factor for factor, least in ((10, 50), (5, 10), (2, 2)) if about / power >= math.sqrt(least)), 1)
    return factor * power


def days_across(field: str, days: Sequence[int]) -> Spec:
    """Days from left to right, from the first to the last of them: milliseconds since 1970, UTC."""
    span = (max(days) - min(days)) / 86_400_000
    room = (WIDTH - LEFT - _RIGHT) / (len("Oct 2025") * _LETTER)
    years = max(1, math.ceil(span / 365 / room))
    steps = [("week", 1, 7), ("month", 1, 30), ("month", 3, 91), ("month", 6, 182), ("year", years, 365 * years)]
    interval, step, _ = next((each for each in steps if span / each[2] <= room), steps[-1])
    return {
        "field": field,
        "type": "temporal",
        "scale": {"type": "utc", "domain": [min(days), max(days)], "nice": False},
        "axis": {
            "format": "%-d %b" if interval == "week" else "%b %Y",
            "grid": False,
            "tickCount": {"interval": interval, "step": step},
        },
    }


def count_format(most: float) -> str:
    """The format of counts up to ``most`` that fits beside an axis."""
    return ",d" if most < 10_000 else "~s"  # noqa: PLR2004 -- 9,999 fits


def by_status(field: str) -> Spec:
    """The colour of a status."""
    scale = {"domain": list(STATUS_COLOURS), "range": list(STATUS_COLOURS.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}
