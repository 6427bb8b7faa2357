"""What a person waits for: an edit, ``POST /api/seed``, a tiny world of one's own.

An edit and a rebuild are shares of a whole run, measured in turns with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

from benchmarks import ROOT
from benchmarks.measure import MeasureError, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

EDIT_SCALES = (1, 10, 100)
EDITS = {1: 5, 10: 3, 100: 1}  # how often, by scale
SEEDS, TINY_RUNS = 5, 7

SEED = "POST /api/seed, share of a cold run"
TINY = "a tiny world: three rows, one endpoint"

#: Seconds for the server to start its spare process, which is not to run beside a cold run.
REST = 3.0

PROJECT = ("pipeline.yaml", "pyproject.toml", "data", "sql")
ENDPOINT, EDITED = "sql/api/rosters.sql", ("-- description: ", "-- description: Now, ")
TOKEN = "benchmarks"  # noqa: S105 -- of a server that only this module knows

TINY_PROJECT = {
    "pipeline.yaml": "name: tiny\nschema: schema.sql\napi: api\nstages:\n  cities: {csv: cities.csv}\n",
    "schema.sql": "CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n",
    "cities.csv": "id,name\n1,Oslo\n2,Lima\n3,Kyoto\n",
    "api/cities.sql": "-- title: Cities\n-- description: All cities.\n-- columns: {id: cities.id, name: cities.name}\n"
    "SELECT id, name FROM cities ORDER BY id\n",
}


def edit(scale: int) -> str:
    """The name of a measurement."""
    return f"{scale}x: an endpoint's description edited, share of a whole run"


def measure_all(found: dict[str, list[float]], scales: Iterable[int], own: Path, say: Callable[[str], object]) -> None:
    """Measure everything, edits at some scales. A measurement that fails is left out and told."""
    measurements: dict[str, Callable[[], list[float]]] = {
        edit(scale): lambda scale=scale: edits(own / f"edit-{scale}", scale, EDITS[scale])  # type: ignore[misc]
        for scale in scales
        if scale in EDITS
    }
    measurements[SEED] = lambda: rebuilds(own / "seed", SEEDS)
    measurements[TINY] = lambda: tiny_worlds(own / "tiny", TINY_RUNS)
    for what, measure_one in measurements.items():
        try:
            found[what] = measure_one()
        except (MeasureError, OSError) as error:
            say(f"{what}: {error}")
            continue
        say(f"{what}: {', '.join(f'{value:.2f}' for value in found[what])}")


def edits(home: Path, scale: int, runs: int) -> list[float]:
    """Edit the description of an endpoint and run again: shares of a whole run."""
    _copy_project(home)
    endpoint, shares = home / ENDPOINT, []
    original = endpoint.read_text(encoding="utf-8")
    for _ in range(runs):
        endpoint.write_text(original, encoding="utf-8")
        shutil.rmtree(home / "build", ignore_errors=True)
        whole = _run(home, "--no-report", f"--scale={scale}")
        endpoint.write_text(original.replace(*EDITED), encoding="utf-8")
        shares.append(_run(home, "--no-report", f"--scale={scale}") / whole)
    shutil.rmtree(home)
    return shares


def rebuilds(home: Path, runs: int) -> list[float]:
    """Rebuild with other seeds by ``POST /api/seed``: shares of a cold run of the same."""
    _copy_project(home)
    _run(home)
    shares = []
    with _serving(home) as address:
        for seed in range(1, runs + 1):
            time.sleep(REST)
            cold = _run(home, f"--seed={seed}", f"--out={home / 'cold'}")
            body = b'{"seed": %d}' % seed
            headers = {"Authorization": f"Bearer {TOKEN}"}
            start = time.perf_counter()
            with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:  # noqa: S310
                answer.read()
            shares.append((time.perf_counter() - start) / cold)
    return shares


def tiny_worlds(home: Path, runs: int) -> list[float]:
    """Build a world of three rows in a new folder: seconds, without a first run that warms up."""
    write_tiny_project(home)
    return [_run(home, f"--out={home / 'builds' / str(number)}") for number in range(runs + 1)][1:]


def write_tiny_project(home: Path) -> None:
    """Write a project of one table and one endpoint."""
    for name, text in TINY_PROJECT.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _copy_project(home: Path) -> None:
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        home.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, home / name)


def _run(home: Path, *options: str) -> float:
    """Run the pipeline of a project: seconds."""
    command = [sys.executable, "-m", "etl", "run", str(home / "pipeline.yaml"), "--quiet", *options]
    return measure(command, ROOT, log=home / "log").wall


@contextlib.contextmanager
def _serving(home: Path) -> Iterator[str]:
    """Serve the current build of a project until the block ends: the address for rebuilds."""
    command = [sys.executable, "-m", "etl", "serve", str(home / "pipeline.yaml"), "--port=0"]
    environment = {**os.environ, "ETL_SEED_TOKEN": TOKEN}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline() if process.stderr else ""
            address = re.search(r"http://[^ ]+", said)
            if not address:
                raise MeasureError(f"the server did not start: {said}")
            yield f"{address[0]}api/seed"
        finally:
            process.terminate()
