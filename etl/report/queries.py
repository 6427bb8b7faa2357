"""What the report asks a finished database. SQL does the counting, so that memory does not grow with the world."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

#: More growths than this are too slow to open one by one; then every second, third ... student is taken.
SAMPLE = 60_000

TESTS = """
SELECT id, group_id, sequence, name, administered_at FROM tests ORDER BY group_id, sequence, id
"""

LEVELS = "SELECT level, name, min_score, color FROM performance_levels ORDER BY level"

SCORES = """
SELECT test_id, overall_score AS score, level, count(*) AS students
FROM scores GROUP BY test_id, overall_score, level ORDER BY test_id, overall_score, level
"""

CLASS_SIZES = """
SELECT size, count(*) AS rosters
FROM (SELECT count(students.id) AS size FROM rosters LEFT JOIN students ON roster_id = rosters.id GROUP BY rosters.id)
GROUP BY size ORDER BY size
"""

#: ``:ranges``: a row for each impacted test and status: the test before, and the planted growth, null when not known.
#: A standard that two assignments cover is left out: which growth counted there, nobody can see.
GROWTH = """
WITH
  ranges AS MATERIALIZED (
    SELECT value ->> 0 AS test_id, value ->> 1 AS before_id, value ->> 2 AS status, value ->> 3 AS low,
      value ->> 4 AS high, value ->> 5 AS least, value ->> 6 AS most
    FROM json_each(:ranges)
  ),
  covered AS MATERIALIZED (
    SELECT impacted_test_id AS test_id, min(assignment_id) AS assignment_id, '$."' || standard_id || '"' AS path,
      (SELECT before_id FROM ranges WHERE test_id = impacted_test_id) AS before_id
    FROM assignment_standards JOIN assignments ON assignments.id = assignment_id
    WHERE impacted_test_id IS NOT NULL
    GROUP BY impacted_test_id, standard_id HAVING count(*) = 1
  ),
  given AS MATERIALIZED (
    SELECT DISTINCT assignment_id, roster_id
    FROM assignment_students JOIN students ON students.id = student_id
  ),
  -- CROSS JOIN: in this order, by the keys; SQLite cannot know how few rows the first two have
  growths AS MATERIALIZED (
    SELECT covered.test_id, coalesce(held.status, 'none') AS status,
      json_extract(was.std_scores, path) AS before, json_extract(now.std_scores, path) AS after
    FROM given
    CROSS JOIN covered ON covered.assignment_id = given.assignment_id
    CROSS JOIN students ON students.roster_id = given.roster_id AND students.id % :every = 0
    LEFT JOIN assignment_students AS held
      ON held.assignment_id = given.assignment_id AND held.student_id = students.id
    CROSS JOIN scores AS was ON was.student_id = students.id AND was.test_id = covered.before_id
    CROSS JOIN scores AS now ON now.student_id = students.id AND now.test_id = covered.test_id
  )
SELECT growths.test_id, growths.status, after - before AS growth, count(*) AS number,
  coalesce(before + low >= least AND before + high <= most, 1) AS free
FROM growths CROSS JOIN ranges ON ranges.test_id = growths.test_id AND ranges.status = growths.status
WHERE before IS NOT NULL AND after IS NOT NULL
GROUP BY growths.test_id, growths.status, growth, free
ORDER BY growths.test_id, growths.status, growth, free
"""

ESTIMATES = """
SELECT impact_estimates.*, assignments.name AS assignment, standards.code AS standard,
  reporting_categories.name AS category
FROM impact_estimates
LEFT JOIN assignments ON assignments.id = assignment_id
LEFT JOIN standards ON standards.id = standard_id
LEFT JOIN reporting_categories ON reporting_categories.id = impact_estimates.rc_id
ORDER BY impact_estimates.id
"""

ASSIGNED = """
SELECT assignments.id, assignments.name, assignments.platform, created_after_test_id AS after_id,
  impacted_test_id AS impacted_id, held.completed, held.started, held.not_started, held.rosters, held.first, held.last,
  held.levels
FROM assignments LEFT JOIN (
  SELECT assignment_id, sum(status = 'completed') AS completed, sum(status = 'started') AS started,
    sum(status = 'not_started') AS not_started, count(DISTINCT roster_id) AS rosters, min(roster_id) AS first,
    max(roster_id) AS last, group_concat(DISTINCT level) AS levels
  FROM assignment_students
  JOIN assignments ON assignments.id = assignment_id
  JOIN students ON students.id = assignment_students.student_id
  LEFT JOIN scores ON scores.student_id = students.id AND scores.test_id = created_after_test_id
  GROUP BY assignment_id
) AS held ON held.assignment_id = assignments.id
ORDER BY assignments.id
"""

DATES = """
SELECT created_after_test_id AS after_id, impacted_test_id AS impacted_id, event, day, count(*) AS students
FROM (
  SELECT assignment_id, 'started' AS event, started_at AS day FROM assignment_students WHERE started_at IS NOT NULL
  UNION ALL
  SELECT assignment_id, 'completed', completed_at FROM assignment_students WHERE completed_at IS NOT NULL
) JOIN assignments ON assignments.id = assignment_id
WHERE impacted_test_id IS NOT NULL
GROUP BY after_id, impacted_id, event, day ORDER BY after_id, impacted_id, event, day
"""

#: What each query reads: the part of the report that needs it is left out of a world that lacks it.
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
        "impact_estimates": ("scope", "assignment_id", "rc_id", "standard_id", "effect", "low", "high", "planted"),
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


class Lacking(Exception):  # noqa: N818 -- no error: a world may do without
    """The database has not what a query reads; the message names it."""


class Database:
    """A finished database, and what was asked of it: a query that two parts share runs once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read which columns there are."""
        self._connection = connection
        self._answers: dict[str, list[dict[str, Any]]] = {}
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        self.columns = {
            name: {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))}
            for (name,) in names
        }

    def ask(self, query: str, **values: object) -> list[dict[str, Any]]:
        """All rows of one of the queries above. Raises Lacking when a table or a column is not there."""
        for table, columns in NEEDS[query].items():
            if table not in self.columns:
                raise Lacking(f"the table {table}")
            if missing := set(columns) - self.columns[table]:
                raise Lacking(f"the column {table}.{min(missing)}")
        key = f"{query} {json.dumps(values, sort_keys=True)}"
        if key not in self._answers:
            found = self._connection.execute(query, values)
            names = [column[0] for column in found.description]
            self._answers[key] = [dict(zip(names, row, strict=True)) for row in found]
        return self._answers[key]

    def growths(self, ranges: Iterable[tuple[Any, ...]]) -> tuple[list[dict[str, Any]], int]:
        """Growth into the impacted tests, by status, and of which students: of every one, every second, third ..."""
        self.ask(CLASS_SIZES)  # whether there are students
        (students,) = self._connection.execute("SELECT count(*) FROM students").fetchone()
        every = 1 + students // SAMPLE
        return self.ask(GROWTH, ranges=json.dumps(list(ranges)), every=every), every
