"""Markers: params that refer to reference data, or to a param of another stage."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from etl.config.source import load
from etl.errors import Mistakes
from etl.generator.params import Context, Marker
from etl.generator.signature import contract_of
from etl.pipeline.draft import Draft, check_markers
from etl.pipeline.validate import validate
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LEVELS = "id,level,name,description,min_score,max_score,color\n"


def told(*changes: str, root: Path = ROOT) -> list[str]:
    """The mistakes that changes of the tiny world make."""
    try:
        validate(load(root / "pipelines" / "tiny.yaml", changes=changes))
    except Mistakes as error:
        return [mistake.message for mistake in error.mistakes]
    return []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the tiny world, to change its data."""
    for name in ("pipelines", "data", "sql"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pipeline.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pm2.params.test=PM7", "pm2.params.test: data/tests.csv has no name 'PM7'; did you mean 'PM6'?"),
        (
            "window1.params.levels=[1, 5]",
            "window1.params.levels.1: data/performance_levels.csv has no level 5; known: 1, 2, 3, 4",
        ),
        ("window1.params.rosters=[1, 4]", "window1.params.rosters: ends at 4, but stages.classes.params.count is 3"),
        (
            "window1.params.after=PM3",
            "window1.params.until: 'PM2' (2025-10-15) is earlier than after, 'PM3' (2025-12-15)",
        ),
        ("students.params.external_id=stu", "students.params.external_id: must hold {id} once, and no other braces"),
        (
            "students.params.external_id='{id}{id}'",
            "students.params.external_id: must hold {id} once, and no other braces",
        ),
        (
            "students.params.external_id='{id}{'",
            "students.params.external_id: must hold {id} once, and no other braces",
        ),
        (
            "pm3.params.clamp=[-1, 5800]",
            "pm3.params.clamp: [-1, 5800] is not covered by the bands in data/performance_levels.csv, from 0 to 5800",
        ),
    ],
)
def test_value_that_refers_to_nothing_is_told(monkeypatch: pytest.MonkeyPatch, change: str, message: str) -> None:
    """A name, level, roster, day or score that is not there is told where it is used."""
    monkeypatch.chdir(ROOT)
    assert told(f"stages.{change}") == [f"stages.{message}"]


@pytest.mark.parametrize(
    "change",
    [
        "window1.params.until=PM1",
        "window1.params.rosters=[1, 3]",
        "students.params.external_id='{id}'",
        "pm2.params.clamp=[0, 5800]",
    ],
)
def test_value_at_its_bound_is_fine(change: str) -> None:
    """A window of a day, all rosters, nothing but the id, the whole scale."""
    assert told(f"stages.{change}") == []


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        (["0,5409", "5410,"], []),
        (
            ["0,5409", "5411,5800"],
            ["min_score: the band must begin at 5410, right after the previous band, not at 5411"],
        ),
        (
            ["0,5409", "5400,5800"],
            ["min_score: the band must begin at 5410, right after the previous band, not at 5400"],
        ),
        (
            ["5410,5800", "0,5409"],
            ["min_score: the bands must ascend; this one begins at 0, the previous one at 5410"],
        ),
        (["0,", "5410,5800"], ["max_score: only the last band may have an empty max_score"]),
        (["0,5409", "5410,5400"], ["max_score: the band ends at 5400, before its start 5410"]),
        (["0,x", "5410,5800"], ["max_score: 'x' is not a whole number"]),
    ],
)
def test_cut_scores_leave_no_gap(project: Path, rows: list[str], messages: list[str]) -> None:
    """Bands ascend, each where the one before it ends; only the last may be open."""
    lines = [f"{number},{number},n,d,{row},#000000\n" for number, row in enumerate(rows, 1)]
    (project / "data" / "performance_levels.csv").write_text(LEVELS + "".join(lines))
    assert told(root=project) == messages


def test_days_are_days(project: Path) -> None:
    """A test that a window names has a day of the calendar; others may do without."""
    tests = project / "data" / "tests.csv"
    tests.write_text(
        tests.read_text().replace("2025-08-15", "15.8.2025").replace("2026-02-15", "").replace("2026-06-15", "")
    )
    assert told(root=project) == [
        "administered_at: '15.8.2025' is no day, and a stage needs one; write it as YYYY-MM-DD",
        "administered_at: the cell is empty, and a stage needs one; write it as YYYY-MM-DD",
    ]


def test_a_marker_is_a_class_of_its_own() -> None:
    """Who writes generators can write markers: a class that says what is wrong with a value, seeing what is around."""

    @dataclass(frozen=True)
    class Odd(Marker):
        def faults(self, value: Any, context: Context) -> Iterator[str]:  # noqa: ANN401 -- as its base
            if value % 2 == 0:
                yield f"must be odd, as is {context.values['other']}"

    def odd(*, number: int, other: int) -> None:
        """Have a marked number."""

    odd.__annotations__ = {"number": Annotated[int, Odd()], "other": int}
    world = small.world(path=ROOT / "pipelines" / "tiny.yaml")
    values = {"number": 4, "other": 3}
    stage = replace(world.stages["classes"], contract=contract_of(odd, "odd"), values=values)
    around = Draft(world.source, [], world.schema, stages=world.stages)
    check_markers(stage, around)
    assert [mistake.message for mistake in around.mistakes] == ["stages.classes.params.number: must be odd, as is 3"]
