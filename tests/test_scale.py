"""--scale: the same world with more rosters."""

from __future__ import annotations

import pytest

from etl import config
from etl.errors import Mistakes
from etl.validation import validate
from tests.running import ROOT

TINY = ROOT / "pipelines" / "tiny.yaml"


def test_scale_multiplies_rosters_and_windows() -> None:
    """The count is multiplied, and each window covers all copies of its rosters."""
    plain, larger = (validate(config.load(ROOT / "pipeline.yaml", scale=scale)) for scale in (1, 10))
    assert larger.stages["classes"].params.count == 2500
    assert [tuple(larger.stages[f"window{n}"].params.rosters) for n in (1, 2, 3)] == [
        (1, 800),
        (801, 1600),
        (1601, 2500),
    ]
    assert plain.stages["classes"].params.count == 250


def test_scale_leaves_the_rest() -> None:
    """Nothing else in the pipeline changes."""
    plain, larger = (config.load(TINY, scale=scale).tree.plain() for scale in (1, 3))
    for stages in (plain["stages"], larger["stages"]):
        del stages["classes"]["params"]["count"]
        for number in (1, 2, 3):
            del stages[f"window{number}"]["params"]["rosters"]
    assert plain == larger


def test_scale_finds_mistakes_where_they_are() -> None:
    """A number that cannot be multiplied is a mistake at its own place."""
    with pytest.raises(Mistakes, match=r"count: must be a whole number"):
        validate(config.load(TINY, changes=["stages.classes.params.count=many"], scale=2))
