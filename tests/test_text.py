"""Any text survives the whole way, from CSV to database to JSON to HTML, and is nothing but a text there."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from etl.build.run import make_build
from etl.config.source import load
from etl.server.plugin import make_datasette
from tests.support.hostile import LONG, NAMES, SCRIPT, replace_cells, write_names
from tests.support.running import TINY, copy_of_project

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = [*NAMES, LONG, "two\nlines", "two\r\nlines", "tab\there"]
NAME = "teacher-dashboard"
ASSIGNMENT = f"<i>'\"& <b> {SCRIPT} é😀 \u202eabc"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose students have every first name there is, in each of three rosters named by hostile subjects."""
    project = copy_of_project(tmp_path_factory.mktemp("project"))
    write_names(project / "data/first_names.csv", TEXTS)
    write_names(project / "data/last_names.csv", ["O'Neil <b>"])
    for file in ("interventions.csv", "intervention_standards.csv"):
        replace_cells(project / "data" / file, "Geometry Jumpstart", ASSIGNMENT)
    write_names(project / "data/subjects.csv", [SCRIPT, "日本 \"&\" 'é'", LONG])
    changes = [f"stages.classes.params.size=[{len(TEXTS)}, {len(TEXTS)}]", "stages.classes.params.titles=['<i>&']"]
    return make_build(load(project / TINY, changes=changes), project / "build").folder


@pytest.fixture(scope="module")
def students() -> list[str]:
    """The names that each roster's students must have."""
    return sorted(f"{first} O'Neil <b>" for first in TEXTS)


ROSTERS = [f"<i>& O'Neil <b> - {subject}" for subject in (SCRIPT, "日本 \"&\" 'é'", LONG)]


@pytest.mark.fault("hostile names: quotes, scripts, formulas, SQL, templates, right-to-left, emoji, 10,000 letters")
def test_database_has_names_unchanged(world: Path, students: list[str]) -> None:
    """Every name is in the database as it was written."""
    with closing(sqlite3.connect(world / f"{NAME}.db")) as database:
        assert [name for (name,) in database.execute("SELECT name FROM rosters ORDER BY id")] == ROSTERS
        for roster in (1, 2, 3):
            found = database.execute("SELECT name FROM students WHERE roster_id = ?", (roster,))
            assert sorted(name for (name,) in found) == students


@pytest.mark.fault("hostile names: quotes, scripts, formulas, SQL, templates, right-to-left, emoji, 10,000 letters")
def test_json_has_names_unchanged(world: Path, students: list[str]) -> None:
    """Every name is in the JSON files as it was written."""
    rosters = json.loads((world / "api/rosters.json").read_bytes())
    assert sorted(roster["name"] for roster in rosters) == sorted(ROSTERS)
    for roster in (1, 2, 3):
        answer = json.loads((world / f"api/rosters/{roster}/students.json").read_bytes())
        assert sorted(student["name"] for student in answer["students"]) == students


@pytest.mark.fault("hostile names: quotes, scripts, formulas, SQL, templates, right-to-left, emoji, 10,000 letters")
def test_front_page_escapes_names(world: Path) -> None:
    """The front page escapes the first assignment's name: it adds no element and no attribute."""
    html = (world / "index.html").read_text(encoding="utf-8")
    assert json.dumps(ASSIGNMENT, ensure_ascii=False) in unescape(html)
    for markup in ("<script", "<img", "<b>", "<i>"):
        assert markup not in html


@pytest.mark.fault("hostile names: quotes, scripts, formulas, SQL, templates, right-to-left, emoji, 10,000 letters")
def test_datasette_escapes_names(world: Path, students: list[str]) -> None:
    """Datasette's table, rows and queries escape the names, and its JSON has them unchanged."""
    datasette = make_datasette(world, explore=False)

    async def get(path: str) -> Any:  # noqa: ANN401 -- httpx's
        answer = await datasette.client.get(path)
        assert answer.status_code == 200
        return answer

    async def check() -> None:
        pages = [f"/{NAME}/students?_size=max", f"/{NAME}/api-rosters-students?id=1", f"/{NAME}/rosters"]
        html = "".join([(await get(page)).text for page in pages])
        shown = unescape(html)
        for name in TEXTS:
            assert name[:200] in shown, name
        for markup in (SCRIPT, "<img", "<b>", "<i>", "{id}$id:id<"):
            assert markup not in html.replace("{{7*7}}${7*7}{id}$id:id", "")
        assert LONG in (await get(f"/{NAME}/rosters/3")).text
        rows = (await get(f"/{NAME}/students.json?_shape=objects&roster_id=2&_size=max")).json()["rows"]
        assert sorted(row["name"] for row in rows) == students

    asyncio.run(check())
