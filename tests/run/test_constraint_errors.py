"""Rows that a table of one's own does not take: told with their stage, the rule and the rows, without a check file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from tests.support import small

if TYPE_CHECKING:
    from pathlib import Path

STAGES = """
ids: {sql: ids.sql, internal: true}
rooms: {csv: rooms.csv}
visits: {sql: visits.sql, inputs: [ids], shard: {by: ids, rows: 4}}
"""
SCHEMA = """
CREATE TABLE visits (
  id INTEGER PRIMARY KEY, floor TEXT, no INTEGER, note TEXT UNIQUE CHECK (length(note) < 9), before INTEGER
    REFERENCES visits, FOREIGN KEY (no, floor) REFERENCES rooms (no, floor)
);
CREATE TABLE rooms (
  floor TEXT COLLATE NOCASE, no INTEGER, last INTEGER REFERENCES visits, PRIMARY KEY (floor, no)
) WITHOUT ROWID;
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clinic: rooms know their last visit, visits their room and the visit before."""
    files = {
        "schema.sql": SCHEMA,
        "rooms.csv": "floor,no,last\nA,1,6\nB,2,\n",
        "ids.sql": "SELECT i AS id FROM range(1, 7) AS t (i)",
    }
    return small.project(tmp_path, STAGES, files).parent


def run(project: Path, **columns: str) -> Path:
    """Build the clinic with other expressions for some columns of its visits: its database."""
    values = {
        "id": "id",
        "floor": "'a'",
        "no": "1::BIGINT",
        "note": "'n' || id",
        "before": "nullif(id - 1, 0)",
    } | columns
    select = ", ".join(f"{value} AS {name}" for name, value in values.items())
    (project / "visits.sql").write_text(f"SELECT {select} FROM ids", encoding="utf-8")  # noqa: S608 -- our own
    return make_build(load(project / "pipeline.yaml", changes=["report=false"]), project / "build").folder / "clinic.db"


def test_tables_may_refer_to_each_other(project: Path) -> None:
    """Keys of several columns, to oneself and in a circle are met when all rows are in, in whatever order they came."""
    with closing(sqlite3.connect(run(project))) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT count(*), max(before) FROM visits").fetchone() == (6, 5)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"note": "'note' || repeat('x', id::INTEGER)"},
            [
                "CHECK (length(note) < 9) is broken by 2 of 2 rows, first by",
                "  id=5, floor='a', no=1, note='notexxxxx', before=4",
                "  id=6, floor='a', no=1, note='notexxxxxx', before=5",
            ],
        ),
        (
            {"note": "'n' || id // 2"},
            ["UNIQUE (note) is broken by 1 of 4 rows, first by", "  id=3, floor='a', no=1, note='n1', before=2"],
        ),
        (
            {"id": "(id - 1) % 4 + 1"},  # each shard counts anew
            ["UNIQUE (id) is broken by 2 of 2 rows, first by", "  id=1, floor='a', no=1, note='n5', before=4"],
        ),
    ],
)
def test_refused_rows_are_told(project: Path, columns: dict[str, str], says: list[str]) -> None:
    """The file, the stage, the rule, how many rows break it, and the first of them, also across shards."""
    with pytest.raises(EtlError) as caught:
        run(project, **columns)
    place, *lines = str(caught.value).splitlines()
    assert place.endswith("visits.sql: stages.visits: the table visits does not take its rows:")
    assert lines[: len(says)] == says
    assert not (project / "build/current").exists()


def test_what_only_sqlite_knows_is_told_in_its_words(project: Path) -> None:
    """An index of an expression is no key that we read; the stage is told all the same."""
    with (project / "schema.sql").open("a", encoding="utf-8") as file:
        file.write("CREATE UNIQUE INDEX even ON visits (id % 2);\n")
    says = r"the table visits does not take its rows: .*UNIQUE constraint failed: index 'even'"
    with pytest.raises(EtlError, match=rf"visits\.sql: stages\.visits: {says}"):
        run(project)


def test_keys_that_refer_to_nothing_are_told(project: Path) -> None:
    """Table, row, parent and values are told without a check file; a row without a number is told by its table."""
    (project / "rooms.csv").write_text("floor,no,last\nA,1,99\n", encoding="utf-8")
    with pytest.raises(EtlError) as caught:
        run(project, no="id // 6 + 1", before="id + 1")
    assert str(caught.value).splitlines() == [
        "the schema: check foreign_keys failed: Every row refers to rows that exist. The first rows that break it:",
        "  table=rooms, row=None, refers_to=visits, value=None",
        "  table=visits, row=6, refers_to=rooms, value=no=2, floor='a'",
        "  table=visits, row=6, refers_to=visits, value=before=7",
    ]
