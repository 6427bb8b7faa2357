"""The picture of the front page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from tests.support.small import lending

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "-- title: Days\n-- description: Days of a loan & more.\n"


def front(folder: Path, query: str) -> str:
    """The front page of a library whose picture is a query."""
    pipeline = lending(folder, {"sql/picture.sql": HEAD + query if query.startswith(("SELECT", "WITH")) else query})
    text = pipeline.read_text(encoding="utf-8").replace("outputs: [parquet]", "")
    pipeline.write_text(text.replace("site: {", "site: {picture: sql/picture.sql, "), encoding="utf-8")
    return (make_build(load(pipeline), folder / "build").folder / "index.html").read_text(encoding="utf-8")


def test_rows_are_bars(tmp_path: Path) -> None:
    """Each number is a bar from zero with its text, and all of it is said to those who do not see it."""
    found = front(
        tmp_path, 'SELECT title, iif(id = 1, 30, -10) AS "long", iif(id = 1, -0.01, NULL) AS "<x>" FROM books'
    )
    assert "<h2>Days</h2><p>Days of a loan &amp; more.</p>" in found
    assert '<li class="bar1">long</li><li class="bar2">&lt;x&gt;</li>' in found
    assert 'aria-label="Days. Emma: long 30.0, &lt;x&gt; 0.0; Ulysses: long -10.0, &lt;x&gt; none"' in found
    assert '<rect class="bar1" x="77.5" y="16" width="232.5" height="8"/>' in found
    assert '<rect class="bar1" x="0.0" y="60" width="77.5" height="8"/>' in found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT title FROM books", "sql/picture.sql:3:1: must have a column of names and 1 to 3 of numbers"),
        ("SELECT id, title FROM books", "sql/picture.sql:3:1: every column but the first must have numbers"),
        ("-- title: Days\nSELECT 1, 2", "sql/picture.sql:1:1: description: must be text"),
        (
            "SELECT a.id, 1 AS n FROM books a, books b, books c, books d, books e",
            "sql/picture.sql:3:1: has more than 30 rows, too many for a picture",
        ),
    ],
)
def test_what_cannot_be_drawn_has_its_place(tmp_path: Path, query: str, message: str) -> None:
    """A query that is wrong, or whose rows make no picture, fails the run."""
    with pytest.raises(EtlError) as caught:
        front(tmp_path, query)
    assert str(caught.value).endswith(message)
