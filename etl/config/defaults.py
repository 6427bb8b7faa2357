"""The values of keys that a pipeline file may leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.config.node import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

#: ``{name}`` is the pipeline's name. The clock is a fixed time, so that the same file always gives the same rows.
DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "as_of": "2000-01-01 00:00:00",
    "database": "{name}.db",
    "site": {
        "title": "{name}",
        "description": "The tables of the pipeline {name}.",
        "notice": "All data is synthetic.",
    },
}


def fill(tree: Node, defaults: Mapping[str, Any] = DEFAULTS, name: str | None = None) -> None:
    """Add the values that a pipeline leaves out, so that its checks, its report and its manifest see them, too."""
    name = name or tree.text("name") or ""
    for key, value in defaults.items():
        node = tree.get(key)
        if isinstance(value, dict) and (node is None or node.entries is not None):
            node = node or Node(tree.where, entries={})
            fill(node, value, name)
        elif node is None:
            text = value.replace("{name}", name) if isinstance(value, str) else value
            node = Node(tree.where, scalar=text, broken=True)  # what is wrong with it is wrong with the name
        if tree.entries is not None and tree.get(key) is None:
            tree.entries[key] = node
            tree.keys[key] = tree.where
            tree.removed.discard(key)
