"""The worlds of many seeds, with as little work as their estimates need."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks import ROOT
from etl.config.source import load
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from etl.run.shards import run_once
from etl.run.stages import run_stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.pipeline.model import Stage
    from etl.run.plan import Plan

    Tables = dict[str, pa.Table]

TABLE = "impact_estimates"


class World:
    """The world of a seed."""

    def __init__(self, path: str, seed: int, *changes: str) -> None:
        """Make what comes before the shards. ``path``: of the pipeline; ``changes``: as of ``--set``."""
        self.plan, tables = _reference(path, changes)
        self._pipeline = replace(self.plan.pipeline, seed=seed)
        self.tables = dict(tables)
        self.tables = self.run(stage for stage in self.plan.once if stage.kind == "python")

    def run(self, stages: Iterable[Stage], rows: slice = slice(None)) -> Tables:
        """Run stages in order, for some of the classes, and return all tables; students get no names."""
        tables = {**self.tables, "classes": self.tables["classes"][rows]}
        for stage in stages:
            if stage.name == "students":
                tables[stage.name] = _students(tables["classes"])
            else:
                inputs = {name: tables[source] for name, source in stage.inputs.items()}
                tables[stage.name] = run_stage(stage, inputs, self._pipeline)
        return tables


def _students(classes: pa.Table) -> pa.Table:
    sizes, first = classes["size"].to_numpy(), int(classes["first_student"][0].as_py())
    ids = np.arange(first, first + sizes.sum())
    return pa.table({"id": ids, "roster_id": np.repeat(classes["id"].to_numpy(), sizes)})


@cache  # a process validates each pipeline once, and makes once what does not depend on the seed
def _reference(path: str, changes: tuple[str, ...]) -> tuple[Plan, Tables]:
    plan = make_plan(validate(load(ROOT / path, changes=changes))).until(TABLE)
    return plan, run_once(plan)
