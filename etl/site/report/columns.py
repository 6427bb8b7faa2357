"""Column profiles: types, nulls, distinct values, minimum, maximum and distribution, counted in SQL."""

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

#: Larger tables are sampled to about this many rows.
SAMPLE = 10_000

#: Columns with at most this many distinct values are described by the most common ones.
FEW = 6

#: Of a histogram.
BARS = 12


@dataclass(frozen=True)
class Profile:
    """The profile of a column."""

    name: str
    type: str  # as declared
    nulls: int
    distinct: int
    minimum: Any
    maximum: Any
    bars: tuple[int, ...]  # histogram of a numeric column: counts in equal steps from minimum to maximum
    common: tuple[tuple[Any, float], ...]  # most common values of a column with few, and their shares


def profiles(connection: sqlite3.Connection, table: str, rows: int) -> tuple[list[Profile], int]:
    """The profiles of a table's columns, and the sampling interval n, 1 for all rows. ``rows``: of the table."""
    columns = connection.execute("SELECT name, type, pk FROM pragma_table_info(?)", (table,)).fetchall()
    every = 1 + rows // SAMPLE if _has_rowid(connection, table) else 1
    name = quote(table)
    source = name if every == 1 else f"({_sql('sample').format(table=name, every=every)})"
    return [_profile(connection, source, *column) for column in columns], every


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    """Whether rows can be sampled by rowid: not in a table WITHOUT ROWID."""
    return bool(connection.execute("SELECT 1 FROM pragma_table_list(?) WHERE NOT wr", (table,)).fetchone())


def _profile(connection: sqlite3.Connection, source: str, name: str, declared: str, key: int) -> Profile:
    def run(query: str, **values: float) -> list[Any]:
        return connection.execute(_sql(query).format(rows=source, column=quote(name)), values).fetchall()

    ((nulls, total, distinct, least, most, numeric),) = run("profile")
    bars, common = [0] * BARS, list[tuple[Any, float]]()
    if distinct > FEW and numeric and not key and math.isfinite(most - least):
        for bar, count in run("bars", least=float(least), most=float(most), bars=BARS):
            bars[bar] = count
    elif 0 < distinct <= FEW:
        common = [(value, count / total) for value, count in run("common")]
    return Profile(name, declared, nulls, distinct, least, most, tuple(bars) if any(bars) else (), tuple(common))


def histogram(bars: tuple[int, ...]) -> Iterator[str]:
    """A histogram as the parts of an SVG."""
    yield f'<svg class="bars" viewBox="0 0 {6 * len(bars)} 20" aria-hidden="true">'
    for index, count in enumerate(bars):
        height = math.ceil(20 * count / max(bars))
        yield f'<path d="M{6 * index} 20v-{height}h5v{height}z"/>'
    yield "</svg>"


def _sql(name: str) -> str:
    return (HOME / f"{name}.sql").read_text(encoding="utf-8")
