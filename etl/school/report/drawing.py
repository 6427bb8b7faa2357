"""Draws the report of a finished database: questions, charts, page. This is the only module that knows vl-convert."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import vl_convert

from etl.school.report import charts, effects, growth, year
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

    from etl.school.report.frame import Spec
    from etl.site.report.section import Part

#: Of Vega-Lite; vl-convert brings several.
VERSION = "6.4"


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
        parts=[(part, svg(part.chart) if part.chart else "") for part in made],
        introduction=_INTRODUCTION if estimated else "",
        end=_END if estimated else "",
    )


def svg(chart: Spec) -> str:
    """A chart as SVG."""
    return str(vl_convert.vegalite_to_svg(chart, vl_version=VERSION))


def warm() -> None:
    """Draw a chart of each kind and discard it: the first one takes as long as all others of a report."""
    svg(
        charts.intervals(
            [{"name": "-", "shape": "circle", "effect": 1, "low": 0, "high": 2, "planted": 1, "covered": 1}]
        )
    )
    svg(charts.ridges([{"row": 0, "x": 1, "base": 0, "top": 1}], ["-"], [0, 1]))


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
