"""Where a stage names the file that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config.node import Node

#: Kinds of stages whose key names a file, alone or as ``file`` among options.
FILE_KINDS = ("csv", "json", "parquet", "sqlite", "sql")


def files_of(stage: Node) -> Iterator[Node]:
    """The names of a stage's files as the pipeline writes them; a stage with a mistake may have several."""
    for kind in FILE_KINDS:
        node = stage.get(kind)
        if found := node.get("file") if node and node.entries is not None else node:
            yield found


def origin_of(stage: Mapping[str, Any]) -> str:
    """The file or the function that a stage's rows come from."""
    value = next(stage[kind] for kind in (*FILE_KINDS, "python") if kind in stage)
    return str(value["file"] if isinstance(value, dict) else value)
