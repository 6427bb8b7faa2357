"""Templates of projects for ``etl init``.

An installed etl has them in ``etl/templates``. In a checkout, pyproject.toml lists the files that the wheel puts there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from etl.errors import EtlError

_HOME = Path(__file__).parents[1]
_OUTPUT = shutil.ignore_patterns("*.db*", "__pycache__")  # leftovers in a checkout


def templates() -> dict[str, dict[str, Path]]:
    """The files and folders of each template, by their name in a project."""
    inside = (path for path in _HOME.glob("templates/*/*") if path.name != "__pycache__")
    places = {f"etl/{path.relative_to(_HOME)}": path for path in inside} | _elsewhere()
    found: dict[str, dict[str, Path]] = {}
    for place, path in sorted(places.items()):
        _, _, template, name = place.split("/")
        found.setdefault(template, {})[name] = path
    return found


def start(template: str, folder: Path) -> None:
    """Copy a template into a new or an empty folder. Raises EtlError when it is neither."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise EtlError(f"{folder}: is not an empty folder; name a new folder, or an empty one")
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in templates()[template].items():
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=_OUTPUT, copy_function=shutil.copyfile)  # writable ones
        else:
            shutil.copyfile(path, folder / name)


class TemplateName(click.ParamType[str]):
    """The type of an option that names a template."""

    name = "template"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 -- click's interface
        """The names, for the help."""
        return f"[{'|'.join(templates())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name. Raises click.BadParameter."""
        names = templates()
        if value not in names:
            self.fail(f"name one of: {', '.join(names)}", param, ctx)
        return value


def _elsewhere() -> dict[str, Path]:
    """Files of a checkout that the wheel has in ``etl/templates``, by their path there."""
    import tomllib  # noqa: PLC0415 -- only init needs it

    try:
        project = tomllib.loads((_HOME.parent / "pyproject.toml").read_text(encoding="utf-8"))
        included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    except (OSError, KeyError):  # installed
        return {}
    return {place: _HOME.parent / source for source, place in included.items() if place.startswith("etl/templates/")}
