"""Finds the rows that violate CHECK and UNIQUE constraints of a table, by queries in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.pipeline.schema import Rule, Table, Unique

_ROW = quote("number of the row")


class Violation(NamedTuple):
    """A row that violates a rule."""

    row: int  # from 0
    rule: Rule | Unique
    first: int  # the first row with the same key; for a CHECK, the row itself


def violations(table: Table, cells: Mapping[str, Sequence[object]]) -> Iterator[Violation]:
    """The violations of each rule whose columns are all given.

    The rows go into a table with the same types and collations but no constraints, as SQLite would stop at the first
    violation. Each rule is a query over it.
    """
    names = [name for name in table.columns if name in cells]
    rules = [rule for rule in table.rules if set(rule.columns) <= set(names)]
    keys = [key for key in table.unique if set(key.columns) <= set(names)]
    if not (rules or keys):
        return
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        columns = (
            f"{quote(name)} {table.columns[name].type} COLLATE {table.columns[name].collation}" for name in names
        )
        database.execute(f"CREATE TABLE {quote(table.name)} ({_ROW} INTEGER PRIMARY KEY, {', '.join(columns)})")
        places = ", ".join("?" * (len(names) + 1))
        rows = zip(*(cells[name] for name in names), strict=True)
        database.executemany(
            f"INSERT INTO {quote(table.name)} VALUES ({places})",  # noqa: S608 -- quoted names
            ((number, *row) for number, row in enumerate(rows)),
        )
        for rule in rules:
            yield from (Violation(number, rule, number) for number in _violating(database, table, rule))
        for key in keys:
            yield from (Violation(number, key, first) for number, first in database.execute(_repeated(table, key)))


def _violating(database: sqlite3.Connection, table: Table, rule: Rule) -> Iterator[int]:
    """The rows that violate a CHECK, or for which it fails, such as json(x) of invalid JSON."""
    query = f"SELECT {_ROW} FROM {quote(table.name)} WHERE NOT ({rule.sql})"  # noqa: S608 -- the schema's own expression
    try:
        yield from [number for (number,) in database.execute(f"{query} ORDER BY 1")]
    except sqlite3.Error:
        for (number,) in database.execute(f"SELECT {_ROW} FROM {quote(table.name)}").fetchall():  # noqa: S608
            try:
                failed = database.execute(f"{query} AND {_ROW} = {number}").fetchone()
            except sqlite3.Error:
                failed = True
            if failed:
                yield number


def _repeated(table: Table, key: Unique) -> str:
    """A query for the rows with the key of an earlier row; nulls are distinct."""
    parts = (f"{quote(name)} COLLATE {how}" for name, how in zip(key.columns, key.collations, strict=True))
    known = " AND ".join(f"{quote(name)} IS NOT NULL" for name in key.columns)
    first = f"min({_ROW}) OVER (PARTITION BY {', '.join(parts)}) AS first"
    inner = f"SELECT {_ROW} AS row, {first} FROM {quote(table.name)} WHERE {known}"  # noqa: S608 -- quoted names
    return f"SELECT row, first FROM ({inner}) WHERE row > first ORDER BY row"  # noqa: S608


def collation_key(value: object, collation: str) -> object:
    """A value that is equal for values that are equal under a collation: BINARY, NOCASE or RTRIM."""
    if not isinstance(value, str) or collation == "BINARY":
        return value
    return value.rstrip(" ") if collation == "RTRIM" else value.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # NOCASE folds ASCII only
