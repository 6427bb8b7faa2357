"""Breaks everything that the tests know how to break, many times, and writes down what held; ``make torture``.

It runs every test that is marked as a fault with large counts, soaks the server, and writes ``docs/trust.md`` out of
what was counted. Exits with 1 when anything did not hold.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from tests import soak
from tests.support import tally

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "trust.md"

#: Packages whose faults would be ours to bear.
PACKAGES = ("duckdb", "numpy", "pyarrow", "datasette", "uvicorn", "pytest", "hypothesis")

HEAD = """# What was tried to break it

`make torture` wrote this file: it ran every test that is marked as a fault, with larger counts than `make test`,
counted the tries, and soaked the server. A row says: this was tried so many times, and each time the promise beside it
held. What is out of scope, and why, stands in [security.md](security.md).
"""


def main() -> None:
    """Torture, and write what held. Exits with 1 when something did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="instants at which a run is killed [200]")
    parser.add_argument("--mutations", type=int, default=2000, help="mutants of the pipeline [2000]")
    parser.add_argument("--workers", type=int, default=2, help="processes that the tests run in [2]")
    parser.add_argument("--out", type=Path, default=FILE, help="the file to write [docs/trust.md]")
    soak.add_options(parser)
    options = parser.parse_args()
    code, rows = run_tests(options.kills, options.mutations, options.workers)
    soaked = soak.soak_server(options.minutes, options.every)
    options.out.write_text(report(rows, code, soaked), encoding="utf-8")
    broken = [row.fault for row in rows if row.failed] + soaked.problems()
    sys.stderr.write("".join(f"did not hold: {each}\n" for each in broken) + f"written: {options.out.name}\n")
    sys.exit(1 if code or broken or not rows else 0)


def run_tests(kills: int, mutations: int, workers: int) -> tuple[int, list[tally.Row]]:
    """Run the tests of faults: pytest's exit code, and what was counted."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        counted = Path(folder, "tally.json")
        job = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "fault",
            "-p",
            "tests.support.tally",
            "--tally",
            str(counted),
        ]
        job += ["-n", str(workers), "--dist", "worksteal"]
        counts = {"TORTURE_KILLS": str(kills), "TORTURE_EXAMPLES": str(mutations)}
        code = subprocess.run(job, cwd=ROOT, env={**os.environ, **counts}, check=False).returncode
        return code, tally.read(counted) if counted.exists() else []


def report(rows: Sequence[tally.Row], code: int, soaked: soak.Soak) -> str:
    """The note as Markdown."""
    tried, failed = sum(row.tried for row in rows), sum(row.failed for row in rows)
    verdict = (
        f"{len(rows)} faults and attacks, {tried:,} tries, all held." if not (code or failed) else
        f"**{len(rows)} faults and attacks, {tried:,} tries, {failed} failed (pytest ended with {code}).**"
    )  # fmt: skip
    versions = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    versions |= {package: version(package) for package in PACKAGES}
    skipped = [(row.fault, reason, count) for row in rows for reason, count in row.skipped.items()]
    return "\n".join(
        [
            HEAD,
            f"{verdict} {', '.join(machine.size())}; {', '.join(' '.join(pair) for pair in versions.items())}.",
            "",
            "| fault or attack | tried | what held |",
            "| --- | ---: | --- |",
            *(f"| {row.fault} | {row.tried:,} | {_held(row)} |" for row in sorted(rows, key=_in_order)),
            "",
            *(f"Not tried here: {fault} ({reason}; {count} times)." for fault, reason, count in skipped),
            *([""] if skipped else []),
            soak.table(soaked),
            "",
        ]
    )


def _in_order(row: tally.Row) -> str:
    return row.fault.lower().removeprefix("a ").removeprefix("an ").strip("`-")


def _held(row: tally.Row) -> str:
    """What held, or that it did not."""
    promise = " ".join(text.split(". ")[0].rstrip(".") + "." for text in row.promises).replace("|", "\\|")
    ends = "; ".join(f"{count:,} {ending}" for ending, count in sorted(row.endings.items()))
    return f"{f'**{row.failed} failed:** ' if row.failed else ''}{promise}{f' ({ends})' if ends else ''}"


if __name__ == "__main__":
    main()
