"""What ``make torture`` counts and writes: every try, and what failed as failed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import torture
from tests.soak import GROWTH_LIMIT, WARM, Sample, Soak, table
from tests.support import tally
from tests.support.running import ROOT

TESTS = """
import pytest

@pytest.mark.fault("a kill")
@pytest.mark.parametrize("number", range(3))
def test_kill(number):
    '''The build is whole. More words.'''

@pytest.mark.fault("a mutant")
def test_mutant(record_property):
    '''It is refused or right.'''
    for ending in ("refused", "refused", "built"):
        record_property("tried", 1)
        record_property("ending", ending)

@pytest.mark.fault("a flood")
@pytest.mark.parametrize("good", [True, False])
def test_flood(good):
    '''It is borne.'''
    assert good

@pytest.mark.fault("a mount")
def test_mount():
    '''It holds.'''
    pytest.skip("no permission")

@pytest.mark.fault("a setup")
def test_setup(missing):
    '''It holds.'''

def test_other():
    '''It is none.'''
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[tally.Row]:
    """What was counted of a few tests of every ending."""
    folder = tmp_path_factory.mktemp("tally")
    (folder / "test_them.py").write_text(TESTS)
    plugins = ["-p", "tests.support.tally", "-p", "no:cacheprovider", "-o", "markers=fault(name): it"]
    job = [sys.executable, "-m", "pytest", "-q", *plugins, "--tally", str(folder / "tally"), "-m", "fault"]
    subprocess.run([*job, "--rootdir", str(folder), str(folder)], cwd=ROOT, check=False, capture_output=True)
    return tally.read(folder / "tally")


def test_every_try_is_counted(rows: list[tally.Row]) -> None:
    """A case is a try, or as many as the test says; what failed, was skipped or could not begin is counted as such."""
    assert {row.fault: (row.tried, row.failed) for row in rows} == {
        "a kill": (3, 0),
        "a mutant": (3, 0),
        "a flood": (2, 1),
        "a mount": (0, 0),
        "a setup": (0, 1),
    }
    by_name = {row.fault: row for row in rows}
    assert by_name["a mutant"].endings == {"refused": 2, "built": 1}
    assert by_name["a mount"].skipped == {"no permission": 1}


def soak(*, growth: float = 0, failed: int = 0, files: int = 26) -> Soak:
    """A soak of which all is known."""
    samples = [Sample(int(100_000_000 + number * growth), 26, 10) for number in range(WARM + 6)]
    samples[-1] = Sample(samples[-1].memory, files, 10)
    found = Soak(1, capacity=1000, seconds=60, requests=30_000, waits=[0.001, 0.002, 0.003], rebuilds=14)
    found.samples, found.failed, found.failures = samples, failed, ["/api: 500"] * failed
    return found


def test_report_has_a_row_for_each_fault(rows: list[tally.Row]) -> None:
    """Each fault is a row with its tries and its promise, how tries ended, what failed and what was not tried."""
    text = torture.report(rows, 1, soak())
    assert "| a kill | 3 | The build is whole. |" in text
    assert "| a mutant | 3 | It is refused or right. (1 built; 2 refused) |" in text
    assert "| a flood | 2 | **1 failed:** It is borne. |" in text
    assert "Not tried here: a mount (no permission; 1 times)." in text
    assert "**5 faults and attacks, 8 tries, 2 failed (pytest ended with 1).**" in text
    assert str(ROOT) not in text


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (soak(), None),
        (soak(growth=GROWTH_LIMIT * 1.1), "memory grew by 2.2 MB per rebuild"),
        (soak(failed=2), "2 requests failed, the first: /api: 500"),
        (soak(files=40), "open files rose from 26 to 40"),
        (Soak(1), "no requests, or no rebuilds"),
    ],
)
def test_problems_of_a_soak_are_reported(found: Soak, problem: str | None) -> None:
    """Failures, files that stay open and memory that grows are problems, and stand in the table as failed."""
    assert found.problems()[:1] == ([problem] if problem else [])
    if found.samples:
        assert (f"**Failed:** {problem}" in table(found)) == bool(problem)
