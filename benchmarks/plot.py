"""A small SVG: time and memory over rows, both axes logarithmic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    #: By name: points (x, y).
    Lines = Mapping[str, Sequence[tuple[float, float]]]

WIDTH, HEIGHT = 380, 300
LEFT, TOP, GAP, BELOW, LEGEND = 60, 40, 90, 50, 240
COLOURS = (
    "#0f766e",
    "#2dd4bf",
    "#1d4ed8",
    "#7c3aed",
    "#c4b5fd",
    "#dc2626",
    "#f97316",
    "#ca8a04",
    "#db2777",
    "#65a30d",
    "#111827",
    "#9ca3af",
)
SERIES = ("#0f766e", "#1d4ed8", "#f97316")  # of a few lines or points beside each other
STYLE = "text { font: 12px sans-serif; fill: #1f2937 } .grid { stroke: #e5e7eb } .title { font-weight: bold }"


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that hold all values between them."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def label(power: int) -> str:
    """A power of ten as people write it."""
    names = {3: "1,000", 4: "10,000", 5: "100,000", 6: "1 million", 7: "10 million", 8: "100 million"}
    return names.get(power, f"{10.0**power:g}")


def figure(panels: Mapping[str, Lines]) -> str:
    """Draw one panel beside the other, with one legend."""
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    width = LEFT + len(panels) * (WIDTH + GAP) - GAP + LEGEND
    height = TOP + HEIGHT + BELOW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(', '.join(panels))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, (title, lines) in enumerate(panels.items()):
        parts += _panel(LEFT + index * (WIDTH + GAP), title, lines, colours)
    for index, name in enumerate(names):
        x, y = width - LEGEND + 20, TOP + 10 + 20 * index
        parts.append(f'<path d="M{x} {y}h20" stroke="{colours[name]}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 28}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(left: int, title: str, lines: Lines, colours: Mapping[str, str]) -> Iterator[str]:
    points = [point for line in lines.values() for point in line]
    yield f'<text class="title" x="{left}" y="{TOP - 14}">{escape(title)}</text>'
    if not points:
        return
    (x_low, x_high), (y_low, y_high) = (decades(values) for values in zip(*points, strict=True))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / (y_high - y_low)
        return round(left + across * WIDTH, 1), round(TOP + (1 - up) * HEIGHT, 1)

    for power in range(x_low, x_high + 1):
        x, _ = place(10.0**power, 10.0**y_low)
        yield f'<path class="grid" d="M{x} {TOP}v{HEIGHT}"/>'
        yield f'<text x="{x}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{label(power)}</text>'
    for power in range(y_low, y_high + 1):
        _, y = place(10.0**x_low, 10.0**power)
        yield f'<path class="grid" d="M{left} {y}h{WIDTH}"/>'
        yield f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{label(power)}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">rows</text>'
    for name, line in lines.items():
        places = [place(*point) for point in sorted(line)]
        path = "L".join(f"{x} {y}" for x, y in places)
        yield f'<path d="M{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{colours[name]}"/>' for x, y in places)


#: A panel of a forest plot: its title, by row the mean and the ends of its interval in each series, the names of the
#: series, and a band to be shaded.
Forest = tuple[str, "Mapping[str, Sequence[tuple[float, float, float]]]", "Sequence[str]", "tuple[float, float] | None"]

ROW = 36  # between two rows of a forest plot
NAMES = 90  # for the names of the rows
ACROSS = 270  # of a panel


def forest(panels: Sequence[Forest]) -> str:
    """Draw means with their intervals, one row below the other, one panel beside the other."""
    rows = max(len(means) for _, means, _, _ in panels)
    width = NAMES + len(panels) * (ACROSS + GAP)
    height = TOP + ROW * rows + 80
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(', '.join(title for title, *_ in panels))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for index, panel in enumerate(panels):
        parts += _forest_panel(NAMES + index * (ACROSS + GAP), TOP + ROW * rows, panel)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _forest_panel(left: int, bottom: int, panel: Forest) -> Iterator[str]:
    title, means, series, band = panel
    ends = [end for row in means.values() for mean in row for end in mean if math.isfinite(end)] or [0]
    steps = ticks(min([*ends, *(band or ())]), max([*ends, *(band or ())]))
    low, high = steps[0], steps[-1]

    def across(number: float) -> float:
        return round(left + (number - low) / (high - low) * ACROSS, 1)

    yield f'<text class="title" x="{left}" y="{TOP - 14}">{escape(title)}</text>'
    if band:
        begin, end = map(across, band)
        yield f'<rect x="{begin}" y="{TOP}" width="{end - begin:.1f}" height="{bottom - TOP}" fill="#ccfbf1"/>'
    for tick in steps:
        yield f'<path class="grid" d="M{across(tick)} {TOP}v{bottom - TOP}"/>'
        yield f'<text x="{across(tick)}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
    for index, (name, row) in enumerate(means.items()):
        yield f'<text x="{left - 10}" y="{TOP + ROW * index + ROW // 2 + 4}" text-anchor="end">{escape(name)}</text>'
        for place, (mean, begin, end) in enumerate(row):
            if not math.isfinite(mean):
                continue
            y = TOP + ROW * index + round(ROW * (place + 1) / (len(row) + 1))
            if math.isfinite(begin):
                yield f'<path d="M{across(begin)} {y}H{across(end)}" stroke="{SERIES[place]}" stroke-width="2"/>'
            yield f'<circle cx="{across(mean)}" cy="{y}" r="4" fill="{SERIES[place]}"/>'
    x = left
    for place, name in enumerate(series):
        yield f'<circle cx="{x + 4}" cy="{bottom + 44}" r="4" fill="{SERIES[place]}"/>'
        yield f'<text x="{x + 14}" y="{bottom + 48}">{escape(name)}</text>'
        x += 40 + 7 * len(name)


def curve(
    title: str, across: str, lines: Mapping[str, Sequence[tuple[float, float, float, float]]], goal: float
) -> str:
    """Draw percentages over a logarithmic axis: by name, x with the value and the ends of its interval."""
    low, high = decades([x for points in lines.values() for x, *_ in points])
    width, bottom = LEFT + WIDTH + LEGEND, TOP + HEIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        left = LEFT + (math.log10(x) - low) / (high - low) * WIDTH
        return round(left, 1), round(bottom - min(max(y, 0), 100) / 100 * HEIGHT, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + BELOW}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{bottom + BELOW}" fill="white"/>',
        f'<text class="title" x="{LEFT}" y="{TOP - 14}">{escape(title)}</text>',
        f'<text x="{LEFT + WIDTH / 2}" y="{bottom + 38}" text-anchor="middle">{escape(across)}</text>',
        f'<path d="M{LEFT} {place(10**low, goal)[1]}h{WIDTH}" stroke="{COLOURS[-1]}" stroke-dasharray="4"/>',
    ]
    for percent in range(0, 101, 20):
        y = place(10**low, percent)[1]
        parts.append(f'<path class="grid" d="M{LEFT} {y}h{WIDTH}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{percent}</text>')
    parts += [
        f'<text x="{place(x, 0)[0]}" y="{bottom + 18}" text-anchor="middle">{x:,}</text>'
        for x in sorted({x for points in lines.values() for x, *_ in points})
    ]
    for index, (name, points) in enumerate(lines.items()):
        colour, places = SERIES[index], [place(x, value) for x, value, *_ in points]
        path = "L".join(f"{x} {y}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, _, begin, end in points:
            if math.isfinite(begin):
                across_at, from_y = place(x, begin)
                parts.append(f'<path d="M{across_at} {from_y}V{place(x, end)[1]}" stroke="{colour}"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        y = TOP + 10 + 20 * index
        parts.append(f'<path d="M{LEFT + WIDTH + 20} {y}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + WIDTH + 48}" y="{y + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers that hold two others between them: steps of 1, 2 or 5 times a power of ten, about six."""
    rough = (high - low or 1) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 9) for number in range(first, max(last, first + 1) + 1)]
