"""Full names of generators, read from source: importing them would make an up-to-date run slow.

A pipeline can name a function by its short name, by the module that defines it, or by one that imports it. All of
them become ``module:function`` of the definition, so that names can be compared.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from etl.config.modules import find_module, parse

if TYPE_CHECKING:
    from collections.abc import Callable


def namer(generators: str | None, root: Path) -> Callable[[str], str]:
    """A function from a generator's name to its full name; ``generators`` is the module of the short names.

    It returns a name unchanged when the source does not show the definition: validation reports what is wrong.
    """

    @cache
    def parsed(module: str) -> tuple[list[ast.stmt], bool]:
        path = _file(module, root)
        return (parse(path).body, path.name == "__init__.py") if path else ([], False)

    def defined(module: str, name: str, seen: frozenset[tuple[str, str]]) -> str | None:
        found = None
        body, package = parsed(module)
        for statement in body if (module, name) not in seen else ():
            if isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    if (alias.asname or alias.name) == name:
                        origin = _origin(statement, module, package=package)
                        found = defined(origin, alias.name, seen | {(module, name)}) or f"{origin}:{alias.name}"
            elif name in _defined(statement):
                found = f"{module}:{name}"
        return found

    def full(name: str) -> str:
        module, colon, function = name.rpartition(":")
        home = module if colon else generators
        return (home and defined(home, function, frozenset())) or name

    return full


def _file(module: str, root: Path) -> Path | None:
    """The source file of a module, searched for as Python does."""
    top, *parts = module.split(".")
    spec = find_module(top, root)[0]
    found = Path(spec.origin) if spec and spec.origin else None
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for part in parts:
        files = [file for place in places for file in (place / part / "__init__.py", place / f"{part}.py")]
        found = next((file for file in files if file.is_file()), None)
        places = [found.parent] if found and found.name == "__init__.py" else [place / part for place in places]
    return found if found and found.suffix == ".py" and found.is_file() else None


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a statement defines in its module."""
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
