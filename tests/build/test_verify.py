"""``check``: what is found in a build that is there."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from etl.build import manifest
from etl.build.run import make_build
from etl.build.verify import clean, report_of, verify
from etl.cli import display
from etl.config.source import load
from etl.errors import CheckFailed, EtlError, Mistakes
from etl.tables.files import sha256
from tests.support.running import ROOT, TINY, copy_of_project, hashes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.config.source import Source

DATABASE = "teacher-dashboard.db"


def test_whole_build_passes(tiny: Source, out: Path) -> None:
    """A build as it was made passes, is counted, and is left as it is."""
    before = hashes(out)
    found = verify(tiny, out, full=False)
    assert found.build == (out / "current").resolve().name
    assert found.files == len(hashes(out / "current")) - 1
    assert found.checks == 1 + len([*(ROOT / "sql/checks").glob("*.sql")])
    assert hashes(out) == before


def test_full_runs_more_checks(tiny: Source, out: Path) -> None:
    """``full`` runs the checks that open every JSON document, too."""
    more = len(list((ROOT / "sql/checks/full").glob("*.sql")))
    counts = [verify(tiny, out, full=full).checks or 0 for full in (True, False)]
    assert counts[0] - counts[1] == more > 0


def test_damage_names_every_file(tiny: Source, out: Path) -> None:
    """Damaged files are all named, with their build and what mends them."""
    current = (out / "current").resolve()
    (current / DATABASE).write_bytes(b"damaged")
    (current / "stray").touch()
    with pytest.raises(Mistakes) as raised:
        verify(tiny, out, full=False)
    assert len(raised.value.mistakes) == 2
    assert f"{current.name}: {DATABASE} has 7 bytes instead of" in str(raised.value)
    assert "stray is a file that does not belong to the build; fix it with: python -m etl run" in str(raised.value)


@pytest.mark.parametrize("link", [None, "0" * 16])
def test_no_build_is_said(tiny: Source, out: Path, link: str | None) -> None:
    """Where ``current`` is missing or leads nowhere, the message says how to make a build."""
    (out / "current").unlink()
    if link:
        (out / "current").symlink_to(link)
    with pytest.raises(EtlError, match="there is no build; make one with: python -m etl run"):
        verify(tiny, out, full=False)


def test_broken_rule_is_found(tiny_build: Path, tmp_path: Path) -> None:
    """A build whose files fit its manifest, but not the rules, fails with the rule and the rows."""
    project = copy_of_project(tmp_path / "project")
    (project / "sql/checks/few.sql").write_text("-- Few students are there.\nSELECT id FROM students ORDER BY id\n")
    out = tmp_path / "build"
    shutil.copytree(tiny_build, out / tiny_build.name)
    (out / "current").symlink_to(tiny_build.name)
    with pytest.raises(CheckFailed, match=r"check few failed: Few students are there\. .*\n  id=1\n  id=2"):
        verify(load(project / TINY), out, full=False)


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
    sealed = {**changed, "manifest": manifest._hash(changed)}
    (current / manifest.NAME).write_bytes(manifest.render(sealed))
    with pytest.raises(CheckFailed):
        verify(tiny, out, full=True)


@pytest.mark.parametrize("change", ["checks=5", "checks=no/such/folder"])
def test_missing_checks_are_said(out: Path, change: str) -> None:
    """Checks that are no folder are a mistake, never a crash."""
    with pytest.raises(EtlError, match="checks: must name the folder of checks"):
        verify(load(ROOT / TINY, changes=[change]), out, full=False)


def test_another_world_is_told(tiny: Source, out: Path, tmp_path: Path) -> None:
    """What takes a pipeline means it: of another world's build it says whose it is, and does nothing."""
    default = load(ROOT / "pipeline.yaml")
    doings: list[Callable[[], object]] = [
        lambda: verify(default, out, full=False),
        lambda: report_of(default, out, None),
        lambda: report_of(default, out, tmp_path / "copy.html"),
        lambda: clean(default, out, 1, pytest.fail),
    ]
    for do in doings:
        with pytest.raises(EtlError, match="build: current is tiny, not teacher-dashboard; name its pipeline file, or"):
            do()
    assert not (tmp_path / "copy.html").exists()
    with pytest.raises(EtlError, match="the build was made without a report"):
        report_of(tiny, out, None)


def test_variation_is_checked_by_its_own_numbers_and_says_so(tmp_path: Path) -> None:
    """A build with another seed and other numbers is still its pipeline's; it keeps its own rules, and that is told."""
    changes = ["stages.classes.params.size=[5, 6]", "outputs=[sqlite]", "stages.students.params.external_id=x{id}"]
    asked = load(ROOT / TINY, changes=changes, seed=7)
    make_build(asked, tmp_path / "build")
    assert verify(asked, tmp_path / "build", full=True).differs == []
    found = verify(load(ROOT / TINY), tmp_path / "build", full=True)
    assert found.name == "tiny"
    external = 'stages.students.params.external_id="x{id}"'
    assert set(found.differs) == {"seed=7", "stages.classes.params.size=[5, 6]", 'outputs=["sqlite"]', external}
    assert display.verified(found).splitlines()[1].startswith("built and checked with ")
    assert display.verified(found).endswith(" and 1 more")


def test_other_inputs_are_told(tmp_path: Path, out: Path) -> None:
    """A file that is not what the build was made of, and a rule that it was not held to, are told by name."""
    project = copy_of_project(tmp_path / "project")
    (project / "sql/checks/new.sql").write_text("-- Nothing is wrong.\nSELECT 1 WHERE 0\n")
    with (project / "data/subjects.csv").open("a") as file:
        file.write("Algebra\n")
    found = verify(load(project / TINY), out, full=False)
    assert found.differs == ["another data/subjects.csv", "another sql/checks/new.sql"]


def test_parquet_alone_is_checked(tmp_path: Path) -> None:
    """A build without a database is held against its manifest; that no check could run is said, not counted."""
    source = load(ROOT / TINY, changes=["outputs=[parquet]"])
    made = make_build(source, tmp_path / "build")
    found = verify(source, tmp_path / "build", full=True)
    assert (found.files, found.checks, found.differs) == (len(made.manifest["files"]), None, [])
    assert display.verified(found).endswith(" files unchanged, no checks (the build has no database)")
    (made.folder / "parquet/rosters/part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(Mistakes, match=r"parquet/rosters/part-00000\.parquet has 4 bytes instead of"):
        verify(source, tmp_path / "build", full=False)


def test_report_that_is_a_link_is_not_followed(tiny: Source, out: Path, tmp_path: Path) -> None:
    """A link to elsewhere in the place of the report is never copied."""
    (tmp_path / "secret").write_text("secret")
    (out / "current/report.html").symlink_to(tmp_path / "secret")
    with pytest.raises(EtlError, match=r"report\.html is damaged \(Too many levels of symbolic links\); fix it with"):
        report_of(tiny, out, tmp_path / "copy.html")
    assert not (tmp_path / "copy.html").exists()
