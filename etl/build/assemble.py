"""Fills the folder of a build: validate, generate, load, check, export, describe."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.build import manifest, report, space
from etl.config.files import Writer
from etl.config.source import shown_name
from etl.errors import EtlError, Mistakes
from etl.pipeline.validate import validate
from etl.run.engine import generate
from etl.run.job import Job
from etl.run.plan import make_plan
from etl.run.refusal import explain
from etl.site.endpoint import Endpoint
from etl.site.export import export
from etl.site.read_endpoints import read_endpoints
from etl.tables.checks import Check, read_checks, run_checks, running_checks
from etl.tables.digest import Digests
from etl.tables.sqlite import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    import duckdb

    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.job import Execution
    from etl.run.progress import Progress
    from etl.run.shards import Part

#: The folder of a build that holds its Parquet files.
PARQUET = "parquet"


def assemble(  # noqa: PLR0913 -- what a run knows
    source: Source,
    identity: Identity,
    folder: Path,
    *,
    progress: Progress,
    execution: Execution,
    opened: Future[duckdb.DuckDBPyConnection],
) -> dict[str, Any]:
    """Make the files of a build in an empty folder: its manifest, which is written last."""
    with progress.phase("validate"):
        pipeline, endpoints, checks = read(source)
        job = Job(source, identity, make_plan(pipeline), progress, execution)
        space.check(job.plan, folder.parent)
    with progress.phase("open DuckDB"):
        connection = opened.result()
    job.begin()
    sqlite = "sqlite" in pipeline.outputs
    with report.reporting(pipeline.report if sqlite else None) as drawn:
        with contextlib.closing(connection):
            target = str(folder / PARQUET) if "parquet" in pipeline.outputs else None
            written = [pipeline.database] if sqlite else []
            with contextlib.closing(generate(job, target)) as parts:
                made = _noted(parts, written)
                digests = _load(job, made, folder, connection, checks) if sqlite else _count(made, progress)
        tables = {name: digests.of(name) for name in pipeline.schema.tables}
        pa.default_memory_pool().release_unused()  # a hundred megabytes, which the answers of a large world can use
        held = manifest.rules(pipeline, checks if sqlite else [])
        if drawn:
            drawn.draw(folder / pipeline.database, _told(identity, pipeline, tables, held))
        finished = [check for check in checks if check.finished]
        asked = (
            running_checks(finished, folder / pipeline.database, identity.pipeline)
            if sqlite
            else contextlib.nullcontext()
        )
        with asked as checked, Writer(folder) as files:
            for name in sorted(written):
                files.take(name)
            if sqlite:
                with progress.phase("export"):
                    rows = {name: int(found["rows"]) for name, found in tables.items()}
                    export(pipeline, endpoints, files, build=identity.id, rows=rows, say=progress.say)
            if drawn:
                with progress.phase("report"):
                    files.write(report.NAME, drawn.page())
            if checked:
                with progress.phase("checks"):
                    checked.result()
            with progress.phase("manifest"):
                job.check_sources()
                content = manifest.describe(identity, pipeline, tables, held, files.entries())
                files.write(manifest.NAME, manifest.render(content))
            with progress.phase("publish"):
                manifest.sweep(folder, content)
                files.finish()
    return content


def _told(
    identity: Identity, pipeline: Pipeline, tables: Mapping[str, Mapping[str, Any]], held: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """What the report is told."""
    described = {
        name: {
            "rows": tables[name]["rows"],
            "description": table.description,
            "columns": {column.name: column.description for column in table.columns.values()},
        }
        for name, table in pipeline.schema.tables.items()
    }
    params = {stage.name: stage.params.model_dump() for stage in pipeline.stages.values() if stage.contract}
    return report.about(identity.id, identity.pipeline, tables=described, params=params, checks=held)


class Read(NamedTuple):
    """A pipeline that can run, and the SQL files that it names."""

    pipeline: Pipeline
    endpoints: list[Endpoint]
    checks: list[Check]


def read(source: Source, *, full: bool = False) -> Read:
    """Read a pipeline and all of its files, the full checks too when asked for. Raises Mistakes."""
    pipeline = validate(source)
    mistakes: list[EtlError] = []
    endpoints, checks = list[Endpoint](), list[Check]()
    try:
        shown, in_full = shown_name(pipeline.checks), source.namer()
        checks = read_checks(pipeline.checks, shown, pipeline.schema, full=full, in_full=in_full)
    except Mistakes as error:
        mistakes += error.mistakes
    effective = source.tree.plain()
    for check in checks:
        try:
            check.stages(effective)
        except EtlError as error:
            mistakes.append(error)
    try:
        if pipeline.api:
            endpoints = read_endpoints(pipeline.api, shown_name(pipeline.api), pipeline.schema)
    except Mistakes as error:
        mistakes += error.mistakes
    if mistakes:
        raise Mistakes(mistakes)
    return Read(pipeline, endpoints, checks)


def _noted(parts: Iterator[Part], written: list[str]) -> Iterator[Part]:
    """The parts, and a note of each file that was written."""
    for part in parts:
        if part.file:
            written.append(f"{PARQUET}/{part.file.name}")
        yield part


def _load(
    job: Job, made: Iterator[Part], folder: Path, connection: duckdb.DuckDBPyConnection, checks: list[Check]
) -> Digests:
    """Load all parts in one transaction, and hold the checks in it."""
    digests, progress = Digests(), job.progress
    with Loader(folder / job.pipeline.database, job.pipeline.schema, connection) as loader:
        for part in made:
            with progress.phase("load"):
                try:
                    loader.insert(part.table, part.rows)
                except EtlError as error:
                    raise explain(job.plan, part, error) from error
            digests.add(part.table, part.count, part.digest)
            progress.loaded(part.count)
        progress.end()
        loader.write_last_ids()
        with progress.phase("checks"):
            run_checks([check for check in checks if not check.finished], loader.query, job.identity.pipeline)
        with progress.phase("commit"):
            loader.commit()
    return digests


def _count(made: Iterator[Part], progress: Progress) -> Digests:
    digests = Digests()
    for part in made:
        digests.add(part.table, part.count, part.digest)
        progress.loaded(part.count)
    progress.end()
    return digests
