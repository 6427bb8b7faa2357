"""Projects that come with etl, for others to start from.

An installed etl has them in ``etl/templates``. In a checkout some are elsewhere: pyproject.toml says which files the
wheel takes, and where it puts them.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import click

from etl.errors import EtlError

_HOME = Path(__file__).parents[1]
_OUTPUT = shutil.ignore_patterns("*.db*", "__pycache__")  # what work in a checkout may have left


def templates() -> dict[str, dict[str, Path]]:
    """Each template's files and folders: where they are, by the name that they get in a project."""
    places = {f"etl/{path.relative_to(_HOME)}": path for path in _HOME.glob("templates/*/*")} | _elsewhere()
    found: dict[str, dict[str, Path]] = {}
    for place, path in sorted(places.items()):
        _, _, template, name = place.split("/")
        found.setdefault(template, {})[name] = path
    return found


def start(template: str, folder: Path) -> None:
    """Copy a template into a new or an empty folder. Raises EtlError when it is neither."""
    if folder.exists() and not folder.is_dir():
        raise EtlError(f"{folder}: is a file; name a new folder, or an empty one")
    if folder.is_dir() and any(folder.iterdir()):
        raise EtlError(f"{folder}: is not empty; name a new folder, or an empty one")
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in templates()[template].items():
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=_OUTPUT, copy_function=shutil.copyfile)  # writable ones
        else:
            shutil.copyfile(path, folder / name)


def named(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """Take the value of an option as the name of a template. Raises click.BadParameter with the names."""
    names = templates()
    if value not in names:
        raise click.BadParameter(f"name one of: {', '.join(names)}", ctx, param)
    return value


def _elsewhere() -> dict[str, Path]:
    """What only the wheel has in ``etl/templates``, by its place there: where it is in a checkout."""
    try:
        project = tomllib.loads((_HOME.parent / "pyproject.toml").read_text(encoding="utf-8"))
        included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    except (OSError, KeyError):  # installed, perhaps beside somebody else's file
        return {}
    return {place: _HOME.parent / source for source, place in included.items() if place.startswith("etl/templates/")}
