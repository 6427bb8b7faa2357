"""Asks the markers of a stage's params what is wrong with them, and says where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.pipeline.reference_data import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.pipeline.model import Stage
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.world import World


def check(stage: Stage, world: World) -> None:
    """Check what the markers of a stage's params ask for; the mistakes go to ``world.mistakes``."""
    if stage.contract is None:
        return
    params = stage.node.mapping().get("params")
    context = _Context(stage, world)
    for path, marker, value in stage.contract.marked(stage.values):
        node = params.at(*path) if params else None
        where = node.where if node else stage.where
        shown = ".".join(map(str, ("stages", stage.name, "params", *path)))
        world.mistakes += [EtlError(fault, where, shown) for fault in marker.faults(value, context)]


@dataclass(frozen=True)
class _Context:
    """What a stage's markers can look at: see :class:`etl.generator.params.Context`."""

    stage: Stage
    world: World

    @property
    def values(self) -> Mapping[str, Any]:
        return self.stage.values

    def reference(self, table: str) -> Reference | None:
        return self.world.reference_of_table(table)

    def lacks(self, table: str, column: str, value: object) -> str | None:
        return lacks(self.reference(table), column, value)

    def upstream(self, generator: Callable[..., Any], param: str) -> Mapping[str, Any]:
        return {
            stage.name: stage.values[param]
            for stage in self.world.upstream(self.stage)
            if stage.contract and stage.contract.function is generator and param in stage.values
        }
