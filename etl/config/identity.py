"""The identity of a build: a hash of the effective pipeline, its input files, the code, and versions."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sqlite3
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.config.modules import code_of, files_below
from etl.config.stage_files import files_of
from etl.errors import EtlError, Mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from etl.config.node import Node
    from etl.config.source import Source

#: The folder of the package etl, whose files are all part of the identity.
HOME = Path(sys.modules["etl"].__path__[0])

#: Packages whose version can change a byte of a build.
PACKAGES = ("duckdb", "duckdb-extension-sqlite-scanner", "numpy", "pyarrow", "pydantic", "PyYAML")

#: Inode, size and ctime of a file: they change when it is written, even with the same bytes.
Stamp = tuple[int, int, int]


#: Keys of a pipeline, and folders of etl, that present rows and affect none. All others may affect them.
PRESENTATION_KEYS = frozenset({"api", "checks", "exports", "report", "site"})
PRESENTATION_FOLDERS = frozenset({"cli", "report", "server", "site"})


@dataclass(frozen=True)
class Identity:
    """Everything that a build depends on; ``id`` is the first 16 hexadecimal digits of its SHA-256.

    ``keys`` hash what each part of a build depends on: ``rows``, its database and its Parquet files;
    ``report``, its report and that its rows pass the checks; ``answers``, the answers of an endpoint, beside its own
    definition.
    """

    id: str
    keys: dict[str, str]
    pipeline: dict[str, Any]  # effective: extends, changes, aliases and merge keys resolved
    inputs: dict[str, str]  # SHA-256 of each file, by its path in the project
    versions: dict[str, str]
    stamps: dict[str, Stamp] = field(repr=False, compare=False)  # of each file, taken before it was read


class _Sources(NamedTuple):
    """Files and packages that a build depends on."""

    inputs: dict[str, Path]  # the project's files by path
    code: dict[str, Path]  # other code by package and path
    installed: dict[str, tuple[str, str]]  # version and digest of each package that the project's code imports


def identify(source: Source) -> Identity:
    """The identity of a pipeline, which need not be validated. Raises Mistakes for syntax errors."""
    if source.mistakes:
        raise Mistakes(source.mistakes)
    pipeline = {
        key: node.plain()
        for key, node in source.tree.mapping().items()
        if key != "extends" and not key.startswith("x-")
    }
    every, rows = _sources(source)
    stamps = _stamps(every.inputs, every.code)
    versions = {"python": ".".join(platform.python_version_tuple()[:2]), "sqlite": sqlite3.sqlite_version}
    versions |= _versions(PACKAGES)
    others: dict[str, str] = {}
    if any(name.endswith(".zip") for name in source.tree.mapping("exports")):
        others["zlib"] = zlib.ZLIB_RUNTIME_VERSION  # compresses them
    inputs, code = _hashes(every.inputs), _hashes(every.code)
    made_of = [
        {key: value for key, value in pipeline.items() if key not in PRESENTATION_KEYS},
        {name: inputs[name] for name in rows.inputs},
        versions,
        {name: code[name] for name in rows.code},
        rows.installed,
    ]
    engine = {name: digest for name, digest in code.items() if name.startswith("etl/")}
    limit = source.tree.get("site", "static_limit")
    versions = versions | others | {package: found for package, (found, _) in every.installed.items()}
    api = _path(source, source.tree.get("api"))
    endpoints = _names(source, api.rglob("*.sql") if api else ())
    files = {name: digest for name, digest in inputs.items() if name not in endpoints}
    rest = [versions, code, every.installed]
    keys = {
        "rows": _digest(made_of),
        "report": _digest([pipeline, files, *rest]),
        "answers": _digest([made_of, engine, limit.plain() if limit else None]),
    }
    return Identity(_digest([pipeline, inputs, *rest]), keys, pipeline, inputs, versions, stamps)


def changed(source: Source, identity: Identity) -> list[Path]:
    """The files that were changed, created or deleted since :func:`identify`, sorted."""
    every, _ = _sources(source)
    now, before = _stamps(every.inputs, every.code), identity.stamps
    return [Path(path) for path in sorted(now.keys() | before.keys()) if now.get(path) != before.get(path)]


def places(source: Source) -> tuple[set[Path], set[Path]]:
    """The files that a build depends on, and the folders in which they are or would be: what to watch."""
    every, _ = _sources(source)
    files = {*every.inputs.values(), *every.code.values(), *source.files.values()}
    named = [*files, *_files(source), *_folders(source)]
    folders = {next(place for place in (path, *path.parents) if place.is_dir()) for path in named}
    below = (path for folder in _folders(source) for path in folder.rglob("*/"))
    return files, {*folders, *(path for path in below if path.is_dir())}


def code_stamps() -> tuple[dict[str, Stamp], dict[str, str]]:
    """Stamps of the files of etl, and versions of the packages that it uses: they change when these do."""
    return _stamps(_engine()), _versions(PACKAGES)


def _engine() -> dict[str, Path]:
    """The files of the package etl, but for the templates of ``etl init``."""
    start = len(f"{HOME}{os.sep}")
    names = {str(path)[start:]: path for path in files_below(HOME) if path.suffix != ".pyc" and path.name[0] != "."}
    return {f"etl/{name}": path for name, path in names.items() if not name.startswith(f"templates{os.sep}")}


def _sources(source: Source) -> tuple[_Sources, _Sources]:
    """The files and packages that a build depends on, and those of them that its rows depend on."""
    stages = source.tree.mapping("stages").values()
    functions = [stage.text("python") or "" for stage in stages]
    modules = [name.partition(":")[0] for name in functions if ":" in name]
    generators = code_of([*modules, source.tree.text("generators") or ""], source.root)
    report = code_of([(source.tree.text("report") or "").partition(":")[0]], source.root)
    engine = _engine()
    for_rows = engine
    if all(
        PRESENTATION_FOLDERS.isdisjoint(module.split(".")[1:])
        for module in modules
        if module.startswith(f"{HOME.name}.")
    ):
        for_rows = {
            name: path for name, path in engine.items() if PRESENTATION_FOLDERS.isdisjoint(name.split("/")[:-1])
        }
    queries = [path for folder in _folders(source) for path in folder.rglob("*.sql")]
    if picture := _path(source, source.tree.get("site", "picture")):
        queries.append(picture)
    return (
        _Sources(
            _names(source, [*_files(source), *queries, *generators.project, *report.project]),
            dict(sorted((engine | generators.outside | report.outside).items())),
            dict(sorted((generators.installed | report.installed).items())),
        ),
        _Sources(
            _names(source, [*_files(source), *generators.project]),
            dict(sorted((for_rows | generators.outside).items())),
            dict(sorted(generators.installed.items())),
        ),
    )


def _names(source: Source, files: Iterable[Path]) -> dict[str, Path]:
    """Files of the project by their paths in it, sorted."""
    return dict(sorted((str(path.relative_to(source.root)), path) for path in files if path.is_file()))


def _files(source: Source) -> Iterator[Path]:
    """Every file that the schema and the stages name, and those in the folders that they name.

    The pipeline is not validated, so paths can be anything; those outside the project are skipped.
    """
    stages = source.tree.mapping("stages").values()
    for node in (source.tree.get("schema"), *(node for stage in stages for node in files_of(stage))):
        if path := _path(source, node):
            yield path
    for reads in (stage.get("reads") for stage in stages):
        for item in (reads.items if reads else None) or ():
            if (path := _path(source, item)) and path != source.root:
                yield from files_below(path) if path.is_dir() else (path,)


def _folders(source: Source) -> Iterator[Path]:
    """The folders of queries that the pipeline names."""
    exports = source.tree.mapping("exports").values()
    for node in (source.tree.get("checks"), source.tree.get("api"), *(export.get("csv") for export in exports)):
        if path := _path(source, node):
            yield path


def _path(source: Source, node: Node | None) -> Path | None:
    if node is None or not isinstance(node.scalar, str):
        return None
    try:
        path = source.resolve(node)
    except EtlError:  # not a possible file name
        return None
    return path if path.is_relative_to(source.root) else None


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed versions of packages; "none" of those that are not installed."""
    installed: dict[str, str] = {}  # by the names of the folders that describe them; the first on the path counts
    for folder in (folder for place in reversed(sys.path) for folder in Path(place).glob("*-*.dist-info")):
        name, _, version = folder.stem.rpartition("-")
        installed[name.lower()] = version
    names = {package: package.replace("-", "_").lower() for package in packages}
    return {package: installed.get(name) or _described_version(package) for package, name in names.items()}


def _described_version(package: str) -> str:
    from importlib import metadata  # noqa: PLC0415 -- takes 20 ms, and finds packages that are installed in other ways

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _digest(content: Any) -> str:  # noqa: ANN401 -- JSON
    text = json.dumps(content)  # not sorted: the order of stages counts
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stamps(*files: Mapping[str, Path]) -> dict[str, Stamp]:
    found = {str(path): path.stat() for some in files for path in some.values()}
    return {path: (stat.st_ino, stat.st_size, stat.st_ctime_ns) for path, stat in found.items()}


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
