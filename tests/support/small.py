"""Small tables, small worlds and small projects that tests share."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.config.source import load
from etl.pipeline.validate import validate
from etl.run.engine import generate_locally
from etl.run.plan import make_plan
from etl.run.progress import Progress
from etl.school.arrays import matrix, vectors
from etl.school.params import Growth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.pipeline.model import Pipeline

ROOT = Path(__file__).parents[2]

#: Changes that leave the default world with twelve classes, each window with three or four of them.
TWELVE = (
    "stages.classes.params.count=12",
    "stages.window1.params.rosters=[1, 4]",
    "stages.window2.params.rosters=[5, 8]",
    "stages.window3.params.rosters=[9, 12]",
)
#: Its windows as the oracle's: by test, first and last roster, and the highest level that is assigned anything.
TWELVE_WINDOWS = {1: (1, 4, 2), 3: (5, 8, 1), 4: (9, 12, 1)}


def tests(*days: str | None) -> pa.Table:
    """Tests of the given days: ids 11, 12 ..., sequences 1, 2 ..., names T1, T2 ..."""
    number = range(1, len(days) + 1)
    return pa.table(
        {
            "id": pa.array([10 + n for n in number], pa.int64()),
            "group_id": pa.array([1 for _ in number], pa.int64()),
            "sequence": pa.array(number, pa.int64()),
            "name": [f"T{n}" for n in number],
            "administered_at": pa.array(days, pa.string()),
        }
    )


def standards(*categories: int) -> pa.Table:
    """Standards 1, 2 ... of the given categories."""
    ids = pa.array(range(1, len(categories) + 1), pa.int64())
    return pa.table({"id": ids, "rc_id": pa.array(categories, pa.int64())})


def levels(*cuts: int) -> pa.Table:
    """Levels 1, 2 ... that begin at the given scores."""
    number = pa.array(range(1, len(cuts) + 1), pa.int64())
    return pa.table({"level": number, "min_score": pa.array(cuts, pa.int64())})


def assignments(*impacts: tuple[int | None, int]) -> pa.Table:
    """Assignments 1, 2 ..., each with the test that it impacts and the one that it follows."""
    return pa.table(
        {
            "id": pa.array(range(1, len(impacts) + 1), pa.int64()),
            "impacted_test_id": pa.array([impacted for impacted, _ in impacts], pa.int64()),
            "created_after_test_id": pa.array([after for _, after in impacts], pa.int64()),
        }
    )


def pairs(names: tuple[str, str], rows: Sequence[tuple[int, int]]) -> pa.Table:
    """Two columns of ids."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    return pa.table({name: pa.array(column) for name, column in zip(names, columns, strict=True)})


def covering(*rows: tuple[int, int]) -> pa.Table:
    """Which assignment covers which standard."""
    return pairs(("assignment_id", "standard_id"), rows)


def window(*rows: tuple[int, int, int]) -> pa.Table:
    """Who holds what: assignment, student, status code."""
    assignment, student, status = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return pa.table(
        {"assignment_id": pa.array(assignment), "student_id": pa.array(student), "status": pa.array(status, pa.int8())}
    )


def students(*ids: int, roster: int = 1) -> pa.Table:
    """Students of one roster."""
    return pa.table({"id": pa.array(ids, pa.int64()), "roster_id": pa.array([roster] * len(ids), pa.int64())})


def sitting(test_id: int, scores: Mapping[int, Sequence[int]], *, width: int, overall: int = 0) -> pa.Table:
    """A test as numbers: ``width`` standard scores by student, one category that repeats the first of them."""
    ids = list(scores)
    numbers = np.array(list(scores.values()), dtype=np.int32).reshape(len(ids), width)
    return pa.table(
        {
            "test_id": pa.array([test_id] * len(ids), pa.int64()),
            "student_id": pa.array(ids, pa.int64()),
            "roster_id": pa.array([1] * len(ids), pa.int64()),
            "overall": pa.array([overall] * len(ids), pa.int32()),
            "level": pa.array([1] * len(ids), pa.int64()),
            "categories": vectors(np.ascontiguousarray(numbers[:, :1])),
            "standards": vectors(numbers),
        }
    )


def growth(
    untouched: tuple[int, int],
    completed: tuple[int, int] = (0, 0),
    started: tuple[int, int] = (0, 0),
    not_started: tuple[int, int] = (0, 0),
) -> Growth:
    """Growth by status."""
    assigned = {"completed": list(completed), "started": list(started), "not_started": list(not_started)}
    return Growth.model_validate({"untouched": list(untouched), "assigned": assigned})


def table(batch: pa.RecordBatch) -> pa.Table:
    """A generator's result as the engine hands it on."""
    return pa.Table.from_batches([batch])


def numbers(result: pa.Table | pa.RecordBatch, column: str) -> list[list[int]]:
    """A column of lists of fixed size, as lists."""
    found: list[list[int]] = matrix(
        pa.chunked_array([result[column]]) if isinstance(result, pa.RecordBatch) else result[column]
    ).tolist()
    return found


def world(*changes: str, path: Path = ROOT / "pipeline.yaml") -> Pipeline:
    """A pipeline with changes."""
    return validate(load(path, changes=changes))


@cache
def twelve() -> Pipeline:
    """The default world with twelve classes."""
    return world(*TWELVE)


def gathered(pipeline: Pipeline) -> dict[str, pa.Table]:
    """Every table of a world, its shards put together."""
    parts: dict[str, list[pa.Table]] = {}
    for part in generate_locally(make_plan(pipeline), Progress()):
        parts.setdefault(part.table, []).append(part.rows)
    return {name: pa.concat_tables(tables).combine_chunks() for name, tables in parts.items()}


LIBRARY = {
    "pyproject.toml": "",
    "pipeline.yaml": """
name: library
seed: 1
as_of: 2026-01-01 00:00:00
schema: sql/schema.sql
database: library.db
outputs: [parquet]
checks: sql/checks
api: sql/api
site: {title: Library, description: Books., notice: Synthetic., license: CC0-1.0, license_url: https://example.org/}
stages:
  books: {csv: books.csv}
  loans: {sql: sql/loans.sql, inputs: [books]}
""",
    "books.csv": "id,title\n1,Emma\n2,Ulysses\n",
    "sql/schema.sql": "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL);\n"
    "CREATE TABLE loans (id INTEGER PRIMARY KEY, days INTEGER NOT NULL);\n",
    "sql/loans.sql": "SELECT id, 7 AS days FROM books",
    "sql/checks/days.sql": "-- No loan is longer than a year.\nSELECT id FROM loans WHERE days > 366\n",
    "sql/api/books.sql": "-- title: Books\n-- description: All books.\n-- columns: {title: books.title}\n"
    "SELECT title FROM books ORDER BY id\n",
}


def lending(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Make a project of two tables that a run builds in no time, with further files: its pipeline file."""
    return written(folder, {**LIBRARY, **(files or {})})


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, texts by their names, to a folder: its pipeline file."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "pipeline.yaml"


HEAD = """
name: clinic
seed: 1
as_of: 2025-08-01 00:00:00
schema: schema.sql
database: clinic.db
checks: checks
site: {title: A clinic, description: Visits., notice: Synthetic., license: CC0-1.0, license_url: "https://example.org/"}
"""


def project(folder: Path, stages: str, files: Mapping[str, str]) -> Path:
    """Make a project that has nothing of the school: the path of its pipeline file, whose stages are given as YAML.

    ``files`` are texts by the names of their files: ``schema.sql``, and what the stages name.
    """
    (folder / "checks").mkdir(parents=True)
    pipeline = f"{HEAD}stages:\n{textwrap.indent(textwrap.dedent(stages).strip(), '  ')}\n"
    return written(folder, {"pyproject.toml": "", **files, "pipeline.yaml": pipeline})
