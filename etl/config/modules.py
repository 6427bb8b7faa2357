"""Modules of a project: how they are found and imported, and which files and packages generators depend on.

Dependencies are read from source; nothing is imported for that. They are counted by package: a generator depends on
every module of its package, and of each package that one of these imports. So relative imports are not followed.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import warnings
from dataclasses import dataclass, field
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
)
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.machinery import ModuleSpec

#: Packages that are part of every build's identity already.
CORE = frozenset({"__main__", "etl", "duckdb", "numpy", "pyarrow", "pydantic", "pydantic_core", "yaml"})

_MODULE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_REQUIRED = re.compile(r"^Requires-Dist: *([\w.-]+)(?!.*\bextra *==)", re.MULTILINE)


@dataclass
class Code:
    """The files and packages that generators depend on."""

    project: list[Path] = field(default_factory=list)
    outside: dict[str, Path] = field(default_factory=dict)  # by package and path in it
    installed: dict[str, tuple[str, str]] = field(default_factory=dict)  # version and digest of each package


class _SourceLoader(SourceFileLoader):
    """Compiles the source each time: Python's cache compares size and seconds, which an edit may leave the same."""

    def path_stats(self, path: str) -> NoReturn:
        """Report that nothing is cached."""
        raise OSError(path)


_LOADERS = ((_SourceLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES))


class _Finder:
    """Imports the modules of a project from source."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find_spec(self, name: str, path: Iterable[str] | None = None, _: object = None) -> ModuleSpec | None:
        """Find a module in the project, or in one of its packages: Python's import protocol."""
        top = name.partition(".")[0]
        places = [self.root] if path is None else [Path(place) for place in path]
        for place in () if top in CORE else places:
            if path is None or place.is_relative_to(self.root / top):
                spec = FileFinder(str(place), *_LOADERS).find_spec(name)
                if spec and spec.loader:
                    return spec
        return None


def search(root: Path) -> None:
    """Let a project's modules be imported, before those in ``sys.path``, until :func:`forget`."""
    if not any(isinstance(finder, _Finder) and finder.root == root for finder in sys.meta_path):
        index = next((index for index, finder in enumerate(sys.meta_path) if finder is PathFinder), 0)
        sys.meta_path.insert(index, _Finder(root))
        sys.path.insert(0, str(root))  # for packages without __init__.py


def forget(root: Path) -> None:
    """Unload a project's modules: another project may have modules of the same names."""
    sys.meta_path[:] = [other for other in sys.meta_path if not (isinstance(other, _Finder) and other.root == root)]
    sys.path[:] = [path for path in sys.path if path != str(root)]
    for name, module in list(sys.modules.items()):
        places = (getattr(module, "__file__", None), *getattr(module, "__path__", ()))
        if any(str(place).startswith(f"{root}{os.sep}") for place in places):
            del sys.modules[name]


def code_of(names: Iterable[str], root: Path) -> Code:
    """The files and packages that modules depend on. The project is searched first, as it is when they are imported.

    An installed package, and those that it requires, count with their version and the hashes in their RECORD. Its
    files are read if ``names`` contains it, or if it has no RECORD of them (an editable install, ``PYTHONPATH``).
    """
    code, seen = Code(), set[str]()
    generators = {name.partition(".")[0] for name in names}
    waiting = sorted(generators)
    while waiting:
        top = waiting.pop()
        if top in seen or top in CORE or not top.isidentifier():
            continue
        seen.add(top)
        spec, inside = find_module(top, root)
        if spec is None or (not inside and top in sys.stdlib_module_names):
            continue
        installed = {} if inside else _installed(top, spec)
        code.installed |= installed
        if installed and top not in generators:
            continue
        for name, path in _files(spec):
            if inside:
                code.project.append(path)
            else:
                code.outside[f"{top}/{name}"] = path
            waiting += _imported(path)
    return code


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links followed, except in ``__pycache__``. Raises OSError."""

    def fail(error: OSError) -> NoReturn:
        raise error

    seen = set[str]()
    for home, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(home)
        folders[:] = [] if real in seen else sorted(name for name in folders if name != "__pycache__")
        if real not in seen:
            yield from (path for path in (Path(home, name) for name in sorted(names)) if path.is_file())
        seen.add(real)


def find_module(top: str, root: Path) -> tuple[ModuleSpec | None, bool]:
    """Where Python finds a top-level module or package, and whether that is in the project."""
    finder = FileFinder(str(root), *_LOADERS)  # a new one: Python's own cache the folder
    spec = None if top in CORE else finder.find_spec(top)
    if spec and spec.loader:
        return spec, True
    try:
        other = find_spec(top)
    except (ImportError, ValueError, AttributeError):  # no name of a module, or another finder fails
        other = None
    if spec and not (other and other.origin):  # a folder without __init__.py is a package where there is no other
        return spec, True
    return other, False


def _files(spec: ModuleSpec) -> Iterator[tuple[str, Path]]:
    """Every module of a package by its path in it, or the one file of a module."""
    if spec.submodule_search_locations is None:
        path = Path(spec.origin or "")
        if path.is_file():
            yield path.name, path
        return
    for place in spec.submodule_search_locations:
        for path in files_below(Path(place)):
            if path.name.endswith(_MODULE):
                yield str(path.relative_to(place)), path


def parse(path: Path) -> ast.Module:
    """The syntax tree of a module; empty if it cannot be read, which importing it will report."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _imported(path: Path) -> set[str]:
    """The top-level names that a module imports."""
    tree = parse(path) if path.name.endswith(tuple(SOURCE_SUFFIXES)) else ast.Module([], [])
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Call) and _called(node.func) in {"import_module", "__import__"}:
            names.update(str(part.value) for part in node.args[:1] if isinstance(part, ast.Constant))
    return {name.partition(".")[0] for name in names}


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _installed(top: str, spec: ModuleSpec) -> dict[str, tuple[str, str]]:
    """Version and digest of the distributions that a module is from, and of those that they require."""
    found: dict[str, tuple[str, str]] = {}
    for site in {Path(place).parent for place in spec.submodule_search_locations or [spec.origin or ""]}:
        distributions = {_normalized(info.name.partition("-")[0]): info for info in sorted(site.glob("*.dist-info"))}
        same_name = distributions.get(_normalized(top))
        candidates = [same_name] if same_name and _provides(same_name, top) else distributions.values()
        waiting = [info for info in candidates if _provides(info, top)]
        while waiting:
            info = waiting.pop()
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            if name not in found:
                modules = [line for line in _record(info) if ".py,sha256=" in line and not line.startswith("..")]
                found[name] = version, hashlib.sha256("\n".join(sorted(modules)).encode()).hexdigest()
                waiting += [distributions[other] for other in _requirements(info) if other in distributions]
    return found


def _provides(info: Path, top: str) -> bool:
    return any(line.startswith((f"{top}/", f"{top}.")) for line in _record(info))


def _record(info: Path) -> list[str]:
    """The lines of RECORD: path, hash and size of each file."""
    path = info / "RECORD"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _requirements(info: Path) -> list[str]:
    path = info / "METADATA"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [_normalized(name) for name in _REQUIRED.findall(text)]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
