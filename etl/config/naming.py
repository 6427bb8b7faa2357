"""Full names of generators, read from source: importing them would make an up-to-date run slow.

A pipeline can name a function by its short name, by the module that defines it, or by one that imports it. All of
them become ``module:function`` of the definition, so that names can be compared.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import resolve_name
from typing import TYPE_CHECKING

from etl.config.modules import find_source, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def namer(generators: str | None, root: Path) -> Callable[[str], str]:
    """A function from a generator's name to its full name; ``generators`` is the module of the short names.

    It returns a name unchanged when the source does not show the definition: validation reports what is wrong.
    """

    @cache
    def definitions(module: str) -> dict[str, tuple[str, str]]:
        """The module and the name of each function that a module defines or imports."""
        found: dict[str, tuple[str, str]] = {}
        path = find_source(module, root)
        package = module if path and path.name == "__init__.py" else module.rpartition(".")[0]
        for statement in parse(path).body if path else ():
            if isinstance(statement, ast.ImportFrom):
                try:
                    origin = resolve_name("." * statement.level + (statement.module or ""), package)
                except ImportError:  # above the top
                    continue
                found |= {alias.asname or alias.name: (origin, alias.name) for alias in statement.names}
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[statement.name] = (module, statement.name)
            elif isinstance(statement, ast.Assign):
                names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
                found |= {name: (module, name) for name in names}
        return found

    def full(name: str) -> str:
        module, colon, function = name.rpartition(":")
        place, seen = (module if colon else generators or "", function), set[tuple[str, str]]()
        while place not in seen and (further := definitions(place[0]).get(place[1])):
            seen.add(place)
            place = further
        return ":".join(place) if seen else name

    return full
