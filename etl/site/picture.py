"""The picture of the front page: the rows of a query as bars, in SVG without script or style of its own.

The first column names each row, the others are numbers, a bar each; their names are the legend.
"""

from __future__ import annotations

import contextlib
import sqlite3
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError
from etl.site.query_file import Query, empty_tables, read_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from etl.pipeline.schema import Schema

#: CSS for the page that has the picture.
STYLE = """
.picture { margin: 2rem 0 0; max-width: 32rem; }
.picture svg { display: block; width: 100%; height: auto; margin-top: .75rem; }
.picture text { fill: var(--ink); font: 11px system-ui, sans-serif; }
.picture .number { fill: var(--soft); font-size: 10px; }
.picture line { stroke: var(--soft); }
.picture ul { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: .5rem 0; padding: 0; list-style: none;
  color: var(--soft); font-size: .875rem; }
.picture li::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem;
  background: currentColor; }
.picture .bar1 { fill: var(--accent); } .picture li.bar1::before { background: var(--accent); }
.picture .bar2 { fill: var(--soft); } .picture li.bar2::before { background: var(--soft); }
.picture .bar3 { fill: var(--ink); } .picture li.bar3::before { background: var(--ink); }
"""

MAX_BARS, MAX_ROWS = 3, 30

#: In units of the SVG: its width, that of the longest bars, and the heights of a bar, of its part, and of a row's name.
_WIDTH, _LONGEST, _BAR, _STEP, _NAME = 360, 310, 8, 11, 16


def read_picture(path: Path, name: str, schema: Schema) -> Query:
    """Read the query of a picture, which messages call ``name``. Raises EtlError or Mistakes."""
    with contextlib.closing(empty_tables(schema)) as database:
        query = read_query(path, name, database)
    if not 1 < len(query.columns) <= MAX_BARS + 1:
        raise EtlError(f"must have a column of names and 1 to {MAX_BARS} of numbers", query.where)
    return query


def draw(query: Query, database: sqlite3.Connection, as_of: str) -> str:
    """The picture as HTML. Raises EtlError for rows that cannot be drawn."""
    try:
        rows: list[tuple[Any, ...]] = list(islice(database.execute(query.sql, {"as_of": as_of}), MAX_ROWS + 1))
    except sqlite3.Error as error:
        raise EtlError(f"SQLite says: {error}", query.where) from error
    if len(rows) > MAX_ROWS:
        raise EtlError(f"has more than {MAX_ROWS} rows, too many for a picture", query.where)
    if any(not isinstance(value, int | float | None) for _, *values in rows for value in values):
        raise EtlError("every column but the first must have numbers", query.where)
    legend = "".join(f'<li class="bar{place}">{escape(name)}</li>' for place, name in enumerate(query.columns[1:], 1))
    head = f"<h2>{escape(query.title)}</h2><p>{escape(query.description)}</p><ul>{legend}</ul>"
    return f'<figure class="picture"><figcaption>{head}</figcaption>\n{_svg(query, rows)}</figure>'


def _svg(query: Query, rows: Sequence[tuple[Any, ...]]) -> str:
    ends = [0.0, *(float(value) for _, *values in rows for value in values if value is not None)]
    scale = _LONGEST / ((max(ends) - min(ends)) or 1)
    digits = 1 if max(map(abs, ends)) < 1000 else 0  # noqa: PLR2004 -- has room for a digit more
    zero, height = -min(ends) * scale, _NAME + (len(query.columns) - 1) * _STEP + 6
    parts, spoken = [], []
    for row, (name, *values) in enumerate(rows):
        texts = ["none" if value is None else f"{round(float(value), digits) + 0.0:,.{digits}f}" for value in values]
        spoken.append(f"{name}: " + ", ".join(map(" ".join, zip(query.columns[1:], texts, strict=True))))
        bars = [(float(value or 0) * scale, text) for value, text in zip(values, texts, strict=True)]
        parts += [f'<text y="{row * height + 12}">{escape(str(name))}</text>', *_bars(row * height + _NAME, zero, bars)]
    label = escape(f"{query.title}. {'; '.join(spoken)}")
    return f'<svg viewBox="0 0 {_WIDTH} {len(rows) * height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _bars(y: float, zero: float, bars: Sequence[tuple[float, str]]) -> Iterator[str]:
    """The bars of a row, from zero to the left or to the right, each with its number."""
    yield f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{y - 1}" y2="{y + len(bars) * _STEP - 2}"/>'
    for place, (length, text) in enumerate(bars):
        left, top = zero + min(length, 0), y + place * _STEP
        size = f'width="{abs(length):.1f}" height="{_BAR}"'
        yield f'<rect class="bar{place + 1}" x="{left:.1f}" y="{top}" {size}/>'
        yield f'<text class="number" x="{left + abs(length) + 4:.1f}" y="{top + _BAR}">{text}</text>'
