"""Rules of a table, asked of SQLite: which rows break them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.pipeline.constraints import collation_key, violations
from etl.pipeline.schema import Table, read_schema

if TYPE_CHECKING:
    from pathlib import Path


def table(folder: Path, ddl: str) -> Table:
    """The first table of a DDL text."""
    (folder / "schema.sql").write_text(ddl, encoding="utf-8")
    return next(iter(read_schema(folder / "schema.sql", "schema.sql").tables.values()))


def told(made: Table, **cells: list[object]) -> list[tuple[int, int]]:
    """The row of each violation, and the first row with its key."""
    return [(found.row, found.first) for found in violations(made, cells)]


def test_rules_are_held_with_types_and_collations(tmp_path: Path) -> None:
    """A CHECK sees values as its table stores them; a null breaks none, and a row may break several."""
    made = table(
        tmp_path,
        'CREATE TABLE "it""s" (a TEXT COLLATE NOCASE CHECK (a IN (\'x\', \'y\')), "b c" INTEGER CHECK ("b c" > 0),'
        ' d REAL, CHECK ("it""s".d < "b c"));',
    )
    cells: dict[str, list[object]] = {"a": ["X", "z", None, "y"], "b c": [1, 0, -1, 3], "d": [0.5, 2.5, None, 3.0]}
    assert told(made, **cells) == [(1, 1), (1, 1), (2, 2), (1, 1), (3, 3)]
    assert told(made, a=["z"]) == [(0, 0)], "a rule is held when all of its columns are there"
    assert told(made, d=[7.0]) == []


def test_keys_are_held_under_their_collations(tmp_path: Path) -> None:
    """A key repeats when its index would say so; nulls are like no other."""
    made = table(
        tmp_path,
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b INTEGER, c TEXT UNIQUE, PRIMARY KEY (a, b));\n"
        "CREATE UNIQUE INDEX i ON t (c COLLATE RTRIM);",
    )
    cells: dict[str, list[object]] = {
        "a": ["x", "X", "X", None, None],
        "b": [1, 1, 2, 1, 1],
        "c": ["p", "q", "p ", "Q", None],
    }
    assert told(made, **cells) == [(1, 0), (2, 0)]


def test_rules_that_fail_refuse(tmp_path: Path) -> None:
    """SQLite refuses a row for which a CHECK is an error; the others are held to it."""
    made = table(tmp_path, "CREATE TABLE t (a TEXT CHECK (json_extract(a, '$.n') > 0));")
    assert told(made, a=['{"n": 1}', "{", '{"n": 0}', None]) == [(1, 1), (2, 2)]


def test_folding_is_sqlites() -> None:
    """NOCASE knows the letters of ASCII alone, RTRIM spaces alone; numbers are left as they are."""
    assert collation_key("ÄBC ", "NOCASE") == "Äbc "
    assert collation_key("A\t ", "RTRIM") == "A\t"
    assert (collation_key("A ", "BINARY"), collation_key(1, "NOCASE")) == ("A ", 1)
