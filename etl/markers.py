"""What params refer to: a row of reference data, the bands of a scale, a param of another stage."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.params import CoveredBy, In, NotBefore, Range, Template, UpTo
from etl.reference import lacks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.model import Stage
    from etl.params import Marker
    from etl.reference import Cell, Reference
    from etl.references import World

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def check(stage: Stage, world: World) -> None:
    """Hold what the markers of a stage's params ask for."""
    if stage.contract is None:
        return
    params = stage.node.mapping().get("params")
    for path, marker, value in stage.contract.marked(stage.values):
        node = params.at(*path) if params else None
        where = node.where if node else stage.where
        shown = ".".join(map(str, ("stages", stage.name, "params", *path)))
        world.mistakes += [EtlError(f"{shown}: {message}", where) for message in _broken(marker, value, stage, world)]


def _broken(marker: Marker, value: Any, stage: Stage, world: World) -> Iterator[str]:  # noqa: ANN401 -- any param
    match marker:
        case In(place):
            table, _, column = place.partition(".")
            message = lacks(world.reference_of_table(table), column, value)
            if message:
                yield message
        case NotBefore():
            yield from _too_early(marker, value, stage, world)
        case UpTo():
            yield from _beyond(marker, value, stage, world)
        case CoveredBy(table):
            reference = world.reference_of_table(table)
            if reference and reference.sound("min_score", "max_score"):
                yield from _uncovered(value, reference)
        case Template(fields):
            found = re.findall(r"\{[^{}]*\}|[{}]", value)
            if sorted(found) != sorted(f"{{{field}}}" for field in fields):
                yield f"must hold {' and '.join(f'{{{field}}}' for field in fields)} once, and no other braces"


def _beyond(marker: UpTo, value: Range, stage: Stage, world: World) -> Iterator[str]:
    generator, _, name = marker.param.partition(".")
    for other in world.upstream(stage):
        limit = other.values.get(name)
        if other.generator == generator and limit is not None and value.high > limit:
            yield f"ends at {value.high}, but stages.{other.name}.params.{name} is {limit}"


def _too_early(marker: NotBefore, value: str, stage: Stage, world: World) -> Iterator[str]:
    """Both days are days (mistakes of the CSV file), and in order."""
    table, _, names = marker.names.partition(".")
    reference, other = world.reference_of_table(table), stage.values.get(marker.other)
    if not reference or not reference.sound(names, marker.days):
        return
    known, days = reference.columns[names], reference.columns[marker.days]
    if value not in known or other not in known:
        return
    rows = known.index(other), known.index(value)
    begin, end = (_day(days[row]) for row in rows)
    if begin and end and end < begin:
        yield f"'{value}' ({end}) is earlier than {marker.other}, '{other}' ({begin})"
    for row, day in zip(rows, (begin, end), strict=True):
        if day is None:
            what = f"'{days[row]}' is no day" if days[row] else "the cell is empty"
            reference.say(f"{what}, and a stage needs one; write it as YYYY-MM-DD", row, marker.days)


def _day(cell: Cell) -> date | None:
    try:
        return date.fromisoformat(str(cell)) if _DAY.match(str(cell)) else None
    except ValueError:
        return None


def _uncovered(clamp: Range, reference: Reference) -> Iterator[str]:
    """Cut scores ascend without a gap (mistakes of the CSV file), and hold the clamp."""
    low, high = [_number(cell) for cell in reference.columns["min_score"]], reference.columns["max_score"]
    before = len(reference.mistakes)
    _ascending(low, reference)
    for row, begin in enumerate(low if len(reference.mistakes) == before else ()):
        end = _number(high[row])
        previous = _number(high[row - 1]) if row else None
        if begin is None:
            continue
        if end is not None and end < begin:
            reference.say(f"the band ends at {end}, below its beginning {begin}", row, "max_score")
        elif row and previous is None:
            reference.say("only the last band may have no upper end", row - 1, "max_score")
        elif row and previous is not None and begin != previous + 1:
            message = f"the band must begin at {previous + 1}, where the one before it ends, not at {begin}"
            reference.say(message, row, "min_score")
    if len(reference.mistakes) > before or not low or low[0] is None:
        return
    top = _number(high[-1])
    if clamp.low < low[0] or (top is not None and clamp.high > top):
        span = f"from {low[0]}" + ("" if top is None else f" to {top}")
        yield f"[{clamp.low}, {clamp.high}] is not covered by the bands in {reference.shown}, {span}"


def _ascending(low: list[int | None], reference: Reference) -> None:
    for row in range(1, len(low)):
        previous, begin = low[row - 1], low[row]
        if previous is not None and begin is not None and begin <= previous:
            message = f"the bands must ascend; this one begins at {begin}, the one before it at {previous}"
            reference.say(message, row, "min_score")


def _number(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) else None
