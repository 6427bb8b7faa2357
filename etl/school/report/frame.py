"""What all charts share: size, colours, marks, axes, and the names of rows, written as SVG.

Nothing is placed by the width of a text, so that a drawing does not depend on the machine's fonts: sizes are fixed,
names are cut to a number of letters, an axis has as many labels as there is room for letters, and there is no title or
legend. Colours are CSS variables, so that one drawing serves light, dark and print. A chart is as wide as a phone.
"""

from __future__ import annotations

import math
import re
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from etl.site.report.section import number, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Scale = Callable[[float], float]  # a value's place in pixels
    Form = Callable[[float], str]
    Point = tuple[float, float]

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
_MIDDLE = 3.5  # from a text's middle down to its baseline
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

#: Points, 6 pixels wide, by the name of their shape; ``M0 0`` is their middle.
_POINTS = {
    "circle": "m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0",
    "square": "m-3 -3h6v6h-6z",
    "triangle": "m0 -3.2l3.4 6.2h-6.8z",
    "tick": "m-1 -6h2v12h-2z",
}

_OTHERS = ("#8b6bd1", "#2a9d9d", "#c98a1b", "#b8547f", "#5b7fb5")


class Chart:
    """A drawing, to which marks are added. Places are pixels, right of and below the corner of the plot."""

    def __init__(self, left: int, height: int, *, row: int = ROW, above: int = _ABOVE) -> None:
        """An empty chart; ``left`` and ``above``: the room beside the plot; ``row``: the height of each row."""
        self._left, self._above, self._row = left, above, row
        self._width, self._height = WIDTH - left - _RIGHT, height
        self._marks: list[str] = []

    def svg(self) -> str:
        """The drawing."""
        box = f"{-self._left} {-self._above} {WIDTH} {self._above + self._height + _BELOW}"
        return f'<svg viewBox="{box}" font-size="11">{"".join(self._marks)}</svg>'

    def middle(self, row: int) -> float:
        """The middle of a row."""
        return (row + 0.5) * self._row

    def bar(self, row: int, start: float, end: float, fill: str, thick: int = 14) -> None:
        """Add a bar in a row."""
        self.box((start, self.middle(row) - thick / 2), (end, self.middle(row) + thick / 2), fill)

    def box(self, one: Point, other: Point, fill: str) -> None:
        """Add a box between two corners."""
        (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
        self.path(f"M{_places(left, top)}H{_places(right)}V{_places(bottom)}H{_places(left)}z", f'fill="{fill}"')

    def line(self, points: Iterable[Point], stroke: str, width: float = 1) -> None:
        """Add a line through points."""
        self.path(through(points), f'fill="none" stroke="{stroke}" stroke-width="{width}"')

    def point(self, shape: str, x: float, y: float, fill: str) -> None:
        """Add a point: circle, square, triangle or tick."""
        self.path(f"M{_places(x, y)}{_POINTS[shape]}", f'fill="{fill}"')

    def path(self, path: str, look: str) -> None:
        """Add a path, with its attributes."""
        self._marks.append(f'<path d="{path}" {look}/>')

    def text(self, x: float, y: float, text: str, *, anchor: str = "middle", fill: str = INK) -> None:
        """Add a text; y is that of its baseline."""
        look = f'x="{_places(x)}" y="{_places(y)}" text-anchor="{anchor}" fill="{fill}"'
        self._marks.append(f"<text {look}>{escape(text)}</text>")

    def names(self, names: Sequence[str]) -> None:
        """Add the names of the rows."""
        for row, name in enumerate(names):
            self.text(-_GAP, self.middle(row) + _MIDDLE, name, anchor="end")

    def across(
        self, domain: Sequence[float], form: Form | None = None, *, whole: bool = False, grid: bool = True
    ) -> Scale:
        """Add an axis of numbers below the plot: the scale. ``whole``: label only whole numbers."""
        marks = ticks(domain, self._width, whole=whole)
        scale = _linear(domain, 0, self._width)
        self._axis(scale, zip(marks, map(form, marks) if form else _labels(marks), strict=True), grid=grid)
        return scale

    def days(self, first: int, last: int) -> Scale:
        """Add an axis of days below the plot, as numbers of :meth:`datetime.date.toordinal`: the scale."""
        scale = _linear((first, last), 0, self._width)
        self._axis(scale, day_ticks(first, last, self._width), grid=False)
        return scale

    def upwards(self, most: float) -> Scale:
        """Add an axis of counts left of the plot: the scale."""
        domain, form = (0, most * 1.05), count_format(most)
        scale = _linear(domain, self._height, 0)
        for value in ticks(domain, whole=True):
            self.line([(-5, scale(value)), (self._width, scale(value))], LINE)
            self.text(-7, scale(value) + _MIDDLE, form(value), anchor="end", fill=SOFT)
        self.line([(0, 0), (0, self._height)], LINE)
        return scale

    def upright(self, x: float, stroke: str) -> None:
        """Add a line from the top to the bottom of the plot."""
        self.line([(x, 0), (x, self._height)], stroke)

    def _axis(self, scale: Scale, labels: Iterable[tuple[float, str]], *, grid: bool) -> None:
        for value, label in labels:
            self.line([(scale(value), 0 if grid else self._height), (scale(value), self._height + 5)], LINE)
            self.text(scale(value), self._height + 16, label, fill=SOFT)
        self.line([(0, self._height), (self._width, self._height)], LINE)


def through(points: Iterable[Point]) -> str:
    """The path through points."""
    return "M" + "L".join(_places(*point) for point in points)


def _places(*pixels: float) -> str:
    return " ".join(f"{round(place, 1) + 0.0:g}" for place in pixels)  # never -0


def _linear(domain: Sequence[float], start: float, end: float) -> Scale:
    low, high = domain
    return lambda value: start + (value - low) / ((high - low) or 1) * (end - start)


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


def ticks(domain: Sequence[float], pixels: float = math.inf, *, whole: bool = False) -> list[float]:
    """The values to label, about five or fewer, so that their labels do not touch; ``whole``: only whole numbers."""
    low, high = domain
    for count in range(5, 0, -1):
        step = _step((high - low) / count)
        letters = max(len(f"{end:,.{_digits(step)}f}") for end in domain)
        if pixels * step / (high - low) >= letters * _LETTER + _GAP and (step >= 1 or not whole):
            break
    return [place * step for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _step(about: float) -> float:
    """The distance between ticks near a wanted one: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(about))
    factor = next((factor for factor, least in ((10, 50), (5, 10), (2, 2)) if about / power >= math.sqrt(least)), 1)
    return factor * power


def _digits(step: float) -> int:
    """The decimal places of multiples of a step."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _labels(values: Sequence[float]) -> list[str]:
    digits = _digits(values[1] - values[0]) if len(values) > 1 else 0
    return [number(value, digits) for value in values]


def day_ticks(first: int, last: int, pixels: float) -> list[tuple[float, str]]:
    """The days to label, and their labels: Mondays, or the starts of months or years, as many as there is room for."""
    room = pixels / (len("Oct 2025") * _LETTER)
    if (last - first) / 7 <= room:
        mondays = map(date.fromordinal, range(first + -(first - 1) % 7, last + 1, 7))  # day 1 is a Monday
        return [(day.toordinal(), f"{day.day} {day:%b}") for day in mondays]
    span = (last - first) / 30.4
    months = next((months for months in (1, 3, 6) if span <= room * months), 12 * math.ceil(span / 12 / room))
    begin, end = (12 * day.year + day.month - 1 for day in map(date.fromordinal, (first, last)))
    starts = [date(month // 12, month % 12 + 1, 1) for month in range(begin, end + 1) if month % months == 0]
    return [(day.toordinal(), f"{day:%b %Y}") for day in starts if first <= day.toordinal() <= last]


def count_format(most: float) -> Form:
    """How counts up to ``most`` are written, so that they fit beside an axis: 9,999 but 25k."""
    return number if most < 10_000 else _thousands  # noqa: PLR2004 -- 9,999 fits


def _thousands(count: float) -> str:
    size, unit = (1e6, "M") if count >= 1e6 else (1e3, "k")  # noqa: PLR2004 -- a million
    return f"{count / size:g}{unit if count else ''}"
