"""--scale: the same world with more rosters."""

from __future__ import annotations

import pytest

from etl.config.source import load
from etl.errors import EtlError, Mistakes
from etl.pipeline.validate import validate
from tests.support.running import ROOT

TINY = ROOT / "pipelines" / "tiny.yaml"


def test_scale_multiplies_rosters_and_windows() -> None:
    """The count is multiplied, and each window covers all copies of its rosters."""
    plain, larger = (validate(load(ROOT / "pipeline.yaml", scale=scale)) for scale in (1, 10))
    assert larger.stages["classes"].params.count == 2500
    assert [tuple(larger.stages[f"window{n}"].params.rosters) for n in (1, 2, 3)] == [
        (1, 800),
        (801, 1600),
        (1601, 2500),
    ]
    assert plain.stages["classes"].params.count == 250


def test_scale_leaves_the_rest() -> None:
    """Nothing else in the pipeline changes."""
    plain, larger = (load(TINY, scale=scale).tree.plain() for scale in (1, 3))
    for stages in (plain["stages"], larger["stages"]):
        del stages["classes"]["params"]["count"]
        for number in (1, 2, 3):
            del stages[f"window{number}"]["params"]["rosters"]
    assert plain == larger


def test_scale_finds_mistakes_where_they_are() -> None:
    """A number that cannot be multiplied is a mistake at its own place, and no second one of the list."""
    with pytest.raises(Mistakes) as caught:
        validate(load(TINY, changes=["stages.classes.params.count=many"], scale=2))
    assert [mistake.message for mistake in caught.value.mistakes] == [
        "stages.classes.params.count: must be a whole number, not 'many'"
    ]


@pytest.mark.parametrize(
    ("listed", "scale", "message"),
    [
        ("stages.clases.params.count", 1, "there is no stages.clases; did you mean 'classes'?"),
        ("stages.classes.params.counts", 10, "there is no stages.classes.params.counts; did you mean 'count'?"),
        ("stages.pm1.params.test", 1, "stages.pm1.params.test is not a whole number or a range [first, last]; remove"),
        ("stages.window1.params.status", 10, "stages.window1.params.status is not a whole number or a range"),
    ],
)
def test_a_path_that_cannot_be_multiplied_is_told(listed: str, scale: int, message: str) -> None:
    """Listed paths must lead to a number or a range, with or without --scale."""
    with pytest.raises(Mistakes) as caught:
        validate(load(TINY, changes=[f"scale=[{listed}]"], scale=scale))
    (mistake,) = caught.value.mistakes
    assert mistake.message.startswith(f"scale: {message}")
    assert str(mistake.where) == f"--set scale=[{listed}]:1:2"


def test_a_path_is_one_of_a_stage() -> None:
    """Nothing but what is in a stage can be multiplied."""
    with pytest.raises(Mistakes, match=r"scale\.0: must be the path of a number, such as"):
        validate(load(TINY, changes=["scale=[seed]"], scale=2))


@pytest.mark.parametrize("change", ["scale=null", "scale=[]"])
def test_a_world_with_nothing_to_scale_refuses(change: str) -> None:
    """A larger world that would be the same one is no success."""
    with pytest.raises(EtlError, match=r"^--scale: the pipeline lists no numbers to multiply"):
        load(TINY, changes=[change], scale=10)
    assert load(TINY, changes=[change], scale=1).mistakes == ()


def test_scale_multiplies_what_is_listed_alone() -> None:
    """The pipeline lists the numbers; the spelling of a generator does not matter."""
    changes = ["scale=[stages.classes.params.count]", "stages.classes.python=etl.school.classes:classes"]
    stages = load(TINY, changes=changes, scale=10).tree.plain()["stages"]
    assert stages["classes"]["params"]["count"] == 30
    assert stages["window2"]["params"]["rosters"] == [2, 2]
