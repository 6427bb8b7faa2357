"""A build's name: what changes it, and what does not."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from etl.config import identity
from etl.config.identity import identify
from etl.config.source import load
from tests.support.running import ROOT, TINY, copy_of_project, edit

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, not to be changed."""
    return copy_of_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    return shutil.copytree(original, tmp_path / "copy")


def name_of(project: Path, pipeline: str = TINY, *changes: str, seed: int | None = None) -> str:
    """The id of the build that a pipeline file describes."""
    return identify(load(project / pipeline, changes=changes, seed=seed)).id


def test_name_is_short_and_plain() -> None:
    """A build's name is 16 hexadecimal digits, so that it can stand in a URL."""
    assert re.fullmatch("[0-9a-f]{16}", name_of(ROOT, "pipeline.yaml"))


def test_same_in_another_folder(original: Path, project: Path) -> None:
    """Where the project lies does not matter, nor from where the command is run."""
    assert name_of(original) == name_of(project)


def test_same_from_another_working_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where the command is run does not matter, though messages show other paths."""
    before = name_of(project)
    monkeypatch.chdir(project / "data")
    assert name_of(project) == before


def test_same_after_touching_files(project: Path) -> None:
    """Times of files do not matter."""
    before = name_of(project)
    for path in project.rglob("*.*"):
        os.utime(path, (0, 0))
    assert name_of(project) == before


def test_same_with_other_notation(project: Path) -> None:
    """Comments, blank lines, quotes and ``x-`` keys that nothing uses have no effect."""
    before = name_of(project)
    edit(project / TINY, "extends:", "# a remark\n\nx-unused: 1\nextends:")
    edit(project / "pipeline.yaml", "name: teacher-dashboard\n", "name:   'teacher-dashboard'   # quoted\n")
    assert name_of(project) == before


def test_same_by_alias_or_written_out(project: Path) -> None:
    """A rule that is written once and used by alias is the same as the rule written out."""
    before = name_of(project)
    edit(project / "pipeline.yaml", "params: {created_at: *as_of}", "params: {created_at: 2025-08-01 00:00:00}")
    assert name_of(project) == before


def test_same_by_flag_or_by_file(project: Path) -> None:
    """A seed given with --seed, with --set or in the file names the same build."""
    by_flag, by_change = name_of(project, seed=7), name_of(project, TINY, "seed=7")
    (project / "pipelines/seven.yaml").write_text("extends: tiny.yaml\nseed: 7\n")
    assert by_flag == by_change == name_of(project, "pipelines/seven.yaml")
    assert by_flag != name_of(project)


@pytest.mark.parametrize(
    "change",
    ["stages.pm1.params.mean=5441", "stages.students.shard.rows=1", "site.title=Another", "stages.pm1.params.sd=95.0"],
)
def test_other_with_another_value(project: Path, change: str) -> None:
    """Any other value in the pipeline names another build."""
    assert name_of(project, TINY, change) != name_of(project)


@pytest.mark.parametrize("file", ["data/first_names.csv", "data/tests.csv", "sql/stages/rosters.sql", "sql/schema.sql"])
def test_other_with_another_byte_in_a_file(project: Path, file: str) -> None:
    """One byte more in a file that the pipeline names gives another build."""
    before = name_of(project)
    with (project / file).open("a") as opened:
        opened.write(" ")
    assert name_of(project) != before


@pytest.mark.parametrize("file", ["sql/checks/new.sql", "sql/checks/full/new.sql", "sql/api/deep/new.sql"])
def test_other_with_another_file_in_a_folder(project: Path, file: str) -> None:
    """One file more among the checks or the endpoints gives another build."""
    before = name_of(project)
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("-- Nothing.\nSELECT 1 WHERE 0\n")
    assert name_of(project) != before


def test_same_with_other_files_elsewhere(project: Path) -> None:
    """Files that the pipeline does not name have no effect."""
    before = name_of(project)
    (project / "data/unused.csv").write_text("a\n1\n")
    (project / "sql/checks/README.md").write_text("Checks.\n")
    assert name_of(project) == before


def test_other_with_other_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of ours counts, whatever its kind and folder, and compiled ones do not."""
    monkeypatch.setattr(identity, "HOME", project / "etl")
    names = [name_of(project)]
    kinds = {path.suffix: path for path in (project / "etl").rglob("*") if path.is_file()}
    assert ".py" in kinds
    (project / "etl/deep/er").mkdir(parents=True)
    new = [project / "etl/deep/er" / f"new{kind}" for kind in (".py", ".sql", ".css", ".html")]
    for path in (*kinds.values(), *new):
        with path.open("a") as opened:
            opened.write("\n")
        names.append(name_of(project))
    assert len(set(names)) == 1 + len(kinds) + 4
    (project / "etl/__pycache__").mkdir()
    (project / "etl/__pycache__/load.cpython-311.pyc").touch()
    assert name_of(project) == names[-1]


def test_all_of_our_code_counts_wherever_the_identity_is_worked_out() -> None:
    """The folder of our code is that of the package, and every module of it is looked at."""
    assert identity.HOME == ROOT / "etl"
    found = identify(load(ROOT / TINY)).stamps
    assert set(map(str, (ROOT / "etl").rglob("*.py"))) <= set(found)


def test_other_with_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of a library that decides bytes names another build."""
    before = name_of(ROOT)
    monkeypatch.setattr(identity, "_version", lambda package: f"another {package}")
    assert name_of(ROOT) != before


@pytest.mark.parametrize("change", ["stages.pm1.python=mine:scores", "generators=mine"])
def test_other_with_another_generator_of_mine(project: Path, change: str) -> None:
    """A user's own generator counts with every file of its package, also where only its short name is written."""
    (project / "mine").mkdir()
    (project / "mine/__init__.py").touch()
    (project / "mine/helper.py").touch()
    before = name_of(project, TINY, change)
    (project / "mine/helper.py").write_text("# changed\n")
    assert name_of(project, TINY, change) != before


def test_other_with_another_file_that_a_function_reads(project: Path) -> None:
    """Files, and all that is below folders, count when a stage says that its function reads them, and else do not."""
    (project / "mine/deep").mkdir(parents=True)
    (project / "mine/deep/curve").write_text("1")
    changes: list[list[str]] = [[], ["stages.pm1.reads=[../mine]"], ["stages.pm1.reads=[../mine/deep/curve]"]]
    before = [name_of(project, TINY, *change) for change in changes]
    (project / "mine/deep/curve").write_text("2")
    after = [name_of(project, TINY, *change) for change in changes]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


def test_other_order_of_stages_is_another_build(project: Path) -> None:
    """The order of keys decides bytes of the manifest, so it counts."""
    order = [f"{name}: {{csv: data/{name}.csv, internal: true}}" for name in ("first_names", "last_names")]
    before = name_of(project, "pipeline.yaml")
    edit(project / "pipeline.yaml", "\n  ".join(order), "\n  ".join(reversed(order)))
    assert name_of(project, "pipeline.yaml") != before


def test_inputs_are_named_by_their_place_in_the_project(original: Path) -> None:
    """The identity lists each input by its path inside of the project, with its hash."""
    found = identify(load(original / TINY))
    assert {"data/tests.csv", "sql/schema.sql", "sql/stages/rosters.sql"} <= set(found.inputs)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in found.inputs.values())
    assert str(original) not in repr(found)


@pytest.mark.parametrize(
    "change",
    [
        "stages=5",
        "stages.pm1=5",
        "stages.pm1.python=[1]",
        "stages.pm1.python=':f'",
        "stages.pm1.python='..:f'",
        "stages.pm1.python='no.such.module:f'",
        "stages.pm1.python='__main__:f'",
        "stages.tests.csv=.",
        "checks=no/such/folder",
        "schema=5",
        "api=",
    ],
)
def test_mistakes_are_left_to_the_validation(change: str) -> None:
    """A pipeline with mistakes has a name too: to say what is wrong is another module's business."""
    assert name_of(ROOT, TINY, change)


def test_nothing_outside_of_the_project_is_read(tmp_path: Path, project: Path) -> None:
    """A path that leads out of the project is not followed, also not to hash what is there."""
    (tmp_path / "secret.csv").write_text("a\n")
    changes = [f"stages.tests.csv={tmp_path}/secret.csv", f"checks={tmp_path}"]
    assert not any("secret" in name for name in identify(load(project / TINY, changes=changes)).inputs)
