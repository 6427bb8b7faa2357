"""The charts as Vega-Lite specifications: plain data, drawn to SVG.

Nothing in them is placed by the width of a text, so a drawing does not depend on the fonts of the machine: sizes are
fixed, names stand in marks of their own and are cut by their number of letters, and there is no title and no legend.
Colours are CSS variables, so that one drawing serves light, dark and paper. A chart is as wide as a phone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

WIDTH = 360  # pixels, all of it
_RIGHT = 20
_BELOW = 22  # where the labels of the axis stand
_ABOVE = 6
_ROW = 21
_LETTER = 6.8  # pixels that a letter takes, about

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

_OTHERS = ("#8b6bd1", "#2a9d9d", "#c98a1b", "#b8547f", "#5b7fb5")

_CONFIG: Spec = {
    "aria": False,  # the figure says what it shows, in words
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


def short(text: object, letters: int) -> str:
    """A name in so many letters, all of them printable."""
    clean = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return clean if len(clean) <= letters else f"{clean[: letters - 1]}…"


def colour(text: object, place: int) -> str:
    """A colour of the data's own, #RRGGBB; one of ours when it is not written so."""
    return str(text) if re.fullmatch(r"#[0-9a-fA-F]{6}", str(text)) else _OTHERS[place % len(_OTHERS)]


def letters_of(left: int) -> int:
    """How many letters fit left of a chart."""
    return int((left - 8) / _LETTER)


def wide(numbers: Iterable[float | None], *, least: float = 1.0) -> list[float]:
    """A domain that holds all numbers, with some air at both ends."""
    known = [number for number in numbers if number is not None] or [0.0]
    low, high = min(known), max(known)
    air = max((high - low) * 0.06, least / 2 if high == low else 0)
    return [round(low - air, 6), round(high + air, 6)]


def levels(rows: Rows, names: Sequence[str], colours: Sequence[str]) -> Spec:
    """Bars that are stacked to 100 %: ``row``, ``level`` (a place in colours), ``start`` and ``end`` of 1."""
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.72}},
        "encoding": {
            "y": _place(len(names)),
            "x": _number("start", [0, 1], format="%"),
            "x2": {"field": "end"},
            "color": {
                "field": "level",
                "type": "ordinal",
                "scale": {"domain": list(range(len(colours))), "range": list(colours)},
                "legend": None,
            },
        },
    }
    return _chart([bars, _names(names, 84)], 84, len(names) * _ROW)


def ridges(rows: Rows, names: Sequence[str], domain: list[float]) -> Spec:
    """Distributions, one above the other: ``row``, ``x``, ``base``, ``top`` (a row is 1 high), ``middle``."""
    height = len(names) * 44
    y = {"type": "quantitative", "scale": {"domain": [-len(names) + 0.92, 1.0], "nice": False}, "axis": None}
    area = {
        "data": {"values": [row for row in rows if "top" in row]},
        "mark": {"type": "area", "color": ACCENT, "fillOpacity": 0.45, "line": {"color": ACCENT, "strokeWidth": 1.2}},
        "encoding": {
            "x": _number("x", domain),
            "y": {"field": "top", **y},
            "y2": {"field": "base"},
            "detail": {"field": "row", "type": "ordinal"},
        },
    }
    middle = {
        "data": {"values": [row for row in rows if "middle" in row]},
        "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5},
        "encoding": {"x": _number("middle", domain), "y": {"field": "base", **y}, "y2": {"field": "high"}},
    }
    labels = {
        "data": {"values": [{"y": -row + 0.12, "name": short(name, letters_of(52))} for row, name in enumerate(names)]},
        "mark": {"type": "text", "align": "right"},
        "encoding": {"x": {"value": -8}, "y": {"field": "y", **y}, "text": {"field": "name", "type": "nominal"}},
    }
    return _chart([area, middle, labels], 52, height)


def columns(rows: Rows, step: int) -> Spec:
    """Upright bars: ``x`` (the lower end of a step) and ``number``."""
    domain = [min(row["x"] for row in rows) - step / 2, max(row["x"] for row in rows) + step / 2]
    data = [{"low": row["x"] - step * 0.42, "high": row["x"] + step * 0.42, "number": row["number"]} for row in rows]
    most = max(row["number"] for row in rows)
    bars = {
        "data": {"values": data},
        "mark": {"type": "rect", "color": ACCENT},
        "encoding": {
            "x": _number("low", domain, grid=False, format="d"),
            "x2": {"field": "high"},
            "y": {
                "field": "number",
                "type": "quantitative",
                "scale": {"domain": [0, most * 1.05], "nice": False},
                "axis": {"format": _count(most), "tickMinStep": 1},
            },
            "y2": {"datum": 0},
        },
    }
    return _chart([bars], 40, 150)


def growths(rows: Rows, names: Sequence[str]) -> Spec:
    """Planted ranges and what is in them: ``row``, ``status``, ``low``, ``high``, ``least``, ``most``, ``mean``."""
    domain = wide([row.get(end) for row in rows for end in ("low", "high", "least", "most")])
    at = _place(len(names))
    planted = {
        "data": {"values": [row for row in rows if row.get("low") is not None]},
        "mark": {"type": "bar", "height": {"band": 0.8}, "color": BAND},
        "encoding": {"y": at, "x": _number("low", domain), "x2": {"field": "high"}},
    }
    there = {
        "data": {"values": rows},
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {"y": at, "x": _number("least", domain), "x2": {"field": "most"}, "color": _status("status")},
    }
    mean = {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 55, "opacity": 1},
        "encoding": {"y": at, "x": _number("mean", domain), "color": _status("status")},
    }
    return _chart([planted, there, mean, _names(names, 132)], 132, len(names) * _ROW)


def intervals(rows: Rows, names: Sequence[str], left: int) -> Spec:
    """Estimates beside the truth: ``row``, ``effect``, ``low``, ``high``, ``planted``, ``covered``; any may be null."""
    domain = wide([row[key] for row in rows for key in ("effect", "low", "high", "planted")])
    at = _place(len(names))
    colour = {
        "field": "covered",
        "type": "nominal",
        "scale": {"domain": [1, 0, None], "range": [ACCENT, MISSED, SOFT]},
        "legend": None,
    }
    interval = {
        "data": {"values": [row for row in rows if row["low"] is not None]},
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {"y": at, "x": _number("low", domain), "x2": {"field": "high"}, "color": colour},
    }
    estimate = {
        "data": {"values": [row for row in rows if row["effect"] is not None]},
        "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
        "encoding": {"y": at, "x": _number("effect", domain), "color": colour},
    }
    truth = {
        "data": {"values": [row for row in rows if row["planted"] is not None]},
        "mark": {"type": "tick", "orient": "vertical", "thickness": 2, "size": 15, "color": INK, "opacity": 1},
        "encoding": {"y": at, "x": _number("planted", domain)},
    }
    return _chart([interval, estimate, truth, _names(names, left)], left, len(names) * _ROW)


def stacks(rows: Rows, names: Sequence[str]) -> Spec:
    """Stacked bars of students by status: ``row``, ``status``, ``start`` and ``end``."""
    most = max([row["end"] for row in rows], default=0) or 1
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": {"band": 0.72}},
        "encoding": {
            "y": _place(len(names)),
            "x": _number("start", [0, most], format=_count(most), tickMinStep=1),
            "x2": {"field": "end"},
            "color": _status("status"),
        },
    }
    return _chart([bars, _names(names, 170)], 170, len(names) * _ROW)


def calendar(rows: Rows, marks: Rows) -> Spec:
    """How many have started, or completed, by each day.

    Rows have ``day`` (milliseconds, UTC), ``window``, ``status`` and ``number``; ``marks`` are the days of the tests:
    ``day`` and ``name``.
    """
    most = max([row["number"] for row in rows], default=0) or 1
    days = [row["day"] for row in [*rows, *marks]]
    time: Spec = {
        "field": "day",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [min(days), max(days)], "nice": False},
        "axis": {"format": "%b %Y", "grid": False, "tickCount": 5},
    }
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
            "y": {
                "field": "number",
                "type": "quantitative",
                "scale": {"domain": [0, most * 1.05], "nice": False},
                "axis": {"format": _count(most), "tickCount": 4, "tickMinStep": 1},
            },
            "color": _status("status"),
            "detail": {"field": "window", "type": "ordinal"},
        },
    }
    return _chart([tests, names, lines], 40, 150, above=22)


def _chart(layers: list[Spec], left: int, height: int, above: int = _ABOVE) -> Spec:
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


def _place(rows: int) -> Spec:
    """The place of a row: all of them, also where there is nothing to draw."""
    return {"field": "row", "type": "ordinal", "scale": {"domain": list(range(rows))}, "axis": None}


def _names(names: Sequence[str], left: int) -> Spec:
    """The rows' names, left of the chart."""
    values = [{"row": row, "name": short(name, letters_of(left))} for row, name in enumerate(names)]
    return {
        "data": {"values": values},
        "mark": {"type": "text", "align": "right", "baseline": "middle"},
        "encoding": {"y": _place(len(names)), "x": {"value": -8}, "text": {"field": "name", "type": "nominal"}},
    }


def _number(field: str, domain: list[float], **axis: Any) -> Spec:  # noqa: ANN401 -- of Vega-Lite
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": domain, "nice": False, "zero": False},
        "axis": axis,
    }


def _count(most: float) -> str:
    """The format of counts up to some number: what fits beside an axis."""
    return ",d" if most < 10_000 else "~s"  # noqa: PLR2004 -- 9,999 fits


def _status(field: str) -> Spec:
    scale = {"domain": list(STATUS_COLOURS), "range": list(STATUS_COLOURS.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}
