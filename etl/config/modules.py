"""What generators are made of: files and packages, found by reading their source. Nothing of it is imported.

The unit is the package: a generator counts with every module of its package, and so does each package of the project
that one of these imports, anywhere in its text. So relative imports need no following.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import warnings
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.machinery import ModuleSpec

#: Packages that every build is named by already.
NAMED = frozenset({"__main__", "etl", "duckdb", "numpy", "pyarrow", "pydantic", "pydantic_core", "yaml"})

_MODULE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
_LOADERS = ((SourceFileLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES))
_REQUIRED = re.compile(r"^Requires-Dist: *([\w.-]+)(?!.*\bextra *==)", re.MULTILINE)


@dataclass
class Code:
    """Files and packages."""

    own: list[Path] = field(default_factory=list)  # of the project
    foreign: dict[str, Path] = field(default_factory=dict)  # of other places, by package and path in it
    installed: dict[str, tuple[str, str]] = field(default_factory=dict)  # version and digest of each package


def code_of(names: Iterable[str], root: Path) -> Code:
    """What modules are made of; the project comes first in the search, as it does when they are imported.

    Of an installed package the version counts and what its installer noted of its modules, and so do the packages that
    it requires. Its files are read if ``names`` names it, or if no installer noted them: those of a package that is
    installed to be edited, or of a folder in ``PYTHONPATH``.
    """
    code, seen = Code(), set[str]()
    generators = {name.partition(".")[0] for name in names}
    waiting = sorted(generators)
    while waiting:
        top = waiting.pop()
        if top in seen or top in NAMED or not top.isidentifier():
            continue
        seen.add(top)
        spec, inside = _found(top, root)
        if spec is None or (not inside and top in sys.stdlib_module_names):
            continue
        installed = {} if inside else _installed(top, spec)
        code.installed |= installed
        if installed and top not in generators:
            continue
        for name, path in _files(spec):
            if inside:
                code.own.append(path)
            else:
                code.foreign[f"{top}/{name}"] = path
            waiting += _imports(path)
    return code


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, also behind links, but for what Python has compiled there. Raises OSError."""

    def fail(error: OSError) -> NoReturn:
        raise error

    seen = set[str]()
    for home, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(home)
        folders[:] = [] if real in seen else sorted(name for name in folders if name != "__pycache__")
        if real not in seen:
            yield from (path for path in (Path(home, name) for name in sorted(names)) if path.is_file())
        seen.add(real)


def _found(top: str, root: Path) -> tuple[ModuleSpec | None, bool]:
    """Where Python finds a module or a package, and whether that is in the project."""
    spec = FileFinder(str(root), *_LOADERS).find_spec(top)  # a new one: Python's own remember what was there
    if spec and spec.loader:
        return spec, True
    try:
        other = find_spec(top)
    except (ImportError, ValueError, AttributeError):  # a finder of somebody's, or a module that hides its origin
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


def _imports(path: Path) -> set[str]:
    """The top-level names that a module imports: none when it is no Python, which the validation says."""
    if not path.name.endswith(tuple(SOURCE_SUFFIXES)):
        return set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
            names.update(str(part.value) for part in node.args[:1] if isinstance(part, ast.Constant))
    return {name.partition(".")[0] for name in names}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _installed(top: str, spec: ModuleSpec) -> dict[str, tuple[str, str]]:
    """The installed packages that a module is from, and those that they require: version and digest of each."""
    found: dict[str, tuple[str, str]] = {}
    for site in {Path(place).parent for place in spec.submodule_search_locations or [spec.origin or ""]}:
        notes = {_plain(note.name.partition("-")[0]): note for note in sorted(site.glob("*.dist-info"))}
        alike = notes.get(_plain(top))
        waiting = [alike] if alike and _provides(alike, top) else [n for n in notes.values() if _provides(n, top)]
        while waiting:
            note = waiting.pop()
            name, _, version = note.name.removesuffix(".dist-info").partition("-")
            if name not in found:
                modules = [line for line in _lines(note) if ".py,sha256=" in line and not line.startswith("..")]
                found[name] = version, hashlib.sha256("\n".join(sorted(modules)).encode()).hexdigest()
                waiting += [notes[other] for other in _required(note) if other in notes]
    return found


def _provides(note: Path, top: str) -> bool:
    return any(line.startswith((f"{top}/", f"{top}.")) for line in _lines(note))


def _lines(note: Path) -> list[str]:
    """What an installer noted: path, hash and size of each file."""
    path = note / "RECORD"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _required(note: Path) -> list[str]:
    path = note / "METADATA"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return [_plain(name) for name in _REQUIRED.findall(text)]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
