"""Same pipeline, same bytes: every file of a build, wherever, whenever and however it is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.running import TINY, copy_of_project, etl, hashes

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


def made(out: Path, *options: str | Path, **settings: object) -> dict[str, str]:
    """Run the tiny world into a folder, and hash what it made."""
    done = etl("run", TINY, "--out", out, "--quiet", *options, **settings)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    return hashes(out / "current")


def test_twice(tiny_build: Path, tmp_path: Path) -> None:
    """Another run into another folder gives the same bytes, file by file, manifest included."""
    assert made(tmp_path / "another" / "folder") == hashes(tiny_build)


def test_another_checkout(tiny_build: Path, tmp_path: Path) -> None:
    """A copy of the project in another folder gives the same bytes."""
    assert made(tmp_path / "out", cwd=copy_of_project(tmp_path / "a folder, with 'quotes'")) == hashes(tiny_build)


@pytest.mark.parametrize("variables", [("LC_ALL", "TZ"), ("PYTHONHASHSEED",)])
def test_another_surrounding(tiny_build: Path, tmp_path: Path, variables: tuple[str, ...]) -> None:
    """Locale, time zone and hash seed decide nothing."""
    assert made(tmp_path, env={name: ELSEWHERE[name] for name in variables}) == hashes(tiny_build)


def test_another_umask_and_clock(tiny_build: Path, tmp_path: Path) -> None:
    """Rights of new files decide no bytes, nor do the times of the inputs."""
    project = copy_of_project(tmp_path / "project")
    for path in project.rglob("*.*"):
        os.utime(path, (0, 0))
    before = os.umask(0o077)
    try:
        assert made(tmp_path / "out", cwd=project) == hashes(tiny_build)
    finally:
        os.umask(before)


def test_all_at_once_on_the_default_world(default_build: Path, tmp_path: Path) -> None:
    """The default world, with everything else different at once, has the same bytes."""
    project = copy_of_project(tmp_path / "a folder with ümlauts")  # which Python decodes otherwise in such a locale
    done = etl("run", "pipeline.yaml", "--out", project / "out", "--quiet", cwd=project, env=ELSEWHERE)
    assert done.returncode == 0, done.stderr
    assert hashes(project / "out" / "current") == hashes(default_build)
