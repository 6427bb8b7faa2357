"""The picture of a run: a lane for each thread with its phases, the critical path, and imports by package."""

from __future__ import annotations

import os
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from etl.run.progress import Span

WIDTH, LEFT, RIGHT = 880, 84, 16  # pixels, as wide as GitHub shows it
TOP, LANE, BAR = 64, 44, 28
LINE = 18  # of text
LETTER = 6.6  # pixels, about
PACKAGES = 8  # that are named
TICKS = 12  # at most

#: A colour for each phase, in the order of their first begin; they are readable on white and on black.
COLOURS = (
    *("#6b7280", "#0f766e", "#1d4ed8", "#b45309", "#7c3aed", "#be123c", "#15803d", "#0369a1"),
    *("#a21caf", "#4d7c0f", "#57534e", "#0e7490", "#4338ca", "#854d0e", "#9d174d", "#166534"),
)
STYLE = """
text { font: 12px sans-serif; fill: #1f2937 } .title { font-weight: bold } .in { fill: #fff; font-size: 11px }
.back { fill: #fff } .grid { stroke: #e5e7eb } .path { stroke: #111827; stroke-width: 3 } .right { text-anchor: end }
@media (prefers-color-scheme: dark) {
text { fill: #e5e7eb } .back { fill: #0d1117 } .grid { stroke: #30363d } .path { stroke: #f9fafb } .in { fill: #fff }
}"""


class Run(NamedTuple):
    """One run: what its threads did since the process began, and the seconds and the seconds of CPU of all of it."""

    spans: list[Span]
    wall: float
    cpu: float


def draw(run: Run, path: Sequence[Span], imported: Mapping[str, float]) -> str:
    """Draw a run as an SVG."""
    threads = list(dict.fromkeys(span.thread for span in run.spans))
    phases = list(dict.fromkeys(span.phase for span in sorted(run.spans, key=lambda span: span.begin)))
    colours = {phase: COLOURS[place % len(COLOURS)] for place, phase in enumerate(phases)}
    table = TOP + LANE * len(threads) + 62
    packages = table + LINE * (-(-len(phases) // 2) + 2)
    height = packages + BAR + LINE * 3
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>A default run, {_ms(run.wall)} ms</title><style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        *_heading(run, path),
        *_axis(run.wall, TOP + LANE * len(threads)),
    ]
    for place, thread in enumerate(threads):
        y = TOP + LANE * place
        parts.append(f'<text class="right" x="{LEFT - 8}" y="{y + BAR // 2 + 4}">{escape(_lane(thread))}</text>')
        parts += _bars([span for span in run.spans if span.thread == thread], y, run.wall, colours)
        for span in (span for span in path if span.thread == thread):
            begin, end = _x(span.begin, run.wall), _x(span.end, run.wall)
            parts.append(f'<path class="path" d="M{begin} {y + BAR + 4}H{end}"/>')
    parts += _table(run, colours, table)
    parts += _packages(imported, packages)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(seconds: float, wall: float) -> float:
    return round(LEFT + seconds / wall * (WIDTH - LEFT - RIGHT), 1)


def _lane(thread: str) -> str:
    return {"MainThread": "main"}.get(thread, thread.removesuffix("_0").replace("_", " "))


def _heading(run: Run, path: Sequence[Span]) -> Iterator[str]:
    waited = run.wall - sum(span.cpu for span in run.spans if span.thread == "MainThread")
    cores, least = os.cpu_count() or 1, sum(span.cpu for span in path)
    lines = (
        f"A default run without report: {_ms(run.wall)} ms, {_ms(run.cpu)} of CPU ({_ms(run.cpu / cores)} a core)",
        f"Filled: the thread computes; pale: it waits (main {_ms(waited)}). Line: critical path, {_ms(least)} of CPU",
    )
    for place, line in enumerate(lines):
        style = "" if place else ' class="title"'
        yield f'<text{style} x="8" y="{20 + LINE * place}">{escape(line)}</text>'


def _axis(wall: float, bottom: int) -> Iterator[str]:
    step = next(step for step in (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000) if wall * 1000 / step <= TICKS)
    for tick in range(0, int(wall * 1000) + 1, step):
        x = _x(tick / 1000, wall)
        yield f'<path class="grid" d="M{x} {TOP - 6}V{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + LINE - 4}" text-anchor="middle">{tick}</text>'
    yield f'<text class="right" x="{WIDTH - RIGHT}" y="{bottom + 2 * LINE - 4}">ms since the process began</text>'


def _bars(spans: Iterable[Span], y: int, wall: float, colours: dict[str, str]) -> Iterator[str]:
    for span in spans:
        begin, end = _x(span.begin, wall), _x(span.end, wall)
        seconds = span.end - span.begin
        filled = round(BAR * min(1, span.cpu / seconds), 1) if seconds else 0
        box, colour = f'x="{begin}" width="{max(end - begin, 0.5):.1f}"', colours[span.phase]
        yield f'<rect {box} y="{y}" height="{BAR}" fill="{colour}" opacity=".45"/>'
        yield f'<rect {box} y="{y + BAR - filled}" height="{filled}" fill="{colour}"/>'
        label = f"{span.phase} {_ms(seconds)}"
        if len(label) * LETTER < end - begin:
            yield f'<text class="in" x="{begin + 4}" y="{y + BAR // 2 + 4}">{escape(label)}</text>'


def _table(run: Run, colours: dict[str, str], top: int) -> Iterator[str]:
    """Each phase with its sums over all threads, in two columns."""
    rows = -(-len(colours) // 2)
    yield f'<text class="title" x="8" y="{top}">Phases by thread, ms (of CPU)</text>'
    for place, (phase, colour) in enumerate(colours.items()):
        spans = [span for span in run.spans if span.phase == phase]
        x, y = 8 + (WIDTH // 2) * (place // rows), top + LINE * (place % rows + 1)
        lanes = ", ".join(
            f"{_lane(thread)} {_ms(sum(seconds for seconds, _ in some))} ({_ms(sum(cpu for _, cpu in some))})"
            for thread, some in _by_thread(spans).items()
        )
        yield f'<rect x="{x}" y="{y - 10}" width="11" height="11" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="{y}">{escape(f"{phase}: {lanes}")}</text>'


def _by_thread(spans: Iterable[Span]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for span in spans:
        found.setdefault(span.thread, []).append((span.end - span.begin, span.cpu))
    return found


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _packages(imported: Mapping[str, float], top: int) -> Iterator[str]:
    total = sum(imported.values()) or 1
    most = sorted(imported.items(), key=itemgetter(1), reverse=True)[:PACKAGES]
    rest = total - sum(seconds for _, seconds in most)
    yield f'<text class="title" x="8" y="{top}">Imports by package, ms: {_ms(total)} while they are timed</text>'
    x = 8.0
    for place, (name, seconds) in enumerate([*most, ("others", rest)]):
        width = seconds / total * (WIDTH - 8 - RIGHT)
        colour = COLOURS[place % len(COLOURS)]
        label = f"{name} {_ms(seconds)}"
        box = f'x="{x:.1f}" y="{top + 10}" width="{width:.1f}" height="{BAR}"'
        yield f'<rect {box} fill="{colour}"/>'
        if len(label) * LETTER < width:
            yield f'<text class="in" x="{x + 4:.1f}" y="{top + BAR}">{escape(label)}</text>'
        x += width
    named = ", ".join(f"{name} {_ms(seconds)}" for name, seconds in [*most, ("others", rest)])
    yield f'<text x="8" y="{top + BAR + LINE + 8}">{escape(named)}</text>'
