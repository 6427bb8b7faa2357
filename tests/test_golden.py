"""Golden digests: the same pipeline gives the same rows in every version of this project, until it says otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.school.generators import VERSION
from tests.golden import FILE, WORLDS, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEND = "raise VERSION in etl/school/generators.py, say so in CHANGELOG.md, and run: python -m tests.golden"


@pytest.fixture(scope="module")
def golden() -> Any:  # noqa: ANN401 -- JSON
    """What golden.json holds."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def test_version_matches_the_recorded_one(golden: Any) -> None:  # noqa: ANN401 -- JSON
    """golden.json was written for the generators' present version."""
    assert golden["generators"] == VERSION, "the generators have another version than golden.json: " + MEND
    assert set(golden["worlds"]) == set(WORLDS)


@pytest.mark.parametrize("world", WORLDS)
def test_rows_match_the_recorded_digests(world: str, built: Callable[[str], Path], golden: Any) -> None:  # noqa: ANN401
    """Every table has the rows that it had when the generators got their version."""
    found, recorded = record(built(WORLDS[world]))["tables"], golden["worlds"][world]["tables"]
    changed = sorted(name for name in {*found, *recorded} if found.get(name) != recorded.get(name))
    assert not changed, f"the {world} world has other rows in {', '.join(changed)}. If that is meant: {MEND}"


@pytest.mark.parametrize("world", WORLDS)
def test_bytes_match_the_recorded_digests(world: str, built: Callable[[str], Path], golden: Any) -> None:  # noqa: ANN401
    """The database has the recorded bytes if the libraries that write it have the recorded versions."""
    found, recorded = record(built(WORLDS[world]))["database"], golden["worlds"][world]["database"]
    names = {*found["versions"], *recorded["versions"]}
    others = [name for name in sorted(names) if found["versions"].get(name) != recorded["versions"].get(name)]
    if others:
        pytest.skip(f"recorded with another version of {', '.join(others)}")
    assert found["sha256"] == recorded["sha256"], f"the {world} world has other bytes. If that is meant: {MEND}"
