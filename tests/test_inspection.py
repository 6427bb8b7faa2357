"""``check``: what is found in a build that is there."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from etl import config, manifest
from etl.errors import CheckFailed, EtlError, Mistakes
from etl.inspection import inspect
from etl.writer import sha256
from tests.running import ROOT, TINY, copy_of_project, hashes

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Source

DATABASE = "teacher-dashboard.db"


def test_whole_build_passes(tiny: Source, out: Path) -> None:
    """A build as it was made passes, is counted, and is left as it is."""
    before = hashes(out)
    found = inspect(tiny, out, full=False)
    assert found.build == (out / "current").resolve().name
    assert found.files == len(hashes(out / "current")) - 1
    assert found.checks == 1 + sum(len([*(ROOT / "sql/checks").glob(files)]) for files in ("*.sql", "file/*.sql"))
    assert hashes(out) == before


def test_full_runs_more_checks(tiny: Source, out: Path) -> None:
    """``full`` runs the checks that open every JSON document, too."""
    more = len(list((ROOT / "sql/checks/full").glob("*.sql")))
    assert inspect(tiny, out, full=True).checks == inspect(tiny, out, full=False).checks + more


def test_damage_names_every_file(tiny: Source, out: Path) -> None:
    """Damaged files are all named, with their build and what mends them."""
    current = (out / "current").resolve()
    (current / DATABASE).write_bytes(b"damaged")
    (current / "stray").touch()
    with pytest.raises(Mistakes) as raised:
        inspect(tiny, out, full=False)
    assert len(raised.value.mistakes) == 2
    assert f"{current.name}: {DATABASE} has 7 bytes instead of" in str(raised.value)
    assert "stray does not belong to the build; mend it with: python -m etl run" in str(raised.value)


@pytest.mark.parametrize("link", [None, "0" * 16])
def test_no_build_is_said(tiny: Source, out: Path, link: str | None) -> None:
    """Where ``current`` is missing or leads nowhere, the message says how to make a build."""
    (out / "current").unlink()
    if link:
        (out / "current").symlink_to(link)
    with pytest.raises(EtlError, match="there is no build; make one with: python -m etl run"):
        inspect(tiny, out, full=False)


def test_broken_rule_is_found(tiny_build: Path, tmp_path: Path) -> None:
    """A build whose files fit its manifest, but not the rules, fails with the rule and the rows."""
    project = copy_of_project(tmp_path / "project")
    (project / "sql/checks/few.sql").write_text("-- Few students are there.\nSELECT id FROM students ORDER BY id\n")
    out = tmp_path / "build"
    shutil.copytree(tiny_build, out / tiny_build.name)
    (out / "current").symlink_to(tiny_build.name)
    with pytest.raises(CheckFailed, match=r"check few failed: Few students are there\. .*\n  id=1\n  id=2"):
        inspect(config.load(project / TINY), out, full=False)


def test_bad_json_document_is_found_in_full(tiny: Source, out: Path) -> None:
    """A growth that no rule allows is found from the finished file, also under a manifest that fits."""
    current = (out / "current").resolve()
    content = manifest.read(current)
    assert content is not None
    with sqlite3.connect(current / DATABASE) as database:
        database.execute("""UPDATE scores SET std_scores = json_set(std_scores, '$."1"', 9999) WHERE id = 2""")
    database.close()
    entry = {"bytes": (current / DATABASE).stat().st_size, "sha256": sha256(current / DATABASE)}
    changed = {**content, "files": {**content["files"], DATABASE: entry}}
    sealed = {**changed, "manifest": manifest._own_hash(changed)}
    (current / manifest.NAME).write_bytes(manifest.render(sealed))
    with pytest.raises(CheckFailed):
        inspect(tiny, out, full=True)


@pytest.mark.parametrize("change", ["checks=", "checks=5", "checks=no/such/folder"])
def test_missing_checks_are_said(out: Path, change: str) -> None:
    """A pipeline that names no folder of checks is a mistake, never a crash."""
    with pytest.raises(EtlError, match="checks: must name the folder of checks"):
        inspect(config.load(ROOT / TINY, changes=[change]), out, full=False)
