"""The plan: the order of stages, what runs by shard, and how much is expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from etl.run.plan import make_plan
from etl.run.shards import run_once, run_shard
from tests.support import small


def test_each_stage_comes_after_its_inputs() -> None:
    """Every stage stands once, behind all that it needs."""
    pipeline = small.twelve()
    plan = make_plan(pipeline)
    seen: set[str] = set()
    for stage in plan.stages:
        assert seen.issuperset(stage.inputs.values())
        seen.add(stage.name)
    assert seen == set(pipeline.stages)
    assert len(plan.stages) == len(pipeline.stages)


def test_order_is_the_files_where_inputs_allow_it() -> None:
    """Stages that do not depend on each other stay in the order of the file, so that a plan reads like it."""
    pipeline = small.twelve()
    names = [stage.name for stage in make_plan(pipeline).stages]
    assert names == list(pipeline.stages)


def test_a_file_in_another_order() -> None:
    """A stage may stand above its inputs; the plan puts it behind them."""
    pipeline = small.twelve()
    turned = dict(reversed(list(pipeline.stages.items())))
    names = [stage.name for stage in make_plan(replace(pipeline, stages=turned)).stages]
    assert names.index("pm1") < names.index("window1") < names.index("pm2") < names.index("scores")
    assert set(names) == set(pipeline.stages)


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


def test_what_is_cut_and_what_is_not() -> None:
    """The stage that says ``shard`` and everything downstream of it runs by shard, the rest once."""
    plan = make_plan(small.twelve())
    whole = {stage.name for stage in plan.once}
    sharded = {stage.name for stage in plan.per_shard}
    assert (plan.by, plan.rows) == ("classes", 125)
    assert {"classes", "rosters", "tests", "assignments", "first_names"} <= whole
    assert sharded >= {"students", "pm1", "window1", "pm6", "scores", "assignment_students", "broken_growth"}
    assert not any(sharded.intersection(stage.inputs.values()) for stage in plan.once)


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
