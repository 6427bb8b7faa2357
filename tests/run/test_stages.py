"""Stages of each kind: their results, and what is said of results that do not fit."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from etl.errors import EtlError
from etl.run.plan import make_plan
from etl.run.shards import run_until
from etl.run.stages import run_stage
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE rosters (id INTEGER PRIMARY KEY);
CREATE TABLE notes (id INTEGER PRIMARY KEY, grade REAL, text TEXT NOT NULL);
"""
IMPORTS = "import pyarrow as pa\nfrom etl.generator.streams import Streams, uniform\n"


def notes(folder: Path, code: str, settings: str = "") -> pa.Table:
    """Run the stage ``notes`` of a project of a user's own, from the text of its module: its rows."""
    module = f"own_{folder.name}"  # a name of its own, for modules are imported once
    stages = f"rosters: {{csv: rosters.csv}}\nnotes: {{python: '{module}:notes'{settings}}}"
    rosters = "\n".join(map(str, ["id", *range(1, 251)]))
    path = small.project(folder, stages, {"schema.sql": SCHEMA, "rosters.csv": rosters, f"{module}.py": IMPORTS + code})
    return run_until(make_plan(small.world(path=path)), "notes")


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the projects after each test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def place(error: EtlError) -> str:
    """The line of pipeline.yaml that an error names."""
    assert error.where is not None
    return (small.ROOT / error.where.file).read_text(encoding="utf-8").splitlines()[error.where.line - 1].strip()


def test_a_csv_stage_is_its_file() -> None:
    """A CSV file comes as its table's columns, in their order and with their types; an empty cell is null."""
    pipeline = small.twelve()
    found = run_stage(pipeline.stages["performance_levels"], {}, pipeline)
    assert found.column_names == list(pipeline.schema.tables["performance_levels"].columns)
    assert found["level"].to_pylist() == [1, 2, 3, 4]
    assert found["min_score"].type == pa.int64()
    assert found["color"].to_pylist()[0] == "#EF4444"


def test_a_sql_stage_sees_its_inputs_and_params() -> None:
    """A query runs over its inputs, with its params."""
    pipeline = small.twelve()
    classes = pa.table({"id": [2, 1], "name": ["b", "a"], "size": [1, 1]})
    found = run_stage(pipeline.stages["rosters"], {"classes": classes}, pipeline)
    assert found.to_pylist() == [
        {"id": 1, "name": "a", "created_at": "2025-08-01 00:00:00"},
        {"id": 2, "name": "b", "created_at": "2025-08-01 00:00:00"},
    ]


def test_a_query_that_fails() -> None:
    """What DuckDB says of a query comes with the stage and the query's file."""
    pipeline = small.twelve()
    with pytest.raises(EtlError, match=r'stages\.rosters: DuckDB says: .* "name" not found') as caught:
        run_stage(pipeline.stages["rosters"], {"classes": pa.table({"id": [1]})}, pipeline)
    assert caught.value.where is not None
    assert str(caught.value).startswith("sql/stages/rosters.sql:2:12: ")


def test_an_internal_stage_may_have_any_columns() -> None:
    """A stage that fills no table is not held to one."""
    pipeline = small.twelve()
    stage = replace(pipeline.stages["rosters"], table=None)
    found = run_stage(stage, {"classes": pa.table({"id": [1], "name": [None]})}, pipeline)
    assert found["name"].null_count == 1


def test_what_a_generator_says_has_its_stages_place() -> None:
    """A generator's ValueError is told at its stage in the file."""
    pipeline = small.twelve()
    inputs: dict[str, pa.Table] = {
        "classes": pa.table({"id": [1], "size": [3], "first_student": [1]}),
        "first_names": pa.table({"name": ["Ann"]}),
        "last_names": pa.table({"name": ["Lee", "Ray"]}),
    }
    with pytest.raises(EtlError, match=r"stages\.students: 1 first and 2 last names make 2 different names") as caught:
        run_stage(pipeline.stages["students"], inputs, pipeline)
    assert place(caught.value) == "students:"


def test_input_without_a_column_is_told() -> None:
    """An input that lacks a column which its generator reads is a mistake in the pipeline, told by its name."""
    pipeline = small.twelve()
    inputs = dict.fromkeys(["classes", "first_names", "last_names"], pa.table({"id": [1], "size": [3]}))
    with pytest.raises(EtlError, match=r"stages\.students\.inputs\.classes: students needs the column first_student"):
        run_stage(pipeline.stages["students"], inputs, pipeline)


GOOD = """
def notes(streams: Streams, rosters: pa.Table, *, text: str, low: int = 1) -> pa.RecordBatch:
    ids = rosters["id"].to_numpy()
    grade = uniform(streams.words_of("grade", ids)[:, 0], low, 6)
    return pa.record_batch({"text": [text] * len(ids), "id": ids, "grade": grade})
"""


def test_a_users_generator(tmp_path: Path) -> None:
    """A generator named package.module:function gets inputs, params and streams; its columns come in table order."""
    found = notes(tmp_path, GOOD, ", inputs: [rosters], params: {text: fine}")
    assert found.column_names == ["id", "grade", "text"]
    assert found["id"].to_pylist() == list(range(1, 251))
    assert set(found["grade"].to_pylist()) == {1, 2, 3, 4, 5, 6}
    assert set(found["text"].to_pylist()) == {"fine"}


def test_a_generator_may_yield(tmp_path: Path) -> None:
    """Batches and tables that a generator yields are put together."""
    code = """
def notes():
    for number in (1, 2):
        yield pa.record_batch({"id": [number], "grade": [0.5], "text": ["a"]})
    yield pa.table({"id": [3], "grade": [1.5], "text": ["b"]})
"""
    found = notes(tmp_path, code)
    assert found["id"].to_pylist() == [1, 2, 3]


def result(columns: str) -> str:
    """The text of a generator that returns these columns."""
    return f"def notes():\n    return pa.table({columns})\n"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (result('{"id": [1], "grade": [1.0]}'), "the result lacks text; the table notes has id, grade, text"),
        (
            result('{"id": [1], "text": ["a"], "mark": [1.0]}'),
            "the result lacks grade and has extra mark; the table notes has id, grade, text",
        ),
        (result('{"id": [1], "grade": [1.0], "text": [5]}'), "the column text is int64, its table declares TEXT"),
        (result('{"id": [1], "grade": [1.0], "text": [None]}'), "the column text must not be null"),
        (
            "def notes():\n    return pa.table({'id': [1], 'grade': [1], 'text': ['a']}).append_column('id', [[1]])\n",
            "the result has two columns id",
        ),
        (
            result('{"id": [1], "grade": [1.0], "Grade": [2.0]}'),
            "the result has two columns Grade, grade ",
        ),
        (
            "def notes():\n    return {'id': [1]}\n",
            r"own_\w+:notes made a dict; return a pa.RecordBatch, or yield",
        ),
        ("def notes():\n    yield 5\n", r"own_\w+:notes made a int; return a pa.RecordBatch, or yield"),
        ("def notes():\n    pass\n", r"own_\w+:notes made a NoneType; return a pa.RecordBatch, or yield"),
        ("def notes():\n    yield from ()\n", r"own_\w+:notes yielded no batch; yield an empty one"),
        (
            "def notes():\n    yield pa.table({'id': [1]})\n    yield pa.table({'id': ['1']})\n",
            r"the batches of own_\w+:notes differ in their columns; make them alike",
        ),
    ],
)
def test_results_that_do_not_fit(tmp_path: Path, code: str, message: str) -> None:
    """Wrong columns, types, nulls and batches, and what a user's generator raises, are told at the stage's place."""
    with pytest.raises(EtlError) as caught:
        notes(tmp_path, code)
    assert re.match(rf"stages\.notes: {message}", caught.value.message), caught.value.message
    assert caught.value.where is not None
    assert caught.value.where.file.endswith("pipeline.yaml")


@pytest.mark.parametrize(
    "columns",
    [
        '{"id": pa.array([1], pa.int8()), "grade": [None], "text": pa.array(["a"], pa.large_string())}',
        '{"id": [1], "grade": pa.array([2]), "text": ["a"]}',
        '{"id": pa.array([], pa.null()), "grade": pa.array([], pa.null()), "text": pa.array([], pa.null())}',
    ],
)
def test_results_that_fit(tmp_path: Path, columns: str) -> None:
    """Numbers of any width, whole numbers for real ones, nulls where they may be, and no rows at all fit."""
    rows: list[dict[str, Any]] = notes(tmp_path, result(columns)).to_pylist()
    assert all(row["text"] == "a" for row in rows)
