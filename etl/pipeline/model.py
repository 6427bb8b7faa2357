"""A validated pipeline: its stages, and all that they need to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.config.node import Node
    from etl.config.source import Source
    from etl.errors import Where
    from etl.generator.signature import Contract
    from etl.pipeline.forms import Site
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.schema import Schema


@dataclass(frozen=True)
class Shard:
    """How a stage is cut: ``rows`` rows of its input ``by`` at a time."""

    by: str
    rows: int


@dataclass(frozen=True)
class Stage:
    """A named step that yields record batches."""

    name: str
    kind: str  # csv, python or sql
    node: Node
    where: Where
    inputs: Mapping[str, str] = field(default_factory=dict)  # the name inside of the stage: the stage that it is
    params: Any = None  # a pydantic model for python, a dict for sql
    values: Mapping[str, Any] = field(default_factory=dict)  # the params of python that are right, when others are not
    path: Path | None = None  # the file of csv and sql ...
    shown: str = ""  # ... and its name in messages
    text: str = ""  # of sql: what is in the file, which may be gone when the stage runs
    generator: str = ""
    contract: Contract | None = None
    table: str | None = None  # None for an internal stage
    check: str | None = None  # the rule that holds when the stage yields no rows
    shard: Shard | None = None
    gather: bool = False  # runs once after all shards, over all that they yielded
    internal: bool = False
    wrong: frozenset[str] = frozenset()  # keys with mistakes: no rule that needs them is worth a word


#: The function that draws the report where a pipeline names none.
GENERAL_REPORT = "etl.site.report.general:draw"


@dataclass(frozen=True)
class Pipeline:
    """A validated pipeline."""

    source: Source
    name: str
    seed: int
    as_of: str
    site: Site
    database: str
    schema: Schema
    checks: Path
    api: Path | None
    outputs: tuple[str, ...]
    report: str | None  # the function that draws it
    version: int | None  # of the generators that short names are looked up in
    stages: Mapping[str, Stage]
    references: Mapping[str, Reference]  # the rows of each csv stage

    def stage_of_table(self, table: str) -> Stage | None:
        """The stage that fills a table."""
        return next((stage for stage in self.stages.values() if stage.table == table), None)


def upstream_of(stage: Stage, stages: Mapping[str, Stage]) -> list[Stage]:
    """Every stage whose rows a stage's rows depend on, the nearest first; of those that there are."""
    found: dict[str, Stage] = {}
    waiting = [stage]
    for current in waiting:
        for name in current.inputs.values():
            if name in stages and name not in found:
                found[name] = stages[name]
                waiting.append(stages[name])
    return list(found.values())
