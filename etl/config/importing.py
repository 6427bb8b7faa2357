"""How modules of a project are imported: before all others, and as they are in their files."""

from __future__ import annotations

import os
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
)
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from etl.config.modules import NAMED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec


class _FromSource(SourceFileLoader):
    """Reads the source each time: Python knows what it has compiled by size and second, which an edit may keep."""

    def path_stats(self, path: str) -> NoReturn:
        """Know of nothing compiled."""
        raise OSError(path)


_LOADERS = ((_FromSource, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES))


class _Finder:
    """Finds the modules of a project, by their source."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find_spec(self, name: str, path: Iterable[str] | None = None, _: object = None) -> ModuleSpec | None:
        """Find a module in the project, or below a package of it: as Python's import asks."""
        top = name.partition(".")[0]
        places = [self.root] if path is None else [Path(place) for place in path]
        for place in () if top in NAMED else places:
            if path is None or place.is_relative_to(self.root / top):
                spec = FileFinder(str(place), *_LOADERS).find_spec(name)
                if spec and spec.loader:
                    return spec
        return None


def search(root: Path) -> None:
    """Have Python look for modules in a project before it looks in its path, until :func:`forget`."""
    if not any(isinstance(finder, _Finder) and finder.root == root for finder in sys.meta_path):
        usual = next((place for place, finder in enumerate(sys.meta_path) if finder is PathFinder), 0)
        sys.meta_path.insert(usual, _Finder(root))
        sys.path.insert(0, str(root))  # for packages without __init__.py


def forget(root: Path) -> None:
    """Forget a project and its modules: Python imports a name once, and another project may have it too."""
    sys.meta_path[:] = [other for other in sys.meta_path if not (isinstance(other, _Finder) and other.root == root)]
    sys.path[:] = [path for path in sys.path if path != str(root)]
    for name, module in list(sys.modules.items()):
        places = (getattr(module, "__file__", None), *getattr(module, "__path__", ()))
        if any(str(place).startswith(f"{root}{os.sep}") for place in places):
            del sys.modules[name]
