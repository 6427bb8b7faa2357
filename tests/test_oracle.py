"""The oracle finds nothing in the finished default world, and finds each of many damages to it or to a small one."""

from __future__ import annotations

import ast
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support import oracle, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATABASE = "teacher-dashboard.db"


def score(standard: int, tests: int = 0, students: int = 0) -> str:
    """SQL for a standard score, so many tests and students further on than the row that is updated."""
    row = f"other.id = scores.id + {6 * students + tests}"
    return f"(SELECT json_extract(std_scores, '$.{standard}') FROM scores AS other WHERE {row})"  # noqa: S608


def growth(standard: int, tests: int = 0, students: int = 0) -> str:
    """SQL for the growth that led to a standard score."""
    return f"({score(standard, tests, students)} - {score(standard, tests - 1, students)})"


def grow(standard: int, test: int, by: str) -> str:
    """SQL that gives one standard another growth into a test."""
    moved = f"json_set(std_scores, '$.{standard}', {score(standard, -1)} + {by})"
    return f"UPDATE scores SET std_scores = {moved} WHERE test_id = {test}"  # noqa: S608


def declare(table: str, old: str, new: str) -> str:
    """SQL that changes the declaration of a table in place."""
    old, new = old.replace("'", "''"), new.replace("'", "''")
    return f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{table}'"  # noqa: S608


UNGUARDED = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON
"""
SCORES = "UPDATE scores SET"
GIVEN = "UPDATE assignment_students SET"

# By the rule that must speak: what it must say, and the damage.
DAMAGES = {
    "tables": [
        ("table assignment_standards is missing", "DROP TABLE assignment_standards"),
        ("table notes is not in the specification", "CREATE TABLE notes (id INTEGER)"),
        ("view best is not in the specification", "CREATE VIEW best AS SELECT * FROM scores WHERE level = 4"),
        ("columns of students", "ALTER TABLE students ADD COLUMN grade INTEGER"),
        ("table standards is empty", "DELETE FROM standards"),
    ],
    "storage": [
        ("row 7 holds 5420.5", f"{SCORES} overall_score = 5420.5 WHERE id = 7"),
        ("students.name should hold 'text' (1): row 3", "UPDATE students SET name = x'41' WHERE id = 3"),
    ],
    "columns": [
        ("columns of rosters", declare("rosters", "DEFAULT CURRENT_TIMESTAMP", "DEFAULT '2025-08-01'")),
        ("columns of tests", declare("tests", "administered_at TEXT", "administered_at DATE")),
    ],
    "indexes": [
        (
            "scores by test and level",
            "DROP INDEX scores_by_test_and_level; CREATE INDEX other_way_round ON scores (level, test_id)",
        ),
    ],
    "application": [
        ("id of tests is not autoincrement", declare("tests", "AUTOINCREMENT", "")),
        ("accepted", declare("assignments", "CHECK (platform IN ('ixl'", "CHECK (platform IN ('abacus', 'ixl'")),
        (
            "refused",
            declare("assignment_students", "REFERENCES students (id) ON DELETE CASCADE", "REFERENCES students"),
        ),
        (
            "impact_estimates has 6 rows",
            declare("impact_estimates", "(id) ON DELETE CASCADE", "(id) ON DELETE SET NULL"),
        ),
        ("default of scores", declare("scores", "rc_scores TEXT NOT NULL DEFAULT '{}'", "rc_scores TEXT DEFAULT '[]'")),
    ],
    "autoincrement": [
        ("students: the next id", "UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'students'"),
        ("tests: the next id follows None", "DELETE FROM sqlite_sequence WHERE name = 'tests'"),
    ],
    "integrity": [
        ("row 9 of scores has no performance_levels", f"{SCORES} level = 5 WHERE id = 9"),
        ("has no students", f"{GIVEN} student_id = 99999 WHERE rowid = 1"),
        (
            "integrity_check",
            """
            UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'students_by_roster')
            WHERE name = 'scores_by_test_and_level'
            """,
        ),
    ],
    "row_counts": [
        ("fewer than 67000", "DELETE FROM scores WHERE test_id = 6"),
        ("scores: ", "DELETE FROM scores WHERE student_id > 8200"),
    ],
    "levels": [
        ("row 2 is", "UPDATE performance_levels SET min_score = 5411 WHERE level = 2"),
        ("5 rows, not 4", "INSERT INTO performance_levels VALUES (5, 5, 'Beyond', 'More.', 5801, NULL, '#000000')"),
    ],
    "tests": [
        ("row 3 is", "UPDATE tests SET administered_at = '2025-12-16' WHERE id = 3"),
        ("test_groups", "UPDATE test_groups SET name = 'Progress Monitoring'"),
    ],
    "standards": [
        ("domain is 'NF'", "UPDATE standards SET domain = 'NF' WHERE code = '3.NF.A.3'"),
        ("sub-domain is None", "UPDATE standards SET sub_domain = NULL WHERE id = 20"),
        ("description of its own", "UPDATE standards SET description = (SELECT max(description) FROM standards)"),
        ("categories: row 3", "UPDATE reporting_categories SET name = 'Geometry' WHERE id = 3"),
    ],
    "assignments": [
        ("row 4 is", "UPDATE assignments SET platform = 'ixl' WHERE id = 4"),
        ("17 rows, not 18", "DELETE FROM assignment_standards WHERE assignment_id = 8 AND standard_id = 17"),
    ],
    "rosters": [
        ("roster 5 is named 'Room 5'", "UPDATE rosters SET name = 'Room 5' WHERE id = 5"),
        (
            "has titles",
            """
            UPDATE rosters SET name = iif(name LIKE 'Dr.%', 'Ms.', 'Dr.') || substr(name, instr(name, ' '))
            WHERE id = 8
            """,
        ),
        ("is there twice", "UPDATE rosters SET name = (SELECT name FROM rosters WHERE id = 1) WHERE id = 2"),
        ("'3rd Grade Math Interventions'", "UPDATE rosters SET name = name || 's' WHERE id = 250"),
    ],
    "students": [
        (
            "class size (1): roster 250",
            "INSERT INTO students (roster_id, name) SELECT 250, 'One Too Many' FROM students LIMIT 11",
        ),
        ("not in roster order", "UPDATE students SET roster_id = 3 WHERE id = 1"),
        ("student 4 has external id", "UPDATE students SET external_id = 'stu_04' WHERE id = 4"),
        ("not dense", "UPDATE students SET id = id + 1 WHERE id = (SELECT max(id) FROM students)"),
        ("not uniform", "UPDATE students SET roster_id = (id * 250 - 1) / (SELECT count(*) FROM students) + 1"),
    ],
    "names": [
        ("are both named", "UPDATE students SET name = (SELECT name FROM students WHERE id = 1) WHERE id = 2"),
        ("51 last names, not 50", "UPDATE students SET name = name || ' Jr.' WHERE id = 3"),
        (
            "first names are not uniform",
            """
            UPDATE students SET name = (SELECT min(name) FROM students) || substr(name, instr(name, ' '))
            WHERE id % 50 = 0
            """,
        ),
        (
            "pairs of first and last name are not uniform",
            """
            UPDATE students SET name = substr(name, 1, instr(name, ' ')) || (
                SELECT substr(name, instr(name, ' ') + 1) FROM students AS other
                WHERE other.name LIKE substr(students.name, 1, instr(students.name, ' ')) || '%' LIMIT 1
            ) WHERE id % 3 = 0
            """,
        ),
    ],
    "clock": [
        ("students: row 30", "UPDATE students SET created_at = '2025-08-01' WHERE id = 30"),
        ("rosters: row 6", "UPDATE rosters SET created_at = NULL WHERE id = 6"),
        ("assignments are created", "UPDATE assignments SET created_at = '2025-08-01 00:00:00' WHERE id = 1"),
    ],
    "scores": [
        ("scores.id does not follow", f"{SCORES} id = 100000 WHERE id = 50"),
        ("no score (1): student 9 on PM2", "DELETE FROM scores WHERE id = 50"),
        ("not one for each", "INSERT INTO scores VALUES (600001, 100001, 1, 5400, 1, '{}', '{}')"),
    ],
    "score_texts": [
        ("rc_scores text (1): score 2", f"{SCORES} rc_scores = replace(rc_scores, ',', ', ') WHERE id = 2"),
        (
            'score 5 has \'{"2":',
            f"""
            {SCORES} std_scores = '{{"2":' || json_extract(std_scores, '$.2') || ',"1":'
                || json_extract(std_scores, '$.1') || substr(std_scores, 18)
            WHERE id = 5
            """,
        ),
        ("score 8 has '{}'", f"{SCORES} rc_scores = '{{}}' WHERE id = 8"),
        ("score 9", f"{SCORES} rc_scores = json_set(rc_scores, '$.4', 5400.5) WHERE id = 9"),
        ("score 11", f"{SCORES} rc_scores = replace(rc_scores, ':5', ':05') WHERE id = 11"),
    ],
    "score_range": [
        ("PM1, standard 2: 5801", f"{SCORES} std_scores = json_set(std_scores, '$.2', 5801) WHERE id = 1"),
        ("overall 1: 5099", f"{SCORES} overall_score = 5099 WHERE id = 77"),
    ],
    "score_levels": [
        ("does not fit the overall score (2)", f"{SCORES} level = 5 - level WHERE id IN (4, 14)"),
    ],
    "score_means": [
        ("not the mean of its categories (1)", f"{SCORES} overall_score = overall_score - 1 WHERE id = 6"),
        (
            "student 2, PM3, category 1",
            f"{SCORES} rc_scores = json_set(rc_scores, '$.1', json_extract(rc_scores, '$.1') + 1) WHERE id = 9",
        ),
        ("not the mean of its standards (1)", grow(4, 6, f"{growth(4)} + 5 * (id = 48)")),
    ],
    "first_overall": [
        ("mean of PM1", f"{SCORES} overall_score = overall_score + 8 WHERE test_id = 1"),
        ("sd of PM1", f"{SCORES} overall_score = 544 + overall_score * 9 / 10 WHERE test_id = 1"),
        ("chi-square", f"{SCORES} overall_score = overall_score - overall_score % 2"),
        (
            "away from normal",
            f"""
            {SCORES} overall_score = 10880 - overall_score
            WHERE test_id = 1 AND overall_score BETWEEN 5440 AND 5560 AND student_id % 3 = 0
            """,
        ),
    ],
    "first_jitters": [
        ("student 1, category 1", f"{SCORES} rc_scores = json_set(rc_scores, '$.1', overall_score + 41) WHERE id = 1"),
        (
            "jitter of standard 1 on PM1 is not uniform",
            f"""
            {SCORES} std_scores = json_set(std_scores, '$.1', json_extract(std_scores, '$.1') - 1)
            WHERE json_extract(std_scores, '$.1') - json_extract(rc_scores, '$.1') = 25
            """,
        ),
    ],
    "first_levels": [("level 1 on PM1", f"{SCORES} level = 1 WHERE level = 2 AND student_id % 5 = 0")],
    "growth_ranges": [
        ("growth out of range (1): student 8, standard 4", grow(4, 6, f"{growth(4)} + 100 * (id = 48)")),
        ("(not_started)", f"{GIVEN} status = 'not_started' WHERE status = 'completed' AND assignment_id = 8"),
    ],
    "growth_uniform": [
        ("growth into PM6 (no assignment, standard 20)", grow(20, 6, f"min({growth(20)}, 14)")),
        (
            "growth into PM2 (completed) is not uniform",
            ";".join(grow(k, 2, f"{growth(k)} + ({growth(k)} = 40)") for k in (1, 2, 3, 4, 5, 6, 7, 11, 12)),
        ),
    ],
    "assigned": [
        (
            "students without assignment 3 (1)",
            """
            DELETE FROM assignment_students WHERE rowid IN
                (SELECT rowid FROM assignment_students WHERE assignment_id = 3 LIMIT 1)
            """,
        ),
        (
            "wrongly with assignment 1 (1)",
            """
            INSERT INTO assignment_students (assignment_id, student_id) SELECT 1, min(student_id)
            FROM scores JOIN students ON students.id = student_id WHERE roster_id = 5 AND test_id = 1 AND level = 1
            """,
        ),
        ("unknown assignment", f"{GIVEN} assignment_id = 9 WHERE assignment_id = 8"),
    ],
    "statuses": [
        ("assignment 6 are completed", f"{GIVEN} status = 'started' WHERE assignment_id = 6 AND student_id % 5 = 0"),
        ("in all assignments", f"{GIVEN} status = 'completed' WHERE student_id % 10 = 0"),
    ],
    "dates": [
        ("started_at is outside the window or not a day", f"{GIVEN} started_at = started_at || ' 00:00:00'"),
        (
            "completed before started",
            f"{GIVEN} started_at = completed_at, completed_at = started_at WHERE completed_at > started_at",
        ),
        ("started_at is null", f"{GIVEN} started_at = NULL WHERE status = 'completed'"),
        ("completed_at is set", f"{GIVEN} status = 'started' WHERE completed_at = '2025-10-15'"),
    ],
    "days": [
        (
            "start days of started",
            f"""
            {GIVEN} started_at = '2025-08-16'
            WHERE assignment_id < 3 AND status = 'started' AND started_at < '2025-08-30'
            """,
        ),
        (
            "completion days",
            f"{GIVEN} completed_at = '2026-02-14' WHERE completed_at = '2026-02-15' AND started_at < completed_at",
        ),
    ],
    "planted": [
        ("row 3 is", "UPDATE planted_effects SET effect = effect + 0.00001 WHERE id = 3"),
        ("53 rows, not 54", "DELETE FROM planted_effects WHERE id = 54"),
    ],
    "independence": [
        ("the same student (1): growth into PM6 4 and growth into PM6 9", grow(9, 6, growth(4))),
        ("the student 1 further on (1): growth into PM6 7 and growth into PM6 8", grow(7, 6, growth(8, students=1))),
        (
            "overall on PM1 1 and status of assignment 3",
            f"""
            {GIVEN} status = 'completed' FROM scores
            WHERE scores.id = assignment_students.student_id * 6 - 5 AND assignment_id = 3 AND overall_score < 5380
            """,
        ),
    ],
}
#: Rules that judge numbers which a small world has not; the others are damaged there, which takes a tenth of the time.
LARGE = {
    *("integrity", "row_counts", "rosters", "students", "names", "first_overall", "first_jitters", "first_levels"),
    *("growth_uniform", "statuses", "days", "independence"),
}
CASES = [(rule, says, damage) for rule, damages in DAMAGES.items() for says, damage in damages]


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Callable[[Path, str], Path]]:
    """Make a copy of a build's database in which some SQL has been run."""
    path = tmp_path / DATABASE

    def damage(build: Path, sql: str) -> Path:
        shutil.copyfile(build / DATABASE, path)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript(f"{UNGUARDED}; {sql}")
        return path

    yield damage
    path.unlink(missing_ok=True)  # pytest keeps a test's folder, and a hundred databases would fill a small disk


def test_default_world_has_no_violations(default_build: Path) -> None:
    """A build of the default world obeys every rule; neither file nor folder is changed."""
    path = default_build / DATABASE
    before = (path.read_bytes(), sorted(default_build.iterdir()))
    assert oracle.violations(path) == []
    assert (path.read_bytes(), sorted(default_build.iterdir())) == before


@pytest.fixture
def of_twelve(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the oracle expect the small world's windows."""
    return lambda: monkeypatch.setattr(oracle, "WINDOWS", small.TWELVE_WINDOWS)


def test_small_world_has_no_violations(small_build: Path, of_twelve: Callable[[], None]) -> None:
    """What is damaged below obeys the rules that are asked of it."""
    of_twelve()
    rules = [rule.__name__ for rule in oracle.RULES if rule.__name__ not in LARGE]
    assert oracle.violations(small_build / DATABASE, rules) == []


@pytest.mark.parametrize(("rule", "says", "sql"), CASES, ids=[f"{rule}: {says}" for rule, says, _ in CASES])
def test_damage_is_reported(
    request: pytest.FixtureRequest, damaged: Callable[[Path, str], Path], rule: str, says: str, sql: str
) -> None:
    """The rule that the damage breaks reports it, with its place."""
    large = rule in LARGE
    if not large:
        request.getfixturevalue("of_twelve")()
    build = request.getfixturevalue("default_build" if large else "small_build")
    found = oracle.violations(damaged(build, sql), rules=[rule])
    assert any(line.startswith(f"{rule}: ") and says in line for line in found), found


def test_every_rule_has_a_failing_example() -> None:
    """For every rule there is damage that it detects."""
    assert list(DAMAGES) == [rule.__name__ for rule in oracle.RULES]


def test_every_violation_is_reported(default_build: Path, damaged: Callable[[Path, str], Path]) -> None:
    """All rules are asked, and what each of them finds is told."""
    damage = "UPDATE tests SET name = 'PM7' WHERE id = 6; DROP INDEX tests_by_group"
    path = damaged(default_build, f"{SCORES} overall_score = 5409, level = 2 WHERE id = 12; {damage}")
    found = oracle.violations(path)
    assert {line.partition(":")[0] for line in found} == {"tests", "indexes", "score_levels", "score_means"}
    assert "tests: tests: row 6 is (6, 1, 6, 'PM7', '2026-06-15'), not (6, 1, 6, 'PM6', '2026-06-15')" in found


def test_unknown_rule_is_refused(tmp_path: Path) -> None:
    """A misspelt rule is an error, never a silent pass."""
    with pytest.raises(ValueError, match="unknown rule"):
        oracle.violations(tmp_path / DATABASE, rules=["scroes"])


def test_oracle_is_independent() -> None:
    """The oracle imports only numpy and the standard library, so it cannot share a bug with etl."""
    tree = ast.parse(Path(oracle.__file__).read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= {*sys.stdlib_module_names, "numpy"}


@pytest.mark.parametrize(
    ("statistic", "degrees", "chance"),
    [
        (3.841, 1, 0.05),
        (5.991, 2, 0.05),
        (7.815, 3, 0.05),
        (18.307, 10, 0.05),
        (59.703, 30, 0.001),
        (124.342, 100, 0.05),
    ],
)
def test_chi_square_tail_matches_published_tables(statistic: float, degrees: int, chance: float) -> None:
    """The critical values are those of published tables."""
    assert oracle.chi_square_tail(statistic, degrees) == pytest.approx(chance, rel=2e-3)


def test_missing_ends_of_a_uniform_range_are_reported() -> None:
    """The bound accepts uniform draws, and reports a range whose last number never occurs."""
    drawn = np.random.default_rng(1).integers(-15, 16, 20_000)
    assert list(oracle.uniform("growth", drawn, -15, 15, 1)) == []
    (line,) = oracle.uniform("growth", drawn.clip(max=14), -15, 15, 1)
    assert "bin 30 of 31" in line or "bin 31 of 31 has 0" in line
