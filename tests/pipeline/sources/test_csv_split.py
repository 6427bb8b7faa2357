"""CSV split all at once is as CSV split row by row."""

from __future__ import annotations

from itertools import dropwhile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl.errors import EtlError
from etl.pipeline.sources.csv_split import Dialect, split

COMMA = Dialect(",", '"', frozenset({"NA"}))
CELLS = st.sampled_from(
    ["a", "é", "NA", "", '""', '"x"', '"a,b"', '"a\nb"', '"a""b"', '"""', 'a"b', '"a"b', " ", "\ufeff", "\0"]
)
MARKS = st.sampled_from([",", ",", "\n", "\n", "\r\n", "\r", "\n\n", ""])
FILES = st.lists(st.tuples(CELLS, MARKS), max_size=12).map(lambda parts: "".join(cell + mark for cell, mark in parts))


def row_by_row(text: str, dialect: Dialect) -> tuple[list[str | None], list[list[str | None]]] | None:
    """The header, and the rows below; None if there is a mistake."""
    try:
        header, *body = dropwhile(lambda row: row.is_blank, dialect.rows(text, "t.csv"))
    except (EtlError, ValueError):
        return None
    width = len(header.cells)
    rows = [row for row in body if width == 1 or not row.is_blank]
    wrong = any(len(row.cells) != width or (row.is_blank and width == 1) for row in rows)
    return None if wrong else (header.cells, [row.cells for row in rows])


@settings(derandomize=True, max_examples=60, deadline=None)
@given(text=FILES | st.text('a",;\n\r', max_size=20), dialect=st.sampled_from([COMMA, Dialect(";", ",", frozenset())]))
@example(text='a,b\n"x""y","1,\n2"\n,NA\n', dialect=COMMA)
@example(text='a,b\n"",', dialect=COMMA)
@example(text="a,b\n\ufeff1,2\n", dialect=COMMA)
@example(text='"a\nb",c\r\n\r\n1,""', dialect=COMMA)
def test_all_at_once_is_row_by_row(text: str, dialect: Dialect) -> None:
    """A file that is split at once has the header and the cells that it has row by row, and no mistake."""
    found = split(text.encode(), dialect)
    if found:
        header, columns = found
        rows = [list(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
        assert (header.cells, rows) == row_by_row(text, dialect)


@pytest.mark.parametrize(
    ("data", "is_split"),
    [
        (b"a,b\n1,2\n\n,NA", True),
        (b'a\n"x"\n""\n', True),
        (b'a,b\n"1,\n""2""",2\r\n', True),
        (("é,b\n" + "日本,1\n" * 200_000).encode(), True),
        (b'a,b\n5" pipe,2\n', False),
        (b'a,b\n"x"y,2\n', False),
        (b'a,b\n"x,2\n', False),
        (b"a,b\n1\n", False),
        (b"a\n1\n\n", False),
        (b"a,b\n\xff,1\n", False),
        (b"a" * 2**16 + b",b\n1,2\n", False),
    ],
)
def test_files_that_are_split_at_once(data: bytes, *, is_split: bool) -> None:
    """Regular files are, so that large ones are read fast; others are left to the reader that finds mistakes."""
    assert (split(data, COMMA) is not None) == is_split
