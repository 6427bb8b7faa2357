"""Same pipeline, same bytes: every file of a build, wherever, whenever and however it is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support.running import copy_of_project, etl, hashes

if TYPE_CHECKING:
    from pathlib import Path

#: Another place, another clock, another order of sets; whether a locale is installed does not matter to the promise.
ELSEWHERE = {
    "LC_ALL": "tr_TR.UTF-8",  # where the capital of i is not I
    "LANG": "de_DE.ISO-8859-1",
    "TZ": "Pacific/Kiritimati",  # 14 hours ahead: another day
    "PYTHONHASHSEED": "4711",
    "PYTHONUTF8": "0",
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "40",
}


def test_environment_does_not_change_the_bytes(default_build: Path, tmp_path: Path) -> None:
    """The default world has the same bytes with another checkout, locale, time zone, umask and file times."""
    project = copy_of_project(tmp_path / "a folder with 'quotes' and ümlauts")  # which Python decodes otherwise there
    for path in project.rglob("*.*"):
        os.utime(path, (0, 0))
    before = os.umask(0o077)
    try:
        done = etl("run", "pipeline.yaml", "--out", project / "out", "--quiet", cwd=project, env=ELSEWHERE)
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    assert hashes(project / "out" / "current") == hashes(default_build)
