"""The documents say what is so: commands, options, addresses, and every example."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from click import Command, Group, Option

from etl.build.run import make_build
from etl.cli.commands import commands
from etl.config.source import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """The README's example in a language that contains a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(str(text) for text in blocks if containing in text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's pipeline, small, to add to."""
    for name in ("data", "sql", "pipelines"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pipeline.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    """The README's table of commands names each command and each of its options."""
    assert isinstance(commands, Group)
    command: Command = commands.commands[name]
    row = next(line for line in README.splitlines() if re.match(rf"\| `{name}[` ]", line))
    for option in command.params:
        if isinstance(option, Option):
            assert f"`{option.opts[0]}`" in row


def test_every_endpoint_is_in_the_readme() -> None:
    """The README lists each URL of the API."""
    for path in (ROOT / "sql" / "api").rglob("*.sql"):
        parts = path.relative_to(ROOT / "sql" / "api").with_suffix("").parts
        address = "/api/" + "/".join(part.replace("[", "{").replace("]", "}") for part in parts)
        assert f"`{address}`" in README


def test_examples_of_the_readme_run(project: Path) -> None:
    """The README's endpoint becomes a file of the API, and its check is named in the build's manifest."""
    path = project / "sql/api/levels/[level]/scores.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block("sql", "Scores at a level"))
    (project / "sql/checks/rosters_not_empty.sql").write_text(block("sql", "No roster is empty"))
    result = make_build(load(project / "pipelines/tiny.yaml"), project / "build")
    assert (result.folder / "api/levels/1/scores.json").read_text().startswith('[{"studentId":')
    assert {"check": "rosters_not_empty", "rule": "No roster is empty."} in result.manifest["checks"]


def test_example_in_the_readme_matches_the_pipeline() -> None:
    """The README shows the stage `students` as it is in pipeline.yaml."""
    shown = re.sub(r"\s*#.*", "", block("yaml", "python: students"))
    assert all(line.strip() in (ROOT / "pipeline.yaml").read_text() for line in shown.splitlines())


def test_relative_links_exist() -> None:
    """The target of each relative link and image in the README and in docs/ exists."""
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_architecture_document_is_complete() -> None:
    """The README links docs/architecture.md, which names every package of ``etl`` and only paths that exist."""
    assert "](docs/architecture.md)" in README
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    paths = re.findall(r"\b(?:etl|sql|data|docs|tests|examples|pipelines)/[\w./]*", text)
    assert [path for path in paths if not (ROOT / path.rstrip(".")).exists()] == []
    packages = {f"etl/{path.parent.name}" for path in (ROOT / "etl").glob("*/__init__.py")}
    assert packages <= set(paths)


def test_tests_named_in_security_exist() -> None:
    """Each test that docs/security.md names exists."""
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", (ROOT / "docs/security.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for file, name in named:
        assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{name}"
