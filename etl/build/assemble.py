"""Makes the files of a build: validate, generate, load, check, export, draw the report, write the manifest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.build import manifest, report, space
from etl.build.outputs import Written, write_database, write_tables
from etl.config.source import display_path
from etl.errors import EtlError, Mistakes
from etl.pipeline.validate import validate
from etl.run.job import Job
from etl.run.plan import make_plan
from etl.site.bundles import Bundle, read_bundle, write_bundle
from etl.site.endpoint import Endpoint
from etl.site.export import export
from etl.site.picture import read_picture
from etl.site.read_endpoints import read_endpoints
from etl.tables.checks import Check, read_checks, run_checks, running_checks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import duckdb

    from etl.build.donor import Donor
    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.job import Execution
    from etl.run.progress import Progress
    from etl.site.query_file import Query
    from etl.tables.files import Writer


def assemble(  # noqa: PLR0913 -- the context of a run
    source: Source,
    identity: Identity,
    files: Writer,
    donor: Donor | None,
    *,
    progress: Progress,
    execution: Execution,
    connect: Callable[[], duckdb.DuckDBPyConnection],
) -> dict[str, Any]:
    """Make the files of a build, the manifest last: its content. Raises EtlError.

    The rows are those of a ``donor``, if there is one and it is undamaged.
    """
    folder = files.folder
    with progress.phase("validate"):
        project = read_project(source)
        pipeline = project.pipeline
        job = Job(source, identity, make_plan(pipeline), progress, execution)
        if donor is None:
            space.check(job.plan, folder.parent)
    database = folder / pipeline.database if "sqlite" in pipeline.outputs else None
    rules = manifest.rules(pipeline, project.checks if database else [])
    page = donor.report_for(identity) if donor else None
    function = None if page or not database else pipeline.report
    with report.reporting(function) as drawing:
        if donor and not _take_rows(donor, files, progress):
            donor = None
        written = Written(donor.content["tables"], {}) if donor else _write_rows(job, files, connect)
        about = _about(identity, pipeline, written.tables, rules)
        if drawing and database:
            drawing.draw(database, about)
        live = _write_site(job, project, about, files, donor) if database else {}
        if drawing:
            with progress.phase("report"):
                page = drawing.page()
        if page:
            files.write(report.NAME, page)
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


def _take_rows(donor: Donor, files: Writer, progress: Progress) -> bool:
    """Take the rows of a donor. Returns False if it is damaged."""
    with progress.phase("take"):
        taken = donor.give_rows(files)
    if taken:
        progress.say(f"no change affects rows; reusing those of build {donor.build}")
    else:
        progress.warn(f"the build {donor.folder.name} is damaged; its rows are made again")
    return taken


def _write_rows(job: Job, files: Writer, connect: Callable[[], duckdb.DuckDBPyConnection]) -> Written:
    """Generate the tables into a database and into Parquet files."""
    with job.progress.phase("open DuckDB"):
        writer = connect()
    names = [job.pipeline.database] if "sqlite" in job.pipeline.outputs else []
    with contextlib.closing(writer):
        if names:
            written = write_database(job, files.folder / job.pipeline.database, writer)
        else:
            written = write_tables(job, str(files.folder))
    pa.default_memory_pool().release_unused()  # 100 MB, which the export of a large world needs
    for name in sorted([*written.files, *names]):
        files.register(name)
    return written


def _write_site(
    job: Job, project: Project, about: Mapping[str, Any], files: Writer, donor: Donor | None
) -> dict[str, dict[str, int]]:
    """Export the finished database; run the checks meanwhile, unless its rows are those of a donor that passed them.

    Returns what :func:`etl.site.export.export` does.
    """
    pipeline, progress, path = job.pipeline, job.progress, files.folder / job.pipeline.database
    checks = [] if donor and donor.has("report", job.identity) else project.checks
    taken = donor.answers_for(job.identity) if donor else None
    with running_checks(checks, path, job.identity.pipeline, progress.phase("checks")(run_checks)) as passed:
        with progress.phase("export"):
            rows = {name: int(table["rows"]) for name, table in about["tables"].items()}
            written = [write_bundle(bundle, path, pipeline.as_of, files) for bundle in project.bundles]
            facts: dict[str, Any] = {"build": job.identity.id, "rows": rows, "stages": about["stages"]}
            facts["picture"] = project.picture
            facts["downloads"] = [download for downloads in written for download in downloads]
            live = export(pipeline, project.endpoints, files, **facts, say=progress.say, taken=taken)
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
    """A valid pipeline with its endpoints, checks, bundles, and the query of its picture."""

    pipeline: Pipeline
    endpoints: list[Endpoint]
    checks: list[Check]
    bundles: list[Bundle]
    picture: Query | None


def read_project(source: Source, *, full: bool = False) -> Project:
    """Read a pipeline and all of its files, with the checks of ``check --full`` if ``full``. Raises Mistakes."""
    pipeline = validate(source)
    mistakes: list[EtlError] = []
    endpoints, checks = list[Endpoint](), list[Check]()
    with _collecting(mistakes):
        shown = display_path(pipeline.checks) if pipeline.checks else ""
        checks = read_checks(pipeline.checks, shown, pipeline.schema, full=full, in_full=source.full_name)
    effective = source.tree.plain()
    for check in checks:
        with _collecting(mistakes):
            check.stages(effective)
    with _collecting(mistakes):
        if pipeline.api:
            endpoints = read_endpoints(pipeline.api, display_path(pipeline.api), pipeline.schema, pipeline.as_of)
    picture = None
    if pipeline.picture:
        with _collecting(mistakes):
            picture = read_picture(pipeline.picture, display_path(pipeline.picture), pipeline.schema)
    bundles = []
    for name, (folder, omit_empty) in pipeline.exports.items():
        with _collecting(mistakes):
            shown = display_path(folder)
            bundles.append(read_bundle(name, folder, shown, pipeline.schema, omit_empty=omit_empty))
    if mistakes:
        raise Mistakes(mistakes)
    return Project(pipeline, endpoints, checks, bundles, picture)


@contextlib.contextmanager
def _collecting(mistakes: list[EtlError]) -> Iterator[None]:
    """Add the errors of a block to a list."""
    try:
        yield
    except Mistakes as error:
        mistakes += error.mistakes
    except EtlError as error:
        mistakes.append(error)
