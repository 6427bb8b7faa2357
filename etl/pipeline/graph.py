"""The graph of stages: what is upstream of a stage, the order in which stages run, which run per shard, and cycles."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from etl.pipeline.model import Stage


class Sharding(NamedTuple):
    """Names of stages by how often they run; all others run once, before the shards."""

    by: str | None  # the stage whose rows are divided into shards
    per_shard: set[str]
    after_shards: set[str]  # once, over the rows of all shards

    def inputs(self, stage: Stage) -> set[str]:
        """The names of a stage's inputs that contain the rows of one shard only."""
        if stage.name not in self.per_shard:
            return set()
        return {name for name, source in stage.inputs.items() if source == self.by or source in self.per_shard}


def upstream_of(stage: Stage, stages: Mapping[str, Stage]) -> list[Stage]:
    """The stages that a stage depends on, directly or not, nearest first; names without a stage are skipped."""
    found: dict[str, Stage] = {}
    waiting = [stage]
    for current in waiting:
        for name in current.inputs.values():
            if name in stages and name not in found:
                found[name] = stages[name]
                waiting.append(stages[name])
    return list(found.values())


def in_order(stages: Mapping[str, Stage]) -> list[Stage]:
    """Each stage after its inputs, otherwise in the order of the file; stages of a cycle are left out."""
    waiting, ordered, done = list(stages.values()), [], set[str]()
    while stage := next((each for each in waiting if done.issuperset(_inputs(each, stages))), None):
        waiting.remove(stage)
        ordered.append(stage)
        done.add(stage.name)
    return ordered


def _inputs(stage: Stage, stages: Mapping[str, Stage]) -> list[str]:
    return [source for source in stage.inputs.values() if source in stages]


def sharding(ordered: Iterable[Stage]) -> Sharding:
    """How often each of the stages runs, given in the order in which they run."""
    result = Sharding(None, set(), set())
    for stage in ordered:
        sources = set(stage.inputs.values())
        if stage.shard and result.by is None:
            result = result._replace(by=stage.inputs.get(stage.shard.by))
        if result.after_shards & sources or (stage.gather and result.per_shard & sources):
            result.after_shards.add(stage.name)
        elif stage.shard or result.per_shard & sources:
            result.per_shard.add(stage.name)
    return result


def cycles(stages: Mapping[str, Stage]) -> Iterator[list[str]]:
    """Cycles without a stage in common: each stage takes the next as an input, and the last is the first again."""
    left = dict(stages)
    while True:
        try:
            TopologicalSorter({name: _inputs(stage, left) for name, stage in left.items()}).prepare()
        except CycleError as error:
            cycle = list(reversed(error.args[1]))[1:]
        else:
            return
        start = cycle.index(min(cycle, key=list(stages).index))
        yield [*cycle[start:], *cycle[: start + 1]]
        left = {name: stage for name, stage in left.items() if name not in cycle}
