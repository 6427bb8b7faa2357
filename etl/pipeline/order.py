"""In which order stages run, and which of them run by shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.pipeline.model import Stage


class Cut(NamedTuple):
    """The names of stages by how they run; all others run once, before the shards."""

    by: str | None  # the stage whose rows are cut into shards
    sharded: set[str]  # once a shard
    gathered: set[str]  # once, over what all shards yielded

    def inputs(self, stage: Stage) -> set[str]:
        """The inputs, by the names that a stage knows them by, of which it sees one shard's rows at a time."""
        if stage.name not in self.sharded:
            return set()
        return {name for name, source in stage.inputs.items() if source == self.by or source in self.sharded}


def in_order(stages: Mapping[str, Stage]) -> list[Stage]:
    """Each stage after its inputs, else as in the file; without those that wait for each other."""
    waiting, ordered, done = list(stages.values()), [], set[str]()
    while stage := next((each for each in waiting if done.issuperset(_known(each, stages))), None):
        waiting.remove(stage)
        ordered.append(stage)
        done.add(stage.name)
    return ordered


def _known(stage: Stage, stages: Mapping[str, Stage]) -> Iterable[str]:
    return (source for source in stage.inputs.values() if source in stages)


def cut(ordered: Iterable[Stage]) -> Cut:
    """How stages run that are in order."""
    made = Cut(None, set(), set())
    for stage in ordered:
        sources = set(stage.inputs.values())
        if stage.shard and made.by is None:
            made = made._replace(by=stage.inputs.get(stage.shard.by))
        if made.gathered & sources or (stage.gather and made.sharded & sources):
            made.gathered.add(stage.name)
        elif stage.shard or made.sharded & sources:
            made.sharded.add(stage.name)
    return made
