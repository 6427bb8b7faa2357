"""The parts about effects: the estimates of each, beside what was planted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.school.report import charts, frame
from etl.school.report.queries import ESTIMATES, Lacking
from etl.site.report.section import MOST_ROWS, Part, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etl.school.report.planned import Planned
    from etl.school.report.queries import Database


#: The estimators, by their names in the table: what the report calls them, and their shapes in charts.
ESTIMATORS = {
    "did": ("DiD", "circle"),
    "did_fixed_effects": ("DiD within rosters", "square"),
    "ancova": ("ANCOVA within rosters", "triangle"),
}


def assignment_effects(database: Database, _: Planned) -> Part:
    """Each assignment's effect: planted, and estimated."""
    rows = _estimates(database, "assignment")
    return _intervals("Effect of each assignment", rows, [f"{row['assignment']}" for row in rows], "assignment")


def standard_effects(database: Database, _: Planned) -> Part:
    """The same for each standard of each assignment."""
    rows = _estimates(database, "standard")
    names = [f"{row['assignment_id']} · {row['standard']}" for row in rows]
    long = [f"{row['assignment']}, {row['standard']}" for row in rows]
    note = "; before each standard, the id of its assignment"
    return _intervals("Effect on each standard", rows, names, "assignment and standard", long, note)


def category_effects(database: Database, _: Planned) -> Part:
    """The same for each reporting category."""
    rows = _estimates(database, "category")
    names = [str(row["category"]) for row in rows]
    return _intervals("Effect by reporting category", rows, names, "reporting category")


def _estimates(database: Database, scope: str) -> list[dict[str, Any]]:
    """The estimates of a scope; those of one effect follow each other, in the order of the estimators."""
    rows = [row for row in database.ask(ESTIMATES) if row["scope"] == scope and row["estimator"] in ESTIMATORS]
    if not rows:
        raise Lacking(f"any estimate by {scope}")
    keys = ("assignment_id", "standard_id", "rc_id")
    effects = dict.fromkeys(tuple(row[key] for key in keys) for row in rows)
    order = {effect: place for place, effect in enumerate(effects)}
    return sorted(rows, key=lambda row: order[tuple(row[key] for key in keys)])


def _intervals(
    title: str, rows: list[dict[str, Any]], names: list[str], what: str, long: Sequence[str] = (), note: str = ""
) -> Part:
    """A part with a row for each estimate; ``long`` are the names in the table and in sentences, if longer."""
    drawn = [
        {"name": name, "shape": ESTIMATORS[row["estimator"]][1]}
        | {key: row[key] for key in ("effect", "low", "high", "planted", "covered")}
        for name, row in zip(names, rows, strict=True)
    ]
    missed = any(row["covered"] == 0 for row in rows)
    return Part(
        title,
        tuple(_sentences(rows, long or names)),
        (
            *(what.capitalize(), "Estimator", "Treated", "Control", "Planted", "Estimate", "95 % interval"),
            *("Contains it", "Bias", "Expected bias", "Std. error", "p"),
        ),
        [_cells(name, row) for name, row in zip(long or names, rows, strict=True)],
        charts.intervals(drawn[:MOST_ROWS]),
        (
            ("tick", frame.INK, "planted"),
            *((shape, frame.ACCENT, name) for name, shape in _used(rows).values()),
            *((("line", frame.MISSED, "95 % interval misses the truth"),) if missed else ()),
        ),
        f"effect and 95 % interval, in scale points{note}",
    )


def _used(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {key: value for key, value in ESTIMATORS.items() if any(row["estimator"] == key for row in rows)}


def _cells(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    return (
        name,
        ESTIMATORS[row["estimator"]][0],
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


def _sentences(rows: list[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    known = [row for row in rows if row["covered"] is not None]
    for estimator, (name, _) in _used(known).items():
        yield _coverage(name, [row for row in known if row["estimator"] == estimator])
    if known:
        yield "Of intervals by an analysis that fits the world, 95 % contain the planted effect in the long run."
        worst = max(known, key=lambda row: abs(row["bias"]))
        far = abs(worst["bias"]) / worst["standard_error"] if worst["standard_error"] else 0.0
        yield (
            f"The estimate that is furthest off is that of {names[rows.index(worst)]} by "
            f"{ESTIMATORS[worst['estimator']][0]}: {number(worst['bias'], 2)} points, {far:.1f} of its standard errors."
        )
    if len(known) < len(rows):
        yield (
            f"{plural(len(rows) - len(known), 'estimate has', 'estimates have')} no interval: too few students or "
            "rosters, or no variation."
        )


def _coverage(name: str, rows: list[dict[str, Any]]) -> str:
    """How many intervals of an estimator contain the truth, and its expected bias, if that is more than its error."""
    held = sum(row["covered"] for row in rows)
    covered = (
        f"{'all' if held == len(rows) else f'{held} of'} {plural(len(rows), 'interval')} contain the planted effect"
    )
    expected = [row["expected_bias"] or 0.0 for row in rows]
    if sum(map(abs, expected)) <= sum(row["standard_error"] for row in rows):
        return f"{name}: {covered}."
    span = f"{number(min(expected), 2)} to {number(max(expected), 2)} points"
    both = sum(row["low"] <= row["planted"] + bias <= row["high"] for bias, row in zip(expected, rows, strict=True))
    return f"{name}: {covered}. Its expected bias here is {span}; {both} contain the planted effect and that bias."


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"  # noqa: PLR2004 -- as journals print it
