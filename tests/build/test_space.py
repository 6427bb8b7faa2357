"""How much room a world takes, and what is said when there is less."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from etl.build import space
from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from tests.support.running import ROOT, TINY, litter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.run.plan import Plan


class Disk(NamedTuple):
    """What the system says of a disk."""

    total: int
    used: int
    free: int


def plan(name: str, *changes: str) -> Plan:
    """The plan of one of our pipelines."""
    return make_plan(validate(load(ROOT / name, changes=changes)))


@pytest.mark.parametrize("name", ["pipeline.yaml", TINY])
def test_the_estimate_is_about_right(built: Callable[[str], Path], name: str) -> None:
    """What is expected of a build is within a quarter of what it takes, with its JSON."""
    taken = sum(path.stat().st_size for path in built(name).rglob("*") if path.is_file())
    assert space.estimate(plan(name)) == pytest.approx(taken, rel=0.25)


def test_answers_that_are_served_live_take_no_room() -> None:
    """A world with more rosters than are exported takes its database alone; Parquet takes a fifth of that."""
    few, many = plan("pipeline.yaml"), plan("pipeline.yaml", "site.static_limit=100")
    assert space.estimate(few) > 1.9 * space.estimate(many) > 0
    parquet = plan("pipeline.yaml", "outputs=[parquet]")
    both = plan("pipeline.yaml", "outputs=[sqlite, parquet]")
    assert space.estimate(parquet) == pytest.approx(0.2 * space.estimate(many), rel=0.15)
    assert space.estimate(both) == space.estimate(few) + space.estimate(parquet)


def test_a_world_grows_with_its_rosters() -> None:
    """A hundred times the rosters take about ten times the room of ten times the rosters."""
    ten, hundred = (
        space.estimate(make_plan(validate(load(ROOT / "pipeline.yaml", scale=scale, changes=["site.static_limit=0"]))))
        for scale in (10, 100)
    )
    assert hundred == pytest.approx(10 * ten, rel=0.1)


@pytest.mark.fault("a world that is larger than the free disk")
def test_a_world_that_cannot_fit_is_refused_before_it_starts(
    tiny_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error states how much the world needs and how much is free; nothing is generated, and no files are left."""
    out = tmp_path / "build"
    shutil.copytree(tiny_build, out / tiny_build.name)
    (out / "current").symlink_to(tiny_build.name)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**9, 10**9 - 12_345_678, 12_345_678))
    source = load(ROOT / TINY, changes=["stages.classes.params.count=5000000"])
    with pytest.raises(EtlError) as caught:
        make_build(source, out)
    assert caught.value.message.startswith("the world needs about 58")
    assert str(caught.value.where) == str(out)
    assert caught.value.message.endswith(
        " GB, and 12.3 MB are free there; make it smaller, or name a folder on another disk: --out"
    )
    assert litter(out) == []
    assert (out / "current").resolve() == out / tiny_build.name


def test_what_fits_may_start() -> None:
    """A world that takes exactly what is free is not refused."""
    tiny = plan(TINY)
    space.check(tiny, ROOT, free=space.estimate(tiny))
    with pytest.raises(EtlError, match=r"the world needs about \d"):
        space.check(tiny, ROOT, free=space.estimate(tiny) - 1)
