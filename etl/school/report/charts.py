"""The charts: plain data, drawn to SVG."""

from __future__ import annotations

from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

from etl.school.report.frame import (
    ACCENT,
    BAND,
    CLOSE_ROW,
    INK,
    LEFT,
    LINE,
    MISSED,
    ROW,
    SOFT,
    STATUS_COLOURS,
    Chart,
    Rows,
    count_format,
    fitted,
    through,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_RIDGE = 44  # pixels from one distribution to the next


def levels(rows: Rows, names: Sequence[str], colours: Sequence[str]) -> str:
    """Bars that are stacked to 100 %: ``row``, ``level`` (a place in colours), ``start`` and ``end`` of 1."""
    left, names = fitted(names)
    chart = Chart(left, len(names) * ROW)
    x = chart.across((0, 1), "{:.0%}".format)
    for row in rows:
        chart.bar(row["row"], x(row["start"]), x(row["end"]), colours[row["level"]])
    chart.names(names)
    return chart.svg()


def ridges(rows: Rows, names: Sequence[str], domain: list[float]) -> str:
    """Distributions, one above the other: ``row``, ``x``, ``height`` (of 1), and the ``middle`` of some rows."""
    left, names = fitted(names)
    chart = Chart(left, len(names) * _RIDGE)
    x = chart.across(domain)
    grounds = [(row + 0.92) * _RIDGE for row in range(len(names))]
    curves = {row: list(each) for row, each in groupby((row for row in rows if "x" in row), itemgetter("row"))}
    for row, curve in curves.items():
        points = [(x(each["x"]), grounds[row] - 0.9 * _RIDGE * each["height"]) for each in curve]
        ends = [(points[-1][0], grounds[row]), (points[0][0], grounds[row])]
        chart.path(f"{through([*points, *ends])}z", f'fill="{ACCENT}" fill-opacity=".45"')
        chart.line(points, ACCENT, 1.2)
    for row in (row for row in rows if "middle" in row):
        at, ground = x(row["middle"]), grounds[row["row"]]
        chart.line([(at, ground), (at, ground - 0.9 * _RIDGE)], INK, 1.5)
    for name, ground in zip(names, grounds, strict=True):
        chart.text(-8, ground - 0.12 * _RIDGE, name, anchor="end")
    return chart.svg()


def columns(rows: Rows, step: int) -> str:
    """Upright bars: ``x`` (the middle of a step) and ``number``."""
    chart = Chart(LEFT, 150)
    places = [row["x"] for row in rows]
    y = chart.upwards(max(row["number"] for row in rows))
    x = chart.across((min(places) - step / 2, max(places) + step / 2), whole=True, grid=False)
    for row in rows:
        chart.box((x(row["x"] - step * 0.42), y(row["number"])), (x(row["x"] + step * 0.42), y(0)), ACCENT)
    return chart.svg()


def growths(rows: Rows, names: Sequence[str]) -> str:
    """Planted ranges and what is in them: ``row``, ``status``, ``low``, ``high``, ``least``, ``most``, ``mean``."""
    left, names = fitted(names)
    chart = Chart(left, len(names) * ROW)
    x = chart.across(wide([row.get(end) for row in rows for end in ("low", "high", "least", "most")]))
    for row in rows:
        y, colour = chart.middle(row["row"]), STATUS_COLOURS[row["status"]]
        if row.get("low") is not None:
            chart.bar(row["row"], x(row["low"]), x(row["high"]), BAND, 15)
        chart.line([(x(row["least"]), y), (x(row["most"]), y)], colour, 3)
        chart.point("circle", x(row["mean"]), y, colour)
    chart.names(names)
    return chart.svg()


def intervals(estimates: Rows) -> str:
    """Estimates with the truth: ``name``, ``shape``, ``effect``, ``low``, ``high``, ``planted``, ``covered``.

    Those of one name follow each other; all but name and shape may be null.
    """
    names = [row["name"] for row in estimates]
    new = [True, *(name != before for before, name in pairwise(names))][: len(names)]
    left, fitting = fitted([name if first else "" for name, first in zip(names, new, strict=True)])
    places = [place + sum(new[1 : place + 1]) for place in range(len(names))]  # a free row before all names but one
    lines = [""] * (places[-1] + 1)
    chart = Chart(left, len(lines) * CLOSE_ROW, row=CLOSE_ROW)
    x = chart.across(wide([row[key] for row in estimates for key in ("effect", "low", "high", "planted")]))
    for place, name, row in zip(places, fitting, estimates, strict=True):
        lines[place] = name
        y, colour = chart.middle(place), {1: ACCENT, 0: MISSED}.get(row["covered"], SOFT)
        if row["low"] is not None:
            chart.line([(x(row["low"]), y), (x(row["high"]), y)], colour, 2)
        if row["effect"] is not None:
            chart.point(row["shape"], x(row["effect"]), y, colour)
        if row["planted"] is not None:
            chart.point("tick", x(row["planted"]), y, INK)
    chart.names(lines)
    return chart.svg()


def stacks(rows: Rows, names: Sequence[str]) -> str:
    """Stacked bars of students by status: ``row``, ``status``, ``start`` and ``end``."""
    left, names = fitted(names)
    most = max([row["end"] for row in rows], default=0) or 1
    chart = Chart(left, len(names) * ROW)
    x = chart.across((0, most), count_format(most), whole=True)
    for row in rows:
        chart.bar(row["row"], x(row["start"]), x(row["end"]), STATUS_COLOURS[row["status"]])
    chart.names(names)
    return chart.svg()


def calendar(rows: Rows, marks: Rows) -> str:
    """How many have started, or completed, by each day.

    Rows have ``day`` (see :meth:`datetime.date.toordinal`), ``window``, ``status`` and ``number``, in the order of
    windows and days; ``marks`` are the days of the tests: ``day`` and ``name``.
    """
    chart = Chart(LEFT, 150, above=22)
    days = [row["day"] for row in [*rows, *marks]]
    y = chart.upwards(max([row["number"] for row in rows], default=0) or 1)
    x = chart.days(min(days), max(days))
    for mark in marks:
        chart.upright(x(mark["day"]), LINE)
        chart.text(x(mark["day"]), -4, mark["name"], fill=SOFT)
    for _, window in groupby(rows, itemgetter("window")):
        line = list(window)
        points = [(x(row["day"]), y(row["number"])) for row in line]
        corners = [corner for (_, before), (at, after) in pairwise(points) for corner in ((at, before), (at, after))]
        chart.line([points[0], *corners], STATUS_COLOURS[line[0]["status"]], 2)
    return chart.svg()
