"""The dashboard's read routes have the keys, types and values that follow from the tables."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from etl.tables.sqlite import open_database
from tests.server.test_api import ask, endpoints_of, opened
from tests.support.dashboard import Dashboard, average, chosen, mean, rounded, tenths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Get = Callable[[str], Any]

ROSTERS = ((1, 1), (63, 2), (125, 4), (188, 5), (250, 6))  # each with a test
STUDENTS = (1, 2, 3000, 5555, 8000)
ASSIGNMENTS = (1, 3, 5, 6, 8)


@pytest.fixture(scope="module")
def dashboard(default_build: Path) -> Dashboard:
    """The answers that follow from the tables of the default world."""
    return Dashboard(default_build / "teacher-dashboard.db")


@pytest.fixture(scope="module")
def get(default_build: Path) -> Iterator[Get]:
    """Ask the API over the default world, in process."""
    with opened(default_build) as api:

        def get(url: str) -> Any:  # noqa: ANN401 -- JSON
            response = ask(api, url)
            assert response.status_code == 200, response.text
            return response.json()

        yield get


def same(found: Any, expected: Any) -> bool:  # noqa: ANN401 -- JSON
    """Whether two JSON values are equal, keys in any order; 1, 1.0 and true differ."""
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_the_reference_routes_are_the_tables(get: Get, dashboard: Dashboard) -> None:
    """The four routes that every page begins with are the rows of their tables, with the columns in their order."""
    for url, rows in (
        ("/api/rosters", sorted(dashboard.tables["rosters"], key=lambda row: (row["name"], row["id"]))),
        ("/api/test-groups", dashboard.tables["test_groups"]),
        ("/api/test-groups/1/tests", dashboard.tables["tests"]),
        ("/api/performance-levels", dashboard.levels),
    ):
        found, expected = get(url), [chosen(row, *row) for row in rows]
        assert same(found, expected)
        assert [list(row) for row in found] == [list(row) for row in expected]


def test_reporting_categories_contain_every_standard_once(get: Get, dashboard: Dashboard) -> None:
    """Standards are nested in the order of ids below the names of their sub-domain, domain and category."""
    found = [
        (category["name"], domain["name"], sub_domain["name"], standard)
        for category in get("/api/reporting-categories")
        for domain in category["domains"]
        for sub_domain in domain["subDomains"]
        for standard in sub_domain["standards"]
    ]
    rows = dashboard.standards.values()
    expected = [
        (
            dashboard.categories[row["rc_id"]]["name"],
            row["domain"],
            row["sub_domain"],
            chosen(row, "id", "code", "description"),
        )
        for row in rows
    ]
    assert same(found, expected)


def test_students_of_a_roster(get: Get, dashboard: Dashboard) -> None:
    """Its students by name with their results, the latest test by default; filtered and sorted as asked."""
    for roster, test in ROSTERS:
        students = dashboard.roster_students(roster, test)
        for query, expected in (
            ("", students),
            ("&level=1", [row for row in students if row["level"] == 1]),
            ("&search=AN", [row for row in students if "an" in row["name"].lower()]),
            ("&search=%25", []),
            ("&rc=2", [row for row in students if row["rcScores"]["2"] < dashboard.proficient]),
            ("&sort=rc_2&order=desc", sorted(students, key=lambda row: -row["rcScores"]["2"])),
            ("&sort=overallScore", sorted(students, key=lambda row: row["overallScore"])),
            ("&sort=level&order=desc", sorted(students, key=lambda row: -row["level"])),
        ):
            found = get(f"/api/rosters/{roster}/students?testId={test}{query}")
            assert same(found, {"students": expected, "total": len(expected)}), query
    assert get("/api/rosters/250/students") == get("/api/rosters/250/students?testId=6")


def test_results_of_a_roster(get: Get, dashboard: Dashboard) -> None:
    """Levels, categories, standards, the matrix and the students of one standard are recomputed for five rosters."""
    for roster, test in ROSTERS:
        standard = roster % 20 + 1
        for route, expected in (
            ("performance?", dashboard.performance(roster, test)),
            ("rc-breakdown?", dashboard.rc_breakdown(roster, test)),
            ("standards-breakdown?", dashboard.standards_breakdown(roster, test)),
            ("student-standard-matrix?", dashboard.matrix(roster, test)),
            (f"standard-students?standardId={standard}&", dashboard.standard_students(roster, test, standard)),
        ):
            assert same(get(f"/api/rosters/{roster}/{route}testId={test}"), expected), route


def test_a_student(get: Get, dashboard: Dashboard) -> None:
    """Five students with every test, and with every assignment, newest first."""
    for student in STUDENTS:
        assert same(get(f"/api/students/{student}"), dashboard.student(student))
        assert same(get(f"/api/students/{student}/assignments"), dashboard.student_assignments(student))


def test_assignments(get: Get, dashboard: Dashboard) -> None:
    """All assignments, newest first, with the counts of all students or of a roster's, and their students by name."""
    assert same(get("/api/assignments"), dashboard.all_assignments())
    assert get("/api/assignments?groupId=1") == dashboard.all_assignments()
    for (roster, _), assignment in zip(ROSTERS, ASSIGNMENTS, strict=True):
        assert same(get(f"/api/assignments?rosterId={roster}"), dashboard.all_assignments(roster))
        expected = [
            {
                "studentId": row["student_id"],
                "studentName": dashboard.students[row["student_id"]]["name"],
                "rosterId": dashboard.students[row["student_id"]]["roster_id"],
                **chosen(row, "status", "started_at", "completed_at"),
            }
            for row in dashboard.given
            if row["assignment_id"] == assignment
        ]
        expected.sort(key=lambda row: (row["studentName"], row["studentId"]))
        assert same(get(f"/api/assignments/{assignment}/students"), expected)
        some = expected[0]["rosterId"]
        assert get(f"/api/assignments/{assignment}/students?rosterId={some}") == [
            row for row in expected if row["rosterId"] == some
        ]


class Impact:
    """The comparison of one assignment, recomputed."""

    def __init__(self, dashboard: Dashboard, assignment: int) -> None:
        """Find the students of both groups: who completed it, and classmates who were not given it."""
        self.dashboard, self.row = dashboard, dashboard.assignments[assignment]
        self.standards = dashboard.covered[assignment]
        given = {row["student_id"]: row["status"] for row in dashboard.given if row["assignment_id"] == assignment}
        self.rosters = {dashboard.students[student]["roster_id"] for student in given}
        classmates = [key for key, row in dashboard.students.items() if row["roster_id"] in self.rosters]
        self.groups = {
            "treated": [student for student in classmates if given.get(student) == "completed"],
            "control": [student for student in classmates if student not in given],
        }

    def points(self, standards: list[int]) -> dict[str, list[dict[str, int]]]:
        """Mean score of each student of both groups in some standards before and after, rounded."""
        tests = {"pre": self.row["created_after_test_id"], "post": self.row["impacted_test_id"]}
        return {
            group: [
                {
                    "studentId": student,
                    **{
                        name: mean(self.dashboard.result(student, test)["std_scores"][str(key)] for key in standards)
                        for name, test in tests.items()
                    },
                }
                for student in students
            ]
            for group, students in self.groups.items()
        }

    def compared(self, points: dict[str, list[dict[str, int]]], standard: int | None = None) -> dict[str, Any]:
        """Means, gains and the exact impact, on the whole or on one standard."""
        found: dict[str, Any] = {}
        gains = {name: average(row["post"] - row["pre"] for row in rows) for name, rows in points.items()}
        for name, rows in points.items():
            found |= {
                f"{name}Count": len(rows),
                f"{name}PreAvg": mean(row["pre"] for row in rows),
                f"{name}PostAvg": mean(row["post"] for row in rows),
                f"{name}Delta": rounded(gains[name]),
            }
        exact = gains["treated"] - gains["control"]
        scope = "assignment" if standard is None else "standard"
        wanted = {"assignment_id": self.row["id"], "standard_id": standard, "scope": scope, "estimator": "did"}
        (p,) = [row["p"] for row in self.dashboard.tables["impact_estimates"] if wanted.items() <= row.items()]
        return {**found, "didImpact": rounded(exact), "pValue": p, "isSignificant": p < 0.05, "exact": exact}

    def by_standard(self) -> list[dict[str, Any]]:
        """The impact on each standard, greatest first."""
        found = []
        for key in self.standards:
            texts = chosen(self.dashboard.standards[key], "code", "description")
            found.append({"standardId": key, **texts, **self.compared(self.points([key]), key)})
        return sorted(found, key=lambda row: -row["exact"])


def without_exact(row: dict[str, Any]) -> dict[str, Any]:
    """A comparison as the API has it."""
    return {key: value for key, value in row.items() if key != "exact"}


def test_impact(get: Get, dashboard: Dashboard) -> None:
    """Five assignments, on the whole with every student's means, by standard, and in the summary, greatest first."""
    summary = get("/api/impact/summary")
    assert get("/api/impact/summary?groupId=1") == summary
    assert summary["calculatedAt"] == "2025-08-01T00:00:00Z"
    impacts = {row["assignmentId"]: row for row in summary["impacts"]}
    assert sorted(impacts) == sorted(dashboard.assignments)
    effects = []
    for assignment in [number for number in impacts if number in ASSIGNMENTS]:
        impact = Impact(dashboard, assignment)
        row, points = impact.row, impact.points(impact.standards)
        whole, parts = impact.compared(points), impact.by_standard()
        effects.append(whole["exact"])
        head = {
            "assignmentId": assignment,
            "assignmentName": row["name"],
            "platform": row["platform"],
            "rcName": dashboard.categories[row["rc_id"]]["name"],
            "preTestName": dashboard.tests[row["created_after_test_id"]]["name"],
            "postTestName": dashboard.tests[row["impacted_test_id"]]["name"],
        }
        expected = {
            **head,
            "standards": [dashboard.standards[key]["code"] for key in impact.standards],
            "createdAfterTestId": row["created_after_test_id"],
            "rosterIds": sorted(impact.rosters),
            **without_exact(whole),
            "didImpactPercent": tenths(whole["exact"] / average(each["pre"] for each in points["treated"])),
            "standardImpacts": [
                {key: part[key] for key in ("code", "treatedDelta", "controlDelta", "didImpact")} for part in parts
            ],
        }
        assert same(impacts[assignment], expected)
        lists = {f"{name}Points": rows for name, rows in points.items()}
        assert same(get(f"/api/assignments/{assignment}/impact"), expected | lists)
        by_standard = {"overallDidImpact": whole["didImpact"], "standards": list(map(without_exact, parts))}
        assert same(get(f"/api/assignments/{assignment}/standard-impact"), head | by_standard)
    assert effects == sorted(effects, reverse=True)


def test_a_student_and_a_roster_are_found_by_index(default_build: Path) -> None:
    """The answers of one student, roster or assignment read no large table from end to end."""
    large = re.compile(r"SCAN (students|scores|assignment_students)\b")
    with closing(open_database(default_build / "teacher-dashboard.db")) as database:
        for endpoint in endpoints_of(default_build):
            if "[id]" in endpoint.segments:
                values = dict.fromkeys(re.findall(r":([a-z_]+)\b", endpoint.sql), 1)
                plan = database.execute(f"EXPLAIN QUERY PLAN {endpoint.sql}", values)
                assert not [line for *_, line in plan if large.match(line)], endpoint.file
