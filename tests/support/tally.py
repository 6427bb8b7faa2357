"""A pytest plugin that counts how often each fault was tried, what came of it: ``-p tests.support.tally --tally FILE``.

A test says what it tries with ``@pytest.mark.fault("a full disk")``; the first sentence of its docstring says what must
hold. A test that tries several times says so with ``record_property("tried", count)``, and one whose tries end in
several good ways with ``record_property("ending", "refused")``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class Row:
    """One fault or attack: how often it was tried, what must hold, and what came of it."""

    fault: str
    promises: list[str] = field(default_factory=list)
    tried: int = 0
    failed: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # by reason
    endings: dict[str, int] = field(default_factory=dict)


class Tally:
    """Counts the reports of a test run."""

    def __init__(self, path: Path) -> None:
        """Count for a file that is written in the end."""
        self.path = path
        self.rows: dict[str, Row] = {}

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: when it has run, or when it could not; and each failure before or after it."""
        said = dict(report.user_properties)
        if "fault" not in said or (report.when != "call" and report.passed):
            return
        row = self.rows.setdefault(str(said["fault"]), Row(str(said["fault"])))
        if str(said["promise"]) not in row.promises:
            row.promises.append(str(said["promise"]))
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            _count(row.skipped, reason.removeprefix("Skipped: "))
            return
        row.failed += report.failed
        if report.when == "call":
            row.tried += sum(int(str(value)) for name, value in report.user_properties if name == "tried") or 1
            for name, value in report.user_properties:
                if name == "ending":
                    _count(row.endings, str(value))

    @pytest.hookimpl
    def pytest_sessionfinish(self) -> None:
        """Write what was counted."""
        self.path.write_text(json.dumps([asdict(row) for row in self.rows.values()], indent=1), encoding="utf-8")


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--tally``."""
    parser.addoption("--tally", type=Path, help="write there how often each fault was tried, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Count in the one process that hears of all the tests."""
    path = config.getoption("--tally")
    if path and not hasattr(config, "workerinput"):  # pytest-xdist's
        config.pluginmanager.register(Tally(path))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a test's reports say what it tries and what must hold."""
    mark = item.get_closest_marker("fault")
    if mark is not None:
        text = " ".join((getattr(item, "function", item).__doc__ or "").split())
        item.user_properties += [("fault", mark.args[0]), ("promise", text)]


def read(path: Path) -> list[Row]:
    """What was counted, as it was written."""
    rows: Iterable[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return [Row(**row) for row in rows]  # type: ignore[arg-type]  # asdict's inverse
