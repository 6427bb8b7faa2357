"""The parts that hold the planted truth beside what is found: growth, and the estimates of its effects."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from etl.school.report import charts, frame
from etl.school.report.planned import STATUSES
from etl.school.report.queries import ASSIGNED, ESTIMATES, TESTS, Lacking
from etl.school.report.spread import spread_of, taken
from etl.site.report.section import MOST_ROWS, Part, listed, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etl.school.report.planned import Planned
    from etl.school.report.queries import Database


def growth(database: Database, planned: Planned) -> Part:
    """How far standards' scores moved, by window and status, and the range that was planted."""
    tests = {test["id"]: test for test in database.ask(TESTS)}
    ranges = list(_ranges(database, planned))
    found, every = database.growths(ranges)
    kinds: dict[tuple[int, str], dict[int, int]] = {}
    near = 0
    for row in found:
        kind = kinds.setdefault((row["test_id"], row["status"]), {})
        if row["free"]:
            kind[row["growth"]] = kind.get(row["growth"], 0) + row["number"]
        else:
            near += row["number"]
    drawn: list[dict[str, Any]] = []
    rows, names, moved, strays = [], [], dict.fromkeys(STATUSES, (0, 0)), 0
    for test, before, status, low, high, *_ in ranges:
        moves = kinds.get((test, status))
        if not moves:
            continue
        spread = spread_of(moves)
        outside = sum(n for move, n in moves.items() if low is not None and not low <= move <= high)
        strays += outside
        window = f"{tests[before]['name']} to {tests[test]['name']}"
        names.append(f"{tests[test]['name']} {STATUSES[status]}")
        moved[status] = moved[status][0] + spread.number, moved[status][1] + sum(move * n for move, n in moves.items())
        ends = {"low": low, "high": high, "least": spread.least, "most": spread.most, "mean": round(spread.mean, 6)}
        drawn.append({"row": len(drawn), "status": status, **ends})
        asked = "" if low is None else f"{number(low)} to {number(high)}"
        limits = f"{number(spread.least)} to {number(spread.most)}"
        rows.append((window, STATUSES[status], spread.number, asked, limits, number(spread.mean, 2), outside))
    if not drawn:
        raise Lacking("any growth into a test that an assignment impacts")
    total = sum(count for count, _ in moved.values())
    means = [f"{STATUSES[s]} {number(total / count, 1)}" for s, (count, total) in moved.items() if count]
    says = [f"Points that a standard's score moved by on average: {listed(means)}."]
    if any(row["low"] is not None for row in drawn):
        whole = "All" if every == 1 else f"Of one student in {every}, all"
        says.append(
            f"{whole} {number(total)} growths lie in the range that was planted."
            if not strays
            else f"Of {number(total)} growths, {plural(strays, 'lies', 'lie')} outside of the range that was planted."
        )
    if near:
        says.append(f"Left out: {plural(near, 'growth')} from scores so near an end of the scale that it may cut them.")
    return Part(
        "Growth",
        tuple(says),
        ("Window", "Status", "Growths", "Planted", "Found", "Mean", "Outside"),
        rows,
        charts.growths(drawn[:MOST_ROWS], names[:MOST_ROWS]),
        (
            ("box", frame.BAND, "planted range"),
            *(("line", frame.STATUS_COLOURS[status], text) for status, text in STATUSES.items() if moved[status][0]),
        ),
        "growth of a standard's score into the impacted test, in points; the dot is the mean",
    )


def assignment_effects(database: Database, _: Planned) -> Part:
    """Each assignment's effect: planted, and estimated."""
    rows = _estimates(database, "assignment")
    return _intervals("Effect of each assignment", rows, [f"{row['assignment']}" for row in rows], "assignment")


def standard_effects(database: Database, _: Planned) -> Part:
    """The same for each standard of each assignment."""
    rows = _estimates(database, "standard")
    names = [f"{row['assignment_id']} · {row['standard']}" for row in rows]
    long = [f"{row['assignment']}, {row['standard']}" for row in rows]
    note = "; before each standard stands the id of its assignment"
    return _intervals("Effect on each standard", rows, names, "assignment and standard", long, note)


def category_effects(database: Database, _: Planned) -> Part:
    """The same for each reporting category."""
    rows = _estimates(database, "category")
    names = [str(row["category"]) for row in rows]
    return _intervals("Effect by reporting category", rows, names, "reporting category")


def _ranges(database: Database, planned: Planned) -> Iterable[tuple[Any, ...]]:
    """For each impacted test and status: the test before, the planted growth, and the scale, null if not known."""
    sat = taken(database)
    impacted = {row["impacted_id"] for row in database.ask(ASSIGNED)}
    for before, test in pairwise(sat):
        if test["id"] not in impacted or test["group_id"] != before["group_id"]:
            continue
        ranges, clamp = planned.growth.get(test["name"], {}), planned.clamp.get(test["name"], (None, None))
        for status in STATUSES:
            yield test["id"], before["id"], status, *ranges.get(status, (None, None)), *clamp


def _estimates(database: Database, scope: str) -> list[dict[str, Any]]:
    rows = [row for row in database.ask(ESTIMATES) if row["scope"] == scope]
    if not rows:
        raise Lacking(f"any estimate by {scope}")
    return rows


def _intervals(
    title: str, rows: list[dict[str, Any]], names: list[str], what: str, long: Sequence[str] = (), note: str = ""
) -> Part:
    known = [row for row in rows if row["covered"] is not None]
    held = sum(row["covered"] for row in known)
    says = []
    if known:
        says += _held(known, held)
        worst = max(known, key=lambda row: abs(row["bias"]))
        far = abs(worst["bias"]) / worst["standard_error"] if worst["standard_error"] else 0.0
        name = (long or names)[rows.index(worst)]
        says.append(
            f"The estimate that is furthest off is that of {name}: {number(worst['bias'], 2)} points, {far:.1f} of its "
            f"standard errors."
        )
    if len(known) < len(rows):
        says.append(
            f"{plural(len(rows) - len(known), 'estimate has', 'estimates have')} no interval, for want of students or "
            "variation."
        )
    drawn = [
        {"row": place, **{key: row[key] for key in ("effect", "low", "high", "planted", "covered")}}
        for place, row in enumerate(rows)
    ]
    return Part(
        title,
        tuple(says),
        (
            *(what.capitalize(), "Treated", "Control", "Planted", "Estimate", "95 % interval", "Holds it", "Bias"),
            *("Expected bias", "Std. error", "p"),
        ),
        [
            (
                name,
                row["treated"],
                row["control"],
                number(row["planted"], 2),
                number(row["effect"], 2),
                "" if row["low"] is None else f"{number(row['low'], 2)} to {number(row['high'], 2)}",
                {1: "yes", 0: "no"}.get(row["covered"], ""),
                number(row["bias"], 2),
                number(row["expected_bias"], 2),
                number(row["standard_error"], 3),
                _chance(row["p"]),
            )
            for name, row in zip(long or names, rows, strict=True)
        ],
        charts.intervals(drawn[:MOST_ROWS], names[:MOST_ROWS]),
        (
            ("tick", frame.INK, "planted"),
            ("line", frame.ACCENT, "estimate and 95 % interval"),
            *((("line", frame.MISSED, "interval misses the truth"),) if held < len(known) else ()),
        ),
        f"effect, in scale points{note}",
    )


def _held(rows: list[dict[str, Any]], held: int) -> list[str]:
    """How many intervals hold the truth; where the comparison itself is biased, by how much, and how many hold both."""

    def every(number: int) -> str:
        return f"{'All' if number == len(rows) else f'{number} of'} {plural(len(rows), 'interval')} hold"

    expected = [row["expected_bias"] or 0.0 for row in rows]
    if all(abs(bias) <= row["standard_error"] for bias, row in zip(expected, rows, strict=True)):
        return [f"{every(held)} the effect that was planted; in the long run 95 % do."]
    both = sum(row["low"] <= row["planted"] + bias <= row["high"] for bias, row in zip(expected, rows, strict=True))
    least, most = number(min(expected), 2), number(max(expected), 2)
    biased = (
        "In this world the plain comparison is biased: without the work, too, those who did it would have grown "
        f"{least} to {most} points more than those they are compared with."
    )
    known = f"{every(both)} the planted effect and that known bias together; in the long run 95 % do."
    return [f"{every(held)} the effect that was planted. {biased}", known]


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"  # noqa: PLR2004 -- as journals print it
