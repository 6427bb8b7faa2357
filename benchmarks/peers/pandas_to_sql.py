"""numpy and pandas: whole columns for 500 rosters at a time, written with ``DataFrame.to_sql``.

    python pandas_to_sql.py ROSTERS SEED OUTPUT

On: no journal, no sync; foreign keys are off, as sqlite3 has them. ``to_sql`` commits each call, and inserts with the
driver's ``executemany``: on sqlite3 that is faster than its ``method="multi"``.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 500  # rosters
AS_OF = "2025-08-01 00:00:00"
TITLES = ["Mr.", "Mrs.", "Ms.", "Dr."]
STATUSES = np.array(["completed", "started", "not_started"])
COMPLETED, NOT_STARTED = 0, 2
LOW, HIGH = np.array([40, 15, -15]), np.array([80, 35, 15])  # growth by status
#: After which test, until which one, for which rosters (as parts of 250), at which levels.
WINDOWS = [("PM1", "PM2", 0, 80, [1, 2]), ("PM3", "PM4", 80, 160, [1]), ("PM4", "PM5", 160, 250, [1])]


def read(name: str) -> pd.DataFrame:
    """A file of reference data."""
    return pd.read_csv(ROOT / "data" / f"{name}.csv")


def index_of(values: pd.Series, wanted: pd.Series) -> Ints:
    """For each wanted value, where it stands."""
    return pd.Index(values).get_indexer(wanted)


def reference() -> dict[str, pd.DataFrame]:
    """The small tables."""
    plain = ("performance_levels", "test_groups", "tests", "reporting_categories", "standards")
    tables = {name: read(name) for name in plain}
    interventions, covered, tests = read("interventions"), read("intervention_standards"), tables["tests"]
    after, impacts = (index_of(tests["name"], interventions[key]) for key in ("after", "impacts"))
    category = index_of(tables["reporting_categories"]["name"], interventions["category"])
    tables["assignments"] = interventions[["id", "name", "platform"]].assign(
        group_id=tests["group_id"].to_numpy()[after],
        rc_id=tables["reporting_categories"]["id"].to_numpy()[category],
        created_after_test_id=tests["id"].to_numpy()[after],
        impacted_test_id=tests["id"].to_numpy()[impacts],
        created_at=(tests["administered_at"] + " 00:00:00").to_numpy()[after],
    )
    assignment = index_of(interventions["name"], covered["intervention"])
    standard = index_of(tables["standards"]["code"], covered["standard"])
    tables["assignment_standards"] = pd.DataFrame(
        {
            "assignment_id": interventions["id"].to_numpy()[assignment],
            "standard_id": tables["standards"]["id"].to_numpy()[standard],
        }
    )
    return tables


def roster_rows(rosters: int, draw: np.random.Generator) -> pd.DataFrame:
    """Five rosters for each of 50 teachers, and the same names again with a number behind them."""
    last, subjects = read("last_names")["name"].to_numpy(), read("subjects")["name"].to_numpy()
    titles = draw.choice(TITLES, len(last))
    names = [f"{title} {name} - {subject}" for title, name in zip(titles, last, strict=True) for subject in subjects]
    cycle, place = np.divmod(np.arange(rosters), len(names))
    again = [f" {number + 1}" if number else "" for number in cycle]
    return pd.DataFrame(
        {"id": np.arange(1, rosters + 1), "name": [names[at] + more for at, more in zip(place, again, strict=True)]}
    ).assign(created_at=AS_OF)


def half_up_mean(scores: Ints) -> Ints:
    """The mean of each row, rounded half up."""
    width = scores.shape[1]
    return (2 * scores.sum(axis=1) + width) // (2 * width)


def json_texts(ids: Ints, scores: Ints) -> list[str]:
    """Each row of scores by id, as compact JSON."""
    template = "{" + ",".join(f'"{number}":%d' for number in ids) + "}"
    return [template % tuple(row) for row in scores.tolist()]


class Year:
    """The tests and windows that the students of a block go through."""

    def __init__(self, tables: dict[str, pd.DataFrame], rosters: int, draw: np.random.Generator) -> None:
        """Look up what the draws need."""
        self.draw, self.tables = draw, tables
        self.rosters = rosters
        standards, levels = tables["standards"], tables["performance_levels"]
        self.standards, self.categories = standards["id"].to_numpy(), tables["reporting_categories"]["id"].to_numpy()
        self.category = index_of(tables["reporting_categories"]["id"], standards["rc_id"])
        self.cuts, self.levels = levels["min_score"].to_numpy(), levels["level"].to_numpy()
        self.tests = tables["tests"]["id"].to_numpy()
        self.days = tables["tests"]["administered_at"].to_numpy().astype("datetime64[D]")

    def uniform(self, low: int | Ints, high: int | Ints, size: tuple[int, ...]) -> Ints:
        """Whole numbers, ends included."""
        return self.draw.integers(low, high, size, endpoint=True)

    def sit(self, students: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Draw the rows of ``scores`` and of ``assignment_students``."""
        count = len(students)
        overall = np.clip(np.rint(self.draw.normal(5440, 95, count)).astype(np.int64), 5100, 5800)
        categories = np.clip(overall[:, None] + self.uniform(-40, 40, (count, len(self.categories))), 5100, 5800)
        jitter = self.uniform(-25, 25, (count, len(self.standards)))
        scores = np.clip(categories[:, self.category] + jitter, 5100, 5800)
        sittings, assigned = [], []
        for test in self.tests:
            if test > 1:
                scores = np.clip(scores + self._growth(count, test, assigned), 5100, 5800)
                groups = (scores[:, self.category == index] for index in range(len(self.categories)))
                categories = np.stack([half_up_mean(group) for group in groups], axis=1)
                overall = half_up_mean(categories)
            level = self.levels[np.searchsorted(self.cuts, overall, side="right") - 1]
            sittings.append(
                pd.DataFrame(
                    {
                        "id": (students["id"] - 1) * len(self.tests) + test,
                        "student_id": students["id"],
                        "test_id": test,
                        "overall_score": overall,
                        "level": level,
                        "rc_scores": json_texts(self.categories, categories),
                        "std_scores": json_texts(self.standards, scores),
                    }
                )
            )
            assigned += self._assign(students, test, level)
        enrolled = [frame for frame, _ in assigned if len(frame)]
        return pd.concat(sittings).sort_values("id"), pd.concat(enrolled) if enrolled else pd.DataFrame()

    def _growth(self, count: int, test: int, assigned: list[tuple[pd.DataFrame, Ints]]) -> Ints:
        growth = self.uniform(-15, 15, (count, len(self.standards)))
        best = np.full_like(growth, -99)
        assignments = self.tables["assignments"].set_index("id")
        covered = self.tables["assignment_standards"]
        for frame, rows in assigned:
            number = frame["assignment_id"].iloc[0] if len(frame) else None
            if number is None or assignments.loc[number, "impacted_test_id"] != test:
                continue
            standards = covered.loc[covered["assignment_id"] == number, "standard_id"]
            columns = index_of(self.tables["standards"]["id"], standards)
            status = index_of(pd.Series(STATUSES), frame["status"])[:, None]
            moved = self.uniform(LOW[status], HIGH[status], (len(rows), len(columns)))
            cells = np.ix_(rows, columns)
            best[cells] = np.maximum(best[cells], moved)
        return np.where(best > -99, best, growth)

    def _assign(self, students: pd.DataFrame, test: int, level: Ints) -> Iterator[tuple[pd.DataFrame, Ints]]:
        """For each assignment after a test: its rows, and the indexes of their students."""
        names, roster = self.tables["tests"]["name"], students["roster_id"].to_numpy()
        for after, until, low, high, levels in WINDOWS:
            if after != names[test - 1]:
                continue
            inside = (roster > low * self.rosters // 250) & (roster <= high * self.rosters // 250)
            rows = np.flatnonzero(inside & np.isin(level, levels))
            begin, end = self.days[test - 1], self.days[names.tolist().index(until)]
            length = (end - begin).astype(int)
            calendar = np.array([str(begin + day) for day in range(length + 1)], dtype=object)
            given = self.tables["assignments"].query("created_after_test_id == @test")["id"]
            for number in given:
                status = self.draw.choice(3, len(rows), p=[0.60, 0.15, 0.25])
                start = self.uniform(0, length, (len(rows),))
                done = self.uniform(start, np.full_like(start, length), (len(rows),))
                frame = pd.DataFrame(
                    {
                        "assignment_id": number,
                        "student_id": students["id"].to_numpy()[rows],
                        "status": STATUSES[status],
                        "started_at": np.where(status == NOT_STARTED, None, calendar[start]),
                        "completed_at": np.where(status == COMPLETED, calendar[done], None),
                    }
                )
                yield frame, rows


def student_rows(tables: dict[str, pd.DataFrame], sizes: Ints, first: int, roster: int, draw: Year) -> pd.DataFrame:
    """The students of consecutive classes, no two names alike in a class."""
    given, family = (tables[name]["name"].to_numpy() for name in ("first_names", "last_names"))
    picks = np.concatenate([draw.draw.choice(len(given) * len(family), size, replace=False) for size in sizes])
    ids = np.arange(first, first + sizes.sum())
    return pd.DataFrame(
        {
            "id": ids,
            "roster_id": np.repeat(np.arange(roster, roster + len(sizes)), sizes),
            "name": given[picks // len(family)] + " " + family[picks % len(family)],
            "external_id": [f"stu_{number}" for number in ids],
            "created_at": AS_OF,
        }
    )


def main(rosters: int, seed: int, output: str) -> None:
    """Fill a new database."""
    draw = np.random.default_rng(seed)
    tables, names = reference(), {name: read(name) for name in ("first_names", "last_names")}
    year = Year(tables, rosters, draw)
    sizes = year.uniform(30, 40, (rosters,))
    with closing(sqlite3.connect(output)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.executescript((ROOT / "sql" / "schema.sql").read_text(encoding="utf-8"))

        def write(table: str, rows: pd.DataFrame) -> None:
            if len(rows):
                rows.to_sql(table, database, if_exists="append", index=False)

        for table, rows in tables.items():
            write(table, rows)
        write("rosters", roster_rows(rosters, draw))
        first = 1
        for start in range(0, rosters, BLOCK):
            block = sizes[start : start + BLOCK]
            students = student_rows(names, block, first, start + 1, year)
            scores, assigned = year.sit(students)
            write("students", students)
            write("scores", scores)
            write("assignment_students", assigned)
            first += len(students)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
