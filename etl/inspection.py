"""Looks at an existing build: are its files as they were made, and does its data keep the rules?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl import manifest
from etl.checks import read_checks, reading, run_checks
from etl.config import shown_name
from etl.errors import EtlError, Mistakes, Where
from etl.store import Store

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
    damage = [EtlError(f"{fault}; mend it with: python -m etl run", Where(shown_name(folder))) for fault in manifest.damage(folder)]
    if damage:
        raise Mistakes(damage)
    content = manifest.read(folder) or {}
    path = source.resolve(source.tree.mapping()["checks"])
    checks = read_checks(path, shown_name(path), full=full)
    with reading(folder / content["pipeline"]["database"]) as query:
        run_checks(checks, query, content["pipeline"])
    return Inspection(content["build"], len(content["files"]), len(checks))
