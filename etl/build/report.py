"""``report.html``, a page about a build's data: etl's own, or drawn by the function that ``report:`` names.

It is drawn in a child process, during the export: a function of a project may import a chart engine of 100 MB. The
child process only gets the finished database and a description of the build.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

from etl.config.stage_files import origin_of
from etl.errors import EtlError
from etl.run import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: The report's file in a build.
NAME = "report.html"

#: What a function gets as the id of a build; in its page the id replaces it. So a page depends on nothing but the rows
#: and their description, and another build with the same ones can take it.
BUILD = "the-id-of-a-build"


def about(
    made: Mapping[str, Any],
    descriptions: Mapping[str, Mapping[str, Any]],
    params: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The second argument of a function that draws a report; the first is the database.

    Its keys are ``build``, a text that becomes the id of the build in the page; ``site`` and ``seed``; ``tables``: by
    name, each with ``rows``, ``description`` and ``columns``, their descriptions by name; ``stages``: in order, each
    with ``name``, ``source`` (a file, or the full name of a generator), ``inputs``, ``table`` (None if it fills none),
    ``check`` and ``params`` (validated, with defaults); and ``checks``: those that passed, each with ``check`` and
    ``rule``.

    ``made`` has ``build``, ``pipeline``, ``tables`` and ``checks`` as in a manifest.
    """
    pipeline = made["pipeline"]
    return {
        "build": made["build"],
        "site": pipeline["site"],
        "seed": pipeline["seed"],
        "tables": {name: {**descriptions[name], "rows": found["rows"]} for name, found in made["tables"].items()},
        "stages": [_stage(name, stage, (params or {}).get(name, {})) for name, stage in pipeline["stages"].items()],
        "checks": list(made["checks"]),
    }


def _stage(name: str, stage: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    inputs = stage.get("inputs", {})
    internal = stage.get("internal") or "check" in stage
    return {
        "name": name,
        "source": origin_of(stage),
        "inputs": list(inputs.values() if isinstance(inputs, dict) else inputs),
        "table": None if internal else stage.get("table", name),
        "check": stage.get("check"),
        "params": params,
    }


class Report:
    """A child process that draws a report."""

    def __init__(self, function: str) -> None:
        """Start the process early: it imports the function meanwhile."""
        self._process = child.start("etl.build.report_worker", stderr=subprocess.PIPE)
        self._build = ""
        self._send(function)

    def draw(self, database: Path, about: Mapping[str, Any]) -> None:
        """Start drawing the report of a finished database."""
        self._build = about["build"]
        request = {"database": str(database.resolve()), "about": {**about, "build": BUILD}}
        self._send(json.dumps(request, default=str))

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 -- for mypy
        with contextlib.suppress(BrokenPipeError):  # :meth:`page` reports why it exited
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def page(self) -> bytes:
        """Wait for the page. Raises EtlError when it could not be drawn."""
        page, log = self._process.communicate()
        if self._process.returncode or not page:
            lines = log.decode(errors="replace").strip().splitlines() or [f"exit code {self._process.returncode}"]
            raise EtlError(f"the report could not be drawn: {lines[-1]}; --no-report builds without it")
        return page.replace(BUILD.encode(), self._build.encode())

    def close(self) -> None:
        """End the process if it is still running."""
        child.end(self._process)


@contextlib.contextmanager
def reporting(function: str | None) -> Iterator[Report | None]:
    """Start a :class:`Report`, if there is a function; leaving the block ends its process."""
    with contextlib.nullcontext() if function is None else contextlib.closing(Report(function)) as report:
        yield report


def make(function: str, database: Path, about: Mapping[str, Any]) -> bytes:
    """Draw the report of a finished database. Raises EtlError."""
    with contextlib.closing(Report(function)) as report:
        report.draw(database, about)
        return report.page()
