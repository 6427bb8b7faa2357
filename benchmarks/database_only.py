"""Our own pipeline, the database alone: no checks in SQL, no export, no manifest.

    python -m benchmarks.database_only ROSTERS SEED OUTPUT

Two things are done all the same, because they belong to a shard: the rules over its numbers, and its digest.
"""

from __future__ import annotations

import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import ROOT, ROSTERS

#: The windows of pipeline.yaml: which rosters, of 250.
WINDOWS = {"window1": (1, 80), "window2": (81, 160), "window3": (161, 250)}


def changes(rosters: int) -> list[str]:
    """What makes the default world as large: as the command line's ``--set`` takes it."""
    bounds = {
        name: [(low - 1) * rosters // ROSTERS + 1, high * rosters // ROSTERS] for name, (low, high) in WINDOWS.items()
    }
    return [
        f"stages.classes.params.count={rosters}",
        *(f"stages.{name}.params.rosters={bound}" for name, bound in bounds.items()),
    ]


def _connect() -> Any:  # noqa: ANN401 -- DuckDB is imported in the thread, as etl.build.run does it
    from etl.tables.sqlite import connect  # noqa: PLC0415

    return connect()


def main(rosters: int, seed: int, output: Path) -> None:
    """Fill a new database."""
    gc.set_threshold(100_000)  # as in a run
    with ThreadPoolExecutor(max_workers=1) as beside:
        opening = beside.submit(_connect)
        from etl.config.source import load  # noqa: PLC0415 -- while DuckDB is loaded
        from etl.pipeline.validate import validate  # noqa: PLC0415 -- while DuckDB is loaded

        pipeline = validate(load(ROOT / "pipeline.yaml", changes=changes(rosters), seed=seed))
        connection = opening.result()
    from etl.run.engine import generate_locally  # noqa: PLC0415 -- needs what was imported just now
    from etl.run.plan import make_plan  # noqa: PLC0415
    from etl.run.progress import Progress  # noqa: PLC0415
    from etl.tables.sqlite import Loader  # noqa: PLC0415

    with Loader(output, pipeline.schema, connection) as loader:
        for part in generate_locally(make_plan(pipeline), Progress(), workers=max(1, (os.cpu_count() or 1) - 1)):
            loader.insert(part.table, part.rows)
        loader.commit()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    os._exit(0)  # as a run ends
