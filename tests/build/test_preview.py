"""What a run would make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.build.preview import in_words, preview
from etl.build.run import make_build
from etl.config.source import load
from tests.support import small
from tests.support.running import edit

if TYPE_CHECKING:
    from pathlib import Path


def test_what_a_run_would_make(tmp_path: Path) -> None:
    """It says what a run would make, from which build it would take the rows, and what has changed."""
    path, out = small.lending(tmp_path), tmp_path / "build"

    def words(*changes: str) -> str:
        return in_words(preview(load(path, changes=("outputs=[sqlite]", "report=false", *changes)), out))

    assert words() == "a run makes everything: there is no build"
    build = make_build(load(path, changes=("outputs=[sqlite]", "report=false")), out).folder.name
    assert words() == f"nothing to do: build {build} exists"
    edit(tmp_path / "sql/api/books.sql", "All books", "Every book")
    presentation = f"a run makes the API, pages, report and checks, with the rows of build {build}"
    assert words() == f"{presentation}; changed since the current build:\n  sql/api/books.sql"
    edit(tmp_path / "books.csv", "Emma", "Persuasion")
    everything = "a run makes everything; changed since the current build:"
    assert words("seed=2") == f"{everything}\n  seed=1\n  books.csv\n  sql/api/books.sql"
    assert in_words({**preview(load(path), out), "changed": list("abcd")}, most=3).endswith("\n  c\n  and 1 more")
