"""The rows of a CSV file (RFC 4180), each with its line; a quoted empty cell is a text, an unquoted one is nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Longer cells are quotes that are never closed.
LONGEST = 131_072

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*|))(,|\r\n|\r|\n|\Z)')


class Row(NamedTuple):
    """A row, and the line that it begins in."""

    line: int
    cells: list[str | None]  # None is an empty cell without quotes


def read_rows(text: str, shown: str) -> Iterator[Row]:
    """Yield the rows of a text, blank lines too. Raises EtlError at the line of a row that is no CSV."""
    line, start = 1, 0
    while start < len(text):
        cells: list[str | None] = []
        begin, end = start, ","
        while end == ",":
            found = _CELL.match(text, start)
            if found is None:
                raise EtlError(f"not CSV: {_problem(text, start)}", Where(shown, line, 1))
            quoted, plain, end = found.groups()
            cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
            if len(cells[-1] or "") > LONGEST:
                message = f"a cell has more than {LONGEST:,} characters; is a quote in this row never closed?"
                raise EtlError(f"not CSV: {message}", Where(shown, line, 1))
            start = found.end()
        yield Row(line, cells)
        line += len(_LINE_END.findall(text, begin, start))


_LINE_END = re.compile(r"\r\n|\r|\n")


def _problem(text: str, start: int) -> str:
    """Why no cell begins here: it begins with a quote."""
    closed = re.compile(r'"[^"]*(?:""[^"]*)*"').match(text, start)
    if closed:
        return "a quoted cell goes on behind its closing quote; write a quote in a text as two"
    return "a quote that opens in this row is never closed; write a quote in a text as two"
