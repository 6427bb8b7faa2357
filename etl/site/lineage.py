"""The lineage of a build as a picture: SVG without script or style of its own, stages in layers from top to bottom.

The layout is Sugiyama's: layers by longest path, long edges as points of the layers that they cross, in each layer an
order by the means of the neighbours' positions, and then places near these means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from html import escape
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: CSS for the page that has the picture; the colours are those of all pages.
STYLE = """
.lineage rect { fill: var(--card); stroke: var(--line); }
.lineage .table rect { stroke: var(--accent); }
.lineage .internal rect { stroke-dasharray: 4 3; }
.lineage .check rect { stroke: var(--soft); stroke-dasharray: 1 3; }
.lineage text { fill: var(--ink); font: 12px ui-monospace, monospace; text-anchor: middle; }
.lineage a text { fill: var(--accent); text-decoration: underline; }
.lineage path { fill: none; stroke: var(--soft); stroke-width: 1.2; }
.lineage marker path { fill: var(--soft); stroke: none; }
"""

#: In pixels: a letter of the font, the empty part of a box, its height, and the gaps between boxes and between layers.
_LETTER, _PADDING, _HEIGHT, _GAP, _LAYER = 7.3, 16, 26, 14, 62

_LONGEST = 28  # letters of a name
_SWEEPS = 8  # more change nothing in worlds of 40 stages


@dataclass(eq=False)
class _Box:
    """A stage, or a point of an edge that crosses a layer."""

    layer: int
    width: float
    above: list[_Box] = field(default_factory=list)
    below: list[_Box] = field(default_factory=list)
    x: float = 0  # of its centre

    @property
    def y(self) -> float:
        """Its upper edge."""
        return _GAP + self.layer * _LAYER


def lineage(stages: Sequence[Mapping[str, Any]], links: Mapping[str, str]) -> str:
    """The stages of a build as an SVG picture; empty if there are none.

    ``stages``: each with ``name``, ``source``, ``inputs``, ``table`` and ``check``, as :func:`etl.build.report.about`
    lists them; ``links``: the address of each table. An input that other inputs of a stage are made from has no arrow.
    """
    if not stages:
        return ""
    edges = _reduced({stage["name"]: dict.fromkeys(stage["inputs"]) for stage in stages})
    depth = _layers(edges)
    boxes = {stage["name"]: _Box(depth[stage["name"]], _width(stage["name"])) for stage in stages}
    layers: list[list[_Box]] = [[] for _ in range(max(depth.values()) + 1)]
    for box in boxes.values():
        layers[box.layer].append(box)
    chains = [_chain(boxes[source], boxes[name], layers) for name, inputs in edges.items() for source in inputs]
    _order(layers)
    width = _place(layers)
    parts = [f'<path d="{_curve(chain)}" marker-end="url(#lineage-arrow)"/>' for chain in chains]
    parts += [_drawn(stage, boxes[stage["name"]], links) for stage in stages]
    height = layers[-1][0].y + _HEIGHT + _GAP
    return _SVG.format(width=round(width), height=height, text=escape(_text(stages)), body="\n".join(parts))


_SVG = """<svg class="lineage" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
 viewBox="0 0 {width} {height}" role="group" aria-labelledby="lineage-title lineage-text">
<title id="lineage-title">Lineage</title>
<desc id="lineage-text">{text}</desc>
<marker id="lineage-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"
><path d="M0 0 8 4 0 8z"/></marker>
{body}
</svg>"""


def _text(stages: Sequence[Mapping[str, Any]]) -> str:
    """The picture in words: each stage with what it reads."""
    said = [f"{one['name']} from {', '.join(one['inputs'])}" if one["inputs"] else one["name"] for one in stages]
    return f"{len(stages)} stages, each after its inputs: {'; '.join(said)}."


def _reduced(edges: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The inputs of each stage in order, without those that its other inputs are made from."""
    upstream: dict[str, set[str]] = {}
    for name in TopologicalSorter(edges).static_order():
        upstream[name] = {source for each in edges[name] for source in (each, *upstream[each])}
    return {
        name: [source for source in inputs if not any(source in upstream[other] for other in inputs)]
        for name, inputs in edges.items()
    }


def _layers(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The layer of each stage: as far up as its inputs allow; one without inputs is right above its first reader.

    Those that have neither are in a last layer.
    """
    depth: dict[str, int] = {}
    for name in TopologicalSorter(edges).static_order():
        depth[name] = max((depth[source] + 1 for source in edges[name]), default=0)
    last = max((depth[name] for name in edges if edges[name]), default=-1) + 1
    for name in (name for name, inputs in edges.items() if not inputs):
        depth[name] = min((depth[reader] - 1 for reader in edges if name in edges[reader]), default=last)
    return depth


def _chain(start: _Box, end: _Box, layers: list[list[_Box]]) -> list[_Box]:
    """Join two boxes by points in the layers between them: all of these."""
    points = [_Box(layer, 1) for layer in range(start.layer + 1, end.layer)]
    for point in points:
        layers[point.layer].append(point)
    chain = [start, *points, end]
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _order(layers: list[list[_Box]]) -> None:
    """Sort each layer by the mean position of its neighbours, downwards and upwards in turn."""
    position = {box: float(index) for layer in layers for index, box in enumerate(layer)}

    def sort(layer: list[_Box], neighbours: Callable[[_Box], list[_Box]]) -> None:
        def mean(box: _Box) -> float:
            found = neighbours(box)
            return sum(position[each] for each in found) / len(found) if found else position[box]

        layer.sort(key=mean)
        position.update((box, float(index)) for index, box in enumerate(layer))

    for _ in range(_SWEEPS):
        for layer in layers:
            sort(layer, lambda box: box.above)
        for layer in reversed(layers):
            sort(layer, lambda box: box.below)


def _place(layers: list[list[_Box]]) -> float:
    """Give each box a place near the mean of its neighbours, in order and without overlaps: the width of all."""
    for layer in layers:
        _spread(layer, [0] * len(layer))
    for number in range(2 * _SWEEPS):
        down = number % 2
        for layer in layers if down else reversed(layers):
            near = [(box.above or box.below if down else box.below or box.above) or layers[0] for box in layer]
            _spread(layer, [sum(each.x for each in boxes) / len(boxes) for boxes in near])
    left = min(box.x - box.width / 2 for layer in layers for box in layer) - _GAP
    for layer in layers:
        for box in layer:
            box.x -= left
    return max(box.x + box.width / 2 for layer in layers for box in layer) + _GAP


def _spread(layer: list[_Box], wanted: Sequence[float]) -> None:
    """Place boxes in their order, at the least sum of squared distances from their wanted places.

    This is isotonic regression of what is wanted of each, less its distance from the first box: neighbours that would
    overlap become one block, at the mean of what its members want.
    """
    gaps = [(left.width + right.width) / 2 + _GAP for left, right in pairwise(layer)]
    offsets = [0.0, *accumulate(gaps)]
    blocks: list[tuple[float, int]] = []  # the sum of what is wanted, and the number of boxes
    for place, offset in zip(wanted, offsets, strict=True):
        total, count = place - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            more, others = blocks.pop()
            total, count = total + more, count + others
        blocks.append((total, count))
    starts = (total / count for total, count in blocks for _ in range(count))
    for box, start, offset in zip(layer, starts, offsets, strict=True):
        box.x = start + offset


def _curve(chain: Sequence[_Box]) -> str:
    """The path of an edge: a curve to each next layer, and straight through those that it crosses."""
    start = chain[0]
    path = [f"M{start.x:.0f} {start.y + _HEIGHT:.0f}"]
    for upper, lower in pairwise(chain):
        begin, end = upper.y + _HEIGHT, lower.y
        middle = (begin + end) / 2
        path.append(f"C{upper.x:.0f} {middle:.0f} {lower.x:.0f} {middle:.0f} {lower.x:.0f} {end:.0f}")
        if lower is not chain[-1]:
            path.append(f"V{end + _HEIGHT:.0f}")
    return "".join(path)


def _drawn(stage: Mapping[str, Any], box: _Box, links: Mapping[str, str]) -> str:
    """A stage as a box with its name, which links to the table that it fills."""
    table = stage["table"]
    fills = f"fills the table {table}" if table else "a check" if stage["check"] else "internal"
    kind = "table" if table else "check" if stage["check"] else "internal"
    shape = (
        f'<rect x="{box.x - box.width / 2:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{box.x:.0f}" y="{box.y + 17:.0f}">{escape(_short(stage["name"]))}</text>'
    )
    if table in links:
        shape = f'<a href="{escape(links[table])}">{shape}</a>'
    title = escape(f"{stage['name']}: {fills}, from {stage['source']}")
    return f'<g class="{kind}"><title>{title}</title>{shape}</g>'


def _width(name: str) -> float:
    return _LETTER * len(_short(name)) + _PADDING


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
