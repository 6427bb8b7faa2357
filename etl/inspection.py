"""Looks at an existing build: whether its files are as they were made, and its data keeps the rules."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, NamedTuple

from etl import manifest, report
from etl.checks import read_checks, reading, run_checks
from etl.config import shown_name
from etl.errors import EtlError, Mistakes, Where
from etl.finished import open_database
from etl.model import GENERAL_REPORT
from etl.publish.answers import hold_answers
from etl.publish.endpoint import restore
from etl.publish.exact import register
from etl.store import Store, in_use

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Source


class Inspection(NamedTuple):
    """What was looked at, all of it in order."""

    build: str
    name: str  # of its pipeline
    files: int
    checks: int


def inspect(source: Source, out: Path, *, full: bool) -> Inspection:
    """Hold that the current build is as it was made and keeps the rules of a pipeline's checks.

    Raises EtlError: there is no build, or an answer is not what is declared; Mistakes: files are damaged, each named;
    CheckFailed: rules are broken.
    """
    folder = Store(out).current
    if folder is None:
        raise EtlError("there is no build; make one with: python -m etl run", Where(shown_name(out)))
    with in_use(folder):
        return _inspect(source, folder, full=full)


def report_of(out: Path, copy_to: Path | None) -> Path:
    """Find the report of the current build, or write it to ``copy_to``, drawn anew where the build has none: its path.

    Raises EtlError: there is no build, or it has no report and a build never changes, or no database to draw it from.
    """
    folder = Store(out).current
    if folder is None:
        raise EtlError("there is no build; make one with: python -m etl run", Where(shown_name(out)))
    with in_use(folder):
        path = folder / report.NAME
        if copy_to is None:
            if not path.is_file():
                hint = "make one with --copy-to FILE: a build never changes"
                raise EtlError(f"the build was made without a report; {hint}", Where(shown_name(folder)))
            return path
        page = path.read_bytes() if path.is_file() else _drawn(folder)
    try:
        copy_to.parent.mkdir(parents=True, exist_ok=True)
        copy_to.write_bytes(page)
    except OSError as error:
        raise EtlError(f"cannot write the report: {error.strerror}", Where(str(copy_to))) from error
    return copy_to.resolve()


def _drawn(folder: Path) -> bytes:
    content = manifest.read(folder)
    if content is None:
        raise EtlError(f"{manifest.NAME} is missing or damaged; mend it with: python -m etl run", Where(str(folder)))
    database = folder / content["pipeline"]["database"]
    if not database.is_file():
        raise EtlError("the build has no database to draw a report from", Where(shown_name(folder)))
    shown = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    described = shown["databases"][database.stem]["tables"]
    tables = {name: {**described[name], "rows": found["rows"]} for name, found in content["tables"].items()}
    told = report.about(content["build"], content["pipeline"], tables=tables, params={}, checks=content["checks"])
    return report.make(GENERAL_REPORT, database, told)


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
    checks = read_checks(path, shown_name(path), full=full, in_full=source.namer())
    with reading(folder / content["pipeline"]["database"]) as query:
        run_checks(checks, query, content["pipeline"])
    if full:
        endpoints = restore(json.loads((folder / "endpoints.json").read_text(encoding="utf-8")))
        with contextlib.closing(register(open_database(folder / content["pipeline"]["database"]))) as database:
            hold_answers(database, endpoints)
    return Inspection(content["build"], content["name"], len(content["files"]), len(checks))
