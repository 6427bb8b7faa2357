"""A pipeline while it is validated, as its rules and the markers of params see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.errors import EtlError, Where, did_you_mean
from etl.pipeline.graph import upstream_of
from etl.pipeline.reference_data import lacks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType

    from etl.config.node import Node
    from etl.config.source import Source
    from etl.pipeline.model import Stage
    from etl.pipeline.query import Query
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.schema import Schema


@dataclass
class Draft:
    """What is known of a pipeline so far, and the mistakes in it."""

    source: Source
    mistakes: list[EtlError]
    schema: Schema | None = None
    generators: ModuleType | None = None  # in which short names are looked up
    stages: Mapping[str, Stage] = field(default_factory=dict)  # without those that could not be read
    references: dict[str, Reference] = field(default_factory=dict)  # by stage that reads a file
    queries: dict[str, Query] = field(default_factory=dict)  # by sql stage

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Every stage of the file."""
        stages = self.source.tree.get("stages")
        return stages.mapping() if stages else {}

    def add(self, path: str, message: str, where: Where) -> None:
        """Add a mistake at a path of the pipeline."""
        self.mistakes.append(EtlError(message, where, path))

    def report(self, stage: Stage, path: str, message: str, where: Where) -> None:
        """Add a mistake at a path of a stage."""
        self.add(f"stages.{stage.name}.{path}", message, where)

    def path(self, node: Node | None, path: str, kind: str = "file") -> Path | None:
        """The ``file``, ``folder`` or ``file or folder`` that a value names; None if it is not there."""
        if node is None or not isinstance(node.scalar, str):
            return None  # reported by the model
        try:
            resolved = self.source.resolve(node)
        except EtlError as error:
            self.mistakes.append(error.under(path))
            return None
        if message := _fault(resolved, self.source.root, node.scalar, kind):
            self.add(path, message, node.where)
            return None
        return resolved

    def reference_of_table(self, table: str) -> Reference | None:
        """The rows of the file that fills a table."""
        stages = (name for name, stage in self.stages.items() if stage.table == table and name in self.references)
        return next((self.references[name] for name in stages), None)


def _fault(path: Path, root: Path, name: str, kind: str) -> str:
    """A message if a path is outside the project, or of another kind."""
    if not path.is_relative_to(root):
        return f"{name} is outside the project"
    if ("file" in kind and path.is_file()) or ("folder" in kind and path.is_dir()):
        return ""
    if path.exists():
        return f"{name} is a file; name a folder" if kind == "folder" else f"{name} is a folder; name a file in it"
    if kind == "folder":
        return f"there is no folder {name}"
    near = did_you_mean(path.name, [entry.name for entry in path.parent.glob(f"*{path.suffix}")])
    return f"there is no file {name}{near}"


def check_markers(stage: Stage, draft: Draft) -> None:
    """Check the markers of a stage's params."""
    if stage.contract is None:
        return
    params = stage.node.mapping().get("params")
    context = _Context(stage.values, stage, draft)
    for steps, marker, value in stage.contract.marked(stage.values):
        node = params.get(*steps) if params else None
        path = ".".join(map(str, ("params", *steps)))
        for fault in marker.faults(value, context):
            draft.report(stage, path, fault, node.where if node else stage.where)


class _Context(NamedTuple):
    """See :class:`etl.generator.params.Context`."""

    values: Mapping[str, Any]
    stage: Stage
    draft: Draft

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
