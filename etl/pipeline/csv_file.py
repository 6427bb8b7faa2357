"""Rows of a CSV file (RFC 4180). An unquoted empty cell is null, a quoted one is text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*|))(,|\r\n|\r|\n|\Z)')
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_LINE_END = re.compile(r"\r\n|\r|\n")


class Row(NamedTuple):
    """A row, and the line on which it begins."""

    line: int
    cells: list[str | None]  # None for an empty cell without quotes


def read_rows(text: str, file: str) -> Iterator[Row]:
    """The rows of a text, with blank lines. Raises EtlError at the line of a row that is not CSV."""
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
