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
    from importlib.metadata import Distribution

#: Packages that are part of every build's identity already.
CORE = frozenset({"__main__", "etl", "duckdb", "numpy", "pyarrow", "pydantic", "pydantic_core", "yaml"})

_MODULE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_REQUIRED = re.compile(r"^([\w.-]+)(?!.*\bextra *==)", re.MULTILINE)


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


@dataclass(frozen=True)
class _Finder:
    """Imports the modules of a project from source."""

    root: Path

    def find_spec(self, name: str, path: Iterable[str] | None = None, _: object = None) -> ModuleSpec | None:
        """Find a module in the project, or in one of its packages: Python's import protocol."""
        top = name.partition(".")[0]
        places = [self.root] if path is None else [Path(place) for place in path]
        own = [place for place in places if path is None or place.is_relative_to(self.root / top)]
        spec = None if top in CORE else _look(name, own)
        return spec if spec and spec.loader else None


def search(root: Path) -> None:
    """Let a project's modules be imported, before those in ``sys.path``, until :func:`forget`."""
    if _Finder(root) not in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), _Finder(root))
        sys.path.insert(0, str(root))  # for packages without __init__.py


def forget(root: Path) -> None:
    """Unload a project's modules: another project may have modules of the same names."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder != _Finder(root)]
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
        if top in seen or top in CORE:
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
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted({*folders} - {"__pycache__"})
        yield from filter(Path.is_file, (Path(home, name) for name in sorted(names)))


def find_module(top: str, root: Path) -> tuple[ModuleSpec | None, bool]:
    """Where Python finds a top-level module or package, and whether that is in the project."""
    spec = _look(top, [root]) if top.isidentifier() and top not in CORE else None
    if spec and spec.loader:
        return spec, True
    try:
        other = find_spec(top)
    except (ImportError, ValueError, AttributeError):  # no name of a module, or another finder fails
        other = None
    if spec and not (other and other.origin):  # a folder without __init__.py is a package where there is no other
        return spec, True
    return other, False


def find_source(module: str, root: Path) -> Path | None:
    """The source file of a module, searched for as Python does; None if it has none."""
    top, *parts = module.split(".")
    spec = find_module(top, root)[0]
    for part in parts:
        spec = _look(part, (spec and spec.submodule_search_locations) or [])
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _look(name: str, places: Iterable[Path | str]) -> ModuleSpec | None:
    """The module of a name in some folders; a folder without __init__.py counts where there is no other."""
    finders = [FileFinder(str(place), *_LOADERS) for place in places]  # new ones: Python's cache the folder
    specs = [spec for finder in finders if (spec := finder.find_spec(name))]
    return next((spec for spec in specs if spec.loader), specs[0] if specs else None)


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
    names = set[str]()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))  # of a.b(), or b()
            if called in {"import_module", "__import__"}:
                names.update(str(part.value) for part in node.args[:1] if isinstance(part, ast.Constant))
    return {name.partition(".")[0] for name in names}


def _installed(top: str, spec: ModuleSpec) -> dict[str, tuple[str, str]]:
    """Version and digest of the distributions that a module is from, and of those that they require."""
    from importlib.metadata import distributions  # noqa: PLC0415 -- slow, and few pipelines have installed generators

    found: dict[str, tuple[str, str]] = {}
    for site in {str(Path(place).parent) for place in spec.submodule_search_locations or [spec.origin or ""]}:
        waiting = _providing(top, distributions(name=top, path=[site])) or _providing(top, distributions(path=[site]))
        while waiting:
            package = waiting.pop()
            described = package.read_text("METADATA") is not None  # without it importlib.metadata may raise
            name, version = (package.name, package.version) if described else (top, "")
            if name not in found:
                modules = [line for line in _record(package) if ".py,sha256=" in line and not line.startswith("..")]
                digest = hashlib.sha256("\n".join(sorted(modules)).encode()).hexdigest()
                found[name] = version, digest
                for required in _REQUIRED.findall("\n".join(package.requires or ()) if described else ""):
                    waiting += distributions(name=required, path=[site])
    return found


def _providing(top: str, packages: Iterable[Distribution]) -> list[Distribution]:
    """Those that have installed a top-level module or package."""
    names = (f"{top}/", f"{top}.")
    return [package for package in packages if any(line.startswith(names) for line in _record(package))]


def _record(package: Distribution) -> list[str]:
    """The lines of RECORD: path, hash and size of each file."""
    return (package.read_text("RECORD") or "").splitlines()
