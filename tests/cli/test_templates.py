"""Projects to start from: `etl init`, in a checkout and from a wheel, and a folder that has no pipeline yet."""

from __future__ import annotations

import json
import shutil
import tomllib
import unittest
from pathlib import Path

import click
import pytest

from etl.build.run import make_build
from etl.cli.commands import commands
from etl.cli.templates import start, templates
from etl.config.modules import forget
from etl.config.source import load
from etl.errors import EtlError
from tests.golden import FILE, record
from tests.support.running import ROOT, etl
from tests.test_architecture import SCHOOL


@pytest.mark.parametrize(
    "command", ["run", "ship file:///x", "plan", "show students", "validate", "check", "report", "serve", "clean"]
)
def test_a_folder_without_a_pipeline(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without a pipeline, every command that needs one prints what to do next."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError) as caught:
        commands.main(command.split(), prog_name="etl", standalone_mode=False)
    expected = "name a pipeline file, or start a project with: etl init DIR"
    assert caught.value.message == f"there is no pipeline.yaml here; {expected}"


def test_a_template_that_there_is_not() -> None:
    """For a name that no template has, ``init`` lists them."""
    with pytest.raises(click.BadParameter, match=r"^name one of: minimal, school$"):
        commands.main(["init", "world", "--from", "scool"], standalone_mode=False)


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A project starts in a new or an empty folder; nothing that is there is touched."""
    file = tmp_path / "pipeline.yaml"
    file.write_text("name: mine\n")
    with pytest.raises(EtlError, match=r"is not an empty folder; name a new folder, or an empty one$"):
        start("school", tmp_path)
    with pytest.raises(EtlError, match=r"pipeline.yaml: is not an empty folder; name a new folder, or an empty one$"):
        start("school", file)
    assert file.read_text() == "name: mine\n"
    assert list(tmp_path.iterdir()) == [file]


def test_every_template_has_a_pipeline() -> None:
    """What a template names is there, and a pipeline.yaml is among it."""
    for files in templates().values():
        assert "pipeline.yaml" in files
        assert all(path.exists() for path in files.values())


def test_the_minimal_project_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``init`` without a template starts the smallest project: it is built, its check and its test pass."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "world")
    commands.main(["init", "world"], standalone_mode=False)
    files = {path.relative_to("world"): path.read_text() for path in Path("world").rglob("*") if path.is_file()}
    assert sum(len(text.splitlines()) for text in files.values()) < 100
    assert not [name for name, text in files.items() if SCHOOL.search(text)]
    made = make_build(load(Path("world/pipeline.yaml")), tmp_path / "build")
    assert {"check": "every_day", "rule": "Every station has as many readings as the pipeline has days."} in (
        made.manifest["checks"]
    )
    answer = json.loads((made.folder / "api/summaries.json").read_text())
    assert [row["name"] for row in answer] == ["Harbour", "Old Town", "Ridge"]
    result = unittest.TestResult()
    unittest.TestLoader().discover("world").run(result)
    forget(tmp_path)
    assert (result.testsRun, result.wasSuccessful()) == (1, True)
    assert "license" not in json.loads((made.folder / "api/openapi.json").read_text())["info"]
    assert f"Build <code>{made.manifest['build']}</code>.</footer>" in (made.folder / "index.html").read_text()


def test_an_installed_etl_has_all_that_a_project_needs(tmp_path: Path) -> None:
    """From the wheel's files alone a project is started, in an empty folder, and has the same rows as the checkout."""
    site, work = tmp_path / "site", tmp_path / "work"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    places = wheel["wheel"]["force-include"] | {name: name for name in wheel["wheel"]["packages"]}
    for source, place in sorted(places.items(), key=lambda item: item[1]):
        path = site / place
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / source, path)
    work.mkdir()
    env = {"PYTHONPATH": str(site)}
    done = etl("init", ".", "--from", "school", cwd=work, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    next_ones = ["  python -m etl run pipeline.yaml", "  python -m etl serve pipeline.yaml"]
    assert done.stdout.splitlines() == [".: a copy of school. Next:", *next_ones]
    done = etl("run", "pipelines/tiny.yaml", "--quiet", cwd=work, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    golden = json.loads(FILE.read_text(encoding="utf-8"))["worlds"]["tiny"]["tables"]
    assert record(work / "build/current")["tables"] == golden
