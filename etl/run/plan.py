"""The graph of stages: in which order they run, which of them run by shard, and about how many rows they yield."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from etl.generator.size import Inputs, Size
from etl.generator.strangers import running
from etl.pipeline.model import upstream_of
from etl.pipeline.order import cut, in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.pipeline.model import Pipeline, Stage


@dataclass(frozen=True)
class Plan:
    """The stages in the order of running."""

    pipeline: Pipeline
    whole: tuple[Stage, ...]  # stages that run once, before the others
    sharded: tuple[Stage, ...]  # stages that run once a shard
    gathered: tuple[Stage, ...]  # stages that run once, over what all shards yielded
    by: str | None  # the stage whose rows are cut into shards
    rows: int  # rows of it in a shard

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in order."""
        return (*self.whole, *self.sharded, *self.gathered)

    @property
    def kept(self) -> set[str]:
        """The sharded stages whose results are gathered."""
        return {source for stage in self.gathered for source in stage.inputs.values()} & {
            stage.name for stage in self.sharded
        }

    def until(self, name: str) -> Plan:
        """The plan of one stage and of all that it needs."""
        needed = {name}
        for stage in reversed(self.stages):
            if stage.name in needed:
                needed.update(stage.inputs.values())
        whole, sharded, gathered = (
            tuple(stage for stage in some if stage.name in needed) for some in (self.whole, self.sharded, self.gathered)
        )
        return replace(self, whole=whole, sharded=sharded, gathered=gathered)

    def expected(self) -> dict[str, Size]:
        """About how large each stage's result is; nothing is run for it."""
        sizes: dict[str, Size] = {}
        for stage in self.stages:
            inputs = {name: sizes[source] for name, source in stage.inputs.items()}
            sizes[stage.name] = _size(stage, inputs, self.pipeline)
        return sizes


def make_plan(pipeline: Pipeline) -> Plan:
    """Order the stages: each after its inputs, else as in the file."""
    ordered = in_order(pipeline.stages)
    first = next((stage for stage in ordered if stage.shard), None)
    made = cut(ordered)
    return Plan(
        pipeline,
        tuple(stage for stage in ordered if stage.name not in made.sharded | made.gathered),
        tuple(stage for stage in ordered if stage.name in made.sharded),
        tuple(stage for stage in ordered if stage.name in made.gathered),
        made.by,
        first.shard.rows if first and first.shard else 0,
    )


def _size(stage: Stage, inputs: dict[str, Size], pipeline: Pipeline) -> Size:
    """The rows of a csv file; what a generator says; for a query, or one that says nothing, those of its largest input.

    Raises EtlError when the estimate of somebody's generator does.
    """
    if stage.kind == "csv":
        return Size(len(pipeline.references[stage.name].lines))
    if stage.check:
        return Size(0)
    if stage.contract and stage.contract.estimate:
        upstream = upstream_of(stage, pipeline.stages)

        def param(generator: Callable[..., Any], name: str) -> Any:  # noqa: ANN401 -- any param
            alike = (other for other in upstream if other.contract and other.contract.function is generator)
            return next((other.values[name] for other in alike if name in other.values), None)

        with running(stage, pipeline.source.root, f"the rows of {stage.generator} cannot be estimated"):
            found = stage.contract.estimate(stage.params, Inputs(inputs, param))
        return found if isinstance(found, Size) else Size(found)
    return Size(max((size.rows for size in inputs.values()), default=0))
