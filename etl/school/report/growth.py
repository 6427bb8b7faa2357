"""The part about growth: how far scores moved, beside the range that was planted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from etl.school.report import charts, frame
from etl.school.report.planned import STATUSES
from etl.school.report.queries import ASSIGNED, TESTS, Lacking
from etl.school.report.spread import Spread, spread_of, taken
from etl.site.report.section import MOST_ROWS, Part, listed, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.school.report.planned import Planned
    from etl.school.report.queries import Database

    Range = tuple[Any, ...]  # test, the test before, status, low, high and the scale's ends; null if not known
    Counts = dict[int, int]  # how often each growth occurs


def growth(database: Database, planned: Planned) -> Part:
    """How far standards' scores moved, by window and status, and the range that was planted."""
    tests = {test["id"]: str(test["name"]) for test in database.ask(TESTS)}
    ranges = list(_ranges(database, planned))
    found, every = database.growths(ranges)
    counts: dict[tuple[int, str], Counts] = {}
    near_an_end = 0
    for row in found:
        if row["free"]:
            of_kind = counts.setdefault((row["test_id"], row["status"]), {})
            of_kind[row["growth"]] = of_kind.get(row["growth"], 0) + row["number"]
        else:
            near_an_end += row["number"]
    shown = [planned_range for planned_range in ranges if (planned_range[0], planned_range[2]) in counts]
    if not shown:
        raise Lacking("any growth into a test that an assignment impacts")
    spreads = [spread_of(counts[test, status]) for test, _, status, *_ in shown]
    outside = [_outside(counts[test, status], low, high) for test, _, status, low, high, *_ in shown]
    drawn = [
        {"row": row, "status": status, "low": low, "high": high}
        | {"least": spread.least, "most": spread.most, "mean": round(spread.mean, 6)}
        for row, ((_, _, status, low, high, *_), spread) in enumerate(zip(shown, spreads, strict=True))
    ]
    return Part(
        "Growth",
        tuple(_sentences(shown, spreads, sum(outside), every, near_an_end)),
        ("Window", "Status", "Growths", "Planted", "Found", "Mean", "Outside"),
        [_row(tests, *each) for each in zip(shown, spreads, outside, strict=True)],
        charts.growths(
            drawn[:MOST_ROWS], [f"{tests[test]} {STATUSES[status]}" for test, _, status, *_ in shown][:MOST_ROWS]
        ),
        (
            ("box", frame.BAND, "planted range"),
            *(
                ("line", frame.STATUS_COLOURS[status], text)
                for status, text in STATUSES.items()
                if any(row["status"] == status for row in drawn)
            ),
        ),
        "growth of a standard's score into the impacted test, in points; the dot is the mean",
    )


def _ranges(database: Database, planned: Planned) -> Iterator[Range]:
    """Yield each impacted test and status, with the test before, the planted growth and the scale."""
    impacted = {row["impacted_id"] for row in database.ask(ASSIGNED)}
    for before, test in pairwise(taken(database)):
        if test["id"] not in impacted or test["group_id"] != before["group_id"]:
            continue
        ranges, clamp = planned.growth.get(test["name"], {}), planned.clamp.get(test["name"], (None, None))
        for status in STATUSES:
            yield test["id"], before["id"], status, *ranges.get(status, (None, None)), *clamp


def _outside(counts: Counts, low: int | None, high: int | None) -> int:
    """The number of growths outside of the planted range."""
    if low is None or high is None:
        return 0
    return sum(number for growth, number in counts.items() if not low <= growth <= high)


def _row(tests: dict[int, str], planned_range: Range, spread: Spread, outside: int) -> tuple[object, ...]:
    test, before, status, low, high, *_ = planned_range
    return (
        f"{tests[before]} to {tests[test]}",
        STATUSES[status],
        spread.number,
        "" if low is None else f"{number(low)} to {number(high)}",
        f"{number(spread.least)} to {number(spread.most)}",
        number(spread.mean, 2),
        outside,
    )


def _sentences(ranges: list[Range], spreads: list[Spread], outside: int, every: int, near_an_end: int) -> Iterator[str]:
    means = []
    for status, name in STATUSES.items():
        mine = [spread for (_, _, of, *_), spread in zip(ranges, spreads, strict=True) if of == status]
        if mine:
            mean = sum(spread.mean * spread.number for spread in mine) / sum(spread.number for spread in mine)
            means.append(f"{name} {number(mean, 1)}")
    yield f"Points that a standard's score moved by on average: {listed(means)}."
    if any(low is not None for _, _, _, low, *_ in ranges):
        total = sum(spread.number for spread in spreads)
        whole = "All" if every == 1 else f"Of one student in {every}, all"
        yield (
            f"Of {number(total)} growths, {plural(outside, 'is', 'are')} outside of the range that was planted."
            if outside
            else f"{whole} {number(total)} growths are in the range that was planted."
        )
    if near_an_end:
        yield f"Left out: {plural(near_an_end, 'growth')} from scores so near an end of the scale that it may cut them."
