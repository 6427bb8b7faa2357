"""The checks: each holds its rule, takes its numbers from the pipeline, and reads alike from DuckDB and from Python."""

from __future__ import annotations

import contextlib
import copy
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from etl.build import manifest
from etl.config.naming import namer
from etl.errors import CheckFailed, EtlError, Mistakes
from etl.pipeline.schema import Schema, read_schema
from etl.run.plan import make_plan
from etl.run.shards import run_until
from etl.run.stages import run_stage
from etl.tables.checks import Check, read_checks, run_checks, running_checks
from etl.tables.sqlite import open_database
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Iterator


FOLDER = Path(__file__).parents[2] / "sql/checks"
SCHEMA = FOLDER.parent / "schema.sql"
IN_FULL = namer("etl.school.generators", FOLDER.parent.parent)
DATABASE = "teacher-dashboard.db"

CHEAP = {"foreign_keys", *(path.stem for path in FOLDER.glob("*.sql"))}
FULL = {path.stem for path in FOLDER.glob("full/*.sql")}

# Students enough for a share to be judged, all with the same scores on PM1; the rest of the world lacks them.
CROWD = """
WITH RECURSIVE crowd (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM crowd WHERE i < 400)
INSERT INTO scores (id, student_id, test_id, overall_score, level) SELECT 9000 + i, 9000 + i, 1, {}, 4 FROM crowd
"""

EVERYONE = (
    "INSERT OR REPLACE INTO assignment_students SELECT assignments.id, students.id, {} FROM assignments, students"
)


def put(column: str, key: int, value: str, where: str) -> str:
    """SQL that sets a number in a JSON column of scores."""
    return f"UPDATE scores SET {column} = json_set({column}, '$.\"{key}\"', {value}) WHERE {where}"  # noqa: S608 -- our own


def get(column: str, key: int) -> str:
    """SQL that reads a number from a JSON column of scores."""
    return f"json_extract({column}, '$.\"{key}\"')"


#: What breaks each rule: for every clause of it some SQL that changes a database which keeps the rule.
DAMAGES: dict[str, tuple[str, ...]] = {
    "assigned_all": (
        "DELETE FROM assignment_students",
        "DELETE FROM assignment_students WHERE rowid = (SELECT max(rowid) FROM assignment_students)",
        "UPDATE scores SET level = 1",
    ),
    "assigned_only": (
        EVERYONE.format("'started', '2025-08-20', NULL"),
        "UPDATE scores SET level = 4",
        "UPDATE students SET roster_id = 4 - roster_id",
        "DELETE FROM scores",
        "UPDATE assignment_students SET started_at = '2025-08-14'",
        "UPDATE assignment_students SET completed_at = '2026-04-16'",
    ),
    "assignment_created_at": (
        "UPDATE assignments SET created_at = NULL WHERE id = 1",
        "UPDATE assignments SET created_at = '2025-08-15' WHERE id = 1",
        "UPDATE tests SET administered_at = '2025-08-16' WHERE id = 1",
    ),
    "assignment_tests": (
        "INSERT INTO test_groups VALUES (2, 'Other'); UPDATE assignments SET group_id = 2 WHERE id = 1",
        "UPDATE assignments SET impacted_test_id = created_after_test_id WHERE id = 1",
        "UPDATE tests SET administered_at = NULL; UPDATE assignments SET impacted_test_id = 2 WHERE id = 5",
        "UPDATE tests SET sequence = 7 - sequence, administered_at = '2025-08-01' WHERE id = 2",
    ),
    "class_sizes": (
        "DELETE FROM students WHERE roster_id = 2",
        "DELETE FROM students WHERE roster_id = 2 AND id > (SELECT min(id) + 3 FROM students WHERE roster_id = 2)",
        "UPDATE students SET roster_id = 1",
    ),
    "created_at": (
        "UPDATE rosters SET created_at = NULL WHERE id = 2",
        "UPDATE rosters SET created_at = '2025-08-01T00:00:00' WHERE id = 2",
        "UPDATE students SET created_at = NULL WHERE id = 2",
        "UPDATE students SET created_at = CURRENT_TIMESTAMP WHERE id = 2",
    ),
    "every_test": (
        "DELETE FROM scores WHERE id = 5",
        "DELETE FROM scores WHERE test_id = 6",
        "DELETE FROM scores",
        "INSERT INTO students (roster_id, name) VALUES (3, 'Ada Late')",
        (
            "INSERT INTO tests VALUES (7, 1, 7, 'PM7', NULL);"
            "INSERT INTO scores (student_id, test_id, overall_score, level) VALUES (1, 7, 5400, 1)"
        ),
    ),
    "external_ids": (
        "UPDATE students SET external_id = NULL WHERE id = 4",
        "UPDATE students SET external_id = 'stu_5' WHERE id = 4",
        "UPDATE students SET external_id = 'STU_4' WHERE id = 4",
    ),
    "foreign_keys": (
        "UPDATE students SET roster_id = 99 WHERE id = 1",
        "UPDATE scores SET level = 9 WHERE id = 1",
        "DELETE FROM reporting_categories WHERE id = 4",
    ),
    "integrity": (
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage ="
            " (SELECT rootpage FROM sqlite_schema WHERE name = 'tests_by_group') WHERE name = 'students_by_roster'"
        ),
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'students_by_roster'",
    ),
    "level_bands": (
        "UPDATE performance_levels SET max_score = max_score - 1 WHERE level = 1",
        "UPDATE performance_levels SET max_score = max_score + 1 WHERE level = 1",
        "UPDATE performance_levels SET max_score = NULL WHERE level = 2",
        "UPDATE performance_levels SET max_score = min_score - 1 WHERE level = 4",
    ),
    "planted_effects_found": (
        "UPDATE impact_estimates SET surprise = 1e-9 WHERE id = 1",
        "UPDATE impact_estimates SET surprise = 9e-7 / (SELECT count(surprise) FROM impact_estimates) WHERE id = 9",
    ),
    "reference_names": (
        "UPDATE tests SET name = 'PM1'",
        "UPDATE reporting_categories SET name = 'Mathematics'",
        "UPDATE assignments SET name = 'Practice'",
        "UPDATE standards SET code = '3.NF.A.1' WHERE id IN (1, 2)",
    ),
    "reference_rows": (
        "DELETE FROM performance_levels",
        "DELETE FROM test_groups",
        "DELETE FROM tests",
        "DELETE FROM reporting_categories",
        "DELETE FROM standards",
    ),
    "roster_ids": (
        "DELETE FROM rosters",
        "DELETE FROM rosters WHERE id = 3",
        "UPDATE rosters SET id = 4 WHERE id = 3",
        "UPDATE rosters SET id = 0 WHERE id = 1",
        "INSERT INTO rosters (name) VALUES ('Dr. Late - 3rd Grade Math')",
    ),
    "roster_names": ("UPDATE rosters SET name = 'Dr. Late - 3rd Grade Math'",),
    "roster_titles": (
        "UPDATE rosters SET name = 'Prof. Late - 3rd Grade Math' WHERE id = 1",
        "UPDATE rosters SET name = 'Dr.Late - 3rd Grade Math' WHERE id = 1",
        "UPDATE rosters SET name = 'Dr.  - 3rd Grade Math' WHERE id = 1",
        "UPDATE rosters SET name = 'Dr. Late 3rd Grade Math' WHERE id = 1",
        "UPDATE rosters SET name = 'Dr. Late - ' WHERE id = 1",
        "UPDATE rosters SET name = CASE id WHEN 1 THEN 'Dr.' ELSE 'Ms.' END || ' Late - Subject ' || id",
    ),
    "score_ids": (
        "UPDATE scores SET id = 9000 WHERE id = 1",
        "UPDATE scores SET test_id = 9 WHERE id = 1; UPDATE scores SET test_id = 1 WHERE id = 2",
        "UPDATE tests SET sequence = 7 - sequence",
    ),
    "score_json": (
        "UPDATE scores SET rc_scores = '{' WHERE id = 1",
        "UPDATE scores SET std_scores = '' WHERE id = 1",
        "UPDATE scores SET std_scores = replace(std_scores, ':', '=') WHERE id = 1",
    ),
    "score_levels": (
        "UPDATE scores SET level = 5 - level WHERE id = 1",
        "UPDATE scores SET overall_score = 5410, level = 1 WHERE id = 1",
        "UPDATE scores SET overall_score = 5409, level = 2 WHERE id = 1",
        "UPDATE scores SET overall_score = 5801, level = 4 WHERE id = 1",
    ),
    "score_range": (
        "UPDATE scores SET overall_score = 5099 WHERE id = 1",
        "UPDATE scores SET overall_score = 5801 WHERE id = 6",
    ),
    "status_dates": (
        "UPDATE assignment_students SET status = 'completed', started_at = NULL, completed_at = '2025-08-20'",
        "UPDATE assignment_students SET status = 'completed', started_at = '2025-08-20', completed_at = NULL",
        "UPDATE assignment_students SET status = 'completed', started_at = '2025-08-21', completed_at = '2025-08-20'",
        "UPDATE assignment_students SET status = 'started', started_at = NULL, completed_at = NULL",
        "UPDATE assignment_students SET status = 'started', started_at = '2025-08-20', completed_at = '2025-08-20'",
        "UPDATE assignment_students SET status = 'not_started', started_at = '2025-08-20', completed_at = NULL",
        "UPDATE assignment_students SET status = 'not_started', started_at = NULL, completed_at = '2025-08-20'",
        "UPDATE assignment_students SET status = 'started', started_at = '2025-09-31', completed_at = NULL",
        "UPDATE assignment_students SET status = 'started', started_at = '2025-08-20 00:00:00', completed_at = NULL",
        "UPDATE assignment_students SET status = 'completed', started_at = '2025-08-20', completed_at = '2025-8-21'",
    ),
    "status_shares": (
        EVERYONE.format("'not_started', NULL, NULL"),
        EVERYONE.format("'started', NULL, NULL"),
    ),
    "student_ids": (
        "UPDATE students SET id = 0 WHERE id = 1",
        "UPDATE students SET id = 99 WHERE id = (SELECT max(id) FROM students)",
        "DELETE FROM students WHERE id = 3",
        "UPDATE students SET roster_id = 4 - roster_id",
        "UPDATE students SET roster_id = 3 WHERE id = 1; UPDATE students SET roster_id = 1 WHERE id = 15",
    ),
    "student_names": (
        "UPDATE students SET name = 'Ada Late' WHERE id <= 2",
        "UPDATE students SET name = 'Ada' WHERE id = 1",
        "UPDATE students SET name = ' Late' WHERE id = 1",
    ),
    "test_order": (
        "UPDATE tests SET sequence = 0 WHERE id = 1",
        "UPDATE tests SET sequence = 7 WHERE id = 6",
        "UPDATE tests SET sequence = 2 WHERE id = 1",
        "UPDATE tests SET administered_at = '2025-12-15' WHERE id = 2",
    ),
    "category_means": (
        put("rc_scores", 2, get("rc_scores", 2) + " + 1", "test_id = 2"),
        put("rc_scores", 4, get("rc_scores", 4) + " - 1", "id = 6"),
        put("std_scores", 20, "0", "id = 6"),
    ),
    "first_test": (
        CROWD.format("5100"),
        CROWD.format("5800"),
        CROWD.format("5440"),
        CROWD.format("5445 - 10 * (i % 2)"),
        CROWD.format("5560 - 240 * (i % 2)"),
    ),
    "overall_means": (
        "UPDATE scores SET overall_score = overall_score + 1 WHERE id = 2",
        "UPDATE scores SET overall_score = overall_score - 1 WHERE id = 6",
    ),
    "score_clamp": (
        put("rc_scores", 1, "5801", "id = 1"),
        put("std_scores", 20, "5099", "id = 6"),
    ),
    "score_form": (
        "UPDATE scores SET rc_scores = replace(rc_scores, ':', ': ') WHERE id = 1",
        "UPDATE scores SET std_scores = replace(std_scores, ',', ', ') WHERE id = 1",
        "UPDATE scores SET rc_scores = '{}' WHERE id = 1",
        "UPDATE scores SET std_scores = '[]' WHERE id = 1",
        """UPDATE scores SET rc_scores = json_remove(rc_scores, '$."3"') WHERE id = 1""",
        put("std_scores", 21, "5400", "id = 1"),
        "UPDATE scores SET rc_scores = replace(rc_scores, ',', '.0,') WHERE id = 1",
        put("std_scores", 1, "'5400'", "id = 1"),
        """UPDATE scores SET rc_scores = '{"2":5400,"1":5400,"3":5400,"4":5400}' WHERE id = 1""",
    ),
    "score_jitters": (
        put("rc_scores", 1, "overall_score + 41", "test_id = 1"),
        put("rc_scores", 4, "overall_score - 41", "test_id = 1"),
        put("std_scores", 1, get("rc_scores", 1) + " + 26", "test_id = 1"),
        put("std_scores", 20, get("rc_scores", 4) + " - 26", "test_id = 1"),
    ),
}

#: Where a check takes its numbers: a place in the pipeline, and a value that the tiny world does not fit.
NUMBERS: tuple[tuple[str, str, Any], ...] = (
    ("assigned_all", "window1.params.levels", [1, 2, 3, 4]),
    ("assigned_all", "window2.params.rosters", [1, 3]),
    ("assigned_only", "window1.params.levels", [4]),
    ("assigned_only", "window1.params.rosters", [2, 2]),
    ("assigned_only", "window1.params.after", "PM2"),
    ("assigned_only", "window1.params.until", "PM1"),
    ("class_sizes", "classes.params.size", [30, 40]),
    ("class_sizes", "classes.params.size", [1, 4]),
    ("every_test", "pm6.params.test", "PM5"),
    ("external_ids", "students.params.external_id", "pupil {id}"),
    ("roster_ids", "classes.params.count", 4),
    ("roster_titles", "classes.params.titles", ["Prof.", "Rev."]),
    ("score_range", "pm1.params.clamp", [5000, 5100]),
    ("score_range", "pm3.params.clamp", [5800, 5900]),
    ("score_clamp", "pm1.params.clamp", [5000, 5100]),
    ("score_clamp", "pm3.params.clamp", [5800, 5900]),
    ("score_jitters", "pm1.params.category_jitter", [0, 40]),
    ("score_jitters", "pm1.params.standard_jitter", [-25, 0]),
)


@pytest.fixture(scope="session")
def checks() -> dict[str, Check]:
    """Every check by its name."""
    return {check.name: check for check in read_checks(FOLDER, "sql/checks", full=True, in_full=IN_FULL)}


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The project's schema."""
    return read_schema(SCHEMA, "sql/schema.sql")


@pytest.fixture(scope="session")
def pipeline(tiny_build: Path) -> dict[str, Any]:
    """The tiny world's effective pipeline."""
    content = manifest.read(tiny_build)
    assert content is not None
    effective: dict[str, Any] = content["pipeline"]
    return effective


@contextlib.contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy that nobody minds to lose: nothing waits for the disk."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        yield database


def found(check: Check, path: Path, pipeline: dict[str, Any]) -> str:
    """What a check says of a database, read from Python: nothing, when it finds nothing."""
    with contextlib.closing(open_database(path)) as database:
        try:
            run_checks([check], database, pipeline)
        except CheckFailed as error:
            return error.message
    return ""


def test_every_check_is_one_query_with_a_rule(checks: dict[str, Check], schema: Schema) -> None:
    """Each file begins with its rule, one sentence, and is one SELECT that only reads."""
    assert read_checks(FOLDER, "sql/checks", schema, full=True, in_full=IN_FULL)[1:] == list(checks.values())[1:]
    assert set(checks) == CHEAP | FULL
    assert len(checks) == len(CHEAP) + len(FULL)
    for check in checks.values():
        assert check.rule.endswith("."), check.shown
        assert check.rule[0].isupper(), check.shown
        assert ". " not in check.rule, check.shown


def test_every_check_is_damaged_below() -> None:
    """No check stands that is not known to fail."""
    assert set(DAMAGES) == CHEAP | FULL


def test_whole_world_passes(tiny_build: Path, pipeline: dict[str, Any], checks: dict[str, Check]) -> None:
    """All the checks, the full ones too, find nothing in a finished world."""
    with contextlib.closing(open_database(tiny_build / DATABASE)) as database:
        run_checks(checks.values(), database, pipeline)


@pytest.mark.fault("wrong rows in a finished database, against every check")
@pytest.mark.parametrize(
    ("name", "script"),
    [
        pytest.param(name, script, id=f"{name}-{number}")
        for name, scripts in DAMAGES.items()
        for number, script in enumerate(scripts, 1)
    ],
)
def test_damage_is_found(  # noqa: PLR0913, PLR0917 -- two parameters and four fixtures
    name: str, script: str, tiny_build: Path, tmp_path: Path, pipeline: dict[str, Any], checks: dict[str, Check]
) -> None:
    """A database that breaks a rule fails that check, with the rule and the rows."""
    path = tmp_path / "damaged.db"
    shutil.copyfile(tiny_build / DATABASE, path)
    with changing(path) as database:
        database.executescript(script)
    check = checks[name]
    says = f"{check.shown}: check {name} failed: {check.rule} The first rows that break it:\n  "
    assert found(check, path, pipeline).startswith(says)


@pytest.mark.parametrize(("name", "place", "value"), NUMBERS, ids=[f"{name}-{place}" for name, place, _ in NUMBERS])
def test_numbers_come_from_the_pipeline(  # noqa: PLR0913, PLR0917 -- three parameters and three fixtures
    name: str, place: str, value: object, tiny_build: Path, pipeline: dict[str, Any], checks: dict[str, Check]
) -> None:
    """A world that does not fit another pipeline's numbers is told so by that pipeline."""
    changed = copy.deepcopy(pipeline)
    *steps, last = place.split(".")
    node = changed["stages"]
    for step in steps:
        node = node[step]
    assert node[last] != value
    node[last] = value
    assert checks[name].rule in found(checks[name], tiny_build / DATABASE, changed)


def test_clock_comes_from_the_pipeline(tiny_build: Path, pipeline: dict[str, Any], checks: dict[str, Check]) -> None:
    """``created_at`` is compared with the pipeline's own clock."""
    changed = {**pipeline, "as_of": "2024-08-01 00:00:00"}
    assert "as_of=2024-08-01 00:00:00" in found(checks["created_at"], tiny_build / DATABASE, changed)


def test_a_check_without_a_stage_to_judge_fails(
    tiny_build: Path, pipeline: dict[str, Any], checks: dict[str, Check]
) -> None:
    """A check whose generators no stage runs says so, whatever is in the database; the others do not mind."""
    others = {name: {**stage, "python": "my.own:generator"} for name, stage in pipeline["stages"].items()}
    for stages in ({}, others):
        bare = {**pipeline, "stages": stages}
        told = {name: said for name, check in checks.items() if (said := found(check, tiny_build / DATABASE, bare))}
        assert told.keys() == {name for name, check in checks.items() if ":stages" in check.sql}
        assert len(told) == 14
        assert told["class_sizes"] == (
            "sql/checks/class_sizes.sql:2:1: no stage runs etl.school.classes:classes, so this check would check "
            "nothing; name another generator, or delete the check"
        )


def test_a_generator_spelt_in_full_is_judged_alike(
    tiny_build: Path, tmp_path: Path, schema: Schema, pipeline: dict[str, Any]
) -> None:
    """Short and full names, in the pipeline and in the check, are one; an alias in a module of one's own is too."""
    (tmp_path / "mine").mkdir()
    text = "from etl.school.classes import classes as rooms\nfrom etl.school.generators import students\n"
    (tmp_path / "mine/__init__.py").write_text(text, encoding="utf-8")
    in_full = namer("mine", tmp_path)
    sql = "SELECT key FROM json_each(:stages) WHERE json_extract(value, '$.params.size[0]') = 5"
    for name in ("rooms", "mine:rooms", "etl.school.generators:classes", "etl.school.classes:classes", "x:y, rooms"):
        (tmp_path / "a.sql").write_text(f"-- No class is of 5.\n-- stages: {name}\n{sql}", encoding="utf-8")
        _, check = read_checks(tmp_path, "sql/checks", schema, in_full=in_full)
        assert found(check, tiny_build / DATABASE, pipeline).endswith("key=classes"), name


def test_missed_tests_break_one_rule(
    tiny_build: Path, tmp_path: Path, pipeline: dict[str, Any], checks: dict[str, Check]
) -> None:
    """A world in which students miss tests, and then get no assignment, breaks the one rule that says they do not."""
    path = tmp_path / "missed.db"
    shutil.copyfile(tiny_build / DATABASE, path)
    with changing(path) as database:
        database.executescript(
            """
            DELETE FROM scores WHERE (student_id + test_id) % 5 = 0;
            DELETE FROM assignment_students WHERE NOT EXISTS (
              SELECT 1 FROM assignments JOIN scores ON test_id = created_after_test_id
              WHERE assignments.id = assignment_id AND scores.student_id = assignment_students.student_id
            );
            """
        )
    told = {name for name, check in checks.items() if found(check, path, pipeline)}
    assert told == {"every_test"}


@pytest.mark.parametrize(
    ("shares", "script", "told"),
    [
        ({"pm3": {"missed": 0.1}}, "DELETE FROM scores WHERE student_id = 2 AND test_id = 3", False),
        ({"pm3": {"missed": 0.1}}, "DELETE FROM scores WHERE student_id = 2 AND test_id = 4", True),
        ({"pm3": {"missed": 0.1}}, "DELETE FROM scores WHERE test_id = 3", True),
        ({"pm3": {"left": 0.1}}, "DELETE FROM scores WHERE student_id = 2 AND test_id >= 3", False),
        ({"pm3": {"left": 0.1}}, "DELETE FROM scores WHERE student_id = 2 AND test_id >= 2", True),
        ({"pm3": {"left": 0.1}}, "DELETE FROM scores WHERE student_id = 2 AND test_id = 3", True),
        ({"pm3": {"left": 0.1}}, "DELETE FROM scores WHERE test_id = 6", True),
        (
            {"pm3": {"left": 0.1}, "pm5": {"left": 0.1}},
            "DELETE FROM scores WHERE student_id < 4 AND test_id > 4",
            False,
        ),
        ({"pm3": {"missed": 1}}, "DELETE FROM scores WHERE test_id = 3", False),
        ({"pm3": {"missed": 1}}, "SELECT 1", True),
        ({"pm3": {"left": 1}}, "DELETE FROM scores WHERE test_id >= 3", False),
        ({"pm3": {"missed": 0, "missed_chronic": 1}}, "DELETE FROM scores WHERE student_id < 9 AND test_id = 3", False),
        ({"pm3": {"missed": 0.9, "missed_chronic": 1}}, "SELECT 1", True),
        ({"pm3": {"left": 0, "left_chronic": 1}}, "DELETE FROM scores WHERE student_id < 9 AND test_id >= 3", False),
        ({"pm3": {"left": 0, "left_chronic": 1}}, "DELETE FROM scores WHERE student_id < 9 AND test_id = 3", True),
    ],
)
def test_who_may_miss_or_leave(  # noqa: PLR0913 -- three parameters and four fixtures
    shares: dict[str, dict[str, float]],
    script: str,
    *,
    told: bool,
    tiny_build: Path,
    tmp_path: Path,
    pipeline: dict[str, Any],
    checks: dict[str, Check],
) -> None:
    """Scores may lack where the pipeline says so: about so many, and who has left does not come back."""
    changed = copy.deepcopy(pipeline)
    for stage, params in shares.items():
        changed["stages"][stage]["params"] |= params
    path = tmp_path / "fewer.db"
    shutil.copyfile(tiny_build / DATABASE, path)
    with changing(path) as database:
        database.executescript(script)
    assert bool(found(checks["every_test"], path, changed)) is told


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("driven", {"completed": 0, "started": 1, "not_started": 0}),
        ("classes", 0.1),
        ("by_score", {"score": 5400, "per_100": 0.1}),
    ],
)
def test_shares_may_vary(  # noqa: PLR0913, PLR0917 -- two parameters and four fixtures
    key: str, value: object, tiny_build: Path, tmp_path: Path, pipeline: dict[str, Any], checks: dict[str, Check]
) -> None:
    """Other shares are allowed where the pipeline lets them vary, and nowhere else."""
    path = tmp_path / "driven.db"
    shutil.copyfile(tiny_build / DATABASE, path)
    with changing(path) as database:
        database.executescript(EVERYONE.format("'started', NULL, NULL"))
    assert found(checks["status_shares"], path, pipeline)
    changed = copy.deepcopy(pipeline)
    for stage in ("window1", "window2", "window3"):
        changed["stages"][stage]["params"]["status"][key] = value
    assert not found(checks["status_shares"], path, changed)


@pytest.mark.fault("a check that is not one SELECT")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT 1", ":1:1: start the file with a comment that states the rule"),
        (
            "-- stages: a\nSELECT key FROM json_each(:stages)",
            ":1:1: start the file with a comment that states the rule",
        ),
        ("-- No.\n-- stages: a\nSELECT 1", ":2:1: the query does not read :stages; delete this line"),
        (
            "-- No.\nSELECT key FROM json_each(:stages)",
            ":1:1: list the generators whose stages the query reads",
        ),
        (
            "-- No.\n-- stages:\nSELECT key FROM json_each(:stages)",
            ":2:1: list the generators whose stages the query reads",
        ),
        (
            "-- No.\nSELECT key FROM json_each(:pipeline, '$.stages')",
            ":1:1: list the generators whose stages the query reads",
        ),
        ("-- No.\nSELECT pupil FROM students", ":2:8: SQLite says: no such column: pupil"),
        ("-- No.\nSELECT id FROM pupils", ":2:16: SQLite says: no such table: pupils"),
        ("-- No.\nSELECT id FROM students WHERE id = :id", ":2:36: SQLite says: You did not supply a value"),
        ("-- No.\nSELECT 1) UNION SELECT * FROM (SELECT 2", ':2:9: SQLite says: near ")": syntax error'),
        ("-- No.\nDELETE FROM students", ":2:1: must be one read-only SELECT"),
        ("-- No.\nDELETE FROM students RETURNING id", ":2:1: must be one read-only SELECT"),
        ("-- No.\nUPDATE sqlite_master SET sql = ''", ":2:1: SQLite says: table sqlite_master may not be modified"),
        ("-- No.\nPRAGMA foreign_keys = ON", ":2:1: must be one read-only SELECT"),
        ("-- No.\nATTACH ':memory:' AS other", ":2:1: must be one read-only SELECT"),
        ("-- No.\nSELECT 1; SELECT 2", ":2:1: must be one read-only SELECT"),
    ],
)
def test_bad_check_is_told_with_its_file(text: str, says: str, tmp_path: Path, schema: Schema) -> None:
    """A file that is not one reading query is a mistake, found before anything is generated."""
    (tmp_path / "bad.sql").write_text(text, encoding="utf-8")
    with pytest.raises(Mistakes) as raised:
        read_checks(tmp_path, "sql/checks", schema)
    assert f"sql/checks/bad.sql{says}" in str(raised.value)


def test_all_bad_checks_are_told_at_once(tmp_path: Path, schema: Schema) -> None:
    """Every file with a mistake is named."""
    (tmp_path / "a.sql").write_text("SELECT 1", encoding="utf-8")
    (tmp_path / "b.sql").write_bytes(b"-- \xff")
    (tmp_path / "c.sql").write_text("-- No.\nSELECT", encoding="utf-8")
    with pytest.raises(Mistakes) as raised:
        read_checks(tmp_path, "checks", schema)
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        "checks/a.sql",
        "checks/b.sql",
        "checks/c.sql",
    ]


def test_text_that_is_not_json_is_found_before_it_is_loaded() -> None:
    """The stage that checks the texts of each shard returns the rows whose text is not JSON."""
    pipeline = small.twelve()
    scores = run_until(make_plan(pipeline), "scores")
    texts = pa.array(["{", *scores["rc_scores"].to_pylist()[1:]])
    spoilt = scores.set_column(scores.column_names.index("rc_scores"), "rc_scores", texts)
    found = run_stage(pipeline.stages["broken_json"], {"scores": spoilt}, pipeline)
    assert found["id"].to_pylist() == scores["id"].to_pylist()[:1]


NEVER_ENDS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"


def test_checks_beside_are_told_and_do_not_outlive_their_block(tiny_build: Path) -> None:
    """Their failure is raised where it is asked for and before an error that it explains; else they are cut off."""
    found = Check("found", "No.", "SELECT 7 AS id", "checks/found.sql")
    with (
        running_checks([found], tiny_build / DATABASE, {}) as checked,
        pytest.raises(CheckFailed, match="check found failed"),
    ):
        checked.result()
    with pytest.raises(CheckFailed), running_checks([found], tiny_build / DATABASE, {}):
        raise EtlError("an answer is not as declared")
    endless = Check("endless", "No.", NEVER_ENDS, "checks/endless.sql")
    with pytest.raises(KeyboardInterrupt), running_checks([endless], tiny_build / DATABASE, {}) as checked:
        raise KeyboardInterrupt
    assert checked.done()


def test_query_that_fails_is_told_with_its_file() -> None:
    """What breaks a check while it runs is said after the rules that were found broken, and ends the run."""
    queries = {"one": "SELECT 7 AS id", "two": "SELECT json('{')", "three": "SELECT 8 AS id"}
    made = [Check(name, "No.", sql, f"checks/{name}.sql") for name, sql in queries.items()]
    with contextlib.closing(sqlite3.connect(":memory:")) as database, pytest.raises(CheckFailed) as raised:
        run_checks(made, database, {})
    assert raised.value.message.splitlines() == [
        "checks/one.sql: check one failed: No. The first rows that break it:",
        "  id=7",
        "checks/two.sql: check two cannot run: malformed JSON",
    ]


def test_texts_of_the_pipeline_stay_texts(tmp_path: Path) -> None:
    """Quotes in a pipeline's texts stay texts."""
    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    check = Check("name", "No.", "SELECT json_extract(:pipeline, '$.name') AS name", "name.sql")
    assert found(check, path, {"name": 'it\'s "quoted"'}).endswith('name=it\'s "quoted"')
