"""``--scale N``: the same world with N times as many rosters. It changes numbers of the pipeline, as ``--set`` does."""

from __future__ import annotations

from etl.errors import Where
from etl.tree import Node

#: The params that count rosters, or that are a range of their numbers.
SCALED = {"classes": "count", "window": "rosters"}


def scaled(tree: Node, scale: int) -> Node:
    """The changes that multiply the rosters of every stage; numbers of another form are left to be found wrong."""
    stages = tree.at("stages")
    changed: dict[str, Node] = {}
    for name, stage in stages.mapping().items() if stages else ():
        generator = stage.at("python")
        param = SCALED.get(str(generator.scalar)) if generator else None
        value = stage.at("params", param) if param else None
        if param and value:
            changed[name] = _at(("params", param), _times(value, scale))
    return (
        _at(("stages",), Node(_WHERE, own=changed, keys=dict.fromkeys(changed, _WHERE)))
        if changed
        else Node(_WHERE, own={})
    )


_WHERE = Where("--scale")


def _times(value: Node, scale: int) -> Node:
    """A count times the scale; a range of rosters as the range of all their copies."""
    if type(value.scalar) is int:
        return Node(value.where, scalar=value.scalar * scale)
    numbers = [item.scalar for item in value.items or ()]
    if len(numbers) == 2 and all(type(number) is int for number in numbers):  # noqa: PLR2004 -- a range
        low, high = (int(number or 0) for number in numbers)
        ends = ((low - 1) * scale + 1, high * scale)
        return Node(value.where, items=[Node(value.where, scalar=end) for end in ends])
    return value


def _at(path: tuple[str, ...], node: Node) -> Node:
    for key in reversed(path):
        node = Node(_WHERE, own={key: node}, keys={key: _WHERE})
    return node
