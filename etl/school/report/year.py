"""The parts about the school year: levels, scores, classes, assignments, and when work was done."""

from __future__ import annotations

import math
from datetime import date
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from etl.school.report import charts, frame
from etl.school.report.planned import STATUSES
from etl.school.report.queries import ASSIGNED, CLASS_SIZES, DATES, LEVELS, SCORES, TESTS, Lacking
from etl.school.report.spread import Spread, spread_of, taken
from etl.site.report.section import MOST_ROWS, Part, listed, number, plural, share, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.school.report.planned import Planned
    from etl.school.report.queries import Database

_MOST_BINS = 60
_STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)


def level_shares(database: Database, planned: Planned) -> Part:
    """The share of students at each level, test by test, and the target of the first test."""
    tests, levels = taken(database), database.ask(LEVELS)
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
    colours = [frame.colour(level["color"], index) for index, level in enumerate(levels)]
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
    tests = taken(database)
    if not tests:
        raise Lacking("any score")
    counts: dict[int, dict[int, int]] = {test["id"]: {} for test in tests}
    for row in database.ask(SCORES):
        if row["test_id"] in counts:
            of_test = counts[row["test_id"]]
            of_test[row["score"]] = of_test.get(row["score"], 0) + row["students"]
    names = [str(test["name"]) for test in tests]
    spreads = [spread_of(scores) for scores in counts.values()]
    first, last = spreads[0], spreads[-1]
    goes = f"from {number(first.mean, 1)} on {names[0]} to {number(last.mean, 1)} on {names[-1]}"
    says = [f"The mean goes {goes}, where the middle half has {number(last.lower)} to {number(last.upper)}."]
    if planned.first:
        ends = planned.first.clamp
        beyond = sum(n for scores in counts.values() for score, n in scores.items() if not ends[0] <= score <= ends[1])
        scale = f"the scale, {number(ends[0])} to {number(ends[1])}"
        says.append(f"{plural(beyond, 'score is', 'scores are') if beyond else 'No score is'} outside of {scale}.")
    return Part(
        "Score distributions",
        tuple(says),
        ("Test", "Students", "Mean", "SD", "Least", "Lower quartile", "Median", "Upper quartile", "Most"),
        [
            (
                *(name, each.number, number(each.mean, 1), number(each.sd, 1)),
                *(number(score) for score in (each.least, each.lower, each.median, each.upper, each.most)),
            )
            for name, each in zip(names, spreads, strict=True)
        ],
        _ridges(names, list(counts.values()), spreads),
        (("tick", frame.INK, "median"),),
        "overall score, in scale points",
    )


def _ridges(names: list[str], counts: list[dict[int, int]], spreads: list[Spread]) -> str:
    """A histogram of each test's scores, all in the same steps."""
    low, high = min(each.least for each in spreads), max(each.most for each in spreads)
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_BINS), math.ceil((high - low) / _MOST_BINS))
    drawn: list[dict[str, Any]] = []
    for row, (scores, spread) in enumerate(zip(counts, spreads, strict=True)):
        bins: dict[int, int] = {}
        for score, students in scores.items():
            bins[score // step] = bins.get(score // step, 0) + students
        drawn += [
            {"row": row, "x": (index + 0.5) * step, "height": bins.get(index, 0) / max(bins.values())}
            for index in range(low // step - 1, high // step + 2)
        ]
        drawn.append({"row": row, "middle": spread.median})
    return charts.ridges(drawn, names, [(low // step - 0.5) * step, (high // step + 1.5) * step])


def class_sizes(database: Database, planned: Planned) -> Part:
    """How many students a roster has."""
    sizes = database.ask(CLASS_SIZES)
    if not sizes:
        raise Lacking("any roster")
    rosters = sum(row["rosters"] for row in sizes)
    students = sum(row["size"] * row["rosters"] for row in sizes)
    least, most = sizes[0]["size"], sizes[-1]["size"]
    target = ""
    if planned.class_size:
        low, high = planned.class_size
        fits = low <= least and most <= high
        target = f", as the pipeline says ({low} to {high})" if fits else f"; the pipeline says {low} to {high}"
    step = next((step for step in _STEPS if (most - least) / step <= 40), _STEPS[-1])  # noqa: PLR2004 -- bars on a phone
    bars: dict[int, int] = {}
    for row in sizes:
        bars[row["size"] // step * step] = bars.get(row["size"] // step * step, 0) + row["rosters"]
    drawn = [{"x": size + (step - 1) / 2, "number": number} for size, number in bars.items()]
    many = f"{plural(rosters, 'roster')} {'has' if rosters == 1 else 'have'} from {least} to {most} students{target}"
    return Part(
        "Class sizes",
        (f"{many}; the mean is {number(students / rosters, 1)}.",),
        ("Students", "Rosters"),
        [(row["size"], row["rosters"]) for row in sizes],
        charts.columns(drawn, step),
        unit="students in a roster; upwards, rosters",
    )


def assigned(database: Database, planned: Planned) -> Part:
    """Who was given which assignment, and its status."""
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
        target = f"The pipeline says {_shares(planned.status)}"
        driven = planned.status.get("driven")  # some students have shares of their own
        says.append(f"{target}; of driven students, {_shares(driven)}." if isinstance(driven, dict) else f"{target}.")
    return Part(
        "Who was assigned",
        tuple(says),
        (
            *("Assignment", "Platform", "After", "Impacts", "Levels", "Rosters (ids)", "Students"),
            *(STATUSES[status].capitalize() for status in statuses),
        ),
        rows,
        charts.stacks(
            [row for row in drawn if row["row"] < MOST_ROWS], [str(row["name"]) for row in found][:MOST_ROWS]
        ),
        tuple(("box", frame.STATUS_COLOURS[status], STATUSES[status]) for status in statuses),
        "students",
    )


def _shares(status: Mapping[str, Any]) -> str:
    known = {name: value for name, value in status.items() if name in STATUSES and isinstance(value, (int, float))}
    return listed([f"{share(value, 1)} {STATUSES[name]}" for name, value in known.items()])


def dates(database: Database, _: Planned) -> Part:
    """When work was started and completed, between the two tests of each window."""
    tests = {test["id"]: test for test in database.ask(TESTS)}
    days = {key: _day(test["administered_at"]) for key, test in tests.items()}
    windows: dict[tuple[int, int], list[dict[str, Any]]] = {}
    outside = total = 0
    for row in database.ask(DATES):
        opens, closes, day = days.get(row["after_id"]), days.get(row["impacted_id"]), _day(row["day"])
        if opens is not None and closes is not None and day is not None:
            windows.setdefault((row["after_id"], row["impacted_id"]), []).append({**row, "at": day})
            total += row["students"]
            outside += row["students"] * (not opens <= day <= closes)
    if not windows:
        raise Lacking("any date of a window between two dated tests")
    drawn: list[dict[str, Any]] = []
    rows = []
    for place, ((after, impacted), found) in enumerate(sorted(windows.items())):
        for line, event in enumerate(("started", "completed"), start=2 * place):
            mine = [row for row in found if row["event"] == event]
            numbers = list(accumulate((row["students"] for row in mine), initial=0))
            moments = [days[after], *(row["at"] for row in mine), days[impacted]]
            for day, count in zip(moments, [*numbers, numbers[-1]], strict=True):
                drawn.append({"window": line, "status": event, "number": count, "day": day})
            if mine:
                window = f"{tests[after]['name']} to {tests[impacted]['name']}"
                rows.append((window, event, numbers[-1], mine[0]["day"], mine[-1]["day"]))
    marks = [{"day": day, "name": short(tests[key]["name"], 6)} for key, day in days.items() if day is not None]
    return Part(
        "Dates",
        (
            f"Of {number(total)} dates, {plural(outside, 'is', 'are')} outside of their window."
            if outside
            else f"All {number(total)} dates are between the two tests of their window.",
            "Each line shows how many assignments had been started, or completed, by each day.",
        ),
        ("Window", "Event", "Students", "First day", "Last day"),
        rows,
        charts.calendar(drawn, marks),
        tuple(("line", frame.STATUS_COLOURS[event], event) for event in ("started", "completed")),
        "upwards, assignments of students so far",
    )


def _day(text: object) -> int | None:
    """The ordinal of a day; None if it is not a date."""
    try:
        return date.fromisoformat(str(text)[:10]).toordinal()
    except ValueError:
        return None
