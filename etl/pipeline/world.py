"""All stages of a pipeline that is being validated, and their reference data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where
from etl.pipeline.model import upstream_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.pipeline.model import Stage
    from etl.pipeline.query import Query
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.schema import Schema


@dataclass
class World:
    """Everything that a rule can look at."""

    stages: Mapping[str, Stage]  # without those that are too broken to look at
    names: set[str]  # of every stage in the file
    schema: Schema | None
    rows: dict[str, Reference] = field(default_factory=dict)  # of each csv stage whose file there is
    queries: dict[str, Query] = field(default_factory=dict)  # of each sql stage whose file there is
    mistakes: list[EtlError] = field(default_factory=list)

    def say(self, stage: Stage, path: str, message: str, where: Where) -> None:
        """Report a mistake at a path of a stage."""
        self.mistakes.append(EtlError(message, where, f"stages.{stage.name}.{path}"))

    def reference_of_table(self, table: str) -> Reference | None:
        """The rows of the csv stage that fills a table."""
        return next((self.rows[stage.name] for stage in self.stages.values() if self._fills(stage, table)), None)

    def _fills(self, stage: Stage, table: str) -> bool:
        return stage.table == table and stage.name in self.rows

    def upstream(self, stage: Stage) -> list[Stage]:
        """Every stage whose rows a stage's rows depend on."""
        return upstream_of(stage, self.stages)
