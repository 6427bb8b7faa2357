"""Runs the command line as a person does, in a process of its own, in the project or in a copy of it to change."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.run.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
TINY = "pipelines/tiny.yaml"

#: Seconds after which a test gives up. It is a limit for what hangs: what is only slow, on a busy machine, must pass.
PATIENCE = 120.0

#: What the folder of builds may hold besides builds.
KEPT = {"current", ".lock", ".gitignore"}


def command(*arguments: str | Path) -> list[str]:
    """The command line as a list, for subprocess."""
    return [sys.executable, "-m", "etl", *map(str, arguments)]


def etl(
    *arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end: exit code, stdout, stderr. ``env`` is laid over this process's own."""
    merged = {**os.environ, **(env or {})}
    return subprocess.run(
        command(*arguments), cwd=cwd, env=merged, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def npm(example: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run npm in an example. Without Node.js or the example's packages the test is skipped; in CI it fails."""
    if not (shutil.which("node") and shutil.which("npm") and (example / "node_modules").is_dir()):
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop(f"needs Node.js and the example's packages: npm ci --prefix examples/{example.name}")
    words = ["npm", *map(str, arguments)]
    return subprocess.run(words, cwd=example, capture_output=True, text=True, timeout=300, check=False)


@dataclass
class Heard(Progress):
    """Remembers what a run says."""

    said: list[str] = field(default_factory=list)

    def say(self, message: str) -> None:
        """Remember it."""
        self.said.append(message)

    warn = say


def copy_of_project(folder: Path) -> Path:
    """Copy what a run needs of the project, to change it there."""
    for name in ("etl", "sql", "data", "pipelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pipeline.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text in a file, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} has no {old!r}"
    write(path, text.replace(old, new))


def write(path: Path, text: str) -> None:
    """Write a file at once: who watches it never sees it half written."""
    whole = path.with_name(f".{path.name}.new")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a build or in a folder of builds, whose lock and .gitignore are left out."""
    home = folder.resolve()
    files = sorted(path for path in home.rglob("*") if path.is_file() and path.name not in KEPT)
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def litter(out: Path) -> list[str]:
    """What lies in the folder of builds and is none."""
    names = [path.name for path in out.iterdir() if path.name not in KEPT]
    return sorted(name for name in names if not (out / name / "manifest.json").is_file() or name.startswith("."))
