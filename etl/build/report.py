"""The page about a build's data, ``report.html``: of any world, or drawn by a function that ``report:`` names.

A report is drawn by a process of its own, beside the export: some take an engine that needs half a second to start and
a hundred megabytes. The process sees the finished database and this build's description, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.run import child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: The report's file in a build.
NAME = "report.html"


def about(
    build: str,
    pipeline: Mapping[str, Any],
    *,
    tables: Mapping[str, Mapping[str, Any]],
    params: Mapping[str, Mapping[str, Any]],
    checks: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """What a function that draws is told besides the database.

    Its keys are ``build``, ``site`` and ``seed``; ``tables``: by name, each with ``rows``, ``description`` and
    ``columns``, their descriptions by name; ``stages``: in order, each with ``name``, ``source`` (a file, or the full
    name of a generator), ``inputs``, ``table`` (None where it fills none), ``check`` and ``params`` (validated, in
    full); and ``checks``: those that passed, each with ``check`` and ``rule``.
    """
    stages = [_stage(name, stage, params.get(name, {})) for name, stage in pipeline["stages"].items()]
    told = {"site": pipeline["site"], "seed": pipeline["seed"], "tables": tables, "stages": stages}
    return {"build": build, **told, "checks": list(checks)}


def _stage(name: str, stage: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    inputs = stage.get("inputs", {})
    internal = stage.get("internal") or "check" in stage
    return {
        "name": name,
        "source": next(stage[kind] for kind in ("csv", "sql", "python") if kind in stage),
        "inputs": list(inputs.values() if isinstance(inputs, dict) else inputs),
        "table": None if internal else stage.get("table", name),
        "check": stage.get("check"),
        "params": params,
    }


class Report:
    """A report that is being drawn."""

    def __init__(self, function: str) -> None:
        """Start the process, so that it is warm when there is something to draw."""
        self._process = child.start("etl.build.report_worker", stderr=subprocess.PIPE)
        self._send(f"{function}\n".encode(), last=False)

    def draw(self, database: Path, told: Mapping[str, Any]) -> None:
        """Have the report of a finished database drawn; it goes on beside whatever comes next."""
        document = {"database": str(database.resolve()), "about": told}
        self._send(json.dumps(document, default=str).encode(), last=True)

    def _send(self, content: bytes, *, last: bool) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 -- for mypy
        with contextlib.suppress(BrokenPipeError):  # :meth:`page` says why it has ended
            pipe.write(content)
            pipe.flush()
        if last:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
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
def reporting(function: str | None) -> Iterator[Report | None]:
    """A process that draws, if a function is named; it is gone in the end, whatever happens."""
    if function is None:
        yield None
        return
    report = Report(function)
    try:
        yield report
    finally:
        report.close()


def make(function: str, database: Path, told: Mapping[str, Any]) -> bytes:
    """Draw the report of a finished database. Raises EtlError."""
    with contextlib.closing(Report(function)) as report:
        report.draw(database, told)
        return report.page()
