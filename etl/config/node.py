"""A configuration file as a tree of values that know where they stand, and the changes that another file makes to it.

Keeps what PyYAML's loaders lose: the place of every key and value, and the difference between a rule that is written
once (``&anchor``) and the places that use it. :mod:`etl.config.parse` makes it from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 30
MAX_NODES = 50_000


@dataclass(eq=False)
class Node:
    """A value in a file. Exactly one of ``scalar``, ``items`` and ``own`` (with ``merged``) holds it."""

    where: Where
    scalar: str | int | float | bool | None = None
    items: list[Node] | None = None
    own: dict[str, Node] | None = None
    keys: dict[str, Where] = field(default_factory=dict)  # where each own key stands
    merged: list[Node] = field(default_factory=list)  # the mappings of a merge key, the first one wins
    aliased: set[str] = field(default_factory=set)  # own keys whose value is written elsewhere
    gone: set[str] = field(default_factory=set)  # keys that a change took away
    written: str = ""  # a plain scalar as it is written: 005 for 5
    broken: bool = False  # its form is wrong, and was told; what else may seem wrong with it follows from that

    def is_null(self) -> bool:
        """Whether the value is null."""
        return self.scalar is None and self.items is None and self.own is None

    def mapping(self) -> dict[str, Node]:
        """Every key of a mapping, merge keys included; {} for another kind of node."""
        entries: dict[str, Node] = {}
        for other in reversed(self.merged):
            entries.update(other.mapping())
        entries.update(self.own or {})
        return {key: node for key, node in entries.items() if key not in self.gone}

    def key(self, name: str) -> Where:
        """Where a key of the mapping stands."""
        if name in self.keys:
            return self.keys[name]
        return next((other.key(name) for other in self.merged if name in other.mapping()), self.where)

    def at(self, *path: str | int) -> Node | None:
        """The node at a path below this one, if there is one."""
        node: Node | None = self
        for step in path:
            if node is None:
                return None
            if isinstance(step, int):
                node = node.items[step] if node.items is not None and step < len(node.items) else None
            else:
                node = node.mapping().get(step)
        return node

    def place(self, *path: str | int) -> Where:
        """Where the name of a value stands: its key; itself when it is in a list, or written elsewhere."""
        *parents, last = path
        parent = self.at(*parents) or self
        item = parent.at(last)
        return item.where if item and (isinstance(last, int) or last in parent.aliased) else parent.key(str(last))

    def plain(self) -> Any:  # noqa: ANN401 -- any YAML value
        """The value as dicts, lists and scalars."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.own is not None:
            return {key: value.plain() for key, value in self.mapping().items()}
        return self.scalar


def overlay(base: Node, over: Node, mistakes: list[EtlError]) -> Node:
    """Lay one whole file over another, as ``extends`` does: mappings are merged, all else is replaced.

    Null takes a key away. A change to a rule at the top level that is written once, and used by alias, holds
    everywhere that it is used. A change to a stage holds for that stage alone.
    """
    result = _copy(base)
    for key in sorted(over.mapping(), key=lambda key: key == "stages"):  # the rules first, then who deviates from them
        _lay(result, over, (key,), mistakes, everywhere=key != "stages")
    return result


def bound(tree: Node) -> None:
    """Refuse aliases that multiply into more values than a pipeline can have, or pile up too deep. Raises EtlError."""
    sizes: dict[int, tuple[int, int]] = {}

    def measure(node: Node, above: int) -> tuple[int, int]:
        if id(node) not in sizes:
            if above > MAX_DEPTH:
                raise EtlError(f"nested more than {MAX_DEPTH} deep; nothing in a pipeline is", node.where)
            below = [measure(child, above + 1) for child in _children(node)]
            sizes[id(node)] = 1 + sum(size for size, _ in below), 1 + max((depth for _, depth in below), default=0)
        size, depth = sizes[id(node)]
        if size > MAX_NODES:
            raise EtlError(f"its aliases make more than {MAX_NODES:,} values; nothing in a pipeline has", node.where)
        if above + depth > MAX_DEPTH + 1:
            raise EtlError(f"its aliases nest more than {MAX_DEPTH} deep; nothing in a pipeline does", node.where)
        return size, depth

    measure(tree, 0)


def _copy(node: Node) -> Node:
    """A mapping of its own with the same values in it."""
    own = dict(node.own or {})
    result = Node(node.where, own=own, keys={**node.keys}, merged=[*node.merged], broken=node.broken)
    result.aliased, result.gone = {*node.aliased}, {*node.gone}
    return result


def _lay(target: Node, over: Node, path: tuple[str, ...], mistakes: list[EtlError], *, everywhere: bool) -> None:
    """Set one key of a mapping, the last of the path, to what ``over`` says; ``everywhere``: its aliases see it too."""
    key = path[-1]
    old, new = target.mapping().get(key), over.mapping()[key]
    own = target.own if target.own is not None else {}
    if new.is_null() and not new.broken:
        if old is None:
            hint = did_you_mean(key, target.mapping())
            mistakes.append(EtlError(f"there is no '{key}' to take away{hint}", over.key(key), ".".join(path)))
        target.gone.add(key)
        return
    at_home = everywhere and key in own and key not in target.aliased
    if old is None:
        own[key] = new
    elif old.own is not None and new.own is not None:
        if old.mapping() and not new.mapping() and not new.broken:
            message = "an empty mapping changes nothing: it is laid over what is there; null takes a key away"
            mistakes.append(EtlError(message, new.where, ".".join(path)))
        own[key] = old if at_home else _copy(old)
        own[key].where = new.where
        for name in new.mapping():
            _lay(own[key], new, (*path, name), mistakes, everywhere=at_home)
    elif at_home:
        old.where, old.scalar, old.items, old.own, old.broken = new.where, new.scalar, new.items, new.own, new.broken
        old.keys, old.merged, old.aliased, old.gone = new.keys, new.merged, new.aliased, new.gone
        old.written = new.written
    else:
        own[key] = new
    if not at_home:
        target.aliased.discard(key)
        if own[key] is new and (key in over.aliased or key not in (over.own or {})):
            target.aliased.add(key)
    target.keys[key] = over.key(key)
    target.gone.discard(key)


def _children(node: Node) -> Iterator[Node]:
    yield from node.items or []
    yield from (node.own or {}).values()
    yield from node.merged
