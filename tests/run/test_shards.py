"""Shards: rows depend neither on how the work is cut, nor on what else there is, nor on the machine's settings."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from etl.errors import CheckFailed
from etl.run.plan import make_plan
from etl.run.shards import run_once, run_shard, run_until, shard_count
from tests.support import small

if TYPE_CHECKING:
    from etl.pipeline.model import Pipeline


@cache
def whole() -> dict[str, pa.Table]:
    """Every table of the small world, in one shard."""
    return small.gathered(small.twelve())


def cut(rows: int) -> Pipeline:
    """The small world in shards of so many classes."""
    return small.world(*small.TWELVE, f"stages.students.shard.rows={rows}")


def assert_same(found: dict[str, pa.Table], expected: dict[str, pa.Table]) -> None:
    """Hold that two worlds are alike, cell by cell."""
    assert list(found) == list(expected)
    for name, rows in expected.items():
        assert found[name].equals(rows), name


def test_the_small_world_has_rows_everywhere() -> None:
    """What the other tests compare is not empty, and every window chose somebody."""
    assert all(rows.num_rows for rows in whole().values())
    assert set(whole()["assignment_students"]["assignment_id"].to_pylist()) == set(range(1, 9))
    assert whole()["scores"].num_rows == 6 * whole()["students"].num_rows


@pytest.mark.parametrize("rows", [1, 5, 12])
def test_rows_do_not_depend_on_the_shards(rows: int) -> None:
    """Shards of any size, also one that does not divide the classes, give the same cells in the same order."""
    assert_same(small.gathered(cut(rows)), whole())


def test_shards_run_in_any_order() -> None:
    """A shard is a function of its number: run backwards, twice, or alone, it is the same."""
    plan = make_plan(cut(5))
    once = run_once(plan)
    assert shard_count(plan, once) == 3
    backwards = [run_shard(plan, once, number) for number in (2, 1, 0, 1)]
    assert_same(backwards[1], backwards[3])
    students = pa.concat_tables([backwards[number]["students"] for number in (2, 1, 0)])
    assert students.equals(whole()["students"])


def test_more_rosters_leave_the_others() -> None:
    """Adding rosters, and with them students and scores, leaves every other cell as it was."""
    more = small.gathered(small.world(*small.TWELVE[1:], "stages.classes.params.count=15"))
    for name, rows in whole().items():
        assert more[name].slice(0, rows.num_rows).equals(rows), name
    grown = {name for name, rows in more.items() if rows.num_rows > whole()[name].num_rows}
    assert grown == {"rosters", "students", "scores"}


def test_a_longer_window_leaves_the_others() -> None:
    """Another window changes who is assigned in it and what follows from that, and nothing before it."""
    other = small.gathered(small.world(*small.TWELVE[:3], "stages.window3.params.rosters=[9, 10]"))
    for name in set(whole()) - {"scores", "assignment_students", "planted_effects", "impact_means", "impact_estimates"}:
        assert other[name].equals(whole()[name])
    before = pc.less_equal(whole()["scores"]["test_id"], 4)
    assert other["scores"].filter(before).equals(whole()["scores"].filter(before))
    first_windows = pc.less_equal(whole()["assignment_students"]["assignment_id"], 6)
    kept = other["assignment_students"].filter(pc.less_equal(other["assignment_students"]["assignment_id"], 6))
    assert kept.equals(whole()["assignment_students"].filter(first_windows))


#: A stage that runs once, and one that runs by shard.
ONCE = """{python: students, internal: true, inputs: [classes, first_names, last_names],
 params: {external_id: 'x{id}', created_at: now}}"""
BY_SHARD = """{python: window, internal: true, inputs: {scores: pm1, assignments: assignments, tests: tests},
 params: {after: PM1, until: PM2, rosters: [1, 12], levels: [1, 2],
 status: {completed: 0.5, started: 0.25, not_started: 0.25}}}"""


@pytest.mark.parametrize("stage", [ONCE, BY_SHARD])
def test_another_stage_leaves_the_others(stage: str) -> None:
    """Another stage with streams of its own leaves every other cell as it was."""
    changed = small.world(*small.TWELVE, "stages.students.shard.rows=5", f"stages.more={stage}")
    assert run_until(make_plan(changed), "more").num_rows
    assert_same(small.gathered(changed), whole())


def test_another_seed_is_another_world() -> None:
    """What is drawn differs under another seed, and what follows from it; nothing else does."""
    other = small.gathered(small.world(*small.TWELVE, "seed=1"))
    for name, rows in whole().items():
        followed = {"planted_effects", "impact_means", "impact_estimates"}
        drawn = name in {"rosters", "students", "scores", "assignment_students", *followed}
        assert other[name].equals(rows) != drawn, name


def test_run_until_runs_one_stage_of_the_first_shard() -> None:
    """A single stage is run with what it needs, over the first shard; one that is not cut is run whole."""
    plan = make_plan(cut(5))
    students = int(pc.sum(pc.less_equal(whole()["students"]["roster_id"], 5)).as_py())
    expected = {"subjects": 5, "classes": 12, "students": students, "pm2": students, "broken_means": 0}
    assert {name: run_until(plan, name).num_rows for name in expected} == expected
    assert run_until(plan, "scores").equals(whole()["scores"].slice(0, 6 * students))


def test_a_stage_that_checks() -> None:
    """A stage that must yield no rows stops the shard with its rule, how many rows break it, and the first five."""
    pipeline = small.twelve()
    nobody = replace(pipeline.stages["students"], name="nobody", table=None, check="Nobody is here.")
    plan = make_plan(replace(pipeline, stages={**pipeline.stages, "nobody": nobody}))
    with pytest.raises(CheckFailed) as caught:
        run_shard(plan, run_once(plan), 0)
    lines = caught.value.message.splitlines()
    count = whole()["students"].num_rows
    assert lines[0] == f"check nobody failed: Nobody is here. {count} rows break it, the first of them:"
    assert len(lines) == 6
    assert lines[1].startswith("  id=1, roster_id=1, name=")


def test_progress_is_told() -> None:
    """Every stage is reported once a shard, with its rows; what is kept is tables, and what is gathered."""
    plan = make_plan(cut(5))
    told: list[tuple[str, int]] = []
    once = run_once(plan, lambda name, rows, _: told.append((name, rows)))
    assert [name for name, _ in told] == [stage.name for stage in plan.once]
    told.clear()
    shard = run_shard(plan, once, 1, lambda name, rows, _: told.append((name, rows)))
    assert [name for name, _ in told] == [stage.name for stage in plan.per_shard]
    assert dict(told)["scores"] == shard["scores"].num_rows
    assert {"students", "scores", "gain_sums"} < set(shard) == {stage.name for stage in plan.per_shard}
