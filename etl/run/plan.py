"""The execution plan: the order of the stages, which of them run per shard, and the expected number of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from etl.generator.size import Inputs, Size
from etl.pipeline.graph import in_order, sharding, upstream_of
from etl.run.guard import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.pipeline.model import Pipeline, Stage


@dataclass(frozen=True)
class Plan:
    """The stages in execution order, in three groups."""

    pipeline: Pipeline
    once: tuple[Stage, ...]  # run once, before the shards
    per_shard: tuple[Stage, ...]  # run once per shard
    after_shards: tuple[Stage, ...]  # run once, over the results of all shards
    by: str | None  # the stage whose rows are cut into shards
    rows: int  # rows of that stage per shard

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in order."""
        return (*self.once, *self.per_shard, *self.after_shards)

    @property
    def collected(self) -> set[str]:
        """Names of the per-shard stages whose results are inputs of ``after_shards``."""
        inputs = {source for stage in self.after_shards for source in stage.inputs.values()}
        return inputs & {stage.name for stage in self.per_shard}

    def until(self, name: str) -> Plan:
        """The plan for one stage and everything upstream of it."""
        needed = {name}
        for stage in reversed(self.stages):
            if stage.name in needed:
                needed.update(stage.inputs.values())
        once, per_shard, after_shards = (
            tuple(stage for stage in group if stage.name in needed)
            for group in (self.once, self.per_shard, self.after_shards)
        )
        by = self.by if per_shard else None
        return replace(self, once=once, per_shard=per_shard, after_shards=after_shards, by=by)

    def expected(self) -> dict[str, Size]:
        """The estimated size of each stage's result, by stage; nothing is run."""
        sizes: dict[str, Size] = {}
        for stage in self.stages:
            inputs = {name: sizes[source] for name, source in stage.inputs.items()}
            sizes[stage.name] = _size(stage, inputs, self.pipeline)
        return sizes

    def describe(self) -> list[dict[str, Any]]:
        """Each stage in order, as JSON values."""
        sizes, position = self.expected(), list(self.pipeline.stages).index
        return [
            {
                "stage": stage.name,
                "kind": stage.kind,
                "source": stage.generator or stage.file,
                "fills": stage.table,
                "check": stage.check,
                "inputs": sorted(set(stage.inputs.values()), key=position),
                "sharded": stage in self.per_shard,
                "gathered": stage in self.after_shards,
                "expected_rows": sizes[stage.name].rows,
            }
            for stage in self.stages
        ]


def make_plan(pipeline: Pipeline) -> Plan:
    """Order the stages: each after its inputs, otherwise as in the file."""
    ordered = in_order(pipeline.stages)
    found = sharding(ordered)
    once = tuple(stage for stage in ordered if stage.name not in found.per_shard | found.after_shards)
    per_shard = tuple(stage for stage in ordered if stage.name in found.per_shard)
    after_shards = tuple(stage for stage in ordered if stage.name in found.after_shards)
    rows = next((stage.shard.rows for stage in ordered if stage.shard), 0)
    return Plan(pipeline, once, per_shard, after_shards, found.by, rows)


def _size(stage: Stage, inputs: dict[str, Size], pipeline: Pipeline) -> Size:
    """The rows of a CSV file, the generator's own estimate, or otherwise the rows of the largest input.

    Raises EtlError when a generator's estimate fails.
    """
    if reference := pipeline.references.get(stage.name):
        return Size(reference.rows.count)
    if stage.check:
        return Size(0)
    if stage.contract and stage.contract.estimate:
        upstream = upstream_of(stage, pipeline.stages)

        def param(generator: Callable[..., Any], name: str) -> Any:  # noqa: ANN401 -- any param
            stages = (other for other in upstream if other.contract and other.contract.function is generator)
            return next((other.values[name] for other in stages if name in other.values), None)

        with running(stage, pipeline.source.root, f"the rows of {stage.generator} cannot be estimated"):
            size = stage.contract.estimate(stage.params, Inputs(inputs, param))
        return size if isinstance(size, Size) else Size(size)
    return Size(max((size.rows for size in inputs.values()), default=0))
