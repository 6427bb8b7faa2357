"""A build's name: what changes it, and what does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zlib
from importlib import metadata
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


def test_same_build_id(original: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder, the working directory, times, notation, aliases and unnamed files do not change the build id."""
    before = name_of(original)
    assert re.fullmatch("[0-9a-f]{16}", before)
    monkeypatch.chdir(project / "data")
    for path in project.rglob("*.*"):
        os.utime(path, (0, 0))
    edit(project / TINY, "extends:", "# a remark\n\nx-unused: 1\nextends:")
    edit(project / "pipeline.yaml", "params: {created_at: *as_of}", "params: {created_at: 2025-08-01 00:00:00}")
    (project / "data/unused.csv").write_text("a\n1\n")
    (project / "sql/checks/README.md").write_text("Checks.\n")
    assert name_of(project) == before


def test_same_in_each_process() -> None:
    """The id and the keys are the same whatever Python's hash seed is."""
    code = f"""
from pathlib import Path
from etl.config import identity, source
print(identity.identify(source.load(Path({TINY!r}))).keys)"""
    command = [sys.executable, "-c", code]
    seeds = ({**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2"))
    found = {subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True).stdout for env in seeds}
    assert found == {f"{identify(load(ROOT / TINY)).keys}\n".encode()}


def test_same_by_flag_or_by_file(project: Path) -> None:
    """A seed given with --seed, with --set or in the file is the same build."""
    by_flag, by_change = name_of(project, seed=7), name_of(project, TINY, "seed=7")
    (project / "pipelines/seven.yaml").write_text("extends: tiny.yaml\nseed: 7\n")
    assert by_flag == by_change == name_of(project, "pipelines/seven.yaml")
    assert by_flag != name_of(project)


def test_other_with_another_value(original: Path) -> None:
    """Any other value in the pipeline is another build, also a number of another type."""
    changes = (
        "stages.pm1.params.mean=5441",
        "stages.students.shard.rows=1",
        "site.title=A",
        "stages.pm1.params.sd=95.0",
    )
    assert len({name_of(original, TINY, *change) for change in ((), *((change,) for change in changes))}) == 5


def test_other_with_another_file(project: Path) -> None:
    """A changed byte in a file that the pipeline names, or a new check or endpoint, is another build."""
    ids = [name_of(project)]
    new = ["sql/checks/new.sql", "sql/checks/full/new.sql", "sql/api/deep/new.sql"]
    for file in ["data/first_names.csv", "data/tests.csv", "sql/stages/rosters.sql", "sql/schema.sql", *new]:
        (project / file).parent.mkdir(parents=True, exist_ok=True)
        with (project / file).open("a") as opened:
            opened.write(" ")
        ids.append(name_of(project))
    assert len(set(ids)) == 8


def test_other_with_other_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of etl counts, whatever its kind and folder, except compiled ones and templates of projects."""
    monkeypatch.setattr(identity, "HOME", project / "etl")
    names = [name_of(project)]
    with (project / "etl/templates/minimal/pipeline.yaml").open("a") as opened:
        opened.write("\n")
    assert name_of(project) == names[0]
    shutil.rmtree(project / "etl/templates")
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


def test_other_zips_with_another_zlib(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another zlib may compress otherwise, so it is another build where there is a zip, with the same rows."""
    with_zip, without = (identify(load(original / "pipelines" / name)) for name in ("oneroster.yaml", "tiny.yaml"))
    monkeypatch.setattr(zlib, "ZLIB_RUNTIME_VERSION", "9.9.9")
    found = identify(load(original / "pipelines/oneroster.yaml"))
    assert found.versions["zlib"] == "9.9.9"
    assert found.id != with_zip.id
    assert found.keys["rows"] == with_zip.keys["rows"]
    assert identify(load(original / TINY)).id == without.id


def test_other_with_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of a library that decides bytes names another build."""
    before = name_of(ROOT)
    monkeypatch.setattr(identity, "_versions", lambda packages: dict.fromkeys(packages, "another"))
    assert name_of(ROOT) != before


@pytest.mark.parametrize("change", ["stages.pm1.python=mine:scores", "generators=mine"])
def test_other_with_another_generator_of_mine(project: Path, change: str) -> None:
    """A generator of the project counts with every file of its package, also by its short name."""
    (project / "mine").mkdir()
    (project / "mine/__init__.py").touch()
    (project / "mine/helper.py").touch()
    before = name_of(project, TINY, change)
    (project / "mine/helper.py").write_text("# changed\n")
    assert name_of(project, TINY, change) != before


def test_other_with_another_file_that_a_function_reads(project: Path) -> None:
    """Files, and those in folders, count only if a stage lists them under ``reads``."""
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
def test_invalid_pipelines_have_an_identity(change: str) -> None:
    """A pipeline with mistakes has a build id too: validation reports them."""
    assert name_of(ROOT, TINY, change)


def test_files_outside_the_project_are_not_read(tmp_path: Path, original: Path) -> None:
    """A path outside the project is not hashed."""
    (tmp_path / "secret.csv").write_text("a\n")
    changes = [f"stages.tests.csv={tmp_path}/secret.csv", f"checks={tmp_path}"]
    assert not any("secret" in name for name in identify(load(original / TINY, changes=changes)).inputs)


def test_keys_of_parts(project: Path) -> None:
    """What decides no row leaves the key of the rows as it is, and what decides no answer that of the answers."""

    def keys(*changes: str) -> dict[str, str]:
        return identify(load(project / TINY, changes=changes)).keys

    def others(changed: dict[str, str]) -> set[str]:
        return {name for name, key in changed.items() if key != before[name]}

    before = keys()
    every = set(before)
    assert others(keys("seed=2")) == others(keys("stages.pm1.params.sd=99.0")) == every
    assert others(keys("site.title=Another")) == others(keys("report=true")) == {"report"}
    assert others(keys("site.static_limit=7")) == {"report", "answers"}
    for file, expected in {
        "sql/api/rosters.sql": set(),
        "sql/checks/test_order.sql": {"report"},
        "sql/picture.sql": {"report"},
        "sql/stages/rosters.sql": every,
        "data/tests.csv": every,
    }.items():
        with (project / file).open("a") as opened:
            opened.write(" ")
        assert others(keys()) == expected, file
        before = keys()


def test_code_that_decides_rows(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of etl may decide rows, but those of the API, the pages, the server and the command line."""
    monkeypatch.setattr(identity, "HOME", project / "etl")
    source = load(project / "pipeline.yaml")
    before = identify(source).keys
    for file, decides in {
        "site/answers.py": False,
        "school/report/drawing.py": False,
        "server/app.py": False,
        "cli/commands.py": False,
        "school/scores.py": True,
        "build/outputs.py": True,
        "tables/sqlite.py": True,
        "errors.py": True,
    }.items():
        with (project / "etl" / file).open("a") as opened:
            opened.write("\n")
        after = identify(source).keys
        assert (after["rows"] != before["rows"]) is decides, file
        assert after["report"] != before["report"]
        assert after["answers"] != before["answers"]
        before = after
    odd = load(project / "pipeline.yaml", changes=("stages.pm1.python=etl.school.report.growth:rows",))
    rows = identify(odd).keys["rows"]
    (project / "etl/school/report/drawing.py").write_text("")
    assert identify(odd).keys["rows"] != rows


def test_versions_are_those_of_the_metadata() -> None:
    """The version of each package is the one that importlib.metadata finds; a package that is missing has none."""
    found = identity._versions([*identity.PACKAGES, "click", "nope"])
    assert found.pop("nope") == "none"
    assert found == {package: metadata.version(package) for package in found}
