"""Draws the report of a finished database: questions, charts, page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from etl.school.report import effects, growth, year
from etl.school.report.planned import Planned
from etl.school.report.queries import ESTIMATES, Database, Lacking
from etl.site.report import general
from etl.site.report.page import report_page
from etl.site.report.section import number
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from etl.site.report.section import Part

#: The parts, in order: what no other generator gives comes first. Each queries the database, draws a chart, and says
#: in words what it shows.
PARTS: tuple[Callable[[Database, Planned], Part], ...] = (
    effects.assignment_effects,
    effects.standard_effects,
    effects.category_effects,
    growth.growth,
    year.level_shares,
    year.distributions,
    year.assigned,
    year.dates,
    year.class_sizes,
)

_INTRODUCTION = """<p>The effects in this world are known, because they were planted: the pipeline says by how much an
assignment moves a score. The report shows the data, and whether three standard analyses recover those
effects: difference in differences (DiD), the same within rosters, and analysis of covariance (ANCOVA).</p>"""

_END = """What the numbers mean, and the formulas with their sources: <code>docs/data.md</code> of the project. The same
numbers as data: <code>api/impact.json</code> and <code>api/truth.json</code>."""


def draw(database: Path, about: Mapping[str, Any]) -> str:
    """See :func:`etl.school.report.draw`."""
    planned = Planned(about["stages"])
    with contextlib.closing(open_database(database)) as connection:
        queries = Database(connection)
        made = []
        for part in PARTS:
            with contextlib.suppress(Lacking):
                made.append(part(queries, planned))
        facts = [*_facts(connection, queries), general.checks_passed(about)]
        estimated = any(part.title.startswith("Effect") for part in made)
        made += general.parts(connection, about, folded=True)
    return report_page(
        about,
        facts=facts,
        parts=made,
        introduction=_INTRODUCTION if estimated else "",
        end=_END if estimated else "",
    )


def _facts(connection: sqlite3.Connection, database: Database) -> list[tuple[str, str]]:
    """The numbers at the top."""
    facts = [
        (number(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]), table)  # noqa: S608 -- a name of this list
        for table in ("rosters", "students", "scores", "assignments")
        if table in database.columns
    ]
    with contextlib.suppress(Lacking):
        rows = database.ask(ESTIMATES)
        covered = [
            row["covered"]
            for row in rows
            if (row["estimator"], row["scope"]) == ("did", "assignment") and row["covered"] is not None
        ]
        if covered:
            facts.append((f"{sum(covered)} of {len(covered)}", "intervals contain the planted effect"))
    return facts
