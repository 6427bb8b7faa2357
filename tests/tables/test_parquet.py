"""Parquet: one folder a table, one file a shard, readable by everybody, the same as the database."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.build import manifest
from etl.build.run import Result, make_build
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.schema import read_schema
from etl.run.job import Execution
from etl.tables.parquet import arrow_schema, open_target, write_part
from tests.support.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TINY = ROOT / "pipelines" / "tiny.yaml"
SCHEMA = read_schema(ROOT / "sql" / "schema.sql", "sql/schema.sql")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The tiny world as a database and as Parquet."""
    source = load(TINY, changes=["outputs=[sqlite, parquet]"])
    return make_build(source, tmp_path_factory.mktemp("parquet") / "build", execution=Execution(workers=2))


def rows_in_database(build: Result, table: str) -> list[tuple[object, ...]]:
    """The rows of a table, ordered."""
    assert build.database is not None
    with sqlite3.connect(build.database) as database:
        return sorted(database.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608 -- the schema's own name


@pytest.mark.parametrize("table", list(SCHEMA.tables))
def test_duckdb_and_polars_read_the_rows_of_the_database(both: Result, table: str) -> None:
    """Both readers find in a table's folder just the rows that the database holds."""
    files = str(both.folder / "parquet" / table / "*.parquet")
    expected = rows_in_database(both, table)
    assert sorted(duckdb.sql(f"FROM '{files}'").fetchall(), key=repr) == expected
    assert sorted(pl.read_parquet(files).rows(), key=repr) == expected


PANDAS = ROOT / ".venv" / "pandas"
READ = """
import json, sys
import pandas
for folder in json.load(sys.stdin):
    rows = pandas.read_parquet(folder, dtype_backend="pyarrow").astype(object)
    print(json.dumps(rows.where(rows.notna(), None).values.tolist()))
"""


def test_pandas_reads_the_rows_of_the_database(both: Result) -> None:
    """Pandas, in a process that alone has it, finds in each table's folder just the rows that the database holds."""
    if not PANDAS.is_dir() and not os.environ.get("CI"):
        pytest.skip("pandas is not there: make test installs it")
    folders = [str(both.folder / "parquet" / table) for table in SCHEMA.tables]
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input=json.dumps(folders),
        env={**os.environ, "PYTHONPATH": str(PANDAS)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for table, rows in zip(SCHEMA.tables, found, strict=True):
        assert sorted(map(tuple, rows), key=repr) == rows_in_database(both, table)


def test_a_file_a_shard(both: Result) -> None:
    """A table that is cut has a file for each of the two shards, another one has a single file."""
    folder = both.folder / "parquet"
    assert [path.name for path in sorted((folder / "students").iterdir())] == [
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    assert [path.name for path in (folder / "rosters").iterdir()] == ["part-00000.parquet"]


def test_the_schema_says_what_may_be_null_and_what_columns_mean(both: Result) -> None:
    """Nullability and descriptions of sql/schema.sql stand in each file, compressed by zstd."""
    path = both.folder / "parquet/assignment_students/part-00000.parquet"
    schema = pq.read_schema(path)
    assert not schema.field("status").nullable
    assert schema.field("started_at").nullable
    described = SCHEMA.tables["assignment_students"].columns["status"].description
    assert schema.field("status").metadata == {b"description": described.encode()}
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_the_manifest_covers_the_files(both: Result) -> None:
    """Every Parquet file is in the manifest, and a damaged one is found."""
    assert "parquet/scores/part-00001.parquet" in both.manifest["files"]
    assert not list(manifest.damage(both.folder))


def test_parquet_alone(tiny_build: Path, tmp_path: Path) -> None:
    """A build may hold Parquet and no database; its tables have the digests of the other build."""
    alone = make_build(load(TINY, changes=["outputs=[parquet]"]), tmp_path / "build")
    assert alone.database is None
    assert {path.name for path in alone.folder.iterdir()} == {"manifest.json", "parquet"}
    assert alone.manifest["tables"] == (manifest.read(tiny_build) or {})["tables"]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    """Text of either Arrow kind gives one file, and only the finished file stays."""
    rows = {"id": [1], "name": ["x"]}
    files = []
    for kind in (pa.string(), pa.large_string()):
        table = pa.table(rows, pa.schema({"id": pa.int64(), "name": kind}))
        files.append(write_part(open_target(str(tmp_path)), SCHEMA.tables["test_groups"], 3, table))
    assert files[0] == files[1]
    assert [path.name for path in (tmp_path / "test_groups").iterdir()] == ["part-00003.parquet"]


def test_a_file_system_by_url(tmp_path: Path) -> None:
    """A URL names a file system; one that nobody knows is told."""
    system, path = open_target(f"{tmp_path.as_uri()}/x")
    assert (system.type_name, path) == ("local", f"{tmp_path}/x")
    with pytest.raises(EtlError, match=r"nosuch://x/y: "):
        open_target("nosuch://x/y")


def test_the_arrow_schema_of_every_table() -> None:
    """Each column of the schema has a type, its nullability and its description."""
    for table in SCHEMA.tables.values():
        schema = arrow_schema(table)
        assert schema.names == list(table.columns)
        assert [field.nullable for field in schema] == [column.nullable for column in table.columns.values()]
