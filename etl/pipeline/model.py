"""A validated pipeline and its stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.config.node import Node
    from etl.config.source import Source
    from etl.errors import Where
    from etl.generator.signature import Contract
    from etl.pipeline.forms import Shard, Site
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.schema import Schema


@dataclass(frozen=True)
class Stage:
    """A named step that yields record batches."""

    name: str
    kind: str  # a key of KINDS in etl.pipeline.forms
    node: Node
    where: Where
    inputs: Mapping[str, str] = field(default_factory=dict)  # stages by the names that the stage uses for them
    params: Any = None  # a pydantic model for python, a dict for sql
    values: Mapping[str, Any] = field(default_factory=dict)  # the valid params of a python stage
    path: Path | None = None  # the file that it reads
    options: Any = None  # how the file is written
    file: str = ""  # its name in messages
    text: str = ""  # of the sql file, which may be deleted before the stage runs
    generator: str = ""
    contract: Contract | None = None
    table: str | None = None  # None for an internal stage
    check: str | None = None  # the rule that is met if the stage yields no rows
    shard: Shard | None = None
    gather: bool = False  # runs once, over the rows of all shards
    internal: bool = False
    invalid_keys: frozenset[str] = frozenset()  # rules that need one of these are skipped


#: The function that draws the report if the pipeline names none.
GENERAL_REPORT = "etl.site.report.general:draw"


class Export(NamedTuple):
    """A bundle of CSV files, by the folder of their queries."""

    folder: Path
    omit_empty: bool


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
    checks: Path | None
    api: Path | None
    exports: Mapping[str, Export]
    picture: Path | None  # the query of the front page's
    outputs: tuple[str, ...]
    report: str | None  # the function that draws it, package.module:function
    version: int | None  # of the module of generators
    stages: Mapping[str, Stage]
    references: Mapping[str, Reference]  # by stage that reads a file

    def stage_of_table(self, table: str) -> Stage | None:
        """The stage that fills a table."""
        return next((stage for stage in self.stages.values() if stage.table == table), None)
