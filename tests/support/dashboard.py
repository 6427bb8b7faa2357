"""The dashboard's answers, recomputed in Python from the tables of a finished database: exact means, no SQL."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from contextlib import closing
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row = dict[str, Any]


def average(values: Iterable[int]) -> Fraction:
    """The exact mean."""
    numbers = list(values)
    return Fraction(sum(numbers), len(numbers))


def rounded(number: Fraction) -> int:
    """The nearest integer; halves go away from zero."""
    return int(math.copysign(math.floor(abs(number) + Fraction(1, 2)), number))


def mean(values: Iterable[int]) -> int:
    """The rounded mean of scores, none of which is negative."""
    numbers = list(values)
    return (2 * sum(numbers) + len(numbers)) // (2 * len(numbers))


def tenths(number: Fraction) -> float:
    """A percentage with one decimal."""
    return rounded(1000 * number) / 10


def chosen(row: Row, *names: str) -> Row:
    """Some columns of a row under their names in JSON."""
    return {
        "".join(part.capitalize() if at else part for at, part in enumerate(name.split("_"))): row[name]
        for name in names
    }


class Dashboard:
    """The tables of a build, and the answers that follow from them."""

    def __init__(self, path: Path) -> None:
        """Read all tables of a database."""
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            self.tables = {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in tables}  # noqa: S608
        self.rosters, self.students, self.tests, self.standards, self.categories, self.assignments = (
            {row["id"]: row for row in self.tables[name]}
            for name in ("rosters", "students", "tests", "standards", "reporting_categories", "assignments")
        )
        self.levels = sorted(self.tables["performance_levels"], key=lambda row: row["level"])
        self.proficient = self.levels[-2]["min_score"]
        self.given = self.tables["assignment_students"]
        self.covered = {
            number: sorted(
                row["standard_id"] for row in self.tables["assignment_standards"] if row["assignment_id"] == number
            )
            for number in self.assignments
        }
        self.rows = {(row["student_id"], row["test_id"]): row for row in self.tables["scores"]}
        self.parsed: dict[tuple[int, int], Row] = {}

    def result(self, student: int, test: int) -> Row:
        """A student's scores on a test, by text keys."""
        if (student, test) not in self.parsed:
            row = self.rows[student, test]
            self.parsed[student, test] = row | {name: json.loads(row[name]) for name in ("rc_scores", "std_scores")}
        return self.parsed[student, test]

    def results(self, roster: int, test: int) -> list[Row]:
        """The results of a roster's students on a test, in the order of names."""
        members = sorted((row["name"], row["id"]) for row in self.students.values() if row["roster_id"] == roster)
        return [{**self.result(student, test), "id": student, "name": name} for name, student in members]

    def roster_students(self, roster: int, test: int) -> list[Row]:
        """``/api/rosters/{id}/students``: its students."""
        assignments = Counter(row["student_id"] for row in self.given)
        return [
            {
                **chosen(row, "id", "name", "level", "overall_score", "rc_scores"),
                "assignmentCount": assignments[row["id"]],
                **chosen(self.students[row["id"]], "roster_id", "external_id", "created_at"),
            }
            for row in self.results(roster, test)
        ]

    def performance(self, roster: int, test: int) -> Row:
        """``/api/rosters/{id}/performance``."""
        reached = [row["level"] for row in self.results(roster, test)]
        return {
            "levels": [
                {
                    **chosen(row, "level", "name", "description", "color"),
                    "count": reached.count(row["level"]),
                    "percentage": tenths(Fraction(reached.count(row["level"]), len(reached))),
                }
                for row in self.levels
            ],
            "total": len(reached),
        }

    def by_level(self, results: list[Row], scores: str, key: int, *counted: str) -> list[Row]:
        """Mean score by level in a category or standard, without levels that nobody reached."""
        rows = []
        for level in sorted({row["level"] for row in results}):
            marks = [row[scores][str(key)] for row in results if row["level"] == level]
            rows.append({"level": level, "avgScore": mean(marks), **dict.fromkeys(counted, len(marks))})
        return rows

    def rc_breakdown(self, roster: int, test: int) -> Row:
        """``/api/rosters/{id}/rc-breakdown``."""
        results = self.results(roster, test)
        return {
            "categories": [
                {"rcId": key, "rcName": row["name"], "byLevel": self.by_level(results, "rc_scores", key)}
                for key, row in self.categories.items()
            ]
        }

    def standards_breakdown(self, roster: int, test: int) -> Row:
        """``/api/rosters/{id}/standards-breakdown``."""
        results = self.results(roster, test)
        standards: dict[int, list[Row]] = {key: [] for key in self.categories}
        for key, row in self.standards.items():
            marks = [each["std_scores"][str(key)] for each in results]
            below = sum(mark < self.proficient for mark in marks)
            standards[row["rc_id"]].append(
                {
                    "standardId": key,
                    **chosen(row, "code", "description", "domain"),
                    "overallAvg": mean(marks),
                    "belowProficiencyCount": below,
                    "totalCount": len(marks),
                    "belowProficiencyPct": rounded(Fraction(100 * below, len(marks))),
                    "byLevel": self.by_level(results, "std_scores", key, "count"),
                }
            )
        names = {key: row["name"] for key, row in self.categories.items()}
        return {
            "categories": [{"rcId": key, "rcName": names[key], "standards": rows} for key, rows in standards.items()]
        }

    def standard(self, key: int) -> Row:
        """A standard with its reporting category."""
        row = self.standards[key]
        return {**chosen(row, "id", "code", "description", "rc_id"), "rcName": self.categories[row["rc_id"]]["name"]}

    def matrix(self, roster: int, test: int) -> Row:
        """``/api/rosters/{id}/student-standard-matrix``."""
        results = sorted(self.results(roster, test), key=lambda row: (row["overall_score"], row["id"]))
        marks = {str(key): [row["std_scores"][str(key)] for row in results] for key in self.standards}
        return {
            "students": [
                {**chosen(row, "id", "name", "overall_score", "level"), "standardScores": row["std_scores"]}
                for row in results
            ],
            "standards": [self.standard(key) for key in self.standards],
            "summary": {
                "proficiencyThreshold": self.proficient,
                "classAvgByStandard": {key: mean(scores) for key, scores in marks.items()},
                "belowProfByStandard": {
                    key: sum(score < self.proficient for score in scores) for key, scores in marks.items()
                },
            },
        }

    def standard_students(self, roster: int, test: int, standard: int) -> Row:
        """``/api/rosters/{id}/standard-students``."""
        practising = {row["student_id"] for row in self.given if standard in self.covered[row["assignment_id"]]}
        rows = [
            {
                **chosen(row, "id", "name", "overall_score"),
                "overallLevel": row["level"],
                "standardScore": row["std_scores"][str(standard)],
                "isProficient": row["std_scores"][str(standard)] >= self.proficient,
                "hasAssignment": row["id"] in practising,
            }
            for row in self.results(roster, test)
        ]
        rows.sort(key=lambda row: (row["standardScore"], row["id"]))
        return {"standard": self.standard(standard), "students": rows}

    def student(self, student: int) -> Row:
        """``/api/students/{id}``."""
        row = self.students[student]
        scores = []
        for test in sorted(self.tests.values(), key=lambda row: row["sequence"]):
            result = self.result(student, test["id"])
            names = {str(key): row["name"] for key, row in self.categories.items()}
            texts = {str(key): chosen(row, "code", "description", "rc_id") for key, row in self.standards.items()}
            scores.append(
                {
                    "testId": test["id"],
                    "testName": test["name"],
                    **chosen(test, "sequence", "administered_at"),
                    **chosen(result, "overall_score", "level"),
                    "rcScores": {key: {"name": names[key], "score": at} for key, at in result["rc_scores"].items()},
                    "stdScores": {key: {**texts[key], "score": at} for key, at in result["std_scores"].items()},
                }
            )
        roster = {"rosterName": self.rosters[row["roster_id"]]["name"]}
        return {**chosen(row, "id", "name", "roster_id", "external_id", "created_at"), **roster, "scores": scores}

    def newest_first(self) -> list[Row]:
        """The assignments by date, newest first, then by id."""
        return sorted(
            sorted(self.assignments.values(), key=lambda row: row["id"]),
            key=lambda row: row["created_at"],
            reverse=True,
        )

    def student_assignments(self, student: int) -> Row:
        """``/api/students/{id}/assignments``."""
        given = {row["assignment_id"]: row for row in self.given if row["student_id"] == student}
        return {
            "assignments": [
                {
                    "assignmentId": row["id"],
                    **chosen(row, "name", "platform"),
                    "standards": [
                        chosen(self.standards[key], "id", "code", "description") for key in self.covered[row["id"]]
                    ],
                    **chosen(given[row["id"]], "status", "started_at", "completed_at"),
                    "preTestName": self.tests[row["created_after_test_id"]]["name"],
                    "postTestName": self.tests[row["impacted_test_id"]]["name"],
                }
                for row in self.newest_first()
                if row["id"] in given
            ]
        }

    def all_assignments(self, roster: int | None = None) -> list[Row]:
        """``/api/assignments``, counting all students or those of a roster."""
        names = {"notStarted": "not_started", "started": "started", "completed": "completed"}
        rows = []
        for row in self.newest_first():
            statuses = [
                given["status"]
                for given in self.given
                if given["assignment_id"] == row["id"]
                and roster in {None, self.students[given["student_id"]]["roster_id"]}
            ]
            counts = {key: statuses.count(status) for key, status in names.items()}
            rows.append(
                {
                    **chosen(row, "id", "name", "platform", "group_id", "rc_id", "created_at"),
                    **chosen(row, "created_after_test_id", "impacted_test_id"),
                    "rcName": self.categories[row["rc_id"]]["name"],
                    "standards": [self.standards[key]["code"] for key in self.covered[row["id"]]],
                    "standardIds": self.covered[row["id"]],
                    "totalStudents": len(statuses),
                    **counts,
                    "students": counts,
                }
            )
        return rows
