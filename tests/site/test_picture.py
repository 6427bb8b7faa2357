"""The picture of the front page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etl.errors import EtlError, Mistakes
from etl.pipeline.schema import read_schema
from etl.site.picture import draw, read_picture

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT NOT NULL);"


def drawn(folder: Path, query: str) -> str:
    """The picture of a query over two books."""
    (folder / "schema.sql").write_text(SCHEMA)
    head = "-- title: Days\n-- description: Days of a loan & more.\n"
    (folder / "picture.sql").write_text(query if query.startswith("--") else head + query)
    found = read_picture(folder / "picture.sql", "picture.sql", read_schema(folder / "schema.sql", "schema.sql"))
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(SCHEMA)
        database.execute("INSERT INTO books VALUES (1, 'Emma'), (2, 'Ulysses')")
        return draw(found, database, "2025-08-01 00:00:00")


def test_rows_are_bars(tmp_path: Path) -> None:
    """Each number is a bar from zero with its text, and all of it is said to those who do not see it."""
    found = drawn(tmp_path, 'SELECT title, iif(id = 1, 30, -10) "long", iif(id = 1, -0.01, NULL) "<x>" FROM books')
    assert "<h2>Days</h2><p>Days of a loan &amp; more.</p>" in found
    assert '<li class="bar1">long</li><li class="bar2">&lt;x&gt;</li>' in found
    assert 'aria-label="Days. Emma: long 30.0, &lt;x&gt; 0.0; Ulysses: long -10.0, &lt;x&gt; none"' in found
    assert '<rect class="bar1" x="77.5" y="16" width="232.5" height="8"/>' in found
    assert '<rect class="bar1" x="0.0" y="60" width="77.5" height="8"/>' in found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT title FROM books", "picture.sql:3:1: must have a column of names and 1 to 3 of numbers"),
        ("SELECT id, title FROM books", "picture.sql:3:1: every column but the first must have numbers"),
        ("SELECT title, random() AS n FROM books", "picture.sql:3:15: random() is not allowed: its value changes"),
        ("SELECT id, json(title) AS n FROM books", "picture.sql:3:1: SQLite says: malformed JSON"),
        ("-- title: Days\nSELECT 1, 2", "picture.sql:1:1: description: must be text"),
        (
            "SELECT a.id, 1 AS n FROM books a, books b, books c, books d, books e",
            "picture.sql:3:1: has more than 30 rows, too many for a picture",
        ),
    ],
)
def test_what_cannot_be_drawn_has_its_place(tmp_path: Path, query: str, message: str) -> None:
    """A query that is wrong, or whose rows make no picture, fails the run."""
    with pytest.raises((EtlError, Mistakes)) as caught:
        drawn(tmp_path, query)
    assert str(caught.value).startswith(message)
