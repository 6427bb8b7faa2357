"""The example projects: worlds of other domains, small, built and checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.build.run import make_build
from etl.build.verify import verify
from etl.config.modules import forget
from etl.config.source import load
from tests.support.running import ROOT
from tests.test_architecture import SCHOOL

if TYPE_CHECKING:
    from pathlib import Path

#: An answer of each example: its file, its number of rows, and its first row.
ANSWERS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "library": (
        "members/1/loans",
        32,
        {"month": 1, "title": "Kim", "author": "Rudyard Kipling", "isLate": False},
    ),
    "clinic": (
        "doctors/1/appointments",
        549,
        {"patientId": 365, "day": "2026-02-02", "time": "09:00", "outcome": "kept"},
    ),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_example_is_built(name: str, tmp_path: Path) -> None:
    """An example is a project of its own; its build passes every check and gives its answers."""
    source = load(ROOT / "examples" / name / "pipeline.yaml")
    made = make_build(source, tmp_path)
    forget(source.root)
    assert verify(source, tmp_path, full=True).differs == []
    file, rows, first = ANSWERS[name]
    answer = json.loads((made.folder / f"api/{file}.json").read_text(encoding="utf-8"))
    assert (len(answer), answer[0]) == (rows, first)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_example_is_small(name: str) -> None:
    """An example has fewer than 150 lines, and nothing of the school."""
    files = [
        path
        for path in (ROOT / "examples" / name).rglob("*")
        if path.suffix in {".py", ".yaml", ".sql", ".csv", ".json"}
    ]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert sum(len(text.splitlines()) for text in texts) < 150
    assert not any(map(SCHOOL.search, texts))
