"""Rows whose stage gives no ids are numbered from 1, in their order, whatever the shards and whoever makes them."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.build.run import make_build
from etl.config.identity import identify
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.run.bundle import pack, unpack
from etl.run.engine import generate_locally
from etl.run.plan import make_plan
from etl.run.progress import Progress
from etl.run.shards import make_shard, run_until
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import numpy as np
import pyarrow as pa

def loans(books: pa.Table) -> pa.RecordBatch:
    ids = books["id"].to_numpy()
    return pa.record_batch({"book_id": ids.repeat(ids % 3)})

def returns(loans: pa.Table) -> pa.RecordBatch:
    ids = loans["id"].to_numpy()
    return pa.record_batch({"loan_id": ids[ids % 2 == 0]})
"""
NUMBERED = {
    "pipeline.yaml": """
name: library
schema: sql/schema.sql
outputs: [parquet]
stages:
  books: {csv: books.csv}
  loans: {python: "numbered:loans", inputs: [books], shard: {by: books, rows: 2}}
  returns: {python: "numbered:returns", inputs: [loans]}
""",
    "books.csv": "id,title\n" + "".join(f"{number},Book {number}\n" for number in range(1, 12)),
    "sql/schema.sql": """
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
CREATE TABLE loans (id INTEGER PRIMARY KEY AUTOINCREMENT, book_id INTEGER NOT NULL REFERENCES books (id));
CREATE TABLE returns (id INTEGER PRIMARY KEY AUTOINCREMENT, loan_id INTEGER NOT NULL REFERENCES loans (id));
""",
    "numbered.py": CODE,
}
BOOKS = [book for book in range(1, 12) for _ in range(book % 3)]


RETURNED = [loan for loan in range(1, len(BOOKS) + 1) if loan % 2 == 0]


def test_ids_are_dense_whatever_the_shards(tmp_path: Path) -> None:
    """Shards of any size, made by one thread or by three, number the rows alike; stages below see the ids."""
    path = small.lending(tmp_path, NUMBERED)
    for rows, workers in ((1, 3), (2, 1), (100, 2)):
        plan = make_plan(validate(load(path, changes=[f"stages.loans.shard.rows={rows}"])))
        found: dict[str, list[pa.Table]] = {}
        for part in generate_locally(plan, Progress(), workers):
            found.setdefault(part.table, []).append(part.rows)
        loans, returns = (pa.concat_tables(found[name]).to_pydict() for name in ("loans", "returns"))
        assert loans == {"id": list(range(1, len(BOOKS) + 1)), "book_id": BOOKS}
        assert returns == {"id": list(range(1, len(RETURNED) + 1)), "loan_id": RETURNED}


def test_a_worker_needs_no_other_shard(tmp_path: Path) -> None:
    """A worker that gets the fourth shard first gives it the ids that it has in a whole run."""
    source = load(small.lending(tmp_path, NUMBERED))
    plan, once, ids = unpack(pack(source, identify(source)), str(tmp_path))
    made = {}
    for number in (3, 0):
        for part in make_shard(plan, once, number, None, ids).parts:
            made[part.table, number] = part.rows["id"].to_pylist() if part.rows else None
    assert made == {
        ("loans", 3): [7, 8, 9],
        ("returns", 3): [4],
        ("loans", 0): [1, 2, 3],
        ("returns", 0): [1],
    }


def test_files_and_digests_have_the_ids(tmp_path: Path) -> None:
    """Parquet, SQLite and the manifest's digests have the same ids; AUTOINCREMENT continues after the last."""
    path = small.lending(tmp_path, NUMBERED)
    changes = (["stages.loans.shard.rows=3"], ["outputs=[sqlite, parquet]"])
    first, second = (make_build(load(path, changes=change), tmp_path / "build") for change in changes)
    assert first.manifest["tables"] == second.manifest["tables"]
    ids = pq.read_table(second.folder / "parquet/loans")["id"].to_pylist()
    assert ids == list(range(1, len(BOOKS) + 1))
    with contextlib.closing(sqlite3.connect(second.database or "")) as database:
        assert [row for (row,) in database.execute("SELECT id FROM loans")] == ids
        assert dict(database.execute("SELECT * FROM sqlite_sequence")) == {"loans": 12, "returns": 6}


def test_a_query_without_ids_says_the_order(tmp_path: Path) -> None:
    """The rows of a query are numbered in the order that it says; without one it is an error before the run."""
    schema = "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL);\n"
    schema += "CREATE TABLE loans (id INTEGER PRIMARY KEY AUTOINCREMENT, days INTEGER NOT NULL);\n"
    files = {"sql/schema.sql": schema, "sql/loans.sql": "SELECT id * 7 AS days FROM books ORDER BY days DESC"}
    path = small.lending(tmp_path, files)
    plan = make_plan(validate(load(path)))
    assert run_until(plan, "loans").to_pydict() == {"id": [1, 2], "days": [14, 7]}
    (tmp_path / "sql/loans.sql").write_text("SELECT id * 7 AS days FROM books")
    what = "the rows have no id, so they are numbered in their order; add ORDER BY, or give the id"
    with pytest.raises(EtlError, match=what):
        validate(load(path))
    (tmp_path / "sql/schema.sql").write_text(schema.replace(" AUTOINCREMENT", ""))
    with pytest.raises(EtlError, match=r"the result lacks id; .* \(with AUTOINCREMENT the rows are numbered\)$"):
        validate(load(path))


def test_a_file_without_ids(tmp_path: Path) -> None:
    """The rows of a file are numbered, and another file may refer to the numbers, as it may not to others."""
    files = {
        "sql/schema.sql": "CREATE TABLE books (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);\n"
        "CREATE TABLE loans (id INTEGER PRIMARY KEY AUTOINCREMENT, book_id INTEGER NOT NULL REFERENCES books (id));\n",
        "pipeline.yaml": "name: library\nschema: sql/schema.sql\n"
        "stages:\n  books: {csv: books.csv}\n  loans: {csv: loans.csv}\n",
        "books.csv": "title\nEmma\nUlysses\n",
        "loans.csv": "book_id\n2\n2\n1\n",
    }
    path = small.lending(tmp_path, files)
    found = run_until(make_plan(validate(load(path))), "loans")
    assert found.to_pydict() == {"id": [1, 2, 3], "book_id": [2, 2, 1]}
    (tmp_path / "loans.csv").write_text("book_id\n3\n")
    with pytest.raises(EtlError, match=r"loans.csv:2:1: book_id: .*books.csv has no id 3"):
        validate(load(path))
