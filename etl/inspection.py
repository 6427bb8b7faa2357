"""Looks at an existing build: whether its files are as they were made, and its data keeps the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl import manifest
from etl.checks import read_checks, reading, run_checks
from etl.config import shown_name
from etl.errors import EtlError, Mistakes, Where
from etl.store import Store, in_use

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Source


class Inspection(NamedTuple):
    """What was looked at, all of it in order."""

    build: str
    files: int
    checks: int


def inspect(source: Source, out: Path, *, full: bool) -> Inspection:
    """Hold that the current build is as it was made and keeps the rules of a pipeline's checks.

    Raises EtlError: there is no build; Mistakes: files are damaged, each named; CheckFailed: rules are broken.
    """
    folder = Store(out).current
    if folder is None:
        raise EtlError("there is no build; make one with: python -m etl run", Where(str(out)))
    with in_use(folder):
        return _inspect(source, folder, full=full)


def _inspect(source: Source, folder: Path, *, full: bool) -> Inspection:
    damage = [
        EtlError(f"{fault}; mend it with: python -m etl run", Where(shown_name(folder)))
        for fault in manifest.damage(folder)
    ]
    if damage:
        raise Mistakes(damage)
    content = manifest.read(folder) or {}
    node = source.tree.at("checks")
    path = source.resolve(node) if node and isinstance(node.scalar, str) else None
    if path is None or not path.is_dir():
        raise EtlError("checks: must name the folder of checks", node.where if node else source.tree.where)
    checks = read_checks(path, shown_name(path), full=full)
    with reading(folder / content["pipeline"]["database"]) as query:
        run_checks(checks, query, content["pipeline"])
    return Inspection(content["build"], len(content["files"]), len(checks))
