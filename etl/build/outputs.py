"""Generates the tables of a build and writes them to its outputs: a SQLite database, Parquet files, or both."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from etl.build.manifest import PARQUET
from etl.errors import EtlError
from etl.run.constraint_errors import explain
from etl.run.engine import generate
from etl.tables.digest import Digests, table_digest
from etl.tables.sqlite import Loader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import duckdb

    from etl.run.job import Job
    from etl.run.shards import Part


class Written(NamedTuple):
    """What was written."""

    tables: dict[str, dict[str, int | str]]  # rows and digest of each table, in the order of the schema
    files: dict[str, dict[str, int | str]]  # size and SHA-256 of each Parquet file, by its name in the build


def write_tables(job: Job, folder: str, load: Callable[[Part], object] = lambda _: None) -> Written:
    """Generate all tables, write them as Parquet below a folder (a path or a URL) if that is an output, and load them.

    Rows that are only loaded are digested in another thread meanwhile.
    """
    digests, files = Digests(), dict[str, dict[str, int | str]]()
    sizes = job.plan.expected()
    job.progress.begin(sum(sizes[stage.name].rows for stage in job.plan.stages if stage.table))
    digested = job.progress.phase("digest")(table_digest)
    url = f"{folder}/{PARQUET}" if "parquet" in job.pipeline.outputs else None
    with contextlib.closing(generate(job, url)) as parts, ThreadPoolExecutor(1, "digest") as thread:
        for part in parts:
            digest = thread.submit(digested, part.rows) if part.digest is None else part.digest
            digests.add(part.table, part.count, digest)
            if part.file:
                files[f"{PARQUET}/{part.file.name}"] = {"bytes": part.file.bytes, "sha256": part.file.sha256}
            load(part)
            job.progress.loaded(part.count)
    job.progress.end()
    return Written({name: digests.of(name) for name in job.pipeline.schema.tables}, files)


def write_database(job: Job, database: Path, writer: duckdb.DuckDBPyConnection) -> Written:
    """Generate all tables and load them into a new database, in one transaction, beside the Parquet files."""
    progress = job.progress
    with Loader(database, job.pipeline.schema, writer) as loader:

        def load(part: Part) -> None:
            with progress.phase("load"):
                try:
                    loader.insert(part.table, part.rows)
                except EtlError as error:
                    raise explain(job.plan, part, error) from error

        written = write_tables(job, str(database.parent), load)
        with progress.phase("commit"):
            loader.commit()
    return written
