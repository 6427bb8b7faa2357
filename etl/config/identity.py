"""What names a build: the effective pipeline, its inputs, our code, and the versions that decide bytes."""

from __future__ import annotations

import hashlib
import json
import platform
import sqlite3
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.config.modules import code_of, files_below
from etl.errors import EtlError, Mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config.node import Node
    from etl.config.source import Source

#: Where our own code is, whatever the folder of this module.
HOME = Path(sys.modules["etl"].__path__[0])

#: The package that draws charts: it counts where a function of somebody's draws the report.
DRAWS = "vl-convert-python"

#: Packages whose version can decide a byte of a build.
PACKAGES = ("duckdb", "duckdb-extension-sqlite-scanner", "numpy", "pyarrow", "pydantic", "PyYAML")


#: What tells that a file was written again, were it with the same bytes: inode, size, time of the last change.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Identity:
    """Everything that a build depends on, and its name: 16 hexadecimal digits of the SHA-256 of that."""

    id: str
    pipeline: dict[str, Any]  # effective: extends resolved, changes made, aliases and merge keys written out
    inputs: dict[str, str]  # SHA-256 of each file, by its path in the project
    versions: dict[str, str]
    stamps: dict[str, Stamp] = field(repr=False, compare=False)  # of each file, from before it was read


def identify(source: Source) -> Identity:
    """Name the build of a pipeline, which is not validated yet. Raises Mistakes: its form is wrong."""
    if source.mistakes:
        raise Mistakes(source.mistakes)
    pipeline = {
        key: node.plain()
        for key, node in source.tree.mapping().items()
        if key != "extends" and not key.startswith("x-")
    }
    inputs, code, installed = _sources(source)
    stamps = _stamps(inputs, code)
    versions = {"python": ".".join(platform.python_version_tuple()[:2]), "sqlite": sqlite3.sqlite_version}
    drawn = isinstance(pipeline.get("report"), str) and "sqlite" in str(pipeline.get("outputs", "sqlite"))
    packages = (*PACKAGES, DRAWS) if drawn else PACKAGES
    versions |= {package: _version(package) for package in packages}
    versions |= {package: found for package, (found, _) in installed.items()}
    hashes = _hashes(inputs)
    made_of = [pipeline, hashes, versions, _hashes(code), installed]
    text = json.dumps(made_of)  # in the file's order: stages may stand in any
    return Identity(hashlib.sha256(text.encode()).hexdigest()[:16], pipeline, hashes, versions, stamps)


def changed(source: Source, identity: Identity) -> list[Path]:
    """The files that were written, made or deleted since a build was named, in order."""
    inputs, code, _ = _sources(source)
    now, before = _stamps(inputs, code), identity.stamps
    return [Path(path) for path in sorted(now.keys() | before.keys()) if now.get(path) != before.get(path)]


def _sources(source: Source) -> tuple[dict[str, Path], dict[str, Path], dict[str, tuple[str, str]]]:
    """The project's files by their path in it, other code by package and path in it, and the installed packages."""
    written = [stage["python"].scalar for stage in _stages(source) if "python" in stage]
    written += [report.scalar] if (report := source.tree.at("report")) else []
    names = [name.partition(":")[0] for name in written if isinstance(name, str) and ":" in name]
    if (home := source.tree.at("generators")) and isinstance(home.scalar, str):
        names.append(home.scalar)
    generators = code_of(names, source.root)
    paths = (path for path in (*_named(source), *generators.own) if path.is_file())
    inputs = {str(path.relative_to(source.root)): path for path in paths}
    ours = (path for path in files_below(HOME) if path.suffix != ".pyc" and path.name[0] != ".")
    code = {f"etl/{path.relative_to(HOME)}": path for path in ours} | generators.foreign
    return dict(sorted(inputs.items())), dict(sorted(code.items())), generators.installed


def _named(source: Source) -> Iterator[Path]:
    """Every file that the pipeline names, and those in the folders that it names.

    The pipeline is not validated yet, so a path may be anything; one outside of the project is never read.
    """
    tree = source.tree.mapping()
    for key in ("schema", "checks", "api"):
        path = _path(source, tree.get(key))
        if path:
            yield from (path,) if key == "schema" else path.rglob("*.sql")
    for stage in _stages(source):
        for kind in ("csv", "sql"):
            if path := _path(source, stage.get(kind)):
                yield path
        for item in (stage["reads"].items if "reads" in stage else None) or ():
            if (path := _path(source, item)) and path != source.root:
                yield from files_below(path) if path.is_dir() else (path,)


def _stages(source: Source) -> Iterator[Mapping[str, Node]]:
    stages = source.tree.at("stages")
    return (stage.mapping() for stage in (stages.mapping() if stages else {}).values())


def _path(source: Source, node: Node | None) -> Path | None:
    if node is None or not isinstance(node.scalar, str):
        return None
    try:
        path = source.resolve(node)
    except EtlError:  # nothing can have such a name
        return None
    return path if path.is_relative_to(source.root) else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _stamps(*files: Mapping[str, Path]) -> dict[str, Stamp]:
    found = {str(path): path.stat() for some in files for path in some.values()}
    return {path: (stat.st_ino, stat.st_size, stat.st_ctime_ns) for path, stat in found.items()}


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
