"""Diagnose the estimators over hundreds of worlds of each pipeline, by seed; ``make study``.

    python -m benchmarks.coverage --seeds 500

Only the stages are run that the assignments' rows of ``impact_estimates`` need; nothing is loaded or written.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import ROOT
from benchmarks.diagnosis import FIELDS, diagnosed
from benchmarks.power import curves
from benchmarks.study import document, pictures
from benchmarks.worlds import World
from etl.school.estimates import impact_estimates
from etl.school.estimators import ESTIMATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.diagnosis import Diagnosis

    Floats = NDArray[np.float64]

WORLDS = {
    "default": "pipeline.yaml",
    "null": "pipelines/null.yaml",
    "ela": "pipelines/ela.yaml",
    "realistic": "pipelines/realistic.yaml",
    "regression": "pipelines/regression.yaml",
    "clustered": "pipelines/clustered.yaml",
    "biased": "pipelines/biased.yaml",
}
SUMS = "gain_sums"


def estimated(path: str, seed: int, *changes: str) -> Floats:
    """The estimates in the world of a seed: by estimator, assignment and field; NaN where there is no interval."""
    world = World(path, seed, *changes)
    plan, sums = world.plan, []
    for start in range(0, world.tables["classes"].num_rows, plan.rows):
        table = world.run(plan.per_shard, slice(start, start + plan.rows))[SUMS]
        sums.append(table.filter(pc.is_null(table["standard_id"])))  # whole assignments only
    rows = [row for row in impact_estimates(pa.concat_tables(sums)).to_pylist() if row["scope"] == "assignment"]
    cells = [[np.nan if row["low"] is None else row[name] for name in FIELDS] for row in rows]
    return np.array(cells, dtype=float).reshape(len(ESTIMATORS), -1, len(FIELDS))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, and write the document and the pictures beside it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="worlds of each pipeline, from seed 1 on")
    parser.add_argument("--power-worlds", type=int, default=30, help="worlds of a thousand rosters for each effect")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--only", action="append", choices=WORLDS, help="this pipeline, not all of them")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/study.md", help="the document")
    options = parser.parse_args(arguments)
    found: dict[str, dict[str, Diagnosis]] = {}
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        for name in options.only or WORLDS:
            worlds = np.stack(list(pool.map(estimated, repeat(WORLDS[name]), range(1, options.seeds + 1), chunksize=5)))
            found[name] = {estimator: diagnosed(worlds[:, place]) for place, estimator in enumerate(ESTIMATORS)}
            for estimator, diagnosis in found[name].items():
                print(f"{name}, {estimator}: {diagnosis.summary()}", flush=True)
        power = curves(options.power_worlds, pool)
    options.out.write_text(document(found, power, options.seeds, options.out.stem), encoding="utf-8")
    for suffix, picture in pictures(found, power).items():
        options.out.with_name(f"{options.out.stem}-{suffix}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
