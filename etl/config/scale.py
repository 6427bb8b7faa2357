"""``--scale N``: the same world, N times as large. It multiplies the numbers that ``scale`` lists in the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.config.node import Node
from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHERE = Where("--scale")


def scaled(tree: Node, scale: int) -> Node:
    """The changes that multiply what a pipeline lists; :func:`check` tells what is wrong with the list.

    Raises EtlError when nothing is listed.
    """
    changes = Node(_WHERE, own={})
    if scale == 1:
        return changes
    for path, value, _ in _listed(tree):
        times = _times(value, scale) if value else None
        if times:
            _put(changes, path, times)
    if not any(_listed(tree)):
        message = "there is nothing to multiply; list paths of numbers: scale: [stages.classes.params.count]"
        raise EtlError(message, _WHERE)
    return changes


def check(tree: Node, mistakes: list[EtlError]) -> None:
    """Report paths that lead nowhere, or to what no number can multiply, unless that only follows from a mistake."""
    told = {mistake.where for mistake in mistakes}
    for path, value, where in _listed(tree):
        if value is None:
            depth = next(depth for depth in range(len(path)) if tree.at(*path[: depth + 1]) is None)
            above = tree.at(*path[:depth])
            if above and above.own is not None:
                hint = did_you_mean(path[depth], above.mapping())
                mistakes.append(EtlError(f"there is no {'.'.join(path[: depth + 1])}{hint}", where, "scale"))
        elif _times(value, 1) is None and told.isdisjoint([value.where, *(item.where for item in value.items or ())]):
            message = f"{'.'.join(path)} is no whole number and no range [first, last]; take it from the list"
            mistakes.append(EtlError(message, where, "scale"))


def _listed(tree: Node) -> Iterator[tuple[list[str], Node | None, Where]]:
    """Each path that is listed, the value that it leads to, and where it is listed."""
    listed = tree.at("scale")
    for item in (listed.items if listed else None) or ():
        if isinstance(item.scalar, str):
            path = item.scalar.split(".")
            yield path, tree.at(*path), item.where


def _times(value: Node, scale: int) -> Node | None:
    """A count times the scale; a range of numbers, counted from 1, as the range of all their copies."""
    if type(value.scalar) is int:
        return Node(value.where, scalar=value.scalar * scale)
    numbers = [item.scalar for item in value.items or ()]
    if len(numbers) == 2 and all(type(number) is int for number in numbers):  # noqa: PLR2004 -- a range
        low, high = (int(number or 0) for number in numbers)
        ends = ((low - 1) * scale + 1, high * scale)
        return Node(value.where, items=[Node(value.where, scalar=end) for end in ends])
    return None


def _put(tree: Node, path: list[str], value: Node) -> None:
    """Set the value at a path, in mappings that are made on the way."""
    for key in path[:-1]:
        own = tree.own if tree.own is not None else {}
        tree.keys[key] = _WHERE
        tree = own.setdefault(key, Node(_WHERE, own={}))
    if tree.own is not None:
        tree.own[path[-1]], tree.keys[path[-1]] = value, _WHERE
