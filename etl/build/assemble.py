"""Makes the files of a build: validate, generate, load, check, export, draw the report, write the manifest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.build import manifest, report, space
from etl.build.outputs import write_database, write_tables
from etl.config.files import Writer
from etl.config.source import display_path
from etl.errors import EtlError, Mistakes
from etl.pipeline.validate import validate
from etl.run.job import Job
from etl.run.plan import make_plan
from etl.site.bundles import Bundle, read_bundle, write_bundle
from etl.site.endpoint import Endpoint
from etl.site.export import export
from etl.site.read_endpoints import read_endpoints
from etl.tables.checks import Check, read_checks, running_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    import duckdb

    from etl.build.outputs import Written
    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.job import Execution
    from etl.run.progress import Progress


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
        project = read_project(source)
        pipeline = project.pipeline
        job = Job(source, identity, make_plan(pipeline), progress, execution)
        space.check(job.plan, folder.parent)
    with progress.phase("open DuckDB"):
        writer = connection.result()
    database = folder / pipeline.database if "sqlite" in pipeline.outputs else None
    rules = manifest.rules(pipeline, project.checks if database else [])
    with report.reporting(pipeline.report if database else None) as drawing, Writer(folder) as files:
        with contextlib.closing(writer):
            checks = [check for check in project.checks if not check.finished]
            written = write_database(job, database, writer, checks) if database else write_tables(job, str(folder))
        pa.default_memory_pool().release_unused()  # 100 MB, which the export of a large world needs
        for name in sorted([*written.files, *([database.name] if database else [])]):
            files.register(name)
        if drawing and database:
            drawing.draw(database, _about(identity, pipeline, written.tables, rules))
        live = _write_site(job, project, written, files, drawing) if database else {}
        with progress.phase("manifest"):
            job.check_sources()
            content = manifest.describe(
                identity, pipeline, tables=written.tables, checks=rules, live=live, files=files.entries()
            )
            files.write(manifest.NAME, manifest.render(content))
        with progress.phase("publish"):
            manifest.sweep(folder, content)
            files.finish()
    return content


def _write_site(
    job: Job, project: Project, written: Written, files: Writer, drawing: report.Report | None
) -> dict[str, dict[str, int]]:
    """Export the finished database, and the report that is being drawn; run the checks of the file meanwhile.

    Returns what :func:`etl.site.export.export` does.
    """
    pipeline, progress, path = job.pipeline, job.progress, files.folder / job.pipeline.database
    checks = [check for check in project.checks if check.finished]
    with running_checks(checks, path, job.identity.pipeline) as passed:
        with progress.phase("export"):
            rows = {name: int(table["rows"]) for name, table in written.tables.items()}
            for bundle in project.bundles:
                write_bundle(bundle, path, pipeline.as_of, files)
            live = export(pipeline, project.endpoints, files, build=job.identity.id, rows=rows, say=progress.say)
        if drawing:
            with progress.phase("report"):
                files.write(report.NAME, drawing.page())
        with progress.phase("checks"):
            passed.result()
    return live


def _about(identity: Identity, pipeline: Pipeline, tables: Mapping[str, Any], rules: list[Any]) -> dict[str, Any]:
    """The description of a build for its report."""
    made = {"build": identity.id, "pipeline": identity.pipeline, "tables": tables, "checks": rules}
    descriptions = {
        table.name: {
            "description": table.description,
            "columns": {column.name: column.description for column in table.columns.values()},
        }
        for table in pipeline.schema.tables.values()
    }
    params = {stage.name: stage.params.model_dump() for stage in pipeline.stages.values() if stage.contract}
    return report.about(made, descriptions, params)


class Project(NamedTuple):
    """A valid pipeline with its endpoints, checks and bundles."""

    pipeline: Pipeline
    endpoints: list[Endpoint]
    checks: list[Check]
    bundles: list[Bundle]


def read_project(source: Source, *, full: bool = False) -> Project:
    """Read a pipeline and all of its files, with the checks of ``check --full`` if ``full``. Raises Mistakes."""
    pipeline = validate(source)
    mistakes: list[EtlError] = []
    endpoints, checks = list[Endpoint](), list[Check]()
    with _collecting(mistakes):
        shown, in_full = display_path(pipeline.checks) if pipeline.checks else "", source.namer()
        checks = read_checks(pipeline.checks, shown, pipeline.schema, full=full, in_full=in_full)
    effective = source.tree.plain()
    for check in checks:
        with _collecting(mistakes):
            check.stages(effective)
    with _collecting(mistakes):
        if pipeline.api:
            endpoints = read_endpoints(pipeline.api, display_path(pipeline.api), pipeline.schema)
    bundles = []
    for name, (folder, omit_empty) in pipeline.exports.items():
        with _collecting(mistakes):
            shown = display_path(folder)
            bundles.append(read_bundle(name, folder, shown, pipeline.schema, omit_empty=omit_empty))
    if mistakes:
        raise Mistakes(mistakes)
    return Project(pipeline, endpoints, checks, bundles)


@contextlib.contextmanager
def _collecting(mistakes: list[EtlError]) -> Iterator[None]:
    """Add the errors of a block to a list."""
    try:
        yield
    except Mistakes as error:
        mistakes += error.mistakes
    except EtlError as error:
        mistakes.append(error)
