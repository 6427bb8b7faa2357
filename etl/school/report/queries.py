"""The report's queries of a finished database. SQL does the counting, so that memory does not grow with the world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

HOME = Path(__file__).parent

#: With more students than this the JSON of every second, third ... student is read, for speed.
SAMPLE = 60_000

#: The queries: files beside this one ...
ASSIGNED = "assigned"
CLASS_SIZES = "class_sizes"
DATES = "dates"
ESTIMATES = "estimates"
GROWTH = "growth"
LEVELS = "levels"
SCORES = "scores"
TESTS = "tests"

#: ... and the columns that each reads.
NEEDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    TESTS: {"tests": ("id", "group_id", "sequence", "name", "administered_at")},
    LEVELS: {"performance_levels": ("level", "name", "min_score", "color")},
    SCORES: {"scores": ("test_id", "overall_score", "level")},
    CLASS_SIZES: {"rosters": ("id",), "students": ("id", "roster_id")},
    GROWTH: {
        "assignments": ("id", "impacted_test_id"),
        "assignment_standards": ("assignment_id", "standard_id"),
        "assignment_students": ("assignment_id", "student_id", "status"),
        "students": ("id", "roster_id"),
        "scores": ("student_id", "test_id", "std_scores"),
    },
    ESTIMATES: {
        "impact_estimates": (
            *("estimator", "scope", "assignment_id", "rc_id", "standard_id"),
            *("effect", "low", "high", "planted"),
        ),
        "assignments": ("id", "name"),
        "standards": ("id", "code"),
        "reporting_categories": ("id", "name"),
    },
    ASSIGNED: {
        "assignments": ("id", "name", "platform", "created_after_test_id", "impacted_test_id"),
        "assignment_students": ("assignment_id", "student_id", "status"),
        "students": ("id", "roster_id"),
        "scores": ("student_id", "test_id", "level"),
    },
    DATES: {
        "assignments": ("id", "created_after_test_id", "impacted_test_id"),
        "assignment_students": ("assignment_id", "started_at", "completed_at"),
    },
}


class Lacking(Exception):  # noqa: N818 -- not an error: the part is left out
    """The database lacks what a part needs; the message names it."""


class Database:
    """A finished database. A query that two parts share runs once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read the names of tables and columns."""
        self._connection = connection
        self._answers: dict[str, list[dict[str, Any]]] = {}
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        self.columns = {
            name: {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))}
            for (name,) in names
        }

    def ask(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Return all rows of a query. Raises Lacking for a missing table or column."""
        for table, columns in NEEDS[query].items():
            if table not in self.columns:
                raise Lacking(f"the table {table}")
            if missing := set(columns) - self.columns[table]:
                raise Lacking(f"the column {table}.{min(missing)}")
        key = f"{query} {json.dumps(values, sort_keys=True)}"
        if key not in self._answers:
            found = self._connection.execute(HOME.joinpath(f"{query}.sql").read_text(encoding="utf-8"), values)
            names = [column[0] for column in found.description]
            self._answers[key] = [dict(zip(names, row, strict=True)) for row in found]
        return self._answers[key]

    def growths(self, ranges: Iterable[tuple[Any, ...]]) -> tuple[list[dict[str, Any]], int]:
        """Return growth into the impacted tests by status, and n if it is of every n-th student."""
        self.ask(CLASS_SIZES)  # raises Lacking if there is no table of students
        (students,) = self._connection.execute("SELECT count(*) FROM students").fetchone()
        every = 1 + students // SAMPLE
        return self.ask(GROWTH, ranges=json.dumps(list(ranges)), every=every), every
