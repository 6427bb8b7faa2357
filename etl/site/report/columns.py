"""What is in the columns of a table: types, nulls, distinct values, ends and spread. SQL does the counting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.pipeline.sql import quote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

HOME = Path(__file__).parent

#: Rows of a table that are looked at, about.
SAMPLE = 10_000

#: A column with so few values is told by its most common ones.
FEW = 6

BARS = 12


@dataclass(frozen=True)
class Profile:
    """What is in a column."""

    name: str
    type: str  # as it is declared
    nulls: int
    distinct: int
    least: Any
    most: Any
    bars: tuple[int, ...]  # of numbers: how many are in each of so many steps from the least to the most
    common: tuple[tuple[Any, float], ...]  # of a column with few values: the most common, and the share of each


def profiles(connection: sqlite3.Connection, table: str, rows: int) -> tuple[list[Profile], int]:
    """The profile of each column of a table of so many rows, and of one row in how many."""
    columns = connection.execute("SELECT name, type, pk FROM pragma_table_info(?)", (table,)).fetchall()
    every = 1 + rows // SAMPLE if _has_numbers(connection, table) else 1
    name = quote(table)
    source = name if every == 1 else f"({_sql('sample').format(table=name, every=every)})"
    return [_profile(connection, source, *column) for column in columns], every


def _has_numbers(connection: sqlite3.Connection, table: str) -> bool:
    """Whether rows can be picked by their number: not so in a table WITHOUT ROWID."""
    return bool(connection.execute("SELECT 1 FROM pragma_table_list(?) WHERE NOT wr", (table,)).fetchone())


def _profile(connection: sqlite3.Connection, source: str, name: str, declared: str, key: int) -> Profile:
    def ask(query: str, **values: float) -> list[Any]:
        return connection.execute(_sql(query).format(rows=source, column=quote(name)), values).fetchall()

    ((nulls, distinct, least, most, numeric),) = ask("profile")
    bars, common = [0] * BARS, list[tuple[Any, float]]()
    if distinct > FEW and numeric and not key and math.isfinite(most - least):
        for bar, count in ask("bars", least=float(least), most=float(most), bars=BARS):
            bars[bar] = count
    elif 0 < distinct <= FEW:
        ((there,),) = ask("count")
        common = [(value, count / there) for value, count in ask("common")]
    return Profile(name, declared, nulls, distinct, least, most, tuple(bars) if any(bars) else (), tuple(common))


def drawn(bars: tuple[int, ...]) -> Iterator[str]:
    """Bars as an SVG."""
    yield f'<svg class="bars" viewBox="0 0 {6 * len(bars)} 20" aria-hidden="true">'
    for place, count in enumerate(bars):
        height = math.ceil(20 * count / max(bars))
        yield f'<path d="M{6 * place} 20v-{height}h5v{height}z"/>'
    yield "</svg>"


def _sql(name: str) -> str:
    return (HOME / f"{name}.sql").read_text(encoding="utf-8")
