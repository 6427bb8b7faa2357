"""Full names of generators, read from source: nothing is imported, so that a build can be named in no time.

A pipeline may name one function in many ways: by its short name, by the module that defines it, by one that imports
it. All of them become ``module:function`` of the definition, so that whoever looks for a generator finds it.
"""

from __future__ import annotations

import ast
import importlib
import sys
import warnings
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec


def namer(generators: str | None, root: Path) -> Callable[[str], str]:
    """A function that makes a generator's name full; ``generators`` is the module in which short names are looked up.

    It leaves a name as it is written where source does not tell: validation imports it, and says what is wrong.
    """
    importlib.invalidate_caches()

    @cache
    def parsed(module: str) -> tuple[list[ast.stmt], bool]:
        path = _file(module, root)
        return (_statements(path), path.name == "__init__.py") if path else ([], False)

    def defined(module: str, name: str, seen: frozenset[tuple[str, str]]) -> str | None:
        found = None
        body, package = parsed(module)
        for statement in body if (module, name) not in seen else ():
            if isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        origin = _origin(statement, module, package=package)
                        found = defined(origin, alias.name, seen | {(module, name)}) or f"{origin}:{alias.name}"
            elif name in _bound(statement):
                found = f"{module}:{name}"
        return found

    def full(name: str) -> str:
        module, colon, function = name.rpartition(":")
        home = module if colon else generators
        return (home and defined(home, function, frozenset())) or name

    return full


def _file(module: str, root: Path) -> Path | None:
    """The source file of a module, looked for where Python does: the project comes first."""
    top, *parts = module.split(".")
    spec = _spec(top, root)
    found = Path(spec.origin) if spec and spec.origin else None
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for part in parts:
        files = [file for place in places for file in (place / part / "__init__.py", place / f"{part}.py")]
        found = next((file for file in files if file.is_file()), None)
        places = [found.parent] if found and found.name == "__init__.py" else [place / part for place in places]
    return found if found and found.suffix == ".py" and found.is_file() else None


def _spec(top: str, root: Path) -> ModuleSpec | None:
    own = None if top in sys.modules else PathFinder.find_spec(top, [str(root)])
    if own:
        return own
    try:
        return find_spec(top)
    except (ImportError, ValueError):  # no name of a module, or one that hides where it is from
        return None


def _statements(path: Path) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):  # importing it will say so
        return []


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement gives to something of its own module."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _origin(statement: ast.ImportFrom, module: str, *, package: bool) -> str:
    """The module that ``from … import`` names, with its dots resolved."""
    if not statement.level:
        return statement.module or ""
    above = module.split(".")[: len(module.split(".")) - statement.level + package]
    return ".".join([*above, *([statement.module] if statement.module else [])])
