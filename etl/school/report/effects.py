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
    rows = [row for row in database.ask(ESTIMATES) if row["scope"] == scope]
    if not rows:
        raise Lacking(f"any estimate by {scope}")
    return rows


def _intervals(
    title: str, rows: list[dict[str, Any]], names: list[str], what: str, long: Sequence[str] = (), note: str = ""
) -> Part:
    """A part with a row for each estimate; ``long`` are the names in the table and in sentences, if longer."""
    drawn = [
        {"row": place, **{key: row[key] for key in ("effect", "low", "high", "planted", "covered")}}
        for place, row in enumerate(rows)
    ]
    missed = any(row["covered"] == 0 for row in rows)
    return Part(
        title,
        tuple(_sentences(rows, long or names)),
        (
            *(what.capitalize(), "Treated", "Control", "Planted", "Estimate", "95 % interval", "Contains it", "Bias"),
            *("Expected bias", "Std. error", "p"),
        ),
        [_cells(name, row) for name, row in zip(long or names, rows, strict=True)],
        charts.intervals(drawn[:MOST_ROWS], names[:MOST_ROWS]),
        (
            ("tick", frame.INK, "planted"),
            ("line", frame.ACCENT, "estimate and 95 % interval"),
            *((("line", frame.MISSED, "interval misses the truth"),) if missed else ()),
        ),
        f"effect, in scale points{note}",
    )


def _cells(name: str, row: dict[str, Any]) -> tuple[object, ...]:
    return (
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


def _sentences(rows: list[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    known = [row for row in rows if row["covered"] is not None]
    if known:
        yield from _coverage(known)
        worst = max(known, key=lambda row: abs(row["bias"]))
        far = abs(worst["bias"]) / worst["standard_error"] if worst["standard_error"] else 0.0
        yield (
            f"The estimate that is furthest off is that of {names[rows.index(worst)]}: {number(worst['bias'], 2)} "
            f"points, {far:.1f} of its standard errors."
        )
    if len(known) < len(rows):
        yield (
            f"{plural(len(rows) - len(known), 'estimate has', 'estimates have')} no interval, for want of students or "
            "variation."
        )


def _coverage(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many intervals contain the truth; if the comparison itself is biased, also the truth and that bias."""

    def every(number: int) -> str:
        return f"{'All' if number == len(rows) else f'{number} of'} {plural(len(rows), 'interval')} contain"

    covered = f"{every(sum(row['covered'] for row in rows))} the effect that was planted"
    expected = [row["expected_bias"] or 0.0 for row in rows]
    if all(abs(bias) <= row["standard_error"] for bias, row in zip(expected, rows, strict=True)):
        yield f"{covered}; in the long run 95 % do."
        return
    yield (
        f"{covered}. In this world the plain comparison is biased: without the work, too, those who did it would have "
        f"grown {number(min(expected), 2)} to {number(max(expected), 2)} points more than those they are compared with."
    )
    both = sum(row["low"] <= row["planted"] + bias <= row["high"] for bias, row in zip(expected, rows, strict=True))
    yield f"{every(both)} the planted effect and that known bias together; in the long run 95 % do."


def _chance(p: float | None) -> str:
    if p is None:
        return ""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"  # noqa: PLR2004 -- as journals print it
