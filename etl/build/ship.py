"""Ships a build as Parquet to any file system, without links or locks: a folder with a manifest is complete."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.build import manifest
from etl.build.outputs import write_tables
from etl.config.identity import identify
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.run.job import Job
from etl.run.plan import make_plan
from etl.tables.parquet import check_exclusive, delete_file, open_target, sync_files, write_file

if TYPE_CHECKING:
    from etl.config.source import Source
    from etl.run.job import Execution
    from etl.run.progress import Progress


def ship_tables(source: Source, url: str, *, progress: Progress, execution: Execution) -> str:
    """Write a pipeline's tables as Parquet below ``url``, in a folder named by the build id, the manifest last.

    Returns the folder's URL. Raises EtlError when the pipeline, the engine or the target is not usable.
    """
    identity = identify(source)
    with progress.phase("validate"):
        pipeline = validate(source)
    if pipeline.outputs != ("parquet",):
        node = source.tree.get("outputs")
        message = "outputs: ship only writes Parquet; say outputs: [parquet], or --set outputs=[parquet]"
        raise EtlError(message, node.where if node else None)
    job = Job(source, identity, make_plan(pipeline), progress, execution)
    folder = f"{url.rstrip('/')}/{identity.id}"
    target, parts = open_target(folder), re.compile(rf"{manifest.PARQUET}/[^/]+/part-[0-9]{{5,}}\.parquet")
    delete_file(target, manifest.NAME)  # the folder is incomplete until all files are written again
    check_exclusive(target, lambda name: bool(parts.fullmatch(name)), folder)
    tables, files = write_tables(job, folder)
    job.check_sources()
    check_exclusive(target, files.__contains__, folder)
    with progress.phase("sync"):
        sync_files(target, files)
    rules = manifest.rules(pipeline, [])
    content = manifest.describe(identity, pipeline, tables=tables, checks=rules, live={}, files=files)
    write_file(target, manifest.NAME, manifest.render(content), durable=True)
    return folder
