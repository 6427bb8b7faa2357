"""An independent oracle: the data specification but for the estimates, recomputed from a finished database.

Nothing of `etl` is imported, and no number is read from `pipeline.yaml` or `data/`: the constants below are the
specification of the default world, written a second time. Reading the database and numpy's arithmetic is all that
the oracle shares with the code that it judges.

What is certain is compared exactly. What is drawn is compared with its distribution, and each such rule reports at
most one conforming world in a million (FALSE_ALARM), divided evenly among the comparisons that the rule makes
(Bonferroni). Counts are judged by Pearson's chi-square, single numbers by the normal distribution.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Row: TypeAlias = tuple[object, ...]

# --- The specification: tables -----------------------------------------------------------------------------------

TABLES = {
    "rosters": "id, name text, created_at? text default now",
    "students": "id, roster_id -> rosters.id, name text, external_id? text, created_at? text default now",
    "test_groups": "id, name text",
    "tests": "id, group_id -> test_groups.id, sequence int, name text, administered_at? text",
    "reporting_categories": "id, name text, description? text",
    "standards": "id, rc_id -> reporting_categories.id, domain text, sub_domain? text, code text, description text",
    "performance_levels": "id, level int, name text, description text, min_score int, max_score? int, color text",
    "scores": "id, student_id -> students.id, test_id -> tests.id, overall_score int,"
    " level int -> performance_levels.level, rc_scores text default '{}', std_scores text default '{}'",
    "assignments": "id, name text, platform text, group_id -> test_groups.id, rc_id? -> reporting_categories.id,"
    " created_after_test_id -> tests.id, impacted_test_id? -> tests.id, created_at? text default now",
    "assignment_standards": "assignment_id -> assignments.id, standard_id -> standards.id",
    "assignment_students": "assignment_id -> assignments.id, student_id -> students.id,"
    " status text default 'not_started', started_at? text, completed_at? text",
    "planted_effects": "id, assignment_id -> assignments.id, standard_id -> standards.id, status text, students int,"
    " effect? real",
    "impact_means": "id, assignment_id -> assignments.id, standard_id? -> standards.id, treated int, control int,"
    " treated_before? real, treated_after? real, treated_gain? real,"
    " control_before? real, control_after? real, control_gain? real",
    "impact_estimates": "id, estimator text, scope text, assignment_id? -> assignments.id,"
    " rc_id? -> reporting_categories.id, standard_id? -> standards.id, treated int, control int, treated_gain? real,"
    " control_gain? real, effect? real,"
    " standard_error? real, degrees_of_freedom? real, t? real, p? real, low? real, high? real, planted? real,"
    " expected_bias? real, bias? real, covered? int, surprise? real",
}
# What is about the other tables; an application, and who only makes its tables, can do without.
TRUTH = ("planted_effects", "impact_means", "impact_estimates")
COLUMN = re.compile(r"(\w+)(\?)?(?: (int|text|real))?(?: -> (\w+)\.(\w+))?(?: default (\S+))?")
KEYS = {
    "assignment_standards": ("assignment_id", "standard_id"),
    "assignment_students": ("assignment_id", "student_id"),
}
# For each question, the beginnings of an index that answer it.
LOOKUPS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "students by roster": ("students", (("roster_id",),)),
    "scores by test and level": ("scores", (("test_id", "level"),)),
    "tests by group": ("tests", (("group_id",),)),
    "standards by category": ("standards", (("rc_id",),)),
    "assignment_students by status": ("assignment_students", (("status",), ("assignment_id", "status"))),
    "assignment_students by student": ("assignment_students", (("student_id",),)),
    "estimates by assignment": ("impact_estimates", (("assignment_id",),)),
}
ESTIMATE = "INSERT INTO impact_estimates (treated, control,"
# What an application does to an empty copy of the schema with foreign keys on, and whether it may.
APPLICATION = (
    ("INSERT INTO rosters (name) VALUES ('r')", True),
    ("INSERT INTO students (roster_id, name) VALUES (1, 's'), (1, 't'), (1, 'u'), (1, 'v')", True),
    ("INSERT INTO students (roster_id, name) VALUES (2, 's')", False),
    ("INSERT INTO test_groups (name) VALUES ('g')", True),
    ("INSERT INTO tests (group_id, sequence, name) VALUES (1, 1, 't')", True),
    ("INSERT INTO reporting_categories (name) VALUES ('c')", True),
    ("INSERT INTO standards (rc_id, domain, code, description) VALUES (1, 'd', 'c', 's')", True),
    ("INSERT INTO performance_levels (level, name, description, min_score, color) VALUES (9, 'n', 'd', 0, 'c')", True),
    ("INSERT INTO performance_levels (level, name, description, min_score, color) VALUES (9, 'm', 'e', 1, 'd')", False),
    ("INSERT INTO scores (student_id, test_id, overall_score, level) VALUES (1, 1, 5400, 9)", True),
    ("INSERT INTO scores (student_id, test_id, overall_score, level) VALUES (1, 1, 5401, 9)", False),
    ("INSERT INTO scores (student_id, test_id, overall_score, level) VALUES (2, 1, 5400, 8)", False),
    ("INSERT INTO assignments (name, platform, group_id, created_after_test_id) VALUES ('a', 'ixl', 1, 1)", True),
    ("UPDATE assignments SET platform = 'lexiacore5'", True),
    ("UPDATE assignments SET platform = 'reflex'", True),
    ("UPDATE assignments SET platform = 'khan_academy'", True),
    ("INSERT INTO assignments (name, platform, group_id, created_after_test_id) VALUES ('a', 'abacus', 1, 1)", False),
    ("INSERT INTO assignment_standards (assignment_id, standard_id) VALUES (1, 1)", True),
    ("INSERT INTO assignment_standards (assignment_id, standard_id) VALUES (1, 1)", False),
    ("INSERT INTO assignment_students (assignment_id, student_id) VALUES (1, 1)", True),
    ("INSERT INTO assignment_students (assignment_id, student_id) VALUES (1, 1)", False),
    ("INSERT INTO assignment_students (assignment_id, student_id, status) VALUES (1, 2, 'started')", True),
    ("INSERT INTO assignment_students (assignment_id, student_id, status) VALUES (1, 3, 'completed')", True),
    ("INSERT INTO assignment_students (assignment_id, student_id, status) VALUES (1, 4, 'late')", False),
    ("INSERT INTO planted_effects (assignment_id, standard_id, status, students) VALUES (1, 1, 'started', 1)", True),
    ("INSERT INTO planted_effects (assignment_id, standard_id, status, students) VALUES (1, 1, 'started', 2)", False),
    ("INSERT INTO planted_effects (assignment_id, standard_id, status, students) VALUES (1, 1, 'late', 1)", False),
    ("INSERT INTO impact_means (assignment_id, standard_id, treated, control) VALUES (1, 1, 0, 0)", True),
    ("INSERT INTO impact_means (assignment_id, standard_id, treated, control) VALUES (1, 1, 1, 1)", False),
    ("INSERT INTO impact_means (assignment_id, treated, control) VALUES (1, 0, 0)", True),
    (f"{ESTIMATE} estimator, scope) VALUES (1, 1, 'did', 'assignment')", True),
    (f"{ESTIMATE} estimator, scope) VALUES (1, 1, 'ancova', 'standard')", True),
    (f"{ESTIMATE} estimator, scope, covered) VALUES (1, 1, 'did_fixed_effects', 'category', 0)", True),
    (f"{ESTIMATE} estimator, scope) VALUES (1, 1, 'did', 'roster')", False),
    (f"{ESTIMATE} estimator, scope) VALUES (1, 1, 'guess', 'category')", False),
    (f"{ESTIMATE} estimator, scope, covered) VALUES (1, 1, 'did', 'category', 2)", False),
    (f"{ESTIMATE} estimator, scope, assignment_id) VALUES (1, 1, 'did', 'assignment', 1)", True),
    (f"{ESTIMATE} estimator, scope, standard_id) VALUES (1, 1, 'did', 'standard', 1)", True),
    (f"{ESTIMATE} estimator, scope, rc_id) VALUES (1, 1, 'did', 'category', 1)", True),
)  # fmt: skip
# What it may delete when nothing but rows that only belong to it refer to it.
DELETIONS = (
    ("DELETE FROM students WHERE id = 1", False),  # has a score
    ("DELETE FROM students WHERE id = 2", True),
    ("DELETE FROM tests", False),
    ("DELETE FROM assignments", True),
    ("DELETE FROM reporting_categories", False),  # has a standard
    ("DELETE FROM standards", True),
    ("DELETE FROM reporting_categories", True),
)
# What of those rows is left then, by table: estimates of nothing in particular.
LEFT = {**dict.fromkeys(("assignment_standards", "assignment_students", *TRUTH), 0), "impact_estimates": 3}
# What that application then finds in the columns that it left out.
DEFAULTS: tuple[tuple[str, str], ...] = (
    ("rosters", "abs(julianday(created_at) - julianday('now')) < 0.01 AND created_at = datetime(created_at)"),
    ("students", "abs(julianday(created_at) - julianday('now')) < 0.01 AND created_at = datetime(created_at)"),
    ("assignments", "abs(julianday(created_at) - julianday('now')) < 0.01 AND created_at = datetime(created_at)"),
    ("scores", "rc_scores = '{}' AND std_scores = '{}'"),
    ("assignment_students", "student_id > 1 OR status = 'not_started'"),  # 2 and 3 were given a status
)

# --- The specification: reference rows ---------------------------------------------------------------------------

LEVELS = (
    (1, "Beginning to Understand",
     "Below proficiency: Student has not yet demonstrated understanding of key concepts.", 0, 5409, "#EF4444"),
    (2, "Approaching Understanding",
     "Near proficiency: Student shows partial understanding and is approaching grade-level expectations.",
     5410, 5469, "#F97316"),
    (3, "Understands",
     "At proficiency: Student demonstrates solid understanding of grade-level concepts.", 5470, 5529, "#22C55E"),
    (4, "Advanced Understanding",
     "Above proficiency: Student exceeds expectations and demonstrates deep understanding.", 5530, 5800, "#3B82F6"),
)  # fmt: skip
GROUP = "Progress Monitoring (PM)"
TEST_DAYS = ("2025-08-15", "2025-10-15", "2025-12-15", "2026-02-15", "2026-04-15", "2026-06-15")
CATEGORIES = {
    "Number and Operations": "3.NF.A.1 3.NF.A.2 3.NF.A.3 3.OA.A.1 3.OA.A.2",
    "Algebraic Reasoning": "3.OA.B.5 3.OA.B.6 3.OA.C.7 3.OA.D.8 3.OA.D.9",
    "Geometry and Measurement": "3.MD.A.1 3.MD.A.2 3.MD.B.3 3.MD.B.4 3.G.A.1",
    "Data Analysis and Probability": "3.MD.C.5 3.MD.C.6 3.MD.C.7 3.MD.D.8 3.G.A.2",
}
# The headings of the Common Core State Standards for Mathematics, grade 3; a cluster's full heading may go on.
DOMAINS = {
    "NF": "Number and Operations Fractions",
    "OA": "Operations and Algebraic Thinking",
    "MD": "Measurement and Data",
    "G": "Geometry",
}
CLUSTERS = {
    "NF.A": "Develop understanding of fractions as numbers",
    "OA.A": "Represent and solve problems involving multiplication and division",
    "OA.B": "Understand properties of multiplication and the relationship between multiplication and division",
    "OA.C": "Multiply and divide within 100",
    "OA.D": "Solve problems involving the four operations, and identify and explain patterns in arithmetic",
    "MD.A": "Solve problems involving measurement and estimation",
    "MD.B": "Represent and interpret data",
    "MD.C": "Geometric measurement: understand concepts of area and relate area to multiplication and to addition",
    "MD.D": "Geometric measurement: recognize perimeter",
    "G.A": "Reason with shapes and their attributes",
}
SHORTEST_DESCRIPTION = 20


class Assignment(NamedTuple):
    """An assignment as the specification lists it; `after` and `impacts` are numbers of tests."""

    name: str
    platform: str
    category: int
    standards: str
    after: int
    impacts: int


ASSIGNMENTS = (
    Assignment("Fractions Foundations", "ixl", 1, "3.NF.A.1 3.NF.A.2 3.NF.A.3", 1, 2),
    Assignment("Multiplication Mastery", "khan_academy", 1, "3.OA.A.1 3.OA.A.2", 1, 2),
    Assignment("Equation Explorer", "reflex", 2, "3.OA.B.5 3.OA.B.6", 1, 2),
    Assignment("Shape Shifters", "lexiacore5", 3, "3.MD.A.1 3.MD.A.2", 1, 2),
    Assignment("Fractions Booster", "ixl", 1, "3.NF.A.1 3.NF.A.3", 3, 4),
    Assignment("Algebra Accelerator", "khan_academy", 2, "3.OA.C.7 3.OA.D.8", 3, 4),
    Assignment("Geometry Jumpstart", "reflex", 3, "3.MD.B.3 3.MD.B.4 3.G.A.1", 4, 5),
    Assignment("Data & Probability Prep", "khan_academy", 4, "3.MD.C.5 3.MD.C.6", 4, 5),
)

# --- The specification: generated rows ---------------------------------------------------------------------------

TEACHERS, FIRST_NAMES, LAST_NAMES = 50, 50, 50
SUBJECTS = (
    "3rd Grade Math",
    "4th Grade Math",
    "3rd Grade Math Honors",
    "4th Grade Math Honors",
    "3rd Grade Math Intervention",
)
ROSTER_NAME = re.compile(r"(Mr\.|Mrs\.|Ms\.|Dr\.) (\S|\S.*?\S) - (\S|\S.*\S)")
CLASS_SIZE = (30, 40)
MEAN, SD = 5440, 95
LOWEST, HIGHEST = 5100, 5800
CATEGORY_JITTER, STANDARD_JITTER = 40, 25
LEVEL_SHARES = (0.38, 0.25, 0.20, 0.17)
SHARE_ROUNDING = 0.01  # "about": the shares are written in whole per cent, and the normal gives 37.4, not 38
GROWTH = {"no assignment": (-15, 15), "not_started": (-15, 15), "started": (15, 35), "completed": (40, 80)}
STATUS_SHARES = {"not_started": 0.25, "started": 0.15, "completed": 0.60}
WINDOWS = {1: (1, 80, 2), 3: (81, 160, 1), 4: (161, 250, 1)}  # after test: first roster, last roster, highest level
AS_OF = "2025-08-01 00:00:00"
FEWEST_ROWS = 67_000
# "About": five standard deviations of 250 class sizes for students and their scores, a bit more for everything.
ABOUT = {"students": (8_750, 250), "scores": (52_500, 1_500), "all tables": (73_000, 2_000)}

ROUNDED = 1.01e-6  # numbers have six digits behind the point

FALSE_ALARM = 1e-6
FEWEST_IN_BIN = 20  # a chi-square bin expects at least about this many
FEWEST_PAIRS = 500  # a correlation of fewer pairs is not judged

# --- What follows from the constants -----------------------------------------------------------------------------

CODES = tuple(code for codes in CATEGORIES.values() for code in codes.split())
CATEGORY_OF = np.repeat(np.arange(len(CATEGORIES)), [len(codes.split()) for codes in CATEGORIES.values()])
COVERS = tuple(tuple(CODES.index(code) for code in given.standards.split()) for given in ASSIGNMENTS)
ROSTERS, TESTS = TEACHERS * len(SUBJECTS), len(TEST_DAYS)
DAYS: dict[object, int] = {str(date.fromisoformat(TEST_DAYS[0]) + timedelta(days=n)): n for n in range(366)}
KINDS = tuple(GROWTH)  # a student's standing with a standard; 1 + status number, 0 for no assignment
STATUSES = tuple(STATUS_SHARES)
GROWTH_LOW, GROWTH_HIGH = (np.array(bounds) for bounds in zip(*GROWTH.values(), strict=True))


class Column(NamedTuple):
    """A column as the specification or the database declares it."""

    name: str
    type: str
    null: bool
    default: str | None
    references: str | None


def columns_of(text: str) -> list[Column]:
    """Read one line of TABLES."""
    columns = []
    for part in text.split(", "):
        match = COLUMN.fullmatch(part)
        if match is None:
            raise ValueError(part)
        name, null, kind, table, column, default = match.groups()
        columns.append(
            Column(
                name,
                kind.upper() if kind in {"text", "real"} else "INTEGER",
                null is not None,
                "CURRENT_TIMESTAMP" if default == "now" else default,
                f"{table}.{column}" if table else None,
            )
        )
    return columns


SPECIFIED = {table: columns_of(text) for table, text in TABLES.items()}

# --- The world ---------------------------------------------------------------------------------------------------


def numbers(texts: Sequence[str], keys: int) -> tuple[Ints, Bools]:
    """Read compact JSON objects with keys "1", "2", … and whole numbers; say which texts are exactly that.

    A document in another form has the numbers that can be read of it, so that other rules still see them, or zeros.
    """
    names = [str(key) for key in range(1, keys + 1)]
    template = "{" + ",".join(f'"{name}":%d' for name in names) + "}"
    values, exact = np.zeros((len(texts), keys), np.int64), np.zeros(len(texts), bool)
    for row, text in enumerate(texts):
        with suppress(ValueError, KeyError, TypeError, OverflowError):
            document = json.loads(text)
            found = tuple(int(document[name]) for name in names)
            values[row], exact[row] = found, text == template % found
    return values, exact


@dataclass(frozen=True)
class World:
    """The database as arrays: axis 0 is the student, then the test, then the category, standard or assignment.

    Each array is read when a rule first asks for it. Where a student lacks a test, `taken` is false.
    """

    db: sqlite3.Connection
    truth: bool = True  # whether planted effects and estimates have to be there

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        return self.db.execute(sql, values).fetchall()

    def table(self, sql: str) -> Ints:
        """All rows of a query over whole numbers, as columns."""
        rows = self.db.execute(sql)
        width = len(rows.description)
        return np.array([number for row in rows for number in row], np.int64).reshape(-1, width).T

    @cached_property
    def students(self) -> tuple[Ints, Ints]:
        """The ids of students, and their rosters."""
        ids, rosters = self.table("SELECT id, roster_id FROM students ORDER BY id")
        return ids, rosters

    @property
    def roster(self) -> Ints:
        """The roster of each student."""
        return self.students[1]

    def seat(self, ids: Ints) -> Ints:
        """Find the place of these students in the arrays, -1 for an unknown one."""
        known = self.students[0]
        at = np.searchsorted(known, ids).clip(max=len(known) - 1)
        return np.where(known[at] == ids, at, -1)

    @cached_property
    def score_rows(self) -> tuple[Ints, list[str], list[str]]:
        """The scores as they stand: numbers (id, student, test, overall, level), and the two JSON columns."""
        rows = self.rows(
            "SELECT rc_scores, std_scores, id, student_id, test_id, overall_score, level FROM scores ORDER BY id"
        )
        return (
            np.array([row[2:] for row in rows], np.int64).reshape(-1, 5).T,
            [str(row[0]) for row in rows],
            [str(row[1]) for row in rows],
        )

    @cached_property
    def cells(self) -> tuple[Ints, Ints, Ints]:
        """The scores that have a place in the arrays: number of the row, student, test."""
        (_, student, test, _, _), _, _ = self.score_rows
        seat = self.seat(student)
        rows = np.flatnonzero((seat >= 0) & (test >= 1) & (test <= TESTS))
        return rows, seat[rows], test[rows] - 1

    def grid(self, values: Ints) -> Ints:
        """Lay a column of scores out by student and test."""
        rows, student, test = self.cells
        grid = np.zeros((len(self.students[0]), TESTS, *values.shape[1:]), np.int64)
        grid[student, test] = values[rows]
        return grid

    @cached_property
    def taken(self) -> Bools:
        """Which student has a score on which test."""
        return self.grid(np.ones(len(self.score_rows[1]), np.int64)) > 0

    @cached_property
    def overall(self) -> Ints:
        """Overall scores."""
        return self.grid(self.score_rows[0][3])

    @cached_property
    def level(self) -> Ints:
        """Performance levels."""
        return self.grid(self.score_rows[0][4])

    @cached_property
    def rc_numbers(self) -> tuple[Ints, Bools]:
        """Category scores of each row, and whether its text is exact."""
        return numbers(self.score_rows[1], len(CATEGORIES))

    @cached_property
    def std_numbers(self) -> tuple[Ints, Bools]:
        """Standard scores of each row, and whether its text is exact."""
        return numbers(self.score_rows[2], len(CODES))

    @cached_property
    def rc(self) -> Ints:
        """Category scores."""
        return self.grid(self.rc_numbers[0])

    @cached_property
    def std(self) -> Ints:
        """Standard scores."""
        return self.grid(self.std_numbers[0])

    @cached_property
    def given(self) -> Ints:
        """Who was given what: rows of assignment number, student id, status number, start day, completion day.

        Days count from the first test; -1 is null, -2 is not a day of the school year.
        """
        day: dict[object, int] = {None: -1, **DAYS}
        status: dict[object, int] = {name: number for number, name in enumerate(STATUSES)}
        rows = self.rows(
            "SELECT assignment_id, student_id, status, started_at, completed_at FROM assignment_students ORDER BY 1, 2"
        )
        coded = [
            (*who, status.get(state, -1), day.get(start, -2), day.get(done, -2)) for *who, state, start, done in rows
        ]
        return np.array(coded, np.int64).reshape(-1, 5).T

    def by_student(self, values: Ints, blank: int) -> Ints:
        """Lay a column of `given` out by student and assignment."""
        assignment, student, *_ = self.given
        seat = self.seat(student)
        fits = (seat >= 0) & (assignment >= 1) & (assignment <= len(ASSIGNMENTS))
        grid = np.full((len(self.students[0]), len(ASSIGNMENTS)), blank, np.int64)
        grid[seat[fits], assignment[fits] - 1] = values[fits]
        return grid

    @cached_property
    def status(self) -> Ints:
        """The status number of each student and assignment, -1 where it was not given."""
        return self.by_student(self.given[2], -1)

    @cached_property
    def kind(self) -> Ints:
        """By student, test (from the second) and standard: number of the growth range in KINDS.

        No two assignments of one window share a standard in the default world, so none has to be preferred.
        """
        kind = np.zeros((len(self.students[0]), TESTS - 1, len(CODES)), np.int64)
        for number, (assignment, covers) in enumerate(zip(ASSIGNMENTS, COVERS, strict=True)):
            kind[:, assignment.impacts - 2, covers] = self.status[:, number, None] + 1
        return kind

    @cached_property
    def growth(self) -> Ints:
        """By student, test (from the second) and standard: how far the score moved."""
        return np.diff(self.std, axis=1)

    @cached_property
    def free(self) -> Bools:
        """By student, test (from the second) and standard: growth that the clamp cannot have touched."""
        before = self.std[:, :-1]
        free = (before + GROWTH_LOW[self.kind] >= LOWEST) & (before + GROWTH_HIGH[self.kind] <= HIGHEST)
        return np.asarray(free & (self.taken[:, 1:] & self.taken[:, :-1])[:, :, None])

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """First and last names of the students."""
        names = [str(name).partition(" ") for (name,) in self.rows("SELECT name FROM students ORDER BY id")]
        return [first for first, _, _ in names], [last for _, _, last in names]


# --- How a rule speaks -------------------------------------------------------------------------------------------


def cells(what: str, bad: Bools, show: Callable[..., str]) -> Iterator[str]:
    """Report the cells that are marked, showing the first three."""
    found = np.argwhere(bad)
    if len(found):
        yield f"{what} ({len(found)}): " + "; ".join(show(*map(int, cell)) for cell in found[:3])


def differences(what: str, expected: Sequence[object], actual: Sequence[object]) -> Iterator[str]:
    """Report the first row in which two lists differ."""
    for number, (wanted, got) in enumerate(zip(expected, actual, strict=False), 1):
        if wanted != got:
            yield f"{what}: row {number} is {got!r}, not {wanted!r}"
            return
    if len(expected) != len(actual):
        yield f"{what}: {len(actual)} rows, not {len(expected)}"


def normal_bound(comparisons: int) -> float:
    """How many standard deviations one of so many comparisons may be off, in either direction."""
    return NormalDist().inv_cdf(1 - FALSE_ALARM / comparisons / 2)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Chance that a chi-square variable exceeds a value, exactly (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5)."""
    half = statistic / 2
    if degrees % 2:
        tail, term = math.erfc(math.sqrt(half)), math.sqrt(4 * half / math.pi) * math.exp(-half)
    else:
        tail, term = math.exp(-half), half * math.exp(-half)
    for n in range(2 - degrees % 2, degrees, 2):
        tail += term
        term *= statistic / (n + 2)
    return tail


def counts(what: str, observed: Ints, expected: Floats, comparisons: int) -> Iterator[str]:
    """Report counts that differ from their expectation (Pearson), after merging neighbours that expect too few."""
    groups = max(int(expected.sum() / FEWEST_IN_BIN), 1)
    group = (np.cumsum(expected) / FEWEST_IN_BIN).astype(np.int64).clip(max=groups - 1)
    group = np.unique(group, return_inverse=True)[1]
    got, wanted = np.bincount(group, observed), np.bincount(group, expected)
    degrees = len(wanted) - 1
    if degrees < 1 or not wanted.all():
        yield f"{what}: too few ({int(observed.sum())}) to judge"
        return
    statistic = float(((got - wanted) ** 2 / wanted).sum())
    chance = chi_square_tail(statistic, degrees)
    if chance < FALSE_ALARM / comparisons:
        worst = int(np.argmax(np.abs(observed - expected) / np.sqrt(expected.clip(min=1))))
        yield (
            f"{what}: chi-square {statistic:.0f} with {degrees} degrees of freedom, chance {chance:.0e};"
            f" bin {worst + 1} of {len(observed)} has {observed[worst]}, expected {expected[worst]:.1f}"
        )


def uniform(what: str, values: Ints, low: int, high: int, comparisons: int) -> Iterator[str]:
    """Report values that are not uniform over the whole numbers from low to high, ends included."""
    inside = values[(values >= low) & (values <= high)]
    observed = np.bincount(inside - low, minlength=high - low + 1)
    yield from counts(what, observed, np.full(len(observed), len(inside) / len(observed)), comparisons)


def student(seat: int, world: World) -> str:
    """Name a student in a message."""
    return f"student {world.students[0][seat]}"


def clamp(scores: Ints) -> Ints:
    """Hold scores in the scale's range."""
    return scores.clip(LOWEST, HIGHEST)


# --- Rules: the schema -------------------------------------------------------------------------------------------


def tables(world: World) -> Iterator[str]:
    """Exactly the specified tables are there, with their columns in order, and none is empty that must not be."""
    found = {str(name) for (name,) in world.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for missing in sorted({*TABLES, "sqlite_sequence"} - found):  # SQLite's own, there once anything is autoincrement
        yield f"table {missing} is missing"
    for extra in sorted(found - TABLES.keys()):
        if not extra.startswith("sqlite_"):
            yield f"table {extra} is not in the specification"
    for kind, name in world.rows("SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')"):
        yield f"{kind} {name} is not in the specification"
    for table, columns in SPECIFIED.items():
        names = [name for (name,) in world.rows("SELECT name FROM pragma_table_info(?)", table)]
        yield from differences(f"columns of {table}", [column.name for column in columns], names)
        due = world.truth or table not in TRUTH
        if names and due and not world.rows(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608
            yield f"table {table} is empty"


def storage(world: World) -> Iterator[str]:
    """Every value is stored as its column's type says, whole numbers as whole numbers, and null only where allowed."""
    for table, columns in SPECIFIED.items():
        allowed = [f"'{column.type.lower()}'" + (", 'null'" if column.null else "") for column in columns]
        wrong = [
            f"coalesce(sum(typeof({column.name}) NOT IN ({types})), 0)"
            for column, types in zip(columns, allowed, strict=True)
        ]
        (found,) = world.rows(f"SELECT {', '.join(wrong)} FROM {table}")  # noqa: S608
        for column, types, count in zip(columns, allowed, found, strict=True):
            if count:
                query = f"SELECT rowid, {column.name} FROM {table} WHERE typeof({column.name}) NOT IN ({types})"  # noqa: S608
                row, value = world.rows(query)[0]
                yield f"{table}.{column.name} should hold {types} ({count}): row {row} holds {value!r}"


def columns(world: World) -> Iterator[str]:
    """Types, null or not, defaults, primary keys and foreign keys are those of the specification."""
    for table, specified in SPECIFIED.items():
        targets: dict[object, str] = {}
        for name, parent, column in world.rows('SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', table):
            targets[name] = f"{parent}.{column or 'id'}"
        info = world.rows('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', table)
        declared: list[Row] = [
            (name, str(kind).upper(), not notnull and name != "id", default, targets.get(name))
            for name, kind, notnull, default, _ in info
        ]
        yield from differences(f"columns of {table}", specified, declared)
        key = tuple(str(name) for name, *_, place in sorted(info, key=lambda row: int(str(row[4]))) if place)
        yield from differences(f"primary key of {table}", KEYS.get(table, ("id",)), key)


def indexes(world: World) -> Iterator[str]:
    """There is an index for everything that a dashboard asks."""
    for question, (table, beginnings) in LOOKUPS.items():
        found: list[tuple[object, ...]] = [
            tuple(name for (name,) in world.rows("SELECT name FROM pragma_index_info(?) ORDER BY seqno", index))
            for (index,) in world.rows("SELECT name FROM pragma_index_list(?) WHERE partial = 0", table)
        ]
        if not any(index[: len(beginning)] == beginning for index in found for beginning in beginnings):
            yield f"no index answers {question}: {table} has {found}"


def application(world: World) -> Iterator[str]:
    """What an application may insert is accepted, what it may not is refused, and the defaults work."""
    schema = world.rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        for (statement,) in schema:
            copy.execute(str(statement))
        copy.execute("PRAGMA foreign_keys = ON")
        yield from refusals(copy, APPLICATION)
        for table, works in DEFAULTS:
            for row in copy.execute(f"SELECT * FROM {table} WHERE ({works}) IS NOT TRUE LIMIT 1"):  # noqa: S608
                yield f"default of {table} does not work: {row}"
        counting = {name for (name,) in copy.execute("SELECT name FROM sqlite_sequence")}
        yield from refusals(copy, DELETIONS)
        for table, rows in LEFT.items():
            (count,) = copy.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
            if count != rows:
                yield f"{table} has {count} rows when all that they belong to is deleted, not {rows}"
    for table in sorted(TABLES.keys() - KEYS.keys() - counting):
        yield f"id of {table} is not autoincrement"


def refusals(database: sqlite3.Connection, statements: Iterable[tuple[str, bool]]) -> Iterator[str]:
    """Run statements, and yield those that are refused though they may run, and the other way round."""
    for statement, may in statements:
        try:
            database.execute(statement)
        except sqlite3.IntegrityError as error:
            if may:
                yield f"refused ({error}): {statement}"
        else:
            if not may:
                yield f"accepted, but it should be refused: {statement}"


def autoincrement(world: World) -> Iterator[str]:
    """Autoincrement continues after the last id of each table."""
    last = dict(world.db.execute("SELECT name, seq FROM sqlite_sequence"))
    for table in sorted(TABLES.keys() - KEYS.keys()):
        (highest,) = world.rows(f"SELECT max(id) FROM {table}")[0]  # noqa: S608
        if last.get(table) != highest:
            yield f"{table}: the next id follows {last.get(table)}, but the last id is {highest}"


def integrity(world: World) -> Iterator[str]:
    """SQLite itself finds the file sound and every foreign key met."""
    yield from differences("integrity_check", [("ok",)], world.rows("PRAGMA integrity_check(3)"))
    for table, row, parent, _ in world.rows("PRAGMA foreign_key_check")[:3]:
        yield f"foreign key: row {row} of {table} has no {parent}"


def row_counts(world: World) -> Iterator[str]:
    """There are about as many rows as the specification says, and never fewer than its floor."""
    found = {table: int(str(world.rows(f"SELECT count(*) FROM {table}")[0][0])) for table in TABLES}  # noqa: S608
    found["all tables"] = sum(found.values())
    for table, (about, margin) in ABOUT.items():
        if abs(found[table] - about) > margin:
            yield f"{table}: {found[table]} rows, not about {about}"
    if found["all tables"] < FEWEST_ROWS:
        yield f"all tables: {found['all tables']} rows, fewer than {FEWEST_ROWS}"


# --- Rules: reference rows ---------------------------------------------------------------------------------------


def levels(world: World) -> Iterator[str]:
    """Performance levels are the four of the specification, to the letter."""
    expected = [(number, *level) for number, level in enumerate(LEVELS, 1)]
    yield from differences("performance_levels", expected, world.rows("SELECT * FROM performance_levels ORDER BY id"))


def tests(world: World) -> Iterator[str]:
    """There is one test group, and its tests have the specified sequence, names and days."""
    yield from differences("test_groups", [(1, GROUP)], world.rows("SELECT * FROM test_groups"))
    expected = [(n, 1, n, f"PM{n}", day) for n, day in enumerate(TEST_DAYS, 1)]
    yield from differences("tests", expected, world.rows("SELECT * FROM tests ORDER BY id"))


def standards(world: World) -> Iterator[str]:
    """Categories and standards stand in order, with full names of domain and sub-domain, and are each described."""
    expected: list[Row] = list(enumerate(CATEGORIES, 1))
    yield from differences("categories", expected, world.rows("SELECT id, name FROM reporting_categories ORDER BY id"))
    expected = [(n, int(CATEGORY_OF[n - 1]) + 1, code) for n, code in enumerate(CODES, 1)]
    yield from differences("standards", expected, world.rows("SELECT id, rc_id, code FROM standards ORDER BY id"))

    def words(text: object) -> list[str]:
        return re.findall(r"[a-z0-9]+", str(text).lower().replace("&", "and"))

    told = world.rows("SELECT code, domain, sub_domain, description FROM standards ORDER BY id")
    for code, domain, sub_domain, description in told:
        _, short, letter, _ = (*str(code).split("."), "", "", "")[:4]
        cluster = words(CLUSTERS.get(f"{short}.{letter}"))
        if words(domain) != words(DOMAINS.get(short)):
            yield f"{code}: domain is {domain!r}, not {DOMAINS.get(short)!r}"
        if words(sub_domain)[: len(cluster)] != cluster:
            yield f"{code}: sub-domain is {sub_domain!r}, not {CLUSTERS.get(f'{short}.{letter}')!r}"
        if len(str(description)) < SHORTEST_DESCRIPTION or [row[3] for row in told].count(description) > 1:
            yield f"{code}: not a description of its own: {description!r}"


def assignments(world: World) -> Iterator[str]:
    """Assignments have the specified names, platforms, categories, windows and standards."""
    expected: list[Row] = [
        (n, given.name, given.platform, 1, given.category, given.after, given.impacts)
        for n, given in enumerate(ASSIGNMENTS, 1)
    ]
    found = world.rows(
        "SELECT id, name, platform, group_id, rc_id, created_after_test_id, impacted_test_id"
        " FROM assignments ORDER BY id"
    )
    yield from differences("assignments", expected, found)
    pairs = [(n, standard + 1) for n, covers in enumerate(COVERS, 1) for standard in covers]
    found = world.rows("SELECT assignment_id, standard_id FROM assignment_standards ORDER BY 1, 2")
    yield from differences("assignment_standards", sorted(pairs), found)


# --- Rules: rosters and students ---------------------------------------------------------------------------------


def rosters(world: World) -> Iterator[str]:
    """Fifty teachers, each with one title, teach the five subjects each, and no two rosters are named alike."""
    found = world.rows("SELECT id, name FROM rosters ORDER BY id")
    yield from differences("roster ids", range(1, ROSTERS + 1), [number for number, _ in found])
    taught: dict[str, set[str]] = {}
    titles: dict[str, set[str]] = {}
    for number, name in found:
        match = ROSTER_NAME.fullmatch(str(name))
        if match is None:
            yield f"roster {number} is named {name!r}"
            continue
        title, teacher, subject = match.groups()
        titles.setdefault(teacher, set()).add(title)
        if subject in taught.setdefault(teacher, set()):
            yield f"roster {number}: {name!r} is there twice"
        taught[teacher].add(subject)
    if len(taught) != TEACHERS:
        yield f"{len(taught)} teachers, not {TEACHERS}"
    for teacher, own in titles.items():
        if len(own) > 1:
            yield f"teacher {teacher} has titles {sorted(own)}"
    for teacher, own in taught.items():
        if own != set(SUBJECTS):
            yield f"teacher {teacher} teaches {sorted(own)}"


def students(world: World) -> Iterator[str]:
    """Ids are dense from 1 in roster order, 30 to 40 students sit in each roster, and external ids repeat the id."""
    ids, roster = world.students
    yield from cells(
        "student ids are not dense", ids != np.arange(1, len(ids) + 1), lambda n: f"{ids[n]} is number {n + 1}"
    )
    yield from cells("students are not in roster order", np.diff(roster) < 0, lambda n: student(n + 1, world))
    inside = roster[(roster >= 1) & (roster <= ROSTERS)]
    size = np.bincount(inside - 1, minlength=ROSTERS)
    yield from cells(
        "class size",
        (size < CLASS_SIZE[0]) | (size > CLASS_SIZE[1]),
        lambda n: f"roster {n + 1} has {size[n]} students",
    )
    yield from uniform("class sizes are not uniform", size, *CLASS_SIZE, 1)
    wrong = world.rows("SELECT id, external_id FROM students WHERE external_id IS NOT 'stu_' || id ORDER BY id LIMIT 3")
    for number, external in wrong:
        yield f"student {number} has external id {external!r}"


def names(world: World) -> Iterator[str]:
    """Names are drawn from fifty first and fifty last names, and no two students of a roster are named alike."""
    ranks = []
    for word, drawn, wanted in zip(("first", "last"), world.names, (FIRST_NAMES, LAST_NAMES), strict=True):
        known, rank, count = np.unique(drawn, return_inverse=True, return_counts=True)
        ranks.append(rank)
        if len(known) != wanted or " " in "".join(known) or not known[0]:
            yield f"{len(known)} {word} names, not {wanted}: the rarest is {str(known[count.argmin()])!r}"
        yield from counts(f"{word} names are not uniform", count, np.full(len(known), len(drawn) / len(known)), 3)
    pairs = (ranks[0].max() + 1) * (ranks[1].max() + 1)
    observed = np.bincount(ranks[0] * (ranks[1].max() + 1) + ranks[1], minlength=pairs)
    yield from counts(
        "pairs of first and last name are not uniform", observed, np.full(pairs, observed.sum() / pairs), 3
    )
    twice = world.rows(
        "SELECT roster_id, name, min(id), max(id) FROM students GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1 LIMIT 3"
    )
    for roster, name, one, other in twice:
        yield f"students {one} and {other} of roster {roster} are both named {name!r}"


def clock(world: World) -> Iterator[str]:
    """Rosters and students are created at `as_of`, an assignment at midnight of the day of the test it follows."""
    for table in ("rosters", "students"):
        for number, at in world.rows(f"SELECT id, created_at FROM {table} WHERE created_at IS NOT '{AS_OF}' LIMIT 3"):  # noqa: S608
            yield f"{table}: row {number} is created at {at!r}, not {AS_OF!r}"
    expected = [(n, f"{TEST_DAYS[given.after - 1]} 00:00:00") for n, given in enumerate(ASSIGNMENTS, 1)]
    yield from differences(
        "assignments are created", expected, world.rows("SELECT id, created_at FROM assignments ORDER BY id")
    )


# --- Rules: scores -----------------------------------------------------------------------------------------------


def scores(world: World) -> Iterator[str]:
    """Every student has one score on every test, and its id is (student - 1) x number of tests + sequence."""
    (number, who, test, _, _), _, _ = world.score_rows
    yield from cells("no score", ~world.taken, lambda s, t: f"{student(s, world)} on PM{t + 1}")
    yield from cells(
        "scores.id does not follow from student and test",
        number != (who - 1) * TESTS + test,
        lambda n: f"{number[n]} for student {who[n]} on test {test[n]}",
    )
    if len(world.cells[0]) != len(number) or int(world.taken.sum()) != len(number):
        yield f"{len(number)} scores, not one for each of {world.taken.size} pairs of student and test"


def score_texts(world: World) -> Iterator[str]:
    """JSON columns are compact, keyed by ids in id order, character for character."""
    (number, *_), rc_texts, std_texts = world.score_rows
    for column, texts, exact in (
        ("rc_scores", rc_texts, world.rc_numbers[1]),
        ("std_scores", std_texts, world.std_numbers[1]),
    ):
        yield from cells(f"{column} text", ~exact, lambda n, texts=texts: f"score {number[n]} has {texts[n]!r}")


def score_range(world: World) -> Iterator[str]:
    """Every score of every kind lies within the clamp."""
    for what, values in (
        ("overall", world.overall[:, :, None]),
        ("category", world.rc),
        ("standard", world.std),
    ):
        yield from cells(
            f"{what} score out of range",
            ((values < LOWEST) | (values > HIGHEST)) & world.taken[:, :, None],
            lambda s, t, k, what=what, values=values: (
                f"{student(s, world)}, PM{t + 1}, {what} {k + 1}: {values[s, t, k]}"
            ),
        )


def score_levels(world: World) -> Iterator[str]:
    """Each level is the one whose cut scores hold the overall score."""
    expected = np.searchsorted([level[3] for level in LEVELS], world.overall, side="right")
    yield from cells(
        "level does not fit the overall score",
        (world.level != expected) & world.taken,
        lambda s, t: f"{student(s, world)}, PM{t + 1}: {world.overall[s, t]} is level {world.level[s, t]}",
    )


def score_means(world: World) -> Iterator[str]:
    """From PM2 on a category is its standards' mean, and the overall the rounded categories' mean, rounded half up."""

    def mean(values: Ints) -> Ints:
        number = values.shape[2]
        return np.asarray((2 * values.sum(2) + number) // (2 * number))

    rc = np.stack([mean(world.std[:, :, category == CATEGORY_OF]) for category in range(len(CATEGORIES))], axis=2)
    overall = mean(world.rc)
    later = world.taken & (np.arange(TESTS) > 0)
    yield from cells(
        "category score is not the mean of its standards",
        (rc != world.rc) & later[:, :, None],
        lambda s, t, c: f"{student(s, world)}, PM{t + 1}, category {c + 1}: {world.rc[s, t, c]}, not {rc[s, t, c]}",
    )
    yield from cells(
        "overall score is not the mean of its categories",
        (overall != world.overall) & later,
        lambda s, t: f"{student(s, world)}, PM{t + 1}: {world.overall[s, t]}, not {overall[s, t]}",
    )


# --- Rules: PM1 --------------------------------------------------------------------------------------------------


def first_overall(world: World) -> Iterator[str]:
    """Overall scores on PM1 follow normal(5440, 95), rounded and clamped: mean, sd, largest gap, and counts."""
    comparisons = 4
    scale = np.arange(LOWEST, HIGHEST + 1)
    below = np.array([NormalDist(MEAN, SD).cdf(score + 0.5) for score in scale[:-1]] + [1.0])
    chance = np.diff(below, prepend=0.0)
    mean = float(chance @ scale)
    sd = math.sqrt(float(chance @ (scale - mean) ** 2))
    drawn = world.overall[:, 0][world.taken[:, 0]]
    observed = np.bincount(clamp(drawn) - LOWEST, minlength=len(scale))
    bound = normal_bound(comparisons) / math.sqrt(len(drawn))
    if abs(drawn.mean() - mean) > bound * sd:
        yield f"mean of PM1 is {drawn.mean():.2f}, not {mean:.2f} within {bound * sd:.2f}"
    if abs(drawn.std() / sd - 1) > bound / math.sqrt(2):
        yield f"sd of PM1 is {drawn.std():.2f}, not {sd:.2f} within {bound * sd / math.sqrt(2):.2f}"
    # Dvoretzky, Kiefer, Wolfowitz (1956) with Massart's constant (1990): holds for every distribution and size.
    gap = float(np.abs(observed.cumsum() / len(drawn) - below).max())
    widest = math.sqrt(math.log(2 * comparisons / FALSE_ALARM) / 2 / len(drawn))
    if gap > widest:
        yield f"distribution of PM1 is {gap:.4f} away from normal({MEAN}, {SD}), more than {widest:.4f}"
    yield from counts("distribution of PM1", observed, chance * len(drawn), comparisons)


def first_jitters(world: World) -> Iterator[str]:
    """On PM1 a category lies about the overall score and a standard about its category, uniformly within the jitter."""
    for what, own, parent, jitter in (
        ("category", world.rc[:, 0], world.overall[:, :1], CATEGORY_JITTER),
        ("standard", world.std[:, 0], world.rc[:, 0][:, CATEGORY_OF], STANDARD_JITTER),
    ):
        taken = world.taken[:, :1]
        yield from cells(
            f"{what} score of PM1 beyond its jitter",
            ((own < clamp(parent - jitter)) | (own > clamp(parent + jitter))) & taken,
            lambda s, k, what=what, own=own: f"{student(s, world)}, {what} {k + 1}: {own[s, k]}",
        )
        free = (parent - jitter >= LOWEST) & (parent + jitter <= HIGHEST) & taken
        for k in range(own.shape[1]):
            moved = (own - parent)[:, k][np.broadcast_to(free, own.shape)[:, k]]
            yield from uniform(
                f"jitter of {what} {k + 1} on PM1 is not uniform", moved, -jitter, jitter, len(CATEGORIES) + len(CODES)
            )


def first_levels(world: World) -> Iterator[str]:
    """About 38, 25, 20 and 17 % are in levels 1 to 4 on PM1: a point for rounding, and the binomial's bound."""
    level = world.level[:, 0][world.taken[:, 0]]
    for number, share in enumerate(LEVEL_SHARES, 1):
        found = float((level == number).mean())
        margin = SHARE_ROUNDING + normal_bound(len(LEVEL_SHARES)) * math.sqrt(share * (1 - share) / len(level))
        if abs(found - share) > margin:
            yield f"{found:.1%} are in level {number} on PM1, not {share:.0%} within {margin:.1%}"


# --- Rules: growth -----------------------------------------------------------------------------------------------


def growth_ranges(world: World) -> Iterator[str]:
    """Every standard score is the one before, moved within the range of the student's status, and clamped."""
    before, after = world.std[:, :-1], world.std[:, 1:]
    low, high = clamp(before + GROWTH_LOW[world.kind]), clamp(before + GROWTH_HIGH[world.kind])
    both = world.taken[:, 1:] & world.taken[:, :-1]
    yield from cells(
        "growth out of range",
        ((after < low) | (after > high)) & both[:, :, None],
        lambda s, t, k: (
            f"{student(s, world)}, standard {k + 1} ({KINDS[world.kind[s, t, k]]}) moved from {before[s, t, k]}"
            f" to {after[s, t, k]} into PM{t + 2}"
        ),
    )


def growth_uniform(world: World) -> Iterator[str]:
    """Growth that the clamp cannot have touched is uniform, ends included, by test, status and standard."""
    cases = [(test, kind) for test in range(2, TESTS + 1) for kind in range(len(KINDS))]
    for test, kind in cases:
        here = world.free[:, test - 2] & (world.kind[:, test - 2] == kind)
        growth, name = world.growth[:, test - 2], KINDS[kind]
        groups = [("", here.any(0))] + [(f", standard {k + 1}", np.arange(len(CODES)) == k) for k in range(len(CODES))]
        for which, chosen in groups:
            covered = here[:, chosen]
            if covered.any():
                what = f"growth into PM{test} ({name}{which}) is not uniform"
                yield from uniform(what, growth[:, chosen][covered], *GROWTH[name], len(cases) * len(groups))


# --- Rules: assignments ------------------------------------------------------------------------------------------


def assigned(world: World) -> Iterator[str]:
    """Assignments are given to exactly the students that its window names, by their level on that very test."""
    for number, given in enumerate(ASSIGNMENTS):
        first, last, highest = WINDOWS[given.after]
        level = world.level[:, given.after - 1]
        due = (world.roster >= first) & (world.roster <= last) & (level <= highest) & world.taken[:, given.after - 1]
        has = world.status[:, number] >= 0
        for what, wrong in (("without", due & ~has), ("wrongly with", has & ~due)):
            yield from cells(
                f"students {what} assignment {number + 1}",
                wrong,
                lambda s, level=level: f"{student(s, world)} of roster {world.roster[s]}, level {level[s]}",
            )
    stray = len(world.given[0]) - int((world.status >= 0).sum())
    if stray:
        yield f"{stray} rows of assignment_students have an unknown assignment, student or status"


def statuses(world: World) -> Iterator[str]:
    """60 % complete, 15 % start and 25 % do not: the binomial's bound (normal) for each assignment and for all."""
    comparisons = (len(ASSIGNMENTS) + 1) * len(STATUSES)
    cases = [(f"assignment {n + 1}", world.status[:, n]) for n in range(len(ASSIGNMENTS))]
    for what, status in (*cases, ("all assignments", world.status)):
        given = max(int((status >= 0).sum()), 1)
        for number, (name, share) in enumerate(STATUS_SHARES.items()):
            found = int((status == number).sum()) / given
            margin = normal_bound(comparisons) * math.sqrt(share * (1 - share) / given)
            if abs(found - share) > margin:
                yield f"{found:.1%} of {given} in {what} are {name}, not {share:.0%} within {margin:.1%}"


def window_days(world: World) -> tuple[Ints, Ints, Bools]:
    """Look up the first and the last day of each row of `given`, and whether its assignment is known."""
    assignment = world.given[0]
    known = (assignment >= 1) & (assignment <= len(ASSIGNMENTS))
    number = np.where(known, assignment - 1, 0)
    opens = np.array([DAYS[TEST_DAYS[given.after - 1]] for given in ASSIGNMENTS])[number]
    closes = np.array([DAYS[TEST_DAYS[given.impacts - 1]] for given in ASSIGNMENTS])[number]
    return opens, closes, known


def dates(world: World) -> Iterator[str]:
    """Days are set as the status says, lie between the window's two tests, and no completion precedes its start."""
    assignment, who, status, start, done = world.given
    opens, closes, known = window_days(world)
    begun, ended = status >= STATUSES.index("started"), status == STATUSES.index("completed")

    def show(n: int) -> str:
        key = int(assignment[n]), int(who[n])
        row = "SELECT status, started_at, completed_at FROM assignment_students"
        (found,) = world.rows(f"{row} WHERE assignment_id = ? AND student_id = ?", *key)
        return f"assignment {key[0]}, student {key[1]}: {found}"

    for what, day, due in (("started_at", start, begun), ("completed_at", done, ended)):
        yield from cells(f"{what} is set, but the status says it is not", (day != -1) & ~due, show)
        yield from cells(f"{what} is null", (day == -1) & due, show)
        outside = (day != -1) & ((day < opens) | (day > closes)) & known
        yield from cells(f"{what} is outside the window or not a day", outside, show)
    yield from cells("completed before started", (done >= 0) & (start >= 0) & (done < start), show)


def days(world: World) -> Iterator[str]:
    """Start days are uniform over the window, completion days over what is left of it, test days included."""
    _, _, status, start, done = world.given
    opens, closes, known = window_days(world)
    inside = known & (start >= opens) & (start <= closes)
    windows = sorted({(DAYS[TEST_DAYS[given.after - 1]], DAYS[TEST_DAYS[given.impacts - 1]]) for given in ASSIGNMENTS})
    for first, last in windows:
        here = inside & (opens == first)
        for number in range(1, len(STATUSES)):
            yield from uniform(
                f"start days of {STATUSES[number]} from {TEST_DAYS[0]} + {first} are not uniform",
                start[here & (status == number)],
                first,
                last,
                3 * len(windows),
            )
        ended = here & (status == STATUSES.index("completed")) & (done >= start) & (done <= last)
        # A completion day on d is 1 / (days left) likely for every start on or before d.
        begun = np.bincount(start[ended] - first, minlength=last - first + 1)
        expected = np.cumsum(begun / np.arange(last - first + 1, 0, -1))
        observed = np.bincount(done[ended] - first, minlength=last - first + 1)
        what = f"completion days from {TEST_DAYS[0]} + {first} are not uniform after the start"
        yield from counts(what, observed, expected, 3 * len(windows))


# --- Rules: the planted effects --------------------------------------------------------------------------------------


def planted(world: World) -> Iterator[str]:
    """What was planted is, by assignment, standard and status, the mean of what growth is expected to add."""
    scale = np.arange(LOWEST, HIGHEST + 1)
    move = np.array(
        [(clamp(scale + np.arange(low, high + 1)[:, None]) - scale).mean(0) for low, high in GROWTH.values()]
    )
    expected: list[Row] = []
    for number, (given, covers) in enumerate(zip(ASSIGNMENTS, COVERS, strict=True)):
        took = world.taken[:, [given.impacts - 2, given.impacts - 1]].all(1)
        before = clamp(world.std[:, given.impacts - 2][:, list(covers)]) - LOWEST
        for standard, scores in zip(covers, before.T, strict=True):
            for state, name in reversed(list(enumerate(STATUSES))):  # who came furthest stands first
                mine = scores[(world.status[:, number] == state) & took]
                effect = float((move[state + 1, mine] - move[0, mine]).mean()) if len(mine) else None
                expected.append((len(expected) + 1, number + 1, standard + 1, name, len(mine), effect))
    yield from close("planted_effects", expected, world.rows("SELECT * FROM planted_effects ORDER BY id"))


def close(what: str, expected: Sequence[Row], found: Sequence[Row]) -> Iterator[str]:
    """Report the first row in which two lists differ by more than the rounding of their numbers."""
    for number, (wanted, got) in enumerate(zip(expected, found, strict=False), 1):
        for one, other in zip(wanted, got, strict=True):
            if isinstance(one, float) and isinstance(other, float) and abs(one - other) <= ROUNDED:
                continue
            if one != other:
                yield f"{what}: row {number} is {got!r}, not {wanted!r}"
                return
    if len(expected) != len(found):
        yield f"{what}: {len(found)} rows, not {len(expected)}"


# --- Rules: independence -----------------------------------------------------------------------------------------


def standardized(values: Ints, low: Ints | int, high: Ints | int, valid: Bools) -> Floats:
    """Draws that are uniform from low to high, as numbers of mean 0 and variance 1; nan where not valid."""
    width = np.asarray(high) - np.asarray(low) + 1
    unit = (values - (np.asarray(low) + np.asarray(high)) / 2) / np.sqrt((width * width - 1) / 12)
    return np.where(valid & (values >= low) & (values <= high), unit, np.nan)


def draws(world: World) -> dict[str, Floats]:
    """Everything that was drawn for a student, by family, as columns of mean 0 and variance 1."""
    families: dict[str, Floats] = {}
    for word, drawn in zip(("first name", "last name"), world.names, strict=True):
        rank = np.unique(drawn, return_inverse=True)[1][:, None]
        families[word] = standardized(rank, 0, max(int(rank.max()), 1), rank >= 0)
    overall, rc, std, taken = world.overall[:, :1], world.rc[:, 0], world.std[:, 0], world.taken[:, :1]
    families["overall on PM1"] = np.where(taken, (overall - MEAN) / SD, np.nan)
    for what, own, parent, jitter in (
        ("category jitter", rc, overall, CATEGORY_JITTER),
        ("standard jitter", std, rc[:, CATEGORY_OF], STANDARD_JITTER),
    ):
        free = (parent - jitter >= LOWEST) & (parent + jitter <= HIGHEST) & taken
        families[what] = standardized(own - parent, -jitter, jitter, free)
    growth = standardized(world.growth, GROWTH_LOW[world.kind], GROWTH_HIGH[world.kind], world.free)
    for t in range(TESTS - 1):
        families[f"growth into PM{t + 2}"] = growth[:, t]
    value, share = np.arange(len(STATUSES)), np.array(list(STATUS_SHARES.values()))
    mean = float(value @ share)
    status = (world.status - mean) / math.sqrt(float((value - mean) ** 2 @ share))
    families["status of assignment"] = np.where(world.status >= 0, status, np.nan)
    opens = np.array([DAYS[TEST_DAYS[given.after - 1]] for given in ASSIGNMENTS])
    closes = np.array([DAYS[TEST_DAYS[given.impacts - 1]] for given in ASSIGNMENTS])
    start = world.by_student(world.given[3], -1)
    families["start day of assignment"] = standardized(start, opens, closes, start >= 0)
    return families


def neighbours(world: World) -> dict[str, tuple[Ints, Ints]]:
    """Pairs of students whose draws could be confused: the same, the next ones, the same seat of the next roster."""
    everyone = np.arange(len(world.roster))
    _, begins, roster = np.unique(world.roster, return_index=True, return_inverse=True)
    following = np.append(begins, len(everyone))[roster + 1] + everyone - begins[roster]
    sits = following < np.append(begins[1:], [len(everyone)] * 2)[roster + 1]
    pairs = {"the same student": (everyone, everyone)}
    for step in (1, 2, 3):
        pairs[f"the student {step} further on"] = (everyone[:-step], everyone[step:])
    pairs["the same seat of the next roster"] = (everyone[sits], following[sits])
    return pairs


def independence(world: World) -> Iterator[str]:
    """No draw is correlated with another one of the same student or of a neighbour.

    Each pair of columns is judged by itself, which shows a draw that is used twice, and each pair of families
    (growth into PM2, statuses, …) as one, which shows a faint common cause.
    """
    families = draws(world)
    names = [f"{name} {k + 1}" for name, columns in families.items() for k in range(columns.shape[1])]
    columns = np.hstack(list(families.values()))
    member = np.repeat(np.eye(len(families)), [family.shape[1] for family in families.values()], axis=0)
    known = ~np.isnan(columns)
    columns, weight = np.nan_to_num(columns), known.astype(np.float64)
    pairs = neighbours(world)
    bound = normal_bound(len(pairs) * (len(names) ** 2 + len(families) ** 2))
    for whom, (one, other) in pairs.items():
        products, numbers = columns[one].T @ columns[other], weight[one].T @ weight[other]
        if one is other:
            products, numbers = np.triu(products, 1), np.triu(numbers, 1)
        for labels, total, number in (
            (names, products, numbers),
            (list(families), member.T @ products @ member, member.T @ numbers @ member),
        ):
            # Of independent draws every product has mean 0 and variance 1.
            far = np.where(number >= FEWEST_PAIRS, np.abs(total) / np.sqrt(number.clip(min=1)), 0)
            found = int((far > bound).sum())
            if found:
                a, b = np.unravel_index(int(far.argmax()), far.shape)
                r = total[a, b] / number[a, b]
                yield (
                    f"correlated with {whom} ({found}): {labels[a]} and {labels[b]}:"
                    f" r = {r:.4f} of {number[a, b]:.0f} pairs, {far[a, b]:.1f} sd (bound {bound:.1f})"
                )


# --- All together ------------------------------------------------------------------------------------------------

RULES: tuple[Callable[[World], Iterator[str]], ...] = (
    tables,
    storage,
    columns,
    indexes,
    application,
    autoincrement,
    integrity,
    row_counts,
    levels,
    tests,
    standards,
    assignments,
    rosters,
    students,
    names,
    clock,
    scores,
    score_texts,
    score_range,
    score_levels,
    score_means,
    first_overall,
    first_jitters,
    first_levels,
    growth_ranges,
    growth_uniform,
    assigned,
    statuses,
    dates,
    days,
    planted,
    independence,
)
# Where one of these finds something, what stands behind it cannot be read.
READABLE = (tables, storage)


def violations(path: Path | str, rules: Sequence[str] | None = None, *, truth: bool = True) -> list[str]:
    """Say what in this database breaks the specification; `rules` names the functions to ask, all if not given.

    Without `truth`, the tables of TRUTH may be empty, and are not judged.
    """
    wanted = [rule for rule in RULES if rules is None or rule.__name__ in rules]
    if rules is not None and len(wanted) != len(set(rules)):
        message = f"unknown rule among {', '.join(rules)}"
        raise ValueError(message)
    address = f"{Path(path).resolve().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as db:
        world = World(db, truth)
        for rule in READABLE:
            found = [f"{rule.__name__}: {line}" for line in rule(world)]
            if found:
                return found
        wanted = [rule for rule in wanted if rule not in READABLE and (truth or rule is not planted)]
        return [f"{rule.__name__}: {line}" for rule in wanted for line in rule(world)]
