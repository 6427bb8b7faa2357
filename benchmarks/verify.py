"""Holds that a database has what all are asked for: the same tables, counts, and growth rules.

tests/support/oracle.py says it about every rule and row; this is what is quick enough for each run at any size. Numbers
are those of the default world.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from benchmarks import ROOT, ROSTERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TESTS = 6
SIZES = (30, 40)
SCALE = (5100, 5800)
#: Reference tables, and the file of data/ that has as many rows.
REFERENCE = {
    "performance_levels": "performance_levels",
    "test_groups": "test_groups",
    "tests": "tests",
    "reporting_categories": "reporting_categories",
    "standards": "standards",
    "assignments": "interventions",
    "assignment_standards": "intervention_standards",
}
#: After which test, which rosters (of 250), up to which level.
WINDOWS = [(1, 1, 80, 2), (3, 81, 160, 1), (4, 161, 250, 1)]
GROWTH = {"completed": (40, 80), "started": (15, 35), "not_started": (-15, 15), None: (-15, 15)}
#: Students whose every score is looked at.
LOOKED_AT = 200


def rows_of(path: Path) -> int:
    """Count the rows of all tables."""
    with closing(_open(path)) as database:
        return sum(_counts(database).values())


def told(build: Path) -> tuple[int, int]:
    """Rows and bytes of a build, as its manifest tells them."""
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    rows = sum(table["rows"] for table in manifest["tables"].values())
    return rows, sum(path.stat().st_size for path in build.rglob("*") if path.is_file())


def problems(path: Path, rosters: int) -> Iterator[str]:
    """Say what a database lacks."""
    with closing(_open(path)) as database:
        expected = _tables((ROOT / "sql" / "schema.sql").read_text(encoding="utf-8"))
        if (found := _names(database)) != expected:
            yield f"tables and indexes: {sorted(expected ^ found)} differ from sql/schema.sql"
            return
        yield from _wrong_counts(database, rosters)
        yield from _wrong_years(database)
        if broken := database.execute("PRAGMA foreign_key_check").fetchmany(1):
            yield f"a foreign key leads nowhere: {broken[0]}"


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _names(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_schema")} - {"sqlite_stat1"}


def _tables(schema: str) -> set[str]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema)
        return _names(database)


def _counts(database: sqlite3.Connection) -> dict[str, int]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 -- our own table's name
        for table in tables
        if not table.startswith("sqlite_")
    }


def _wrong_counts(database: sqlite3.Connection, rosters: int) -> Iterator[str]:
    counts = _counts(database)
    expected = {"rosters": rosters, "scores": TESTS * counts["students"]}
    for table, name in REFERENCE.items():
        with (ROOT / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            expected[table] = sum(1 for _ in csv.DictReader(file))
    expected["assignment_students"] = 0
    for test, low, high, level in WINDOWS:
        bounds = (test, (low - 1) * rosters // ROSTERS, high * rosters // ROSTERS, level)
        expected["assignment_students"] += database.execute(
            "SELECT count(*) FROM scores JOIN students ON students.id = student_id "
            "JOIN assignments ON created_after_test_id = test_id "
            "WHERE test_id = ? AND roster_id > ? AND roster_id <= ? AND level <= ?",
            bounds,
        ).fetchone()[0]
    for table, count in expected.items():
        if counts[table] != count:
            yield f"{table}: {counts[table]} rows, not {count}"
    sizes = "SELECT count(*), min(size), max(size) FROM (SELECT count(*) AS size FROM students GROUP BY roster_id)"
    filled, smallest, largest = database.execute(sizes).fetchone()
    if (filled, max(smallest, SIZES[0]), min(largest, SIZES[1])) != (rosters, smallest, largest):
        yield f"students: {filled} rosters of {smallest} to {largest}, not {rosters} of {SIZES[0]} to {SIZES[1]}"
    (same_name,) = database.execute(
        "SELECT count(*) - count(DISTINCT roster_id || ' ' || name) FROM students WHERE roster_id <= ?", (ROSTERS,)
    ).fetchone()
    if same_name:
        yield f"students: {same_name} have the name of another one of their class"


def _wrong_years(database: sqlite3.Connection) -> Iterator[str]:
    """Recompute means and growth of some students, from the first to the last."""
    (students,) = database.execute("SELECT count(*) FROM students").fetchone()
    members: dict[str, list[str]] = {}
    for standard, category in database.execute("SELECT id, rc_id FROM standards ORDER BY id"):
        members.setdefault(str(category), []).append(str(standard))
    for student in range(1, students + 1, max(1, students // LOOKED_AT)):
        held: dict[tuple[int, str], list[str]] = {}
        for test, standard, status in database.execute(
            "SELECT impacted_test_id, standard_id, status FROM assignment_students "
            "JOIN assignments ON assignments.id = assignment_id JOIN assignment_standards USING (assignment_id) "
            "WHERE student_id = ?",
            (student,),
        ):
            held.setdefault((test, str(standard)), []).append(status)
        previous: dict[str, int] = {}
        for test, overall, category_text, standard_text in database.execute(
            "SELECT test_id, overall_score, rc_scores, std_scores FROM scores WHERE student_id = ? ORDER BY test_id",
            (student,),
        ):
            categories, standards = json.loads(category_text), json.loads(standard_text)
            if standard_text != json.dumps(standards, separators=(",", ":")):
                yield f"student {student}, test {test}: std_scores is not compact JSON"
            if previous:
                means = {category: _mean([standards[key] for key in keys]) for category, keys in members.items()}
                if (categories, overall) != (means, _mean(list(means.values()))):
                    yield f"student {student}, test {test}: a mean is wrong"
                for key, score in standards.items():
                    ranges = [GROWTH[status] for status in held.get((test, key), [None])]
                    low, high = max(low for low, _ in ranges), max(high for _, high in ranges)
                    if not _clamp(previous[key] + low) <= score <= _clamp(previous[key] + high):
                        yield f"student {student}, test {test}: standard {key} moved from {previous[key]} to {score}"
            previous = standards


def _clamp(score: int) -> int:
    return min(max(score, SCALE[0]), SCALE[1])


def _mean(scores: list[int]) -> int:
    """The mean, rounded half up."""
    return (2 * sum(scores) + len(scores)) // (2 * len(scores))
