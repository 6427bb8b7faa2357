"""What the data looks like, in pictures, and whether the planted effects are found again: ``report.html``.

It is drawn by a process of its own, beside the export: drawing takes a JavaScript engine, which needs half a second to
start and a hundred megabytes. The process sees the finished database and this build's description, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

from etl import child
from etl.errors import EtlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: The report's file in a build.
NAME = "report.html"


def about(build: str, pipeline: Mapping[str, Any], checks: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What the report tells of a build besides its data: name, effective pipeline, and the checks that it passed."""
    return {"build": build, "pipeline": pipeline, "checks": list(checks)}


class Report:
    """A report that is being drawn."""

    def __init__(self) -> None:
        """Start the process, so that it is warm when there is something to draw."""
        self._process = child.start("etl.report.worker", stderr=subprocess.PIPE)

    def draw(self, database: Path, told: Mapping[str, Any]) -> None:
        """Have the report of a finished database drawn; it goes on beside whatever comes next."""
        assert self._process.stdin is not None  # noqa: S101 -- for mypy
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:  # :meth:`page` says why it has ended
            pipe.write(json.dumps({"database": str(database.resolve()), "about": told}).encode())
        self._process.stdin = None

    def page(self) -> bytes:
        """Wait for the page. Raises EtlError when it could not be drawn."""
        page, said = self._process.communicate()
        if self._process.returncode or not page:
            lines = said.decode(errors="replace").strip().splitlines() or [f"exit code {self._process.returncode}"]
            hint = "--no-report builds without it"
            raise EtlError(f"the report could not be drawn: {lines[-1]}; {hint}")
        return page

    def close(self) -> None:
        """End the process, if it still runs."""
        child.end(self._process)


@contextlib.contextmanager
def reporting(*, wanted: bool) -> Iterator[Report | None]:
    """A process that draws, if a report is wanted; it is gone in the end, whatever happens."""
    if not wanted:
        yield None
        return
    report = Report()
    try:
        yield report
    finally:
        report.close()


def make(database: Path, told: Mapping[str, Any]) -> bytes:
    """Draw the report of a finished database. Raises EtlError."""
    with contextlib.closing(Report()) as report:
        report.draw(database, told)
        return report.page()
