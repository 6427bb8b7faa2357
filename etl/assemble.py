"""Fills the folder of a build: validate, generate, load, check, export, describe."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from etl import manifest
from etl.checks import read_checks, run_checks
from etl.config import shown_name, validate
from etl.digest import Digests
from etl.engines import local
from etl.errors import EtlError
from etl.load import Loader, connect
from etl.plan import make_plan
from etl.publish.endpoints import read_endpoints
from etl.publish.export import export
from etl.publish.site import check_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from etl.build import How
    from etl.checks import Check
    from etl.config import Pipeline, Source
    from etl.identity import Identity
    from etl.parquet import Target
    from etl.plan import Plan
    from etl.progress import Progress
    from etl.publish.endpoints import Endpoint
    from etl.shards import Part

#: The folder of a build that holds its Parquet files.
PARQUET = "parquet"


def assemble(source: Source, identity: Identity, folder: Path, progress: Progress, how: How) -> dict[str, Any]:
    """Make the files of a build in an empty folder: its manifest, which is written last."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        opened = beside.submit(connect)  # loading DuckDB's extension takes as long as the validation
        with progress.phase("validate"):
            pipeline = validate(source)
            check_site(pipeline)
            endpoints = read_endpoints(pipeline.api, shown_name(pipeline.api), pipeline.schema) if pipeline.api else []
            checks = read_checks(pipeline.checks, shown_name(pipeline.checks), pipeline.schema)
            plan = make_plan(pipeline)
        with progress.phase("open DuckDB"):
            connection = opened.result()
    sizes = plan.expected()
    progress.begin(sum(sizes[stage.name].rows for stage in plan.stages if stage.table))
    target = str(folder / PARQUET) if "parquet" in pipeline.outputs else None
    made = parts_of(plan, source, identity, progress, how, target)
    with contextlib.closing(connection):
        if "sqlite" in pipeline.outputs:
            digests = _load(pipeline, identity, folder / pipeline.database, made, connection, checks, progress)
        else:
            digests = _count(made, progress)
    tables = {name: digests.of(name) for name in pipeline.schema.tables}
    if "sqlite" in pipeline.outputs:
        with progress.phase("export"):
            _export(pipeline, endpoints, folder, identity.id, {name: int(of["rows"]) for name, of in tables.items()})
    with progress.phase("manifest"):
        held = checks if "sqlite" in pipeline.outputs else []
        content = manifest.describe(identity, pipeline, tables, held, manifest.files_of(folder))
        manifest.write(content, folder)
    return content


def parts_of(
    plan: Plan, source: Source, identity: Identity, progress: Progress, how: How, target: str | None
) -> Iterator[Part]:
    """The parts of all tables, from the engine that was asked for."""
    workers = how.workers or os.cpu_count() or 1
    if how.engine == "local":
        from etl.parquet import open_target  # noqa: PLC0415 -- most runs write no Parquet

        where: Target | None = open_target(target) if target else None
        return local.results(plan, progress, workers=workers, target=where)
    from etl.engines import dask  # noqa: PLC0415 -- an extra

    if target is None or "sqlite" in plan.pipeline.outputs:
        raise EtlError("the engine dask writes Parquet alone; say outputs: [parquet], or --set outputs=[parquet]")
    return dask.results(plan, source, identity, progress, target=target, scheduler=how.scheduler, workers=workers)


def _load(
    pipeline: Pipeline,
    identity: Identity,
    path: Path,
    made: Iterator[Part],
    connection: duckdb.DuckDBPyConnection,
    checks: list[Check],
    progress: Progress,
) -> Digests:
    """Load all parts in one transaction, and hold the checks in it."""
    digests = Digests()
    with Loader(path, pipeline.schema, connection) as loader:
        for part in made:
            with progress.phase("load"):
                loader.insert(part.table, part.rows)
            digests.add(part.table, part.count, part.digest)
            progress.loaded(part.count)
        progress.end()
        with progress.phase("checks"):
            run_checks(checks, loader.query, identity.pipeline)
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


def _export(pipeline: Pipeline, endpoints: list[Endpoint], folder: Path, build: str, rows: dict[str, int]) -> None:
    sha256 = manifest.sha256(folder / pipeline.database)
    export(pipeline, endpoints, folder, build=build, rows=rows, sha256=sha256)
