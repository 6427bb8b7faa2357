"""The order of stages, and which of them run by shard."""

from __future__ import annotations

from etl.config.node import Node
from etl.errors import Where
from etl.pipeline.forms import Shard
from etl.pipeline.graph import in_order, sharding
from etl.pipeline.model import Stage


def stages(**given: str) -> dict[str, Stage]:
    """Stages by name, each with the names of its inputs; ``/`` cuts it by the first of them, ``*`` gathers."""
    made = {}
    for name, inputs in given.items():
        names = inputs.strip("/*").split()
        shard = Shard(by=names[0], rows=2) if inputs.startswith("/") else None
        where = Where("pipeline.yaml")
        sources = {source: source for source in names}
        made[name] = Stage(name, "sql", Node(where), where, sources, shard=shard, gather=inputs.startswith("*"))
    return made


def test_order_and_cut() -> None:
    """A stage follows its inputs; what is downstream of a cut stage runs by shard, until it is gathered."""
    ordered = in_order(stages(d="c a", c="/b a", e="*d", f="e c", b="", a="", g="b"))
    assert [stage.name for stage in ordered] == ["b", "a", "c", "d", "e", "f", "g"]
    made = sharding(ordered)
    assert (made.by, made.per_shard, made.after_shards) == ("b", {"c", "d"}, {"e", "f"})
    named = {stage.name: made.inputs(stage) for stage in ordered}
    assert named == {"a": set(), "b": set(), "c": {"b"}, "d": {"c"}, "e": set(), "f": set(), "g": set()}


def test_stages_that_wait_for_each_other_are_left_out() -> None:
    """A circle, which is a mistake that is told elsewhere, does not keep the others from their order."""
    assert [stage.name for stage in in_order(stages(a="b", b="a", c="gone", d="c"))] == ["c", "d"]
