"""Draws the report of a finished database: questions, charts, page. This is the only module that knows vl-convert."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import vl_convert

from etl.finished import open_database
from etl.report import charts, frame, parts
from etl.report.page import report_page
from etl.report.part import number
from etl.report.planned import Planned
from etl.report.queries import ESTIMATES, Database, Lacking
from etl.sql import quote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

#: Of Vega-Lite; vl-convert brings several.
VERSION = "6.4"


def draw(database: Path, about: Mapping[str, Any]) -> str:
    """The report of a finished database as HTML. ``about``: see :func:`etl.report.about`. Raises sqlite3.Error."""
    pipeline = about["pipeline"]
    planned = Planned(pipeline)
    with contextlib.closing(open_database(database)) as connection:
        asked = Database(connection)
        made, left_out = [], []
        for part in parts.PARTS:
            try:
                made.append(part(asked, planned))
            except Lacking as lacking:
                left_out.append((_title(part), str(lacking)))
        facts = _facts(connection, asked)
    made.append(parts.checks(about["checks"]))
    facts.append((number(len(about["checks"])), "checks passed"))
    return report_page(
        pipeline["site"],
        build=about["build"],
        seed=pipeline["seed"],
        facts=facts,
        parts=[(part, svg(part.chart) if part.chart else None) for part in made],
        left_out=left_out,
    )


def svg(chart: frame.Spec) -> str:
    """A chart as SVG."""
    return str(vl_convert.vegalite_to_svg(chart, vl_version=VERSION))


def warm() -> None:
    """Draw a chart of each kind for nothing: the first one takes as long as all of the report."""
    svg(charts.intervals([{"row": 0, "effect": 1, "low": 0, "high": 2, "planted": 1, "covered": 1}], ["-"]))
    svg(charts.ridges([{"row": 0, "x": 1, "base": 0, "top": 1}], ["-"], [0, 1]))


def _title(part: Any) -> str:  # noqa: ANN401 -- one of PARTS
    return str(part.__name__).replace("_", " ").capitalize()


def _facts(connection: sqlite3.Connection, database: Database) -> list[tuple[str, str]]:
    """The numbers at the top."""
    facts = [
        (number(connection.execute(f"SELECT count(*) FROM {quote(table)}").fetchone()[0]), table)  # noqa: S608 -- ours
        for table in ("rosters", "students", "scores", "assignments")
        if table in database.columns
    ]
    with contextlib.suppress(Lacking):
        rows = database.ask(ESTIMATES)
        covered = [row["covered"] for row in rows if row["scope"] == "assignment" and row["covered"] is not None]
        if covered:
            facts.append((f"{sum(covered)} of {len(covered)}", "intervals hold the planted effect"))
    return facts
