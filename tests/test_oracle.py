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
        ("columns of tests", "ALTER TABLE tests RENAME COLUMN sequence TO number"),
        ("table standards is empty", "DELETE FROM standards"),
    ],
    "storage": [
        ("row 7 holds 5420.5", f"{SCORES} overall_score = 5420.5 WHERE id = 7"),
        ("students.name should hold 'text' (1): row 3", "UPDATE students SET name = x'41' WHERE id = 3"),
    ],
    "columns": [
        ("columns of rosters", declare("rosters", "DEFAULT CURRENT_TIMESTAMP", "DEFAULT '2025-08-01'")),
        ("columns of standards", declare("standards", "domain TEXT NOT NULL", "domain TEXT")),
        ("columns of tests", declare("tests", "administered_at TEXT", "administered_at DATE")),
        ("columns of scores", declare("scores", "REFERENCES performance_levels (level)", "")),
        ("columns of assignments", declare("assignments", "REFERENCES tests", "REFERENCES rosters")),
    ],
    "indexes": [
        ("students by roster", "DROP INDEX students_by_roster"),
        (
            "scores by test and level",
            "DROP INDEX scores_by_test_and_level; CREATE INDEX other_way_round ON scores (level, test_id)",
        ),
        (
            "assignment_students by student",
            """
            DROP INDEX assignment_students_by_student;
            CREATE INDEX of_some ON assignment_students (student_id) WHERE student_id > 9
            """,
        ),
    ],
    "application": [
        ("id of tests is not autoincrement", declare("tests", "AUTOINCREMENT", "")),
        ("accepted", declare("assignments", "CHECK (platform IN ('ixl'", "CHECK (platform IN ('abacus', 'ixl'")),
        ("refused", declare("assignments", "'reflex'", "'reflexes'")),
        (
            "refused",
            declare("assignment_students", "REFERENCES students (id) ON DELETE CASCADE", "REFERENCES students"),
        ),
        (
            "impact_estimates has 6 rows",
            declare("impact_estimates", "(id) ON DELETE CASCADE", "(id) ON DELETE SET NULL"),
        ),
        ("accepted", declare("assignment_students", "CHECK (status IN ('", "CHECK (status IN ('late', '")),
        ("refused", declare("scores", "level INTEGER NOT NULL", "level INTEGER NOT NULL CHECK (level < 5)")),
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
        ("row 1 is (1, 1, '3.NF.A.2')", "UPDATE standards SET code = '3.NF.A.' || (3 - id) WHERE id < 3"),
        ("domain is 'NF'", "UPDATE standards SET domain = 'NF' WHERE code = '3.NF.A.3'"),
        ("sub-domain is None", "UPDATE standards SET sub_domain = NULL WHERE id = 20"),
        ("description of its own", "UPDATE standards SET description = (SELECT max(description) FROM standards)"),
        ("categories: row 3", "UPDATE reporting_categories SET name = 'Geometry' WHERE id = 3"),
    ],
    "assignments": [
        ("row 4 is", "UPDATE assignments SET platform = 'ixl' WHERE id = 4"),
        ("row 7 is", "UPDATE assignments SET impacted_test_id = 6 WHERE id = 7"),
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
        ("251 rows, not 250", "INSERT INTO rosters (name) VALUES ('Mr. Extra - Music')"),
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
        ("score 6", f"{SCORES} std_scores = json_remove(std_scores, '$.20') WHERE id = 6"),
        ("score 7", f"{SCORES} rc_scores = rc_scores || char(10) WHERE id = 7"),
        ("score 8 has '{}'", f"{SCORES} rc_scores = '{{}}' WHERE id = 8"),
        ("score 9", f"{SCORES} rc_scores = json_set(rc_scores, '$.4', 5400.5) WHERE id = 9"),
        ("score 10", f"{SCORES} rc_scores = json_set(rc_scores, '$.4', '5400') WHERE id = 10"),
        ("score 11", f"{SCORES} rc_scores = replace(rc_scores, ':5', ':05') WHERE id = 11"),
    ],
    "score_range": [
        ("PM1, standard 2: 5801", f"{SCORES} std_scores = json_set(std_scores, '$.2', 5801) WHERE id = 1"),
        ("overall 1: 5099", f"{SCORES} overall_score = 5099 WHERE id = 77"),
    ],
    "score_levels": [
        ("does not fit the overall score (2)", f"{SCORES} level = 5 - level WHERE id IN (4, 14)"),
        ("5410 is level 1", f"{SCORES} overall_score = 5410, level = 1 WHERE id = 8"),
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
            "student 2, standard 20",
            f"{SCORES} std_scores = json_set(std_scores, '$.20', json_extract(rc_scores, '$.4') - 26) WHERE id = 7",
        ),
        (
            "jitter of category 3 on PM1 is not uniform",
            f"{SCORES} rc_scores = json_set(rc_scores, '$.3', overall_score) WHERE student_id % 20 = 0",
        ),
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
        ("standard 1 (completed)", grow(1, 2, f"{growth(1)} + ({growth(1)} > 35)")),
        ("standard 20 (no assignment)", grow(20, 3, f"{growth(20)} - 1")),
        ("(not_started)", f"{GIVEN} status = 'not_started' WHERE status = 'completed' AND assignment_id = 8"),
        ("(started)", f"{GIVEN} status = 'started' WHERE status = 'not_started' AND assignment_id = 5"),
    ],
    "growth_uniform": [
        ("growth into PM6 (no assignment, standard 20)", grow(20, 6, f"min({growth(20)}, 14)")),
        (
            "growth into PM2 (completed) is not uniform",
            ";".join(grow(k, 2, f"{growth(k)} + ({growth(k)} = 40)") for k in (1, 2, 3, 4, 5, 6, 7, 11, 12)),
        ),
        (
            "growth into PM4 (started) is not uniform",
            grow(8, 4, f"iif({growth(8)} BETWEEN 16 AND 30, 31, {growth(8)})"),
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
            "wrongly with assignment 7 (1)",
            """
            INSERT INTO assignment_students (assignment_id, student_id) SELECT 7, min(student_id)
            FROM scores JOIN students ON students.id = student_id WHERE roster_id = 9 AND test_id = 4 AND level = 2
            """,
        ),
        (
            "wrongly with assignment 1 (1)",
            """
            INSERT INTO assignment_students (assignment_id, student_id) SELECT 1, min(student_id)
            FROM scores JOIN students ON students.id = student_id WHERE roster_id = 5 AND test_id = 1 AND level = 1
            """,
        ),
        ("students without assignment 5", f"{SCORES} level = 1 WHERE test_id = 3 AND level = 2"),
        ("unknown assignment", f"{GIVEN} assignment_id = 9 WHERE assignment_id = 8"),
    ],
    "statuses": [
        ("assignment 6 are completed", f"{GIVEN} status = 'started' WHERE assignment_id = 6 AND student_id % 5 = 0"),
        ("in all assignments", f"{GIVEN} status = 'completed' WHERE student_id % 10 = 0"),
    ],
    "dates": [
        (
            "started_at is outside the window",
            f"{GIVEN} started_at = '2025-08-14' WHERE assignment_id = 1 AND started_at = '2025-08-15'",
        ),
        (
            "completed_at is outside the window or not a day",
            f"{GIVEN} completed_at = '2026-02-29' WHERE completed_at LIKE '2026-02-2%'",
        ),
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
            "start days of completed",
            f"""
            {GIVEN} started_at = date(started_at, '-1 day')
            WHERE status = 'completed' AND strftime('%w', started_at) IN ('0', '6') AND started_at <> '2026-02-15'
            """,
        ),
        (
            "completion days",
            f"{GIVEN} completed_at = '2026-02-14' WHERE completed_at = '2026-02-15' AND started_at < completed_at",
        ),
    ],
    "planted": [
        ("row 3 is", "UPDATE planted_effects SET effect = effect + 0.00001 WHERE id = 3"),
        ("row 54 is", "UPDATE planted_effects SET students = students - 1 WHERE id = 54"),
        ("53 rows, not 54", "DELETE FROM planted_effects WHERE id = 54"),
        ("row 1 is", f"{SCORES} std_scores = json_set(std_scores, '$.1', 5100) WHERE test_id = 1"),
    ],
    "means": [
        ("row 2 is", "UPDATE impact_means SET treated_before = treated_before + 0.00001 WHERE id = 2"),
        ("row 26 is", "UPDATE impact_means SET control = control + 1 WHERE id = 26"),
        ("25 rows, not 26", "DELETE FROM impact_means WHERE id = 26"),
    ],
    "impact": [
        ("row 1 is", "UPDATE impact_estimates SET effect = effect - 0.00001, bias = bias - 0.00001 WHERE id = 1"),
        ("row 9 is", "UPDATE impact_estimates SET standard_error = standard_error * 1.0001 WHERE id = 9"),
        ("row 30 is", "UPDATE impact_estimates SET treated = treated + 1 WHERE id = 30"),
        ("row 31 is", "UPDATE impact_estimates SET standard_error = standard_error * 1.0001 WHERE id = 31"),
        ("row 62 is", "UPDATE impact_estimates SET expected_bias = expected_bias + 0.00001 WHERE id = 62"),
        ("row 90 is", "UPDATE impact_estimates SET estimator = 'did' WHERE id = 90"),
        ("89 rows, not 90", "DELETE FROM impact_estimates WHERE id = 90"),
    ],
    "impact_tests": [
        ("t of estimate 8", "UPDATE impact_estimates SET t = t + 0.00001 WHERE id = 8"),
        ("p of estimate 2", "UPDATE impact_estimates SET p = 0.04 WHERE id = 2"),
        ("interval of estimate 5", "UPDATE impact_estimates SET low = low - 0.001 WHERE id = 5"),
        ("interval of estimate 28", "UPDATE impact_estimates SET high = high + 0.001 WHERE id = 28"),
        ("covered of estimate 27", "UPDATE impact_estimates SET covered = 1 - covered WHERE id = 27"),
        ("surprise of estimate 6", "UPDATE impact_estimates SET surprise = surprise / 2 WHERE id = 6"),
        ("interval of estimate 61", "UPDATE impact_estimates SET low = low - 0.01 WHERE id = 61"),
        ("89 estimates, not 90", "DELETE FROM impact_estimates WHERE id = 90"),
    ],
    "impact_found": [
        ("assignment 6, standard 8", grow(8, 4, f"{growth(8)} - 10 * ({growth(8)} > 35)")),
        ("assignment 8, standard any", ";".join(grow(k, 5, f"min({growth(k)}, 15)") for k in (16, 17))),
    ],
    "independence": [
        ("the same student (1): growth into PM6 4 and growth into PM6 9", grow(9, 6, growth(4))),
        ("the same student (1): growth into PM5 1 and growth into PM6 1", grow(1, 6, growth(1, tests=-1))),
        ("the student 1 further on (1): growth into PM6 7 and growth into PM6 8", grow(7, 6, growth(8, students=1))),
        (
            "start day of assignment 1 and start day of assignment 2",
            f"""
            {GIVEN} started_at = one.started_at FROM assignment_students AS one
            WHERE one.assignment_id = 1 AND assignment_students.assignment_id = 2
            AND one.student_id = assignment_students.student_id
            """,
        ),
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
    *("growth_uniform", "statuses", "days", "impact_found", "independence"),
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


def test_default_world_has_no_violations(default_build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build of the default world obeys every rule; the command says so, and changes neither file nor folder."""
    path = default_build / DATABASE
    before = (path.read_bytes(), sorted(default_build.iterdir()))
    assert oracle.main([str(path)]) == 0
    assert capsys.readouterr().out == f"no violations of {len(oracle.RULES)} rules\n"
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


def test_every_violation_is_reported(
    default_build: Path, damaged: Callable[[Path, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command asks all rules, prints what each of them finds, and exits with 1; without a file it exits with 2."""
    damage = "UPDATE tests SET name = 'PM7' WHERE id = 6; DROP INDEX tests_by_group"
    path = damaged(default_build, f"{SCORES} overall_score = 5409, level = 2 WHERE id = 12; {damage}")
    assert oracle.main([str(path)]) == 1
    found = capsys.readouterr().out.splitlines()
    assert {line.partition(":")[0] for line in found} == {"tests", "indexes", "score_levels", "score_means"}
    assert "tests: tests: row 6 is (6, 1, 6, 'PM7', '2026-06-15'), not (6, 1, 6, 'PM6', '2026-06-15')" in found
    assert oracle.main([]) == 2


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
