"""Estimates the disk space of a build, so that one that cannot fit is refused before it starts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where
from etl.tables.sqlite import PAGE_SIZE

if TYPE_CHECKING:
    from pathlib import Path

    from etl.run.plan import Plan

#: Bytes of a row in SQLite with its share of the indexes, unless its generator has an estimate: narrow tables of the
#: default world take 82 and 111.
ROW = 100

#: Least number of pages of a table: one for rows and one for an index.
PAGES = 2

#: Bytes of exported JSON per byte of the database, measured on the default world.
JSON = 1.1

#: Bytes of the pages, the manifest and the documents of the API, and of answers that even the smallest world has.
SITE = 1_000_000

#: Bytes of Parquet per byte of SQLite, likewise.
PARQUET = 0.2

GIGABYTE = 1_000_000_000


def estimate(plan: Plan) -> int:
    """The estimated size of a build in bytes: within 25 % for the worlds that the tests build."""
    sizes, pipeline = plan.expected(), plan.pipeline
    filled = [sizes[stage.name] for stage in plan.stages if stage.table]
    rows = sum(size.rows * (size.width or ROW) for size in filled)
    answers = sizes[plan.by].rows if plan.by else 0  # an endpoint has, for example, one per class
    exported = pipeline.api and answers <= pipeline.site.static_limit  # above it they are only served live
    sqlite = rows * (1 + JSON * bool(exported)) + PAGES * PAGE_SIZE * len(pipeline.schema.tables) + SITE
    return round(sqlite * ("sqlite" in pipeline.outputs) + rows * PARQUET * ("parquet" in pipeline.outputs))


def check(plan: Plan, folder: Path, free: int | None = None) -> None:
    """Check that a build fits into ``free`` bytes, by default those of the folder's disk. Raises EtlError."""
    needed = estimate(plan)
    free = shutil.disk_usage(folder).free if free is None else free
    if needed > free:
        message = (
            f"the world needs about {format_size(needed)}, and {format_size(free)} are free there; "
            "make it smaller, or name a folder on another disk: --out"
        )
        raise EtlError(message, Where(str(folder)))


def format_size(size: int) -> str:
    """A size in MB or GB."""
    return f"{size / GIGABYTE:,.1f} GB" if size >= GIGABYTE else f"{size / 1e6:,.1f} MB"
