"""Makes the files of a build: validate, generate, load, check, export, draw the report, write the manifest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.build import manifest, report, space
from etl.config.files import Writer
from etl.config.source import display_path
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
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    import duckdb

    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.job import Execution
    from etl.run.progress import Progress
    from etl.run.shards import Part


def assemble(  # noqa: PLR0913 -- the context of a run
    source: Source,
    identity: Identity,
    folder: Path,
    *,
    progress: Progress,
    execution: Execution,
    connection: Future[duckdb.DuckDBPyConnection],
) -> dict[str, Any]:
    """Make the files of a build in an empty folder, the manifest last: its content. Raises EtlError."""
    with progress.phase("validate"):
        pipeline, endpoints, checks = read_project(source)
        job = Job(source, identity, make_plan(pipeline), progress, execution)
        space.check(job.plan, folder.parent)
    with progress.phase("open DuckDB"):
        writer = connection.result()
    job.begin()
    database = folder / pipeline.database if "sqlite" in pipeline.outputs else None
    checks = checks if database else []
    with report.reporting(pipeline.report if database else None) as drawing, contextlib.ExitStack() as stack:
        with contextlib.closing(writer):
            tables, written = _make_tables(job, folder, database, writer, checks)
        pa.default_memory_pool().release_unused()  # 100 MB, which the export of a large world needs
        rules = manifest.rules(pipeline, checks)
        if drawing and database:
            drawing.draw(database, _about(identity, pipeline, tables, rules))
        late = [check for check in checks if check.finished]
        passed = stack.enter_context(running_checks(late, database, identity.pipeline)) if database else None
        files = stack.enter_context(Writer(folder))
        for name in sorted(written):
            files.register(name)
        if database:
            with progress.phase("export"):
                rows = {name: int(table["rows"]) for name, table in tables.items()}
                export(pipeline, endpoints, files, build=identity.id, rows=rows, say=progress.say)
        if drawing:
            with progress.phase("report"):
                files.write(report.NAME, drawing.page())
        if passed:
            with progress.phase("checks"):
                passed.result()
        with progress.phase("manifest"):
            job.check_sources()
            content = manifest.describe(identity, pipeline, tables, rules, files.entries())
            files.write(manifest.NAME, manifest.render(content))
        with progress.phase("publish"):
            manifest.sweep(folder, content)
            files.finish()
    return content


def _make_tables(
    job: Job, folder: Path, database: Path | None, writer: duckdb.DuckDBPyConnection, checks: list[Check]
) -> tuple[dict[str, dict[str, int | str]], list[str]]:
    """Generate all tables and write them: rows and digest of each, and the names of the files."""
    digests, written = Digests(), [] if database is None else [database.name]
    target = str(folder / manifest.PARQUET) if "parquet" in job.pipeline.outputs else None

    def recorded(parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            digests.add(part.table, part.count, part.digest)
            written.extend([f"{manifest.PARQUET}/{part.file.name}"] if part.file else [])
            yield part
            job.progress.loaded(part.count)
        job.progress.end()

    with contextlib.closing(generate(job, target)) as parts:
        if database:
            _load(job, recorded(parts), database, writer, checks)
        else:
            for _ in recorded(parts):
                pass
    return {name: digests.of(name) for name in job.pipeline.schema.tables}, written


def _load(
    job: Job, parts: Iterator[Part], database: Path, writer: duckdb.DuckDBPyConnection, checks: list[Check]
) -> None:
    """Load all parts and run the checks in one transaction."""
    progress = job.progress
    with Loader(database, job.pipeline.schema, writer) as loader:
        for part in parts:
            with progress.phase("load"):
                try:
                    loader.insert(part.table, part.rows)
                except EtlError as error:
                    raise explain(job.plan, part, error) from error
        loader.write_last_ids()
        with progress.phase("checks"):
            run_checks([check for check in checks if not check.finished], loader.query, job.identity.pipeline)
        with progress.phase("commit"):
            loader.commit()


def _about(
    identity: Identity, pipeline: Pipeline, tables: Mapping[str, Mapping[str, Any]], rules: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The description of a build for its report."""
    descriptions = {
        name: {
            "rows": tables[name]["rows"],
            "description": table.description,
            "columns": {column.name: column.description for column in table.columns.values()},
        }
        for name, table in pipeline.schema.tables.items()
    }
    params = {stage.name: stage.params.model_dump() for stage in pipeline.stages.values() if stage.contract}
    return report.about(identity.id, identity.pipeline, tables=descriptions, params=params, checks=rules)


class Project(NamedTuple):
    """A valid pipeline with its endpoints and checks."""

    pipeline: Pipeline
    endpoints: list[Endpoint]
    checks: list[Check]


def read_project(source: Source, *, full: bool = False) -> Project:
    """Read a pipeline and all of its files, with the checks of ``check --full`` if ``full``. Raises Mistakes."""
    pipeline = validate(source)
    mistakes: list[EtlError] = []
    endpoints, checks = list[Endpoint](), list[Check]()
    try:
        shown, in_full = display_path(pipeline.checks), source.namer()
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
            endpoints = read_endpoints(pipeline.api, display_path(pipeline.api), pipeline.schema)
    except Mistakes as error:
        mistakes += error.mistakes
    if mistakes:
        raise Mistakes(mistakes)
    return Project(pipeline, endpoints, checks)
