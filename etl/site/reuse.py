"""Answers that an export takes from another build, which has the same rows and was made by the same code."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from etl.site.endpoint import describe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from etl.site.endpoint import Endpoint
    from etl.tables.files import Writer

#: Keys of an endpoint that decide no byte of its answers.
_WORDS = frozenset({"title", "description"})


@dataclass(frozen=True)
class Taken:
    """The answers of another build; without a folder there are none."""

    folder: Path | None = None
    files: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)  # size and SHA-256 of each file
    live: Mapping[str, dict[str, int]] = field(default_factory=dict)  # see :func:`etl.site.export.export`
    endpoints: tuple[dict[str, Any], ...] = ()  # those that it has, without their words

    def has(self, endpoint: Endpoint) -> bool:
        """Whether it has the answers of an endpoint: one with the same definition; its description may differ."""
        return bool(self.endpoints) and _definitions(describe([endpoint]))[0] in self.endpoints

    def give(self, name: str, files: Writer) -> bool:
        """Add an answer to the files of a build, if it is there undamaged."""
        return self.folder is not None and name in self.files and files.take(name, self.folder, self.files[name])


def answers_of(folder: Path, content: Mapping[str, Any]) -> Taken:
    """The answers of a build with a manifest. Raises OSError or ValueError when it does not say what they are."""
    described = json.loads((folder / "endpoints.json").read_text(encoding="utf-8"))
    return Taken(folder, content["files"], content["live"], _definitions(described))


def _definitions(described: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    parsed = json.loads(json.dumps(described))  # tuples become lists
    return tuple({key: value for key, value in one.items() if key not in _WORDS} for one in parsed)
