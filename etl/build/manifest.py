"""``manifest.json``: the inputs, tables and file hashes of a build, to compare builds and detect damage."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.tables.files import file_type, open_regular_file, sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from etl.config.identity import Identity
    from etl.pipeline.model import Pipeline
    from etl.tables.checks import Check

NAME = "manifest.json"

#: The folder of the Parquet files in a build.
PARQUET = "parquet"

#: The file that macOS writes into folders that a user opens: no damage, except where it would be read as Parquet.
FINDER = ".DS_Store"


def describe(  # noqa: PLR0913 -- the parts of a manifest
    identity: Identity,
    pipeline: Pipeline,
    *,
    tables: Mapping[str, Mapping[str, int | str]],
    checks: list[dict[str, str]],
    live: Mapping[str, Mapping[str, int]],
    files: Mapping[str, Mapping[str, int | str]],
) -> dict[str, Any]:
    """The manifest of a finished build. It is the same whenever and wherever the build was made."""
    content = {
        "build": identity.id,
        "keys": identity.keys,
        "name": pipeline.name,
        "notice": pipeline.site.notice,
        "license": pipeline.site.license,
        "seed": pipeline.seed,
        "as_of": pipeline.as_of,
        "tables": tables,
        "checks": checks,
        "live": live,
        "files": dict(sorted(files.items())),
        "versions": identity.versions | ({} if pipeline.version is None else {"generators": pipeline.version}),
        "inputs": identity.inputs,
        "pipeline": identity.pipeline,
    }
    return {**content, "manifest": _hash(content)}


def rules(pipeline: Pipeline, checks: list[Check]) -> list[dict[str, str]]:
    """Name and rule of each check of a build, those that are stages first."""
    stages = [{"check": stage.name, "rule": stage.check} for stage in pipeline.stages.values() if stage.check]
    return stages + [{"check": check.name, "rule": check.rule} for check in checks]


def render(content: Mapping[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest in a folder; None if it is missing or does not match its own hash."""
    try:
        with open_regular_file(folder / NAME) as file:
            content = json.loads(file.read())
        expected = content.pop("manifest")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return content if expected == _hash(content) else None


def damage(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the files of a build. Never blocks, not even on a pipe."""
    content = read(folder)
    if content is None:
        yield f"{NAME} is missing or damaged"
        return
    for name, expected in content["files"].items():
        if fault := _fault(folder / name, expected):
            yield f"{name} {fault}"
    for name, fault in strays(folder, content["files"]):
        yield f"{name} {fault}"


def _fault(path: Path, expected: Mapping[str, int | str]) -> str | None:
    """What is wrong with a file of a build, if anything."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return f"is {file_type(found.st_mode)}, not a file"
        if found.st_size != expected["bytes"]:
            return f"has {found.st_size} bytes instead of {expected['bytes']}"
        return None if sha256(path) == expected["sha256"] else "has changed since it was built"
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def strays(folder: Path, files: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what else is in the folder of a build, with what is wrong with it.

    A -wal file would change what SQLite reads, and a hidden one what DuckDB reads with ``parquet/TABLE/*``.
    """
    listed, homes = {NAME, *files}, {name[:end] for name in files for end, char in enumerate(name) if char == "/"}
    unreadable: list[OSError] = []
    for home, folders, names in os.walk(folder, onerror=unreadable.append):
        start = f"{home}/"[len(f"{folder}/") :]
        known = [name for name in folders if start + name in homes and not Path(home, name).is_symlink()]
        for name in sorted({*folders, *names}.difference(known)):
            if start + name not in listed and (name != FINDER or start.startswith(f"{PARQUET}/")):
                yield (
                    start + name,
                    f"is {file_type(Path(home, name).lstat().st_mode)} that does not belong to the build",
                )
        folders[:] = sorted(known)
    for error in unreadable:
        yield Path(error.filename).relative_to(folder).as_posix(), f"cannot be read: {error.strerror}"


def sweep(folder: Path, content: Mapping[str, Any]) -> None:
    """Delete what is in the folder of a build but not in its manifest, such as files of a killed worker."""
    for name, _ in strays(folder, content["files"]):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
