"""A pipeline while it is validated, as its rules and the markers of params see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where
from etl.pipeline.graph import upstream_of
from etl.pipeline.reference_data import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.pipeline.model import Stage
    from etl.pipeline.query import Query
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.schema import Schema


@dataclass
class Draft:
    """What is known of a pipeline so far, and the mistakes in it."""

    stages: Mapping[str, Stage]  # without those that could not be read
    names: set[str]  # of every stage in the file
    schema: Schema | None
    references: dict[str, Reference] = field(default_factory=dict)  # by csv stage
    queries: dict[str, Query] = field(default_factory=dict)  # by sql stage
    mistakes: list[EtlError] = field(default_factory=list)

    def report(self, stage: Stage, path: str, message: str, where: Where) -> None:
        """Add a mistake at a path of a stage."""
        self.mistakes.append(EtlError(message, where, f"stages.{stage.name}.{path}"))

    def reference_of_table(self, table: str) -> Reference | None:
        """The rows of the csv stage that fills a table."""
        stages = (name for name, stage in self.stages.items() if stage.table == table and name in self.references)
        return next((self.references[name] for name in stages), None)


def check_markers(stage: Stage, draft: Draft) -> None:
    """Check the markers of a stage's params."""
    if stage.contract is None:
        return
    params = stage.node.mapping().get("params")
    context = _Context(stage, draft)
    for steps, marker, value in stage.contract.marked(stage.values):
        node = params.get(*steps) if params else None
        path = ".".join(map(str, ("params", *steps)))
        for fault in marker.faults(value, context):
            draft.report(stage, path, fault, node.where if node else stage.where)


@dataclass(frozen=True)
class _Context:
    """See :class:`etl.generator.params.Context`."""

    stage: Stage
    draft: Draft

    @property
    def values(self) -> Mapping[str, Any]:
        return self.stage.values

    def reference(self, table: str) -> Reference | None:
        return self.draft.reference_of_table(table)

    def lacks(self, table: str, column: str, value: object) -> str | None:
        return lacks(self.reference(table), column, value)

    def upstream(self, generator: Callable[..., Any], param: str) -> Mapping[str, Any]:
        return {
            stage.name: stage.values[param]
            for stage in upstream_of(self.stage, self.draft.stages)
            if stage.contract and stage.contract.function is generator and param in stage.values
        }
