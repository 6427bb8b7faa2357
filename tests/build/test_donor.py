"""Builds that take their rows from another one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from etl.build import manifest
from etl.build.run import Result, make_build
from etl.config.source import load
from etl.errors import CheckFailed
from tests.support import small
from tests.support.running import Heard, edit, hashes, litter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANGES = ("outputs=[sqlite, parquet]", "report=false")
TAKEN = "no change affects rows; reusing those of build "
BY_LENGTH = """-- title: Loans by length
-- description: The loans of a length.
-- parameters: {days: SELECT DISTINCT days FROM loans}
-- columns: {id: loans.id}
SELECT id FROM loans WHERE days = :days
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library's project with a build, not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    path = small.lending(folder, {"sql/api/loans/[days].sql": BY_LENGTH})
    make_build(load(path, changes=CHANGES), folder / "build")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(made, tmp_path / "library", symlinks=True)


def build(project: Path, *changes: str, out: str = "build", force: bool = False) -> tuple[Result, Heard]:
    """Build a project: the result, and what the run said."""
    heard = Heard()
    source = load(project / "pipeline.yaml", changes=(*CHANGES, *changes))
    return make_build(source, project / out, progress=heard, force=force), heard


def same_words(project: Path) -> None:
    """Change the words of endpoints."""
    edit(project / "sql/api/books.sql", "All books.", "Every book.")
    edit(project / "sql/api/loans/[days].sql", "Loans by length", "By length")


def other_answers(project: Path) -> None:
    """Change what an endpoint answers."""
    edit(project / "sql/api/loans/[days].sql", "WHERE days = :days", "WHERE days = :days AND id > 1")


def other_endpoints(project: Path) -> None:
    """Remove an endpoint, and add one."""
    (project / "sql/api/books.sql").rename(project / "sql/api/works.sql")


def other_check(project: Path) -> None:
    """Add a check."""
    (project / "sql/checks/titles.sql").write_text("-- Each has a title.\nSELECT id FROM books WHERE title IS NULL\n")


def other_title(project: Path) -> None:
    """Change the title of the site."""
    edit(project / "pipeline.yaml", "title: Library", "title: A library")


def fewer_files(project: Path) -> None:
    """Serve an endpoint live only."""
    edit(project / "pipeline.yaml", "title: Library", "static_limit: 0, title: Library")


@pytest.mark.parametrize("change", [same_words, other_answers, other_endpoints, other_check, other_title, fewer_files])
def test_only_the_presentation_changed(project: Path, change: Callable[[Path], None]) -> None:
    """No stage runs, the database is the same file, and all bytes are those of a full build."""
    before = (project / "build/current/library.db").stat().st_ino
    change(project)
    taken, heard = build(project)
    assert taken.state == "built"
    assert heard.said[0].startswith(TAKEN)
    assert not heard.stages
    assert (taken.folder / "library.db").stat().st_ino == before
    full, heard = build(project, out="other")
    assert heard.stages
    assert hashes(taken.folder) == hashes(full.folder)
    assert litter(project / "build") == []


def test_answers_of_unchanged_endpoints_are_taken(project: Path) -> None:
    """An answer whose endpoint has only other words is the same file; a damaged one is made again."""
    old = (project / "build/current").resolve()
    (old / "api/loans/7.json").write_bytes(b"[]")
    same_words(project)
    taken, _ = build(project)
    assert (taken.folder / "api/books.json").samefile(old / "api/books.json")
    assert (taken.folder / "api/loans/7.json").read_bytes() == b'[{"id":1},{"id":2}]'
    assert not list(manifest.damage(taken.folder))


def test_report_is_taken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that has nothing new but the id of its build is not drawn again; with another title it is."""
    first = build(project, "report=true")[0].folder
    same_words(project)
    full = build(project, "report=true", out="other")[0].folder
    with monkeypatch.context() as patched:
        patched.setattr("etl.run.child.start", None)
        taken = build(project, "report=true")[0].folder
    assert hashes(taken) == hashes(full)
    assert (taken / "report.html").read_bytes() != (first / "report.html").read_bytes()
    other_title(project)
    assert "A library" in (build(project, "report=true")[0].folder / "report.html").read_text(encoding="utf-8")


def test_rows_or_force(project: Path) -> None:
    """Another value, another row, and ``force`` run the stages."""
    assert build(project, "seed=2")[1].stages
    with (project / "books.csv").open("a") as file:
        file.write("3,Middlemarch\n")
    assert build(project)[1].stages
    same_words(project)
    assert build(project, force=True)[1].stages


def test_taken_rows_are_checked(project: Path) -> None:
    """A new check runs on the taken rows; if it fails, the current build stays."""
    (project / "sql/checks/long.sql").write_text("-- No loan is long.\nSELECT id FROM loans WHERE days > 6\n")
    before = (project / "build/current").resolve()
    with pytest.raises(CheckFailed, match=r"(?s)long\.sql.*No loan is long"):
        build(project)
    assert (project / "build/current").resolve() == before
    assert litter(project / "build") == []


@pytest.mark.fault("a damaged database in the build whose rows another one takes")
def test_damaged_rows_are_not_taken(project: Path) -> None:
    """Rows of a damaged build are made again, with a warning."""
    old = (project / "build/current").resolve()
    with (old / "library.db").open("ab") as file:
        file.write(b"x")
    same_words(project)
    made, heard = build(project)
    assert heard.said[0] == f"the build {old.name} is damaged; its rows are made again"
    assert heard.stages
    assert not list(manifest.damage(made.folder))


def test_copies_where_links_are_impossible(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links the rows are copied."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    before = (project / "build/current/library.db").stat().st_ino
    same_words(project)
    taken, heard = build(project)
    assert not heard.stages
    assert (taken.folder / "library.db").stat().st_ino != before
    assert not list(manifest.damage(taken.folder))
