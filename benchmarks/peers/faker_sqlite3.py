"""Faker and the standard library's sqlite3: names from Faker, a student at a time, ``executemany`` for every 1,000.

    python faker_sqlite3.py ROSTERS SEED OUTPUT

On: one transaction, no journal, no sync; foreign keys are off, as sqlite3 has them.
"""

from __future__ import annotations

import csv
import json
import random
import sqlite3
import sys
from contextlib import closing
from datetime import date, timedelta
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faker import Faker

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BATCH = 1000  # students
AS_OF = "2025-08-01 00:00:00"
TITLES = ["Mr.", "Mrs.", "Ms.", "Dr."]
TEACHERS = 50
UNTOUCHED = (-15, 15)
ASSIGNED = {"completed": (40, 80), "started": (15, 35), "not_started": (-15, 15)}
#: After which test, until which one, for which rosters (as parts of 250), at which levels.
WINDOWS = [("PM1", "PM2", 0, 80, {1, 2}), ("PM3", "PM4", 80, 160, {1}), ("PM4", "PM5", 160, 250, {1})]

ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make such an encoder each time

Row = dict[str, Any]
Rows = list[tuple[Any, ...]]


def read(name: str) -> list[Row]:
    """The rows of a file of reference data; an empty cell is None, a whole number an int."""
    with (ROOT / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [
            {key: int(value) if value.isdecimal() else value or None for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def find(rows: list[Row], key: str, value: object) -> int:
    """The index of the row with a value."""
    return next(index for index, row in enumerate(rows) if row[key] == value)


class World:
    """The reference rows, and the draws of one seed."""

    def __init__(self, rosters: int, seed: int) -> None:
        """Read the reference rows."""
        self.rosters = rosters
        self.random = random.Random(seed)
        self.faker = Faker(use_weighting=False)  # several times faster; the real frequency of names is not needed
        self.faker.seed_instance(seed)
        self.levels, self.tests = read("performance_levels"), read("tests")
        self.categories, self.standards = read("reporting_categories"), read("standards")
        self.cuts = [(row["min_score"], row["level"]) for row in reversed(self.levels)]
        self.members = [
            [index for index, standard in enumerate(self.standards) if standard["rc_id"] == category["id"]]
            for category in self.categories
        ]
        self.category_of = [find(self.categories, "id", standard["rc_id"]) for standard in self.standards]
        self.category_ids = [row["id"] for row in self.categories]
        self.standard_ids = [row["id"] for row in self.standards]
        self.interventions = read("interventions")
        for row in self.interventions:
            row["covers"] = []
        for row in read("intervention_standards"):
            intervention = self.interventions[find(self.interventions, "name", row["intervention"])]
            intervention["covers"].append(find(self.standards, "code", row["standard"]))
        self.days = [date.fromisoformat(test["administered_at"]) for test in self.tests]
        self.windows = [self._window(*window) for window in WINDOWS]

    def _window(self, after: str, until: str, low: int, high: int, levels: set[int]) -> Row:
        test = find(self.tests, "name", after)
        begin = self.days[test]
        length = (self.days[find(self.tests, "name", until)] - begin).days
        return {
            "after": test,
            "rosters": range(low * self.rosters // 250 + 1, high * self.rosters // 250 + 1),
            "levels": levels,
            "days": [(begin + timedelta(day)).isoformat() for day in range(length + 1)],
            "given": [
                (row["id"], find(self.tests, "name", row["impacts"]), row["covers"])
                for row in self.interventions
                if row["after"] == after
            ],
        }

    def uniform(self, low: int, high: int) -> int:
        """A whole number, ends included; several times faster than random.randint."""
        return low + floor(self.random.random() * (high - low + 1))

    def reference(self) -> dict[str, Rows]:
        """The rows of the small tables."""
        plain = ("performance_levels", "test_groups", "tests", "reporting_categories", "standards")
        rows: dict[str, Rows] = {table: [tuple(row.values()) for row in read(table)] for table in plain}
        rows["assignments"], rows["assignment_standards"] = [], []
        for row in self.interventions:
            after = self.tests[find(self.tests, "name", row["after"])]
            impacts = self.tests[find(self.tests, "name", row["impacts"])]
            category = self.categories[find(self.categories, "name", row["category"])]["id"]
            created_at = f"{after['administered_at']} 00:00:00"
            names = (row["id"], row["name"], row["platform"])
            rows["assignments"].append((*names, after["group_id"], category, after["id"], impacts["id"], created_at))
            rows["assignment_standards"] += [(row["id"], self.standards[index]["id"]) for index in row["covers"]]
        return rows

    def classes(self) -> Rows:
        """The rosters: five for each of 50 teachers, and the same names again with a number behind them."""
        teachers = [f"{self.random.choice(TITLES)} {name}" for name in self._different(self.faker.last_name, TEACHERS)]
        subjects = [row["name"] for row in read("subjects")]
        names = [f"{teacher} - {subject}" for teacher in teachers for subject in subjects]
        return [
            (number + 1, names[place] + (f" {cycle + 1}" if cycle else ""), AS_OF)
            for number in range(self.rosters)
            for cycle, place in [divmod(number, len(names))]
        ]

    def students(self) -> Iterator[dict[str, Rows]]:
        """All students with their scores and assignments, 1,000 students at a time."""
        rows: dict[str, Rows] = {"students": [], "scores": [], "assignment_students": []}
        student = 0
        for roster in range(1, self.rosters + 1):
            for name in self._different(self._name, self.uniform(30, 40)):
                student += 1
                rows["students"].append((student, roster, name, f"stu_{student}", AS_OF))
                self._sit(student, roster, rows["scores"], rows["assignment_students"])
                if len(rows["students"]) == BATCH:
                    yield rows
                    rows = {table: [] for table in rows}
        yield rows

    def _name(self) -> str:
        return f"{self.faker.first_name()} {self.faker.last_name()}"

    @staticmethod
    def _different(draw: Any, count: int) -> list[str]:  # noqa: ANN401 -- a function of Faker's
        names: dict[str, None] = {}
        while len(names) < count:
            names[draw()] = None
        return list(names)

    def _sit(self, student: int, roster: int, scores: Rows, assigned: Rows) -> None:
        """Draw a student's year: the scores of all tests, and the assignments between them."""
        uniform = self.uniform
        held: list[list[tuple[list[int], str]]] = [[] for _ in self.tests]  # for each test, what impacts it
        overall = clamp(round(self.random.gauss(5440, 95)))
        categories = [clamp(overall + uniform(-40, 40)) for _ in self.categories]
        standards = [clamp(categories[category] + uniform(-25, 25)) for category in self.category_of]
        for test in range(len(self.tests)):
            if test:
                growth: dict[int, int] = {}
                for covers, status in held[test]:
                    for index in covers:
                        growth[index] = max(growth.get(index, -15), uniform(*ASSIGNED[status]))
                standards = [
                    clamp(score + (growth[index] if index in growth else uniform(*UNTOUCHED)))
                    for index, score in enumerate(standards)
                ]
                categories = [mean([standards[index] for index in indexes]) for indexes in self.members]
                overall = mean(categories)
            level = next(level for low, level in self.cuts if overall >= low)
            texts = compact(self.category_ids, categories), compact(self.standard_ids, standards)
            scores.append(((student - 1) * len(self.tests) + test + 1, student, test + 1, overall, level, *texts))
            for window in self.windows:
                if window["after"] == test and roster in window["rosters"] and level in window["levels"]:
                    for assignment, impacts, covers in window["given"]:
                        status, started, completed = self._work(window["days"])
                        assigned.append((assignment, student, status, started, completed))
                        held[impacts].append((covers, status))

    def _work(self, days: list[str]) -> tuple[str, str | None, str | None]:
        share = self.random.random()
        start = self.uniform(0, len(days) - 1)
        if share < 0.6:
            return "completed", days[start], days[self.uniform(start, len(days) - 1)]
        return ("started", days[start], None) if share < 0.75 else ("not_started", None, None)


def clamp(score: int) -> int:
    """A score within the scale."""
    return 5100 if score < 5100 else min(score, 5800)


def mean(scores: list[int]) -> int:
    """The mean, rounded half up."""
    return (2 * sum(scores) + len(scores)) // (2 * len(scores))


def compact(ids: list[int], scores: list[int]) -> str:
    """Scores by id as compact JSON."""
    return ENCODE(dict(zip(ids, scores, strict=True)))


def main(rosters: int, seed: int, output: str) -> None:
    """Fill a new database."""
    world = World(rosters, seed)
    with closing(sqlite3.connect(output, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript((ROOT / "sql" / "schema.sql").read_text(encoding="utf-8"))
        database.execute("BEGIN")
        for table, rows in (*world.reference().items(), ("rosters", world.classes())):
            insert(database, table, rows)
        for tables in world.students():
            for table, rows in tables.items():
                insert(database, table, rows)
        database.execute("COMMIT")


def insert(database: sqlite3.Connection, table: str, rows: Rows) -> None:
    """Insert rows that have a value for every column."""
    if rows:
        places = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 -- our own table's name


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
