"""The parts of the report. Each asks the database, draws a chart, and says in a sentence what to see, from the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from etl.report import charts
from etl.report.planned import STATUSES
from etl.report.queries import ASSIGNED, CLASS_SIZES, DATES, ESTIMATES, LEVELS, SCORES, TESTS, Lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from etl.report.charts import Spec
    from etl.report.planned import Planned
    from etl.report.queries import Database

_MOST_ROWS = 60  # rows of a chart; the table has them all
_MOST_BINS = 60
_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
_MARGIN = 1e-9

#: As printed numbers have it, not the hyphen.
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Part:
    """A part of the report: what to see, the chart, what its colours mean, and the table behind it."""

    title: str
    says: tuple[str, ...]
    head: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    chart: Spec | None = None
    key: tuple[tuple[str, str, str], ...] = ()  # a shape, its colour, and what it stands for
    unit: str = ""  # of the chart's axis


def number(value: float | None, digits: int = 0) -> str:
    """A number for people: 12,345.68; nothing for None."""
    return "" if value is None else f"{value:,.{digits}f}".replace("-", MINUS)


def share(part: float, whole: float) -> str:
    """A share in per cent: 38.2 %."""
    return f"{part / whole:.1%}".replace("%", " %") if whole else "0.0 %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a sentence: a, b and c."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none"


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its noun: 1 roster, 2 rosters."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def level_shares(database: Database, planned: Planned) -> Part:
    """The share of students at each level, test by test, and what the first test was meant to give."""
    tests, levels = _taken(database), database.ask(LEVELS)
    if not levels or not tests:
        raise Lacking("any level or score")
    found = {test["id"]: [0] * len(levels) for test in tests}
    place = {level["level"]: index for index, level in enumerate(levels)}
    for row in database.ask(SCORES):
        if row["test_id"] in found and row["level"] in place:
            found[row["test_id"]][place[row["level"]]] += row["students"]
    names = [str(test["name"]) for test in tests]
    bars = [[count / max(sum(found[test["id"]]), 1) for count in found[test["id"]]] for test in tests]
    rows: list[tuple[object, ...]] = [
        (test["name"], sum(found[test["id"]]), *(share(part, 1) for part in bar))
        for test, bar in zip(tests, bars, strict=True)
    ]
    lowest, start, end = str(levels[0]["name"]), bars[0][0], bars[-1][0]
    says = [f"From {names[0]} to {names[-1]} the share at {lowest} goes from {share(start, 1)} to {share(end, 1)}."]
    if planned.first and planned.first.test in names:
        at = names.index(planned.first.test)
        due = planned.first.shares([level["min_score"] for level in levels])
        gaps = [abs(one - other) for one, other in zip(bars[at], due, strict=True)]
        far = levels[gaps.index(max(gaps))]["name"]
        says.append(
            f"The target of {names[at]} is a normal distribution, mean {number(planned.first.mean)} and standard "
            f"deviation {number(planned.first.sd)}: the largest difference from it is {100 * max(gaps):.1f} percentage "
            f"points, at {far}."
        )
        names.insert(at, f"{names[at]} target")
        bars.insert(at, due)
        rows.insert(at, (names[at], "", *(share(part, 1) for part in due)))
    colours = [charts.colour(level["color"], index) for index, level in enumerate(levels)]
    drawn = [
        {"row": row, "level": index, "start": sum(bar[:index]), "end": sum(bar[: index + 1])}
        for row, bar in enumerate(bars)
        for index in range(len(levels))
    ]
    return Part(
        "Performance levels",
        tuple(says),
        ("Test", "Students", *(str(level["name"]) for level in levels)),
        rows,
        charts.levels(drawn, names, colours),
        tuple(("box", colour, str(level["name"])) for colour, level in zip(colours, levels, strict=True)),
        "share of students",
    )


def distributions(database: Database, planned: Planned) -> Part:
    """How the overall scores of each test are spread."""
    tests = _taken(database)
    if not tests:
        raise Lacking("any score")
    counts: dict[int, dict[int, int]] = {test["id"]: {} for test in tests}
    for row in database.ask(SCORES):
        if row["test_id"] in counts:
            of_test = counts[row["test_id"]]
            of_test[row["score"]] = of_test.get(row["score"], 0) + row["students"]
    low = min(min(scores) for scores in counts.values())
    high = max(max(scores) for scores in counts.values())
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_BINS), math.ceil((high - low) / _MOST_BINS))
    drawn, rows, spreads = [], [], []
    for place, test in enumerate(tests):
        scores = counts[test["id"]]
        bins: dict[int, int] = {}
        for score, students in scores.items():
            bins[score // step] = bins.get(score // step, 0) + students
        most = max(bins.values())
        spread = _spread(scores)
        spreads.append(spread)
        for index in range(low // step - 1, high // step + 2):
            top = round(0.9 * bins.get(index, 0) / most - place, 4)
            drawn.append({"row": place, "x": (index + 0.5) * step, "base": -place, "top": top})
        drawn.append({"middle": spread.median, "base": -place, "high": 0.9 - place})
        rows.append(
            (
                test["name"],
                spread.number,
                number(spread.mean, 1),
                number(spread.sd, 1),
                *(number(end) for end in (spread.least, spread.lower, spread.median, spread.upper, spread.most)),
            )
        )
    first, last = spreads[0], spreads[-1]
    goes = f"from {number(first.mean, 1)} on {tests[0]['name']} to {number(last.mean, 1)} on {tests[-1]['name']}"
    says = [f"The mean goes {goes}, where the middle half has {number(last.lower)} to {number(last.upper)}."]
    if planned.first:
        ends = planned.first.clamp
        beyond = sum(n for scores in counts.values() for score, n in scores.items() if not ends[0] <= score <= ends[1])
        says.append(
            f"No score leaves the scale, {number(ends[0])} to {number(ends[1])}."
            if not beyond
            else f"{plural(beyond, 'score')} lie outside of the scale, {number(ends[0])} to {number(ends[1])}."
        )
    return Part(
        "Score distributions",
        tuple(says),
        ("Test", "Students", "Mean", "SD", "Least", "Lower quartile", "Median", "Upper quartile", "Most"),
        rows,
        charts.ridges(
            drawn, [str(test["name"]) for test in tests], [(low // step - 0.5) * step, (high // step + 1.5) * step]
        ),
        (("line", charts.INK, "median"),),
        "overall score, in scale points",
    )


def class_sizes(database: Database, planned: Planned) -> Part:
    """How many students sit in a roster."""
    sizes = database.ask(CLASS_SIZES)
    if not sizes:
        raise Lacking("any roster")
    rosters = sum(row["rosters"] for row in sizes)
    students = sum(row["size"] * row["rosters"] for row in sizes)
    least, most = sizes[0]["size"], sizes[-1]["size"]
    asked = ""
    if planned.class_size:
        low, high = planned.class_size
        fits = low <= least and most <= high
        asked = f", as the pipeline asks ({low} to {high})" if fits else f"; the pipeline asks for {low} to {high}"
    step = next((step for step in _STEPS if (most - least) / step <= 40), _STEPS[-1])  # noqa: PLR2004 -- bars on a phone
    bars: dict[int, int] = {}
    for row in sizes:
        bars[row["size"] // step * step] = bars.get(row["size"] // step * step, 0) + row["rosters"]
    drawn = [{"x": size + (step - 1) / 2, "number": number} for size, number in bars.items()]
    many = f"{plural(rosters, 'roster')} {'has' if rosters == 1 else 'have'} from {least} to {most} students{asked}"
    return Part(
        "Class sizes",
        (f"{many}; the mean is {number(students / rosters, 1)}.",),
        ("Students", "Rosters"),
        [(row["size"], row["rosters"]) for row in sizes],
        charts.columns(drawn, step),
        unit="students in a roster; upwards, rosters",
    )


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
        spread = _spread(moves)
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
        whole = "All" if every == 1 else f"Of every {every}th student, all"
        says.append(
            f"{whole} {number(total)} growths lie in the range that was planted."
            if not strays
            else f"{plural(strays, 'growth')} of {number(total)} lie outside of the range that was planted."
        )
    if near:
        says.append(f"Left out: {plural(near, 'growth')} from scores so near an end of the scale that it may cut them.")
    return Part(
        "Growth",
        tuple(says),
        ("Window", "Status", "Growths", "Planted", "Found", "Mean", "Outside"),
        rows,
        charts.growths(drawn[:_MOST_ROWS], names[:_MOST_ROWS]),
        (
            ("box", charts.BAND, "planted range"),
            *(("line", charts.STATUS_COLOURS[status], text) for status, text in STATUSES.items() if moved[status][0]),
        ),
        "growth of a standard's score into the impacted test, in points; the dot is the mean",
    )


def assignment_effects(database: Database, _: Planned) -> Part:
    """Each assignment's effect: planted, and estimated."""
    rows = _estimates(database, "assignment")
    return _intervals("Effect of each assignment", rows, [f"{row['assignment']}" for row in rows], "assignment", 152)


def standard_effects(database: Database, _: Planned) -> Part:
    """The same for each standard of each assignment."""
    rows = _estimates(database, "standard")
    names = [f"{row['assignment_id']} · {row['standard']}" for row in rows]
    long = [f"{row['assignment']}, {row['standard']}" for row in rows]
    return _intervals("Effect on each standard", rows, names, "assignment and standard", 96, long)


def category_effects(database: Database, _: Planned) -> Part:
    """The same for each reporting category."""
    rows = _estimates(database, "category")
    names = [str(row["category"]) for row in rows]
    return _intervals("Effect by reporting category", rows, names, "reporting category", 172)


def assigned(database: Database, planned: Planned) -> Part:
    """Who was given which assignment, and how far they came."""
    found = database.ask(ASSIGNED)
    tests = {test["id"]: str(test["name"]) for test in database.ask(TESTS)}
    if not found:
        raise Lacking("any assignment")
    statuses = [status for status in STATUSES if status != "none"]
    drawn: list[dict[str, Any]] = []
    rows, totals = [], dict.fromkeys(statuses, 0)
    for place, row in enumerate(found):
        counts = [row[status] or 0 for status in statuses]
        for index, (status, count) in enumerate(zip(statuses, counts, strict=True)):
            totals[status] += count
            start = sum(counts[:index])
            drawn.append({"row": place, "status": status, "start": start, "end": start + count})
        after, impacted = tests.get(row["after_id"], ""), tests.get(row["impacted_id"], "")
        levels = ", ".join(sorted(str(row["levels"] or "").split(",")))
        rosters = f"{number(row['rosters'])} ({row['first']} to {row['last']})" if row["rosters"] else "0"
        rows.append((row["name"], row["platform"], after, impacted, levels, rosters, sum(counts), *counts))
    total = sum(totals.values())
    shares = [f"{share(totals[status], total)} {STATUSES[status]}" for status in statuses]
    says = [f"{plural(len(found), 'assignment')} went to students {number(total)} times: {listed(shares)}."]
    if planned.status and total:
        asked = [
            f"{share(value, 1)} {STATUSES[status]}"
            for status, value in planned.status.items()
            if status in STATUSES and isinstance(value, (int, float))
        ]
        says.append(f"The pipeline asks for {listed(asked)}.")
    return Part(
        "Who was assigned",
        tuple(says),
        (
            *("Assignment", "Platform", "After", "Impacts", "Levels", "Rosters (ids)", "Students"),
            *(STATUSES[status].capitalize() for status in statuses),
        ),
        rows,
        charts.stacks(
            [row for row in drawn if row["row"] < _MOST_ROWS], [str(row["name"]) for row in found][:_MOST_ROWS]
        ),
        tuple(("box", charts.STATUS_COLOURS[status], STATUSES[status]) for status in statuses),
        "students",
    )


def dates(database: Database, _: Planned) -> Part:
    """When the work was begun and done, between the two tests of each window."""
    tests = {test["id"]: test for test in database.ask(TESTS)}
    windows: dict[tuple[int, int], list[dict[str, Any]]] = {}
    outside = total = 0
    for row in database.ask(DATES):
        test_days = [_day(tests.get(row[end], {}).get("administered_at")) for end in ("after_id", "impacted_id")]
        day = _day(row["day"])
        if day is not None and None not in test_days:
            windows.setdefault((row["after_id"], row["impacted_id"]), []).append({**row, "at": day})
            total += row["students"]
            outside += row["students"] * (not test_days[0] <= day <= test_days[1])  # type: ignore[operator]
    if not windows:
        raise Lacking("any date of a window between two dated tests")
    drawn: list[dict[str, Any]] = []
    rows = []
    for place, ((after, impacted), days) in enumerate(sorted(windows.items())):
        opens, closes = (_day(tests[test]["administered_at"]) for test in (after, impacted))
        for event in ("started", "completed"):
            so_far = 0
            drawn.append({"window": place, "status": event, "number": 0, "day": opens})
            mine = [row for row in days if row["event"] == event]
            for row in mine:
                so_far += row["students"]
                drawn.append({"window": place, "status": event, "number": so_far, "day": row["at"]})
            drawn.append({"window": place, "status": event, "number": so_far, "day": closes})
            if mine:
                window = f"{tests[after]['name']} to {tests[impacted]['name']}"
                rows.append((window, event, so_far, mine[0]["day"], mine[-1]["day"]))
    marks = [
        {"day": day, "name": charts.short(test["name"], 6)}
        for test in tests.values()
        if (day := _day(test["administered_at"])) is not None
    ]
    lines = [{**row, "window": 2 * row["window"] + (row["status"] == "completed")} for row in drawn]
    return Part(
        "Dates",
        (
            f"All {number(total)} dates lie between the two tests of their window."
            if not outside
            else f"{plural(outside, 'date')} of {number(total)} lie outside of their window.",
            "Each line counts the work that has been started, or completed, by a day.",
        ),
        ("Window", "Event", "Students", "First day", "Last day"),
        rows,
        charts.calendar(lines, marks),
        tuple(("line", charts.STATUS_COLOURS[event], event) for event in ("started", "completed")),
        "upwards, assignments of students so far",
    )


#: The parts in the order of the page; ``level_shares`` comes first where people look first.
PARTS: tuple[Callable[[Database, Planned], Part], ...] = (
    assignment_effects,
    standard_effects,
    category_effects,
    growth,
    level_shares,
    distributions,
    assigned,
    dates,
    class_sizes,
)


def checks(held: Sequence[Mapping[str, str]]) -> Part:
    """Which rules the build was held to."""
    ran = f"{plural(len(held), 'check')} ran before the build was published"
    return Part(
        "Checks",
        (f"{ran}, and none found anything: otherwise there would be no build.",),
        ("Check", "Rule"),
        [(check["check"], check["rule"]) for check in held],
    )


@dataclass(frozen=True)
class _Spread:
    """How numbers are spread."""

    number: int
    mean: float
    sd: float
    least: int
    lower: int
    median: int
    upper: int
    most: int


def _spread(counts: Mapping[int, int]) -> _Spread:
    """Describe numbers by how often each is there; quartiles are the lowest numbers that reach their share."""
    values = sorted(counts)
    total = sum(counts.values())
    mean = sum(value * counts[value] for value in values) / total
    variance = sum((value - mean) ** 2 * counts[value] for value in values) / max(total - 1, 1)

    def quantile(part: float) -> int:
        below = 0
        for value in values:
            below += counts[value]
            if below >= part * total - _MARGIN:
                return value
        return values[-1]

    return _Spread(
        total, mean, math.sqrt(variance), values[0], quantile(0.25), quantile(0.5), quantile(0.75), values[-1]
    )


def _taken(database: Database) -> list[dict[str, Any]]:
    """The tests that somebody took, in their order."""
    taken = {row["test_id"] for row in database.ask(SCORES)}
    return [test for test in database.ask(TESTS) if test["id"] in taken]


def _ranges(database: Database, planned: Planned) -> Iterable[tuple[Any, ...]]:
    """For each impacted test and status: the test before, the planted growth, and the scale, null if not known."""
    taken = _taken(database)
    impacted = {row["impacted_id"] for row in database.ask(ASSIGNED)}
    for before, test in pairwise(taken):
        if test["id"] not in impacted or test["group_id"] != before["group_id"]:
            continue
        plan = planned.growth.get(str(test["name"]))
        for status in STATUSES:
            low, high = plan.ranges.get(status, (None, None)) if plan else (None, None)
            yield test["id"], before["id"], status, low, high, *(plan.clamp if plan else (None, None))


def _estimates(database: Database, scope: str) -> list[dict[str, Any]]:
    rows = [row for row in database.ask(ESTIMATES) if row["scope"] == scope]
    if not rows:
        raise Lacking(f"any estimate by {scope}")
    return rows


def _intervals(  # noqa: PLR0913, PLR0917 -- what the three charts of estimates differ in
    title: str, rows: list[dict[str, Any]], names: list[str], what: str, left: int, long: list[str] | None = None
) -> Part:
    known = [row for row in rows if row["covered"] is not None]
    held = sum(row["covered"] for row in known)
    says = []
    if known:
        every = "All" if held == len(known) else f"{held} of"
        says.append(
            f"{every} {plural(len(known), 'interval')} hold the effect that was planted; in the long run 95 % do."
        )
        worst = max(known, key=lambda row: abs(row["bias"]))
        far = abs(worst["bias"]) / worst["standard_error"] if worst["standard_error"] else 0.0
        name = (long or names)[rows.index(worst)]
        says.append(
            f"The estimate that is furthest off is that of {name}: {number(worst['bias'], 2)} points, {far:.1f} of its "
            f"standard errors."
        )
    if len(known) < len(rows):
        says.append(
            f"{plural(len(rows) - len(known), 'estimate')} have no interval, for want of students or variation."
        )
    drawn = [
        {"row": place, **{key: row[key] for key in ("effect", "low", "high", "planted", "covered")}}
        for place, row in enumerate(rows)
    ]
    return Part(
        title,
        tuple(says),
        (
            *(what.capitalize(), "Treated", "Control", "Planted", "Estimate", "95 % interval", "Bias", "Expected bias"),
            *("Standard error", "p", "Holds the truth"),
        ),
        [
            (
                name,
                row["treated"],
                row["control"],
                number(row["planted"], 2),
                number(row["effect"], 2),
                "" if row["low"] is None else f"{number(row['low'], 2)} to {number(row['high'], 2)}",
                number(row["bias"], 2),
                number(row["expected_bias"], 2),
                number(row["standard_error"], 3),
                _chance(row["p"]),
                {1: "yes", 0: "no"}.get(row["covered"], ""),
            )
            for name, row in zip(long or names, rows, strict=True)
        ],
        charts.intervals(drawn[:_MOST_ROWS], names[:_MOST_ROWS], left),
        (
            ("tick", charts.INK, "planted"),
            ("line", charts.ACCENT, "estimate and 95 % interval"),
            *((("line", charts.MISSED, "interval misses the truth"),) if held < len(known) else ()),
        ),
        "effect, in scale points",
    )


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"  # noqa: PLR2004 -- as journals print it


def _day(text: object) -> int | None:
    """A day as milliseconds since 1970, UTC, as Vega counts them; None for what is no day."""
    try:
        return int(datetime.strptime(str(text)[:10], "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None
