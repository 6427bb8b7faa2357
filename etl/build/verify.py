"""Verifies an existing build: that its files are unchanged and its data passes the checks."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.build import copies, manifest, report
from etl.build.preview import changed_values
from etl.build.store import Store, check_world, current_of, in_use
from etl.config.identity import identify
from etl.config.source import display_path
from etl.errors import EtlError, Mistakes, Where
from etl.pipeline.model import GENERAL_REPORT
from etl.site.answers import check_answers, register_functions
from etl.site.endpoint import restore
from etl.tables.checks import read_checks, run_checks
from etl.tables.files import open_regular_file
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.config.source import Source


class Verification(NamedTuple):
    """A build that passed."""

    build: str
    name: str  # of its pipeline
    files: int
    checks: int | None  # None without a database
    differs: list[str]  # the build's values and inputs that differ from the pipeline's


def verify(source: Source, out: Path, *, full: bool) -> Verification:
    """Verify that the current build is the pipeline's, is undamaged, and passes the pipeline's checks.

    The checks get the build's own numbers. Raises EtlError when there is no build, it is another pipeline's, or an
    answer does not match its declaration; Mistakes for damaged files; CheckFailed for violated rules.
    """
    folder = current_of(source, out)
    with in_use(folder):
        damage = [
            EtlError(f"{fault}; fix it with: python -m etl run", Where(display_path(folder)))
            for fault in manifest.damage(folder)
        ]
        if damage:
            raise Mistakes(damage)
        content = manifest.read(folder) or {}
        identity = identify(source)
        inputs = [name for name, found in identity.inputs.items() if content["inputs"].get(name) != found]
        differs = [*changed_values(content["pipeline"], identity.pipeline), *(f"another {name}" for name in inputs)]
        count = _check(source, folder, content, full=full)
    return Verification(content["build"], content["name"], len(content["files"]), count, differs)


def _check(source: Source, folder: Path, content: dict[str, Any], *, full: bool) -> int | None:
    """Run the checks on the database of a build. Returns their number, None without a database."""
    database = content["pipeline"]["database"]
    if database not in content["files"]:
        return None
    node = source.tree.get("checks")
    path = source.resolve(node) if node and isinstance(node.scalar, str) else None
    if node and not (path and path.is_dir()):
        raise EtlError("checks: must name the folder of checks", node.where)
    checks = read_checks(path, display_path(path) if path else "", full=full, in_full=source.full_name)
    with contextlib.closing(register_functions(open_database(folder / database))) as opened:
        run_checks(checks, opened, content["pipeline"])
        if full:
            for endpoint in restore(json.loads((folder / "endpoints.json").read_text(encoding="utf-8"))):
                check_answers(opened, endpoint)
    return len(checks)


def report_of(source: Source, out: Path, copy_to: Path | None) -> Path:
    """The path of the current build's report, or of a copy at ``copy_to``, which is drawn if the build has none.

    Raises EtlError when there is no build, it is another pipeline's, or there is no report and no database to draw one.
    """
    if copy_to:
        copies.check(source, out, (copy_to, copies.REPORT))
    folder = current_of(source, out)
    with in_use(folder):
        page = _page(folder)
        if copy_to is None:
            if page is None:
                hint = "make one with --copy-to FILE: a build never changes"
                raise EtlError(f"the build was made without a report; {hint}", Where(display_path(folder)))
            return folder / report.NAME
        page = page or _drawn(folder)
    copies.write(copy_to, copies.REPORT, lambda temporary: temporary.write_bytes(page))
    return copy_to.resolve()


def clean(source: Source, out: Path, keep: int, say: Callable[[str], None]) -> tuple[int, int]:
    """Delete old builds of a pipeline: how many were deleted and how many are left.

    Raises EtlError when all builds are another pipeline's.
    """
    store = Store(out, say)
    if not store.builds():
        return 0, 0
    if not store.builds(source.name):
        check_world(store.current or store.builds()[0], source.name)
    with store.locked(say):
        deleted = store.prune(keep, source.name)
    return len(deleted), len(store.builds(source.name))


def _page(folder: Path) -> bytes | None:
    """The report of a build, None if it has none. Raises EtlError."""
    try:
        with open_regular_file(folder / report.NAME) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{report.NAME} is damaged ({error.strerror}); fix it with: python -m etl run"
        raise EtlError(message, Where(display_path(folder))) from error


def _drawn(folder: Path) -> bytes:
    content = manifest.read(folder)
    if content is None:
        raise EtlError(f"{manifest.NAME} is missing or damaged; fix it with: python -m etl run", Where(str(folder)))
    database = folder / content["pipeline"]["database"]
    if not database.is_file():
        raise EtlError("the build has no database to draw a report from", Where(display_path(folder)))
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    descriptions = metadata["databases"][database.stem]["tables"]
    return report.make(GENERAL_REPORT, database, report.about(content, descriptions))
