"""``manifest.json``: what a build is made of, so that anyone can compare builds and find a damaged one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from etl.config.files import kind_of, open_regular, sha256

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from etl.config.identity import Identity
    from etl.pipeline.model import Pipeline
    from etl.tables.checks import Check

NAME = "manifest.json"


def describe(
    identity: Identity,
    pipeline: Pipeline,
    tables: Mapping[str, Mapping[str, int | str]],
    checks: list[dict[str, str]],
    files: Mapping[str, Mapping[str, int | str]],
) -> dict[str, Any]:
    """Describe a finished build. Nothing in it depends on when, where or how fast the build was made."""
    content = {
        "build": identity.id,
        "name": pipeline.name,
        "notice": pipeline.site.notice,
        "license": pipeline.site.license,
        "seed": pipeline.seed,
        "as_of": pipeline.as_of,
        "tables": tables,
        "checks": checks,
        "files": dict(sorted(files.items())),
        "versions": identity.versions | ({} if pipeline.version is None else {"generators": pipeline.version}),
        "inputs": identity.inputs,
        "pipeline": identity.pipeline,
    }
    return {**content, "manifest": _own_hash(content)}


def rules(pipeline: Pipeline, checks: list[Check]) -> list[dict[str, str]]:
    """The checks that a build was held to, those over numbers first: name and rule of each."""
    held = [{"check": stage.name, "rule": stage.check} for stage in pipeline.stages.values() if stage.check]
    return held + [{"check": check.name, "rule": check.rule} for check in checks]


def render(content: Mapping[str, Any]) -> bytes:
    """A manifest as the bytes of its file."""
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, None when it has none that can be trusted."""
    try:
        with open_regular(folder / NAME) as file:
            content = json.loads(file.read())
        own = content.pop("manifest")
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return content if own == _own_hash(content) else None


def damage(folder: Path) -> Iterator[str]:
    """What is wrong with the files of a build: nothing, when it is as it was made. It never waits."""
    content = read(folder)
    if content is None:
        yield f"{NAME} is missing or damaged"
        return
    for name, expected in content["files"].items():
        if fault := _fault(folder / name, expected):
            yield f"{name} {fault}"
    yield from strays(folder, content["files"])


def _fault(path: Path, expected: Mapping[str, int | str]) -> str | None:
    """What is wrong with a file of a build."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return f"is {kind_of(found.st_mode)}, not a file"
        if found.st_size != expected["bytes"]:
            return f"has {found.st_size} bytes instead of {expected['bytes']}"
        return None if sha256(path) == expected["sha256"] else "has other content than it was made with"
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def strays(folder: Path, files: Collection[str]) -> Iterator[str]:
    """What lies in the folder of a build beside its files: a stray -wal or -journal file would change what is read."""
    known = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    for home in sorted(known):
        start = "" if home == "." else f"{home}/"
        try:
            if home != "." and (folder / home).is_symlink():
                yield f"{home} is a link, not a folder"
                continue
            with os.scandir(folder / home) as entries:
                found = {start + entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            continue  # its files are missing, which is told
        except OSError as error:
            yield f"{home} cannot be read: {error.strerror}"
            continue
        for name in sorted(found.keys() - {NAME, *files, *known}):
            if not (found[name] and name.rpartition("/")[2].startswith(".")):  # what a file manager leaves behind
                yield f"{name} does not belong to the build"


def sweep(folder: Path, content: Mapping[str, Any]) -> None:
    """Delete what lies in the folder of a build and is not in its manifest, as a worker that was killed may leave."""
    for name in set(names_of(folder)) - {NAME, *content["files"]}:
        (folder / name).unlink()


def names_of(folder: Path) -> list[str]:
    """The names of all files below a folder, in order."""
    found = []
    for home, _, names in os.walk(folder):
        start = "" if home == str(folder) else f"{home[len(str(folder)) + 1 :]}/"
        found += [start + name for name in names]
    return sorted(found)


def _own_hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
