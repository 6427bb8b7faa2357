"""``--scale N``: multiply the numbers that ``scale`` lists in the pipeline by N."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.config.node import Node, nested, overlay
from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHERE = Where("--scale")


def scaled(tree: Node, scale: int, mistakes: list[EtlError]) -> Node:
    """A pipeline with its numbers multiplied. Raises EtlError when it lists none.

    Wrong paths are skipped; :func:`check` reports them.
    """
    if scale == 1:
        return tree
    if not any(_listed(tree)):
        message = "the pipeline lists no numbers to multiply; list their paths: scale: [stages.loans.params.count]"
        raise EtlError(message, _WHERE)
    result = tree
    for path, value, _ in _listed(tree):
        if value and (product := _multiplied(value, scale)):
            result = overlay(result, nested(path, product, _WHERE), mistakes)
    return result


def check(tree: Node, mistakes: list[EtlError]) -> None:
    """Add an error for each path that does not lead to a number or a range, unless its value has an error already."""
    reported = {mistake.where for mistake in mistakes}
    for path, value, where in _listed(tree):
        if value is None:
            depth = next(depth for depth in range(len(path)) if tree.get(*path[: depth + 1]) is None)
            above = tree.get(*path[:depth])
            if above and above.entries is not None:
                hint = did_you_mean(path[depth], above.mapping())
                mistakes.append(EtlError(f"there is no {'.'.join(path[: depth + 1])}{hint}", where, "scale"))
            continue
        places = [value.where, *(item.where for item in value.items or ())]
        if _multiplied(value, 1) is None and reported.isdisjoint(places):
            message = f"{'.'.join(path)} is not a whole number or a range [first, last]; remove it from the list"
            mistakes.append(EtlError(message, where, "scale"))


def _listed(tree: Node) -> Iterator[tuple[list[str], Node | None, Where]]:
    """Each listed path, the value at it, and its place in the list."""
    listed = tree.get("scale")
    for item in (listed.items if listed else None) or ():
        if isinstance(item.scalar, str):
            path = item.scalar.split(".")
            yield path, tree.get(*path), item.where


def _multiplied(value: Node, scale: int) -> Node | None:
    """A count multiplied by the scale, or a range of numbers from 1 that covers all copies; None for other values."""
    if type(value.scalar) is int:
        return Node(value.where, scalar=value.scalar * scale)
    match [item.scalar for item in value.items or ()]:
        case [int(low), int(high)] if bool not in {type(low), type(high)}:
            ends = ((low - 1) * scale + 1, high * scale)
            return Node(value.where, items=[Node(value.where, scalar=end) for end in ends])
    return None
