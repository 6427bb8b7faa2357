"""A configuration file as a tree of values with their places in the file, and the merge of two trees.

Unlike the result of PyYAML's loaders, the tree has the place of every key and value, and its aliases (``*anchor``).
:mod:`etl.config.parse` builds it from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 30
MAX_NODES = 50_000


@dataclass(eq=False)
class Node:
    """A value in a file: a ``scalar``, a list of ``items``, or a mapping of ``entries`` and ``merged`` mappings."""

    where: Where
    scalar: str | int | float | bool | None = None
    items: list[Node] | None = None
    entries: dict[str, Node] | None = None
    keys: dict[str, Where] = field(default_factory=dict)  # where each key of entries is
    merged: list[Node] = field(default_factory=list)  # the mappings of a merge key, the first one wins
    aliased: set[str] = field(default_factory=set)  # keys of entries whose value is an alias
    removed: set[str] = field(default_factory=set)  # keys that an overlay removed
    raw: str = ""  # the source text of a plain scalar: 005 for 5
    broken: bool = False  # its syntax is wrong and reported; further errors would only follow from that

    def is_null(self) -> bool:
        """Whether the value is null."""
        return self.scalar is None and self.items is None and self.entries is None

    def mapping(self, *path: str) -> dict[str, Node]:
        """Every key of the mapping at a path, merge keys included; {} if there is no mapping."""
        if path:
            node = self.get(*path)
            return node.mapping() if node else {}
        entries: dict[str, Node] = {}
        for other in reversed(self.merged):
            entries.update(other.mapping())
        entries.update(self.entries or {})
        return {key: node for key, node in entries.items() if key not in self.removed}

    def text(self, *path: str) -> str | None:
        """The text at a path; None if there is none."""
        node = self.get(*path)
        return node.scalar if node and isinstance(node.scalar, str) else None

    def key(self, name: str) -> Where:
        """The place of a key of the mapping."""
        if name in self.keys:
            return self.keys[name]
        return next((other.key(name) for other in self.merged if name in other.mapping()), self.where)

    def get(self, *path: str | int) -> Node | None:
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

    def where_of(self, *path: str | int) -> Where:
        """The place to report for a value: its key, or the value itself for a list item or an alias."""
        *parents, last = path
        parent = self.get(*parents) or self
        item = parent.get(last)
        return item.where if item and (isinstance(last, int) or last in parent.aliased) else parent.key(str(last))

    def plain(self) -> Any:  # noqa: ANN401 -- any YAML value
        """The value as dicts, lists and scalars."""
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.entries is not None:
            return {key: value.plain() for key, value in self.mapping().items()}
        return self.scalar


def overlay(base: Node, over: Node, mistakes: list[EtlError]) -> Node:
    """Merge one file over another, as ``extends`` does: mappings are merged, other values replaced, null removes a key.

    A change to an anchored value at the top level applies to all of its aliases; one below ``stages`` only to that
    stage. Changes without effect are added to ``mistakes``.
    """
    result = _copy(base)
    for key in sorted(over.mapping(), key=lambda key: key == "stages"):  # anchored values first
        _merge(result, over, (key,), mistakes, everywhere=key != "stages")
    return result


def nested(path: Sequence[str], value: Node, where: Where) -> Node:
    """A tree with a single value, to be merged over another tree; its keys are reported at ``where``."""
    for key in reversed(path):
        value = Node(where, entries={key: value}, keys={key: where})
    return value


def bound(tree: Node) -> None:
    """Limit the size and depth of a tree with its aliases expanded. Raises EtlError."""
    sizes: dict[int, tuple[int, int]] = {}

    def measure(node: Node, above: int) -> tuple[int, int]:
        if id(node) not in sizes:
            if above > MAX_DEPTH:
                raise EtlError(f"nested too deeply (limit {MAX_DEPTH} levels)", node.where)
            children = [*(node.items or []), *(node.entries or {}).values(), *node.merged]
            below = [measure(child, above + 1) for child in children]
            sizes[id(node)] = 1 + sum(size for size, _ in below), 1 + max((depth for _, depth in below), default=0)
        size, depth = sizes[id(node)]
        if size > MAX_NODES:
            raise EtlError(f"its aliases expand to too many values (limit {MAX_NODES:,})", node.where)
        if above + depth > MAX_DEPTH + 1:
            raise EtlError(f"its aliases are nested too deeply (limit {MAX_DEPTH} levels)", node.where)
        return size, depth

    measure(tree, 0)


def _copy(node: Node) -> Node:
    """A shallow copy of a mapping."""
    entries, keys, merged = dict(node.entries or {}), dict(node.keys), [*node.merged]
    return replace(node, entries=entries, keys=keys, merged=merged, aliased={*node.aliased}, removed={*node.removed})


def _merge(target: Node, over: Node, path: tuple[str, ...], mistakes: list[EtlError], *, everywhere: bool) -> None:
    """Merge the last key of a path from ``over`` into a mapping; ``everywhere``: also for the aliases of the value."""
    key = path[-1]
    old, new = target.mapping().get(key), over.mapping()[key]
    entries = target.entries if target.entries is not None else {}
    if new.is_null() and not new.broken:
        if old is None:
            hint = did_you_mean(key, target.mapping())
            mistakes.append(EtlError(f"there is no '{key}' to remove{hint}", over.key(key), ".".join(path)))
        target.removed.add(key)
        return
    in_place = everywhere and key in entries and key not in target.aliased
    if old is None:
        entries[key] = new
    elif old.entries is not None and new.entries is not None:
        if old.mapping() and not new.mapping() and not new.broken:
            message = "an empty mapping changes nothing, as mappings are merged; write null to remove a key"
            mistakes.append(EtlError(message, new.where, ".".join(path)))
        entries[key] = old if in_place else _copy(old)
        entries[key].where = new.where
        for name in new.mapping():
            _merge(entries[key], new, (*path, name), mistakes, everywhere=in_place)
    elif in_place:
        vars(old).update(vars(new))
    else:
        entries[key] = new
    if not in_place:
        target.aliased.discard(key)
        if entries[key] is new and (key in over.aliased or key not in (over.entries or {})):
            target.aliased.add(key)
    target.keys[key] = over.key(key)
    target.removed.discard(key)
