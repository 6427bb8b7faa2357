"""Rows of a CSV file (RFC 4180). An unquoted empty cell is null, a quoted one is text."""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import TYPE_CHECKING, NamedTuple

from etl.config.text import read_text
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*|))(,|\r\n|\r|\n|\Z)')
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_LINE_END = re.compile(r"\r\n|\r|\n")


class Row(NamedTuple):
    """A row, and the line on which it begins."""

    line: int
    cells: list[str | None]  # None for an empty cell without quotes

    @property
    def is_blank(self) -> bool:
        """Whether it is a blank line: not a row if the file has several columns."""
        return self.cells == [None]


def read(path: Path, file: str) -> list[Row]:
    """The rows of a file, the header first. Raises EtlError at the line of a row that is not CSV."""
    rows = list(dropwhile(lambda row: row.is_blank, _rows(read_text(path, file), file)))
    if not rows:
        raise EtlError("the file is empty; its first row names the columns", Where(file, 1, 1))
    header = rows[0].cells
    if len(header) > 1:
        return [row for row in rows if not row.is_blank]
    if delimiter := next((mark for mark in ";\t|" if mark in str(header[0])), None):
        name = "a tab" if delimiter == "\t" else f"'{delimiter}'"
        message = f"the delimiter must be a comma, but this file seems to use {name}; save the file with commas"
        raise EtlError(message, Where(file, rows[0].line, 1))
    return rows


def _rows(text: str, file: str) -> Iterator[Row]:
    line, start = 1, 0
    while start < len(text):
        cells: list[str | None] = []
        begin, end = start, ","
        while end == ",":
            found = _CELL.match(text, start)
            if found is None:
                closed = _QUOTED.match(text, start)
                what = "text after a closing quote" if closed else "a quote that opens in this row is never closed"
                raise EtlError(f"not CSV: {what}; write a quote inside of a cell as two", Where(file, line, 1))
            quoted, plain, end = found.groups()
            cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
            start = found.end()
        yield Row(line, cells)
        line += len(_LINE_END.findall(text, begin, start))
