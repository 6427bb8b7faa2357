"""Golden digests: the same pipeline gives the same rows in every version of this project, until it says otherwise."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from etl.school import VERSION
from etl.school.estimates import impact_estimates
from etl.school.impact import GAIN_SUMS
from etl.tables.digest import table_digest
from tests.golden import FILE, WORLDS, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEND = "raise VERSION in etl/school/__init__.py, say so in CHANGELOG.md, and run: python -m tests.golden"


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


#: Digests of impact_estimates when it had only one estimator, and no column for it.
PLAIN = {"tiny": "5176649687ae20e1642315f9c55e00e9", "default": "ed656435ba2d4b892c66914700709996"}


@pytest.mark.parametrize("world", WORLDS)
def test_plain_estimates_are_those_of_the_first_generators(world: str, built: Callable[[str], Path]) -> None:
    """Without the column of their name, the rows of plain difference in differences have kept their digest."""
    with closing(sqlite3.connect(built(WORLDS[world]) / "teacher-dashboard.db")) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM impact_estimates WHERE estimator = 'did'")]
    schema = impact_estimates(pa.table({name: [] for name in GAIN_SUMS.names})).schema
    assert f"{table_digest(pa.Table.from_pylist(rows, schema).drop_columns('estimator')):032x}" == PLAIN[world]


@pytest.mark.parametrize("world", WORLDS)
def test_bytes_match_the_recorded_digests(world: str, built: Callable[[str], Path], golden: Any) -> None:  # noqa: ANN401
    """The database has the recorded bytes if the libraries that write it have the recorded versions."""
    found, recorded = record(built(WORLDS[world]))["database"], golden["worlds"][world]["database"]
    names = {*found["versions"], *recorded["versions"]}
    others = [name for name in sorted(names) if found["versions"].get(name) != recorded["versions"].get(name)]
    if others:
        pytest.skip(f"recorded with another version of {', '.join(others)}")
    assert found["sha256"] == recorded["sha256"], f"the {world} world has other bytes. If that is meant: {MEND}"
