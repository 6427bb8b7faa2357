"""Profiles of columns: what is counted, of tables of every kind."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from etl.site.report import columns
from etl.site.report.columns import BARS, Profile, histogram, profiles

SCRIPT = """
CREATE TABLE "a ""b" ("select" INTEGER PRIMARY KEY, n REAL, word TEXT, {x} BLOB) {kind};
INSERT INTO "a ""b" SELECT value, CASE WHEN value % 10 THEN value / 2.0 END,
  CASE value % 4 WHEN 0 THEN 'rare' ELSE 'often' END, NULL FROM generated;
"""


def made(rows: int, kind: str = "") -> sqlite3.Connection:
    """A database with a table of odd names and so many rows."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TEMP TABLE generated (value INTEGER)")
    connection.executemany("INSERT INTO generated VALUES (?)", ((number + 1,) for number in range(rows)))
    connection.executescript(SCRIPT.format(kind=kind, x='"{x}"'))
    return connection


def test_a_column_is_counted() -> None:
    """Nulls, distinct values, ends, bars of numbers and the shares of common values are those of the rows."""
    with closing(made(100)) as connection:
        found, every = profiles(connection, 'a "b', 100)
    key, number, word, nothing = found
    assert every == 1
    assert key == Profile("select", "INTEGER", 0, 100, 1, 100, (), ())
    assert (number.nulls, number.distinct, number.minimum, number.maximum) == (10, 90, 0.5, 49.5)
    assert (len(number.bars), sum(number.bars)) == (BARS, 90)
    assert max(number.bars) - min(number.bars) <= 2
    assert word.common == (("often", 0.75), ("rare", 0.25))
    assert nothing == Profile("{x}", "BLOB", 100, 0, None, None, (), ())


@pytest.mark.parametrize("kind", ["", "WITHOUT ROWID"])
def test_of_a_large_table_a_sample_is_counted(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """About as many rows as are wanted are read, of all kinds that take turns; a table without row numbers whole."""
    monkeypatch.setattr(columns, "SAMPLE", 500)
    with closing(made(4000, kind)) as connection:
        found, every = profiles(connection, 'a "b', 4000)
    counted = found[0].distinct
    assert (every, counted) == (1, 4000) if kind else every == 9 and 350 < counted < 550
    assert dict(found[2].common)["rare"] == pytest.approx(0.25, abs=0.06)


def test_an_empty_table_has_a_profile() -> None:
    """No rows, no numbers, and no mistake."""
    with closing(made(1)) as connection:
        connection.execute('DELETE FROM "a ""b"')
        found, _ = profiles(connection, 'a "b', 0)
    assert [(each.nulls, each.distinct, each.minimum, each.bars, each.common) for each in found] == [
        (0, 0, None, (), ())
    ] * 4


def test_bars_are_as_high_as_their_share() -> None:
    """The most is the full height; what is there is seen."""
    svg = "".join(histogram((1000, 0, 1)))
    assert svg.count("<path") == 3
    assert [height in svg for height in ("v-20", "v-0", "v-1h")] == [True, True, True]
