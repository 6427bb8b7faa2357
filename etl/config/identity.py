"""The identity of a build: a hash of the effective pipeline, its input files, the code, and versions."""

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

#: The folder of the package etl, whose files are all part of the identity.
HOME = Path(sys.modules["etl"].__path__[0])

#: The package that draws the charts of a pipeline's own report.
CHARTS = "vl-convert-python"

#: Packages whose version can change a byte of a build.
PACKAGES = ("duckdb", "duckdb-extension-sqlite-scanner", "numpy", "pyarrow", "pydantic", "PyYAML")

#: Inode, size and ctime of a file: they change when it is written, even with the same bytes.
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Identity:
    """Everything that a build depends on; ``id`` is the first 16 hexadecimal digits of its SHA-256."""

    id: str
    pipeline: dict[str, Any]  # effective: extends, changes, aliases and merge keys resolved
    inputs: dict[str, str]  # SHA-256 of each file, by its path in the project
    versions: dict[str, str]
    stamps: dict[str, Stamp] = field(repr=False, compare=False)  # of each file, taken before it was read


def identify(source: Source) -> Identity:
    """The identity of a pipeline, which need not be validated. Raises Mistakes for syntax errors."""
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
    has_charts = isinstance(pipeline.get("report"), str) and "sqlite" in str(pipeline.get("outputs", "sqlite"))
    packages = (*PACKAGES, CHARTS) if has_charts else PACKAGES
    versions |= {package: _version(package) for package in packages}
    versions |= {package: found for package, (found, _) in installed.items()}
    hashes = _hashes(inputs)
    made_of = [pipeline, hashes, versions, _hashes(code), installed]
    text = json.dumps(made_of)  # not sorted: the order of stages counts
    return Identity(hashlib.sha256(text.encode()).hexdigest()[:16], pipeline, hashes, versions, stamps)


def changed(source: Source, identity: Identity) -> list[Path]:
    """The files that were changed, created or deleted since :func:`identify`, sorted."""
    inputs, code, _ = _sources(source)
    now, before = _stamps(inputs, code), identity.stamps
    return [Path(path) for path in sorted(now.keys() | before.keys()) if now.get(path) != before.get(path)]


def _sources(source: Source) -> tuple[dict[str, Path], dict[str, Path], dict[str, tuple[str, str]]]:
    """The project's files by path, other code by package and path, and the installed packages."""
    stages = source.tree.mapping("stages").values()
    functions = [source.tree.text("report"), *(stage.text("python") for stage in stages)]
    modules = [name.partition(":")[0] for name in functions if name and ":" in name]
    generators = code_of([*modules, source.tree.text("generators") or ""], source.root)
    paths = (path for path in (*_files(source), *generators.project) if path.is_file())
    inputs = {str(path.relative_to(source.root)): path for path in paths}
    inside = (path for path in files_below(HOME) if path.suffix != ".pyc" and path.name[0] != ".")
    package = (path for path in inside if not path.is_relative_to(HOME / "templates"))  # of `etl init`
    code = {f"etl/{path.relative_to(HOME)}": path for path in package} | generators.outside
    return dict(sorted(inputs.items())), dict(sorted(code.items())), dict(sorted(generators.installed.items()))


def _files(source: Source) -> Iterator[Path]:
    """Every file that the pipeline names, and those in the folders that it names.

    The pipeline is not validated, so paths can be anything; those outside the project are skipped.
    """
    stages = source.tree.mapping("stages").values()
    for node in (source.tree.get("schema"), *(stage.get(kind) for stage in stages for kind in ("csv", "sql"))):
        if path := _path(source, node):
            yield path
    exports = source.tree.mapping("exports").values()
    for node in (source.tree.get("checks"), source.tree.get("api"), *(export.get("csv") for export in exports)):
        if path := _path(source, node):
            yield from path.rglob("*.sql")
    for reads in (stage.get("reads") for stage in stages):
        for item in (reads.items if reads else None) or ():
            if (path := _path(source, item)) and path != source.root:
                yield from files_below(path) if path.is_dir() else (path,)


def _path(source: Source, node: Node | None) -> Path | None:
    if node is None or not isinstance(node.scalar, str):
        return None
    try:
        path = source.resolve(node)
    except EtlError:  # not a possible file name
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
