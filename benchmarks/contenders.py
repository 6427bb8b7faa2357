"""Who is measured: how each is started, what it needs, and which versions of it are here."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import ROOT
from benchmarks.database_only import changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEERS = ROOT / "benchmarks" / "peers"
MODULES = PEERS / "node_modules"
PYTHON = ROOT / "benchmarks" / ".venv" / "bin" / "python"  # of the Python peers, not ours

SEED = 20250801
DATABASE = "output.db"
BUILDS = "build"
TIMINGS = "timings.json"  # where a contender that tells its phases writes them
WRITER = "writer"  # the compiled C program, in the harness's own folder
FINISHED = "finished.db"  # what `cp` copies, there too
BUILT = "built"  # a folder with the build that is made again, there too

BASELINE = "better-sqlite3"
RUN = "ours, the whole run"
RUN_ALONE = "ours, the whole run, 1 worker"
AGAIN = "ours, the whole run, forced again"
DATABASE_ONLY = "ours, database alone"
FLOOR = "C"
PARQUET, PARQUET_THREADS, PARQUET_DASK = (
    f"ours, Parquet, {how}" for how in ("1 worker", "2 threads", "2 workers of Dask")
)

#: The scale with about a million students.
MILLION_STUDENTS = 115

#: Scales at which only some are measured: as many as goals need.
SOME = {20: (DATABASE_ONLY, BASELINE), MILLION_STUDENTS: (RUN_ALONE,)}


@dataclass(frozen=True)
class Contender:
    """One way to make the database.

    ``command`` takes the number of rosters, a new folder for what is made, and the harness's own folder.
    """

    name: str
    what: str
    command: Callable[[int, Path, Path], list[str]]
    lacks: Callable[[], str]  # what is not installed, and how to install it; or nothing
    versions: Callable[[], str]
    database: str = DATABASE  # in the new folder; nothing if it makes Parquet
    ours: bool = False
    needs: str = ""  # WRITER, FINISHED or BUILT
    only_at: int | None = None  # the one scale at which it is measured

    def measured_at(self, scale: int) -> bool:
        """Whether it is measured at a scale."""
        return self.only_at in (None, scale) and self.name in SOME.get(scale, (self.name,))

    def home(self, folder: Path, own: Path) -> Path:
        """The folder with what it makes."""
        return own / BUILT if self.needs == BUILT else folder


def _run(*options: str) -> Callable[[int, Path, Path], list[str]]:
    def command(rosters: int, folder: Path, _: Path) -> list[str]:
        to = ["--out", str(folder / BUILDS), "--timings", str(folder / TIMINGS)]
        sets = [f"--set={change}" for change in changes(rosters)]
        start = [
            sys.executable,
            "-m",
            "etl",
            "run",
            "pipeline.yaml",
            "--force",
            "--no-report",
            "--quiet",
            f"--seed={SEED}",
        ]
        return [*start, *to, *sets, *options]

    return command


def _again(rosters: int, _: Path, own: Path) -> list[str]:
    return _run()(rosters, own / BUILT, own)


def _module(rosters: int, folder: Path, _: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.database_only", str(rosters), str(SEED), str(folder / DATABASE)]


def _script(*start: str, then: tuple[str, ...] = ()) -> Callable[[int, Path, Path], list[str]]:
    return lambda rosters, folder, _: [*start, str(rosters), str(SEED), str(folder / DATABASE), *then]


def _writer(rosters: int, folder: Path, own: Path) -> list[str]:
    return [str(own / WRITER), str(rosters), str(SEED), str(folder / DATABASE)]


def _copy(_: int, folder: Path, own: Path) -> list[str]:
    return ["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", str(own / FINISHED), str(folder / DATABASE)]


def compile_writer(own: Path) -> None:
    """Compile the C program into the harness's folder."""
    command = ["cc", "-O2", "-o", str(own / WRITER), str(PEERS / "writer.c"), "-lsqlite3", "-lm"]
    subprocess.run(command, check=True)


def _nothing() -> str:
    return ""


def _node() -> str:
    missing = not (shutil.which("node") and (MODULES / "better-sqlite3" / "build").is_dir())
    return "needs Node.js, a C++ compiler and: npm ci --prefix benchmarks/peers" if missing else ""


def _python() -> str:
    made = "python3 -m venv benchmarks/.venv && benchmarks/.venv/bin/pip install -r benchmarks/requirements.txt"
    return "" if PYTHON.is_file() else f"needs: {made}"


def _compiler() -> str:
    if not shutil.which("cc"):
        return "needs a C compiler and SQLite's header: apt-get install gcc libsqlite3-dev"
    found = subprocess.run(
        ["cc", "-E", "-x", "c", "-"], input=b"#include <sqlite3.h>\n", capture_output=True, check=False
    )
    return "needs SQLite's header: apt-get install libsqlite3-dev" if found.returncode else ""


def _coreutils() -> str:
    return "" if shutil.which("cp") and shutil.which("sync") else "needs cp and sync"


def _said(*command: str) -> str:
    """What a command prints, or nothing if it cannot."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=PEERS).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _our_versions() -> str:
    names = ("duckdb", "pyarrow", "numpy")
    return f"Python {platform.python_version()}, " + ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in names
    )


def _node_version(package: str) -> str:
    version: str = json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))["version"]
    return f"{package} {version}"


def _better_versions() -> str:
    ask = 'console.log(new (require("better-sqlite3"))(":memory:").prepare("SELECT sqlite_version()").pluck().get())'
    return f"Node.js {_said('node', '--version')}, {_node_version('better-sqlite3')}, SQLite {_said('node', '-e', ask)}"


def _drizzle_versions() -> str:
    return f"{_node_version('drizzle-orm')}, {_better_versions()}"


def _python_versions(*packages: str) -> Callable[[], str]:
    ask = (
        "import importlib.metadata, platform, sqlite3, sys\n"
        "print('Python', platform.python_version() + ',', "
        "*(f'{name} {importlib.metadata.version(name)},' for name in sys.argv[1:]), 'SQLite', sqlite3.sqlite_version)"
    )
    return lambda: _said(str(PYTHON), "-c", ask, *packages)


def _c_versions() -> str:
    shell = _said("sqlite3", "--version").split(" ")[0]
    return f"cc {_said('cc', '-dumpfullversion')} -O2, SQLite {shell or sqlite3.sqlite_version}"


CONTENDERS = (
    Contender(
        RUN,
        "`etl run --force`: imports, validation, generation, load, checks, static API, manifest",
        _run(),
        _nothing,
        _our_versions,
        database=f"{BUILDS}/current/teacher-dashboard.db",
        ours=True,
    ),
    Contender(
        RUN_ALONE,
        "the same, one shard generated at a time: what is said of memory is said of this",
        _run("--workers=1"),
        _nothing,
        _our_versions,
        database=f"{BUILDS}/current/teacher-dashboard.db",
        ours=True,
    ),
    Contender(
        AGAIN,
        "the same over the finished build, which must be the same",
        _again,
        _nothing,
        _our_versions,
        database=f"{BUILDS}/current/teacher-dashboard.db",
        ours=True,
        needs=BUILT,
        only_at=1,
    ),
    Contender(
        DATABASE_ONLY,
        "the same without checks in SQL, static API and manifest",
        _module,
        _nothing,
        _our_versions,
        ours=True,
    ),
    *(
        Contender(
            name,
            "`etl run --force --set outputs=[parquet]`: no SQLite, no API",
            _run("--set=outputs=[parquet]", *options),
            _nothing,
            _our_versions,
            database="",
            ours=True,
        )
        for name, options in (
            (PARQUET, ["--workers=1"]),
            (PARQUET_THREADS, ["--workers=2"]),
            (PARQUET_DASK, ["--workers=2", "--engine=dask"]),
        )
    ),
    Contender(
        BASELINE,
        "prepared statements, a transaction for every 1,000 rows; WAL, synchronous NORMAL, foreign keys on",
        _script("node", str(PEERS / "better_sqlite3.mjs")),
        _node,
        _better_versions,
    ),
    Contender(
        "better-sqlite3, tuned",
        "the same; no journal, no sync, no foreign keys, 64 KiB pages",
        _script("node", str(PEERS / "better_sqlite3.mjs"), then=("tuned",)),
        _node,
        _better_versions,
    ),
    Contender(
        "Drizzle",
        "Drizzle ORM on better-sqlite3, 1,000 rows of values in an INSERT; WAL, synchronous NORMAL, foreign keys on",
        _script("node", str(PEERS / "drizzle.mjs")),
        _node,
        _drizzle_versions,
    ),
    Contender(
        "Faker + sqlite3",
        "names from Faker, the rest from `random`; `executemany`, one transaction, no journal, no sync",
        _script(str(PYTHON), str(PEERS / "faker_sqlite3.py")),
        _python,
        _python_versions("Faker"),
    ),
    Contender(
        "pandas",
        "numpy for whole columns, `DataFrame.to_sql` for 500 rosters at a time; no journal, no sync",
        _script(str(PYTHON), str(PEERS / "pandas_to_sql.py")),
        _python,
        _python_versions("numpy", "pandas"),
    ),
    Contender(
        FLOOR,
        "100 rows in a prepared INSERT, one transaction; no journal, no sync, 64 KiB pages, 16 MB of cache",
        _writer,
        _compiler,
        _c_versions,
        needs=WRITER,
    ),
    Contender(
        "cp + fsync",
        "a copy of the finished file, synced: nothing is generated",
        _copy,
        _coreutils,
        lambda: _said("cp", "--version").split("\n")[0],
        needs=FINISHED,
    ),
)
