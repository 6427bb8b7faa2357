"""Two builds compared: their tables row by row, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from etl.build.diff import compare, find_builds
from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from tests.support import small
from tests.support.running import edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOTES = {
    "notes.csv": "text,page\nfine,1\nfine,1\ngood,2\n",
    "sql/api/loans.sql": "-- title: Loans\n-- description: All.\n-- columns: {id: loans.id}\nSELECT id FROM loans\n",
}


def build(project: Path, outputs: str = "[sqlite]") -> Path:
    """Build a project: the build's folder."""
    changes = (f"outputs={outputs}", "report=false")
    return make_build(load(project / "pipeline.yaml", changes=changes), project / "build").folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with notes that have no key."""
    path = small.lending(tmp_path_factory.mktemp("library"), NOTES)
    edit(path, "stages:\n", "stages:\n  notes: {csv: notes.csv}\n")
    with (path.parent / "sql/schema.sql").open("a") as file:
        file.write("CREATE TABLE notes (text TEXT NOT NULL, page INTEGER NOT NULL);\n")
    return path.parent


@pytest.fixture(scope="module")
def builds(project: Path) -> tuple[Path, Path]:
    """Two builds of it: books, notes, a column of loans and an endpoint differ."""
    old = build(project)
    (project / "books.csv").write_text("id,title\n1,Persuasion\n3,Middlemarch\n4,Emma\n")
    (project / "notes.csv").write_text("text,page\nfine,1\ngood,2\nbad,2\nbad,2\n")
    edit(project / "sql/schema.sql", "days INTEGER NOT NULL", "days INTEGER, due TEXT")
    edit(project / "sql/loans.sql", "7 AS days", "7 AS days, NULL::VARCHAR AS due")
    (project / "sql/api/loans.sql").rename(project / "sql/api/lent.sql")
    return old, build(project)


def test_rows_and_columns(builds: tuple[Path, Path]) -> None:
    """Rows are matched by the primary key, or as wholes without one; columns are compared by name."""
    found = compare(*builds)
    assert not found["same"]
    assert (found["old"], found["new"]) == tuple(folder.name for folder in builds)
    assert found["tables"]["books"] == {
        "change": "changed",
        "rows": [2, 3],
        "columns": {"added": [], "removed": [], "changed": []},
        "key": ["id"],
        "added": 2,
        "removed": 1,
        "changed": 1,
        "changed_columns": {"title": 1},
        "examples": [{"key": {"id": 1}, "values": {"title": ["Emma", "Persuasion"]}}],
    }
    notes = found["tables"]["notes"]
    assert [notes[key] for key in ("key", "added", "removed", "changed")] == [None, 2, 1, None]
    assert found["tables"]["loans"]["columns"] == {"added": ["due"], "removed": [], "changed": ["days"]}
    assert compare(*builds, 0)["tables"]["books"]["examples"] == []


def test_answers_and_sources(builds: tuple[Path, Path]) -> None:
    """Answers are compared as files, endpoints as definitions, and the sources say why."""
    found = compare(*builds)
    assert found["answers"] == {
        "added": ["/api/lent.json"],
        "removed": ["/api/loans.json"],
        "changed": ["/api/books.json"],
    }
    assert (found["endpoints"]["added"], found["endpoints"]["removed"]) == (["/api/lent"], ["/api/loans"])
    assert {"books.csv", "notes.csv", "sql/schema.sql"} <= set(found["sources"])


def test_the_same(builds: tuple[Path, Path]) -> None:
    """A build has the tables and answers of itself."""
    found = compare(builds[0], builds[0])
    assert found["same"]
    assert (found["tables"], found["sources"]) == ({}, [])


def test_without_a_database(project: Path, builds: tuple[Path, Path]) -> None:
    """Without databases tables are compared by their digests; one that only a build has is added or removed."""
    found = compare(builds[0], build(project, "[parquet]"))
    assert found["tables"]["books"] == {"change": "changed", "rows": [2, 3], "columns": {}}
    assert found["answers"]["removed"] == ["/api/books.json", "/api/loans.json"]


def test_builds_are_found_by_their_ids(project: Path, builds: tuple[Path, Path], tmp_path: Path) -> None:
    """By default the previous and the current build are compared; beginnings of ids name others."""
    old, new = builds
    out = project / "build"
    make_build(load(project / "pipeline.yaml", changes=("outputs=[sqlite]", "report=false")), out)
    assert find_builds(out, "library", old.name[:8], None) == (old, new)
    assert find_builds(out, "library", new.name[:8], old.name) == (new, old)
    assert find_builds(out, "library", None, None)[1] == new
    wrong: tuple[tuple[Callable[[], Any], str], ...] = (
        (lambda: find_builds(out, "library", "x", None), "no build begins with 'x'; known: "),
        (lambda: find_builds(out, "library", "", None), "more than one build begins with ''"),
        (lambda: find_builds(out, "clinic", None, None), "there is no current build of clinic"),
        (lambda: find_builds(tmp_path, "library", None, None), "there is no current build of library"),
    )
    for call, message in wrong:
        with pytest.raises(EtlError, match=message):
            call()
