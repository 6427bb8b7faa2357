"""The plan: the order of stages, what runs by shard, and how much is expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etl.run.plan import make_plan
from etl.run.shards import run_once, run_shard
from tests.support import small


def test_order_is_the_files_where_inputs_allow_it() -> None:
    """Stages that do not depend on each other stay in the order of the file, so that a plan reads like it."""
    pipeline = small.twelve()
    names = [stage.name for stage in make_plan(pipeline).stages]
    assert names == list(pipeline.stages)


def test_a_plan_until_a_stage() -> None:
    """It has the stage and all that this needs, each in its place, and nothing else."""
    plan = make_plan(small.twelve())
    part = plan.until("window1")
    names = [stage.name for stage in part.stages]
    assert names == [stage.name for stage in plan.stages if stage.name in names]
    assert {"classes", "students", "pm1", "assignments", "tests", "window1"} <= set(names)
    assert not {"rosters", "pm2", "scores", "impact_estimates"} & set(names)
    part = plan.until("impact_estimates")
    assert [stage.name for stage in part.after_shards] == ["impact_estimates"]
    assert part.collected == {"gain_sums"}


def test_nothing_is_cut() -> None:
    """A pipeline without ``shard`` is one that runs once."""
    pipeline = small.twelve()
    students = replace(pipeline.stages["students"], shard=None)
    plan = make_plan(replace(pipeline, stages={**pipeline.stages, "students": students}))
    assert (plan.by, plan.rows, plan.per_shard) == (None, 0, ())
    assert len(plan.once) == len(pipeline.stages)


@pytest.mark.parametrize("changes", [(), small.TWELVE])
def test_expected_rows_are_about_right(changes: tuple[str, ...]) -> None:
    """What is expected of a table is near what comes; of those who are chosen, less near."""
    plan = replace(make_plan(small.world(*changes)), rows=250)  # one shard
    expected = {name: size.rows for name, size in plan.expected().items()}
    once = run_once(plan)
    for name, rows in {**once, **run_shard(plan, once, 0)}.items():
        chosen = name == "assignment_students"
        if plan.pipeline.stages[name].table:
            assert expected[name] == pytest.approx(rows.num_rows, rel=0.3 if chosen else 0.15), name
