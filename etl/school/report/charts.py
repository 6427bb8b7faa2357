"""The charts as Vega-Lite specifications: plain data, drawn to SVG."""

from __future__ import annotations

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
    SHAPES,
    SOFT,
    Rows,
    Spec,
    across,
    by_status,
    chart,
    count_format,
    days_across,
    fitted,
    names_beside,
    place,
    upwards,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def levels(rows: Rows, names: Sequence[str], colours: Sequence[str]) -> Spec:
    """Bars that are stacked to 100 %: ``row``, ``level`` (a place in colours), ``start`` and ``end`` of 1."""
    left, names = fitted(names)
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.72}},
        "encoding": {
            "y": place(len(names)),
            "x": across("start", [0, 1], left, format="%"),
            "x2": {"field": "end"},
            "color": {
                "field": "level",
                "type": "ordinal",
                "scale": {"domain": list(range(len(colours))), "range": list(colours)},
                "legend": None,
            },
        },
    }
    return chart([bars, names_beside(names)], left, len(names) * ROW)


def ridges(rows: Rows, names: Sequence[str], domain: list[float]) -> Spec:
    """Distributions, one above the other: ``row``, ``x``, ``base``, ``top`` (a row is 1 high), ``middle``."""
    left, names = fitted(names)
    height = len(names) * 44
    y = {"type": "quantitative", "scale": {"domain": [-len(names) + 0.92, 1.0], "nice": False}, "axis": None}
    area = {
        "data": {"values": [row for row in rows if "top" in row]},
        "mark": {"type": "area", "color": ACCENT, "fillOpacity": 0.45, "line": {"color": ACCENT, "strokeWidth": 1.2}},
        "encoding": {
            "x": across("x", domain, left),
            "y": {"field": "top", **y},
            "y2": {"field": "base"},
            "detail": {"field": "row", "type": "ordinal"},
        },
    }
    middle = {
        "data": {"values": [row for row in rows if "middle" in row]},
        "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
        "encoding": {"x": across("middle", domain, left), "y": {"field": "base", **y}, "y2": {"field": "high"}},
    }
    values = [{"y": -row + 0.12, "name": name} for row, name in enumerate(names)]
    labels = {
        "data": {"values": values},
        "mark": {"type": "text", "align": "right"},
        "encoding": {"x": {"value": -8}, "y": {"field": "y", **y}, "text": {"field": "name", "type": "nominal"}},
    }
    return chart([area, middle, labels], left, height)


def columns(rows: Rows, step: int) -> Spec:
    """Upright bars: ``x`` (the lower end of a step) and ``number``."""
    domain = [min(row["x"] for row in rows) - step / 2, max(row["x"] for row in rows) + step / 2]
    data = [{"low": row["x"] - step * 0.42, "high": row["x"] + step * 0.42, "number": row["number"]} for row in rows]
    most = max(row["number"] for row in rows)
    bars = {
        "data": {"values": data},
        "mark": {"type": "rect", "color": ACCENT},
        "encoding": {
            "x": across("low", domain, LEFT, whole=True, grid=False, format="d"),
            "x2": {"field": "high"},
            "y": upwards("number", most),
            "y2": {"datum": 0},
        },
    }
    return chart([bars], LEFT, 150)


def growths(rows: Rows, names: Sequence[str]) -> Spec:
    """Planted ranges and what is in them: ``row``, ``status``, ``low``, ``high``, ``least``, ``most``, ``mean``."""
    left, names = fitted(names)
    domain = wide([row.get(end) for row in rows for end in ("low", "high", "least", "most")])
    y = place(len(names))
    planted = {
        "data": {"values": [row for row in rows if row.get("low") is not None]},
        "mark": {"type": "bar", "height": {"band": 0.8}, "color": BAND},
        "encoding": {"y": y, "x": across("low", domain, left), "x2": {"field": "high"}},
    }
    found = {
        "data": {"values": rows},
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {
            "y": y,
            "x": across("least", domain, left),
            "x2": {"field": "most"},
            "color": by_status("status"),
        },
    }
    mean = {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
        "encoding": {"y": y, "x": across("mean", domain, left), "color": by_status("status")},
    }
    return chart([planted, found, mean, names_beside(names)], left, len(names) * ROW)


def intervals(estimates: Rows) -> Spec:
    """Estimates with the truth: ``name``, ``shape``, ``effect``, ``low``, ``high``, ``planted``, ``covered``.

    Those of one name follow each other; all but name and shape may be null.
    """
    names = [row["name"] for row in estimates]
    first = [place == 0 or name != names[place - 1] for place, name in enumerate(names)]
    gaps = [sum(first[1 : place + 1]) for place in range(len(names))]  # a free row before each name but the first
    left, fitting = fitted([name if new else "" for name, new in zip(names, first, strict=True)])
    rows = [{**row, "row": place + gap} for place, (row, gap) in enumerate(zip(estimates, gaps, strict=True))]
    lines = [""] * (rows[-1]["row"] + 1)
    for row, name in zip(rows, fitting, strict=True):
        lines[row["row"]] = name
    domain = wide([row[key] for row in rows for key in ("effect", "low", "high", "planted")])
    y = place(len(lines))
    colour = {
        "field": "covered",
        "type": "nominal",
        "scale": {"domain": [1, 0, None], "range": [ACCENT, MISSED, SOFT]},
        "legend": None,
    }
    shape = {
        "field": "shape",
        "type": "nominal",
        "scale": {"domain": list(SHAPES), "range": list(SHAPES.values())},
        "legend": None,
    }
    interval = {
        "data": {"values": [row for row in rows if row["low"] is not None]},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"y": y, "x": across("low", domain, left), "x2": {"field": "high"}, "color": colour},
    }
    estimate = {
        "data": {"values": [row for row in rows if row["effect"] is not None]},
        "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
        "encoding": {"y": y, "x": across("effect", domain, left), "color": colour, "shape": shape},
    }
    truth = {
        "data": {"values": [row for row in rows if row["planted"] is not None]},
        "mark": {"type": "tick", "orient": "vertical", "thickness": 2, "size": 12, "color": INK, "opacity": 1},
        "encoding": {"y": y, "x": across("planted", domain, left)},
    }
    return chart([interval, estimate, truth, names_beside(lines)], left, len(lines) * CLOSE_ROW)


def stacks(rows: Rows, names: Sequence[str]) -> Spec:
    """Stacked bars of students by status: ``row``, ``status``, ``start`` and ``end``."""
    left, names = fitted(names)
    most = max([row["end"] for row in rows], default=0) or 1
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.72}},
        "encoding": {
            "y": place(len(names)),
            "x": across("start", [0, most], left, whole=True, format=count_format(most)),
            "x2": {"field": "end"},
            "color": by_status("status"),
        },
    }
    return chart([bars, names_beside(names)], left, len(names) * ROW)


def calendar(rows: Rows, marks: Rows) -> Spec:
    """How many have started, or completed, by each day.

    Rows have ``day`` (milliseconds, UTC), ``window``, ``status`` and ``number``; ``marks`` are the days of the tests:
    ``day`` and ``name``.
    """
    most = max([row["number"] for row in rows], default=0) or 1
    time = days_across("day", [row["day"] for row in [*rows, *marks]])
    tests = {
        "data": {"values": marks},
        "mark": {"type": "rule", "color": LINE, "strokeWidth": 1},
        "encoding": {"x": time},
    }
    names = {
        "data": {"values": marks},
        "mark": {"type": "text", "color": SOFT, "baseline": "bottom"},
        "encoding": {"x": time, "y": {"value": -4}, "text": {"field": "name", "type": "nominal"}},
    }
    lines = {
        "data": {"values": rows},
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": time,
            "y": upwards("number", most),
            "color": by_status("status"),
            "detail": {"field": "window", "type": "ordinal"},
        },
    }
    return chart([tests, names, lines], LEFT, 150, above=22)
