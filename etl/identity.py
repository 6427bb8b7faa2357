"""What names a build: the effective pipeline, its inputs, our code, and the versions that decide bytes."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import platform
import sqlite3
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.config import Source
    from etl.tree import Node

#: The package that draws the report: it counts where there is one.
DRAWS = "vl-convert-python"

#: Packages whose version can decide a byte of a build.
PACKAGES = ("duckdb", "duckdb-extension-sqlite-scanner", "numpy", "pyarrow", "pydantic", "PyYAML")


@dataclass(frozen=True)
class Identity:
    """Everything that a build depends on, and its name: 16 hexadecimal digits of the SHA-256 of that."""

    id: str
    pipeline: dict[str, Any]  # effective: extends resolved, changes made, aliases and merge keys written out
    inputs: dict[str, str]  # SHA-256 of each file, by its path in the project
    versions: dict[str, str]


def identify(source: Source) -> Identity:
    """Name the build of a pipeline, which is not validated yet. Raises Mistakes: its form is wrong."""
    if source.mistakes:
        raise Mistakes(source.mistakes)
    pipeline = {
        key: node.plain()
        for key, node in source.tree.mapping().items()
        if key != "extends" and not key.startswith("x-")
    }
    inputs = {_inside(path, source.root): _sha256(path) for path in sorted(set(_inputs(source))) if path.is_file()}
    versions = {"python": ".".join(platform.python_version_tuple()[:2]), "sqlite": sqlite3.sqlite_version}
    drawn = pipeline.get("report") is not False and "sqlite" in str(pipeline.get("outputs", "sqlite"))
    packages = (*PACKAGES, DRAWS) if drawn else PACKAGES
    versions |= {package: _version(package) for package in packages}
    text = json.dumps([pipeline, inputs, versions, _code()])  # in the file's order: stages may stand in any
    return Identity(hashlib.sha256(text.encode()).hexdigest()[:16], pipeline, inputs, versions)


def _inputs(source: Source) -> Iterator[Path]:
    """Every file that the pipeline names, and every SQL file in the folders that it names.

    The pipeline is not validated yet, so a path may be anything; one outside of the project is never read.
    """
    tree = source.tree.mapping()
    for key in ("schema", "checks", "api"):
        path = _path(source, tree.get(key))
        if path:
            yield from (path,) if key == "schema" else path.rglob("*.sql")
    for stage in tree["stages"].mapping().values() if "stages" in tree else ():
        for kind, node in stage.mapping().items():
            if kind in {"csv", "sql"} and (path := _path(source, node)):
                yield path
            elif kind == "python" and isinstance(node.scalar, str) and ":" in node.scalar:
                yield from _module(node.scalar.partition(":")[0], source.root)


def _path(source: Source, node: Node | None) -> Path | None:
    if node is None or not isinstance(node.scalar, str):
        return None
    try:
        path = source.resolve(node)
    except EtlError:  # nothing can have such a name
        return None
    return path if path.is_relative_to(source.root) else None


def _module(name: str, root: Path) -> Iterator[Path]:
    """The source files of the package, or the module, that a stranger's generator stands in."""
    first = name.partition(".")[0]
    top = root / first
    if not first.isidentifier():
        return
    if top.is_dir():
        yield from top.rglob("*.py")
    elif top.with_suffix(".py").is_file():
        yield top.with_suffix(".py")
    else:
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(first)
            if spec and spec.origin:
                yield Path(spec.origin)


def _code() -> dict[str, str]:
    home = Path(__file__).parent
    files = (path for path in home.rglob("*") if path.is_file() and path.suffix != ".pyc" and path.name[0] != ".")
    return {str(path.relative_to(home)): _sha256(path) for path in sorted(files)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _inside(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
