"""``manifest.json``: what a build is made of, so that anyone can compare builds and find a damaged one."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.checks import Check
    from etl.config import Pipeline
    from etl.identity import Identity

NAME = "manifest.json"


def describe(
    identity: Identity,
    pipeline: Pipeline,
    tables: Mapping[str, Mapping[str, int | str]],
    checks: list[Check],
    folder: Path,
) -> dict[str, Any]:
    """Describe a finished folder. Nothing in it depends on when, where or how fast the build was made."""
    from etl.generators import VERSION  # noqa: PLC0415 -- reading a manifest must not import numpy

    held = [{"check": stage.name, "rule": stage.check} for stage in pipeline.stages.values() if stage.check]
    content = {
        "build": identity.id,
        "name": pipeline.name,
        "notice": pipeline.site.notice,
        "license": pipeline.site.license,
        "seed": pipeline.seed,
        "as_of": pipeline.as_of,
        "tables": {name: tables.get(name, {"rows": 0, "digest": "0" * 32}) for name in pipeline.schema.tables},
        "checks": held + [{"check": check.name, "rule": check.rule} for check in checks],
        "files": {
            str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": sha256(path)}
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path != folder / NAME
        },
        "versions": {**identity.versions, "generators": VERSION},
        "inputs": identity.inputs,
        "pipeline": identity.pipeline,
    }
    return {**content, "manifest": _own_hash(content)}


def write(content: Mapping[str, Any], folder: Path) -> None:
    """Write a manifest into its folder."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (folder / NAME).write_text(text, encoding="utf-8", newline="\n")


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, None when it has none that can be trusted."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
        own = content.pop("manifest")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return content if own == _own_hash(content) else None


def damage(folder: Path) -> Iterator[str]:
    """What is wrong with the files of a build: nothing, when it is as it was made."""
    content = read(folder)
    if content is None:
        yield f"{NAME} is missing or damaged"
        return
    for name, expected in content["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != expected["bytes"]:
            yield f"{name} has {path.stat().st_size} bytes instead of {expected['bytes']}"
        elif sha256(path) != expected["sha256"]:
            yield f"{name} has other content than it was made with"
    known = {NAME, *content["files"]}
    for path in sorted(folder.rglob("*")):  # a stray -wal or -journal file would change what is read
        name = path.relative_to(folder)
        if not path.is_dir() and str(name) not in known and not path.name.startswith("."):
            yield f"{name} does not belong to the build"


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
