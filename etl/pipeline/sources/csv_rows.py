"""CSV (RFC 4180) row by row: any file, with the line of each row and of each mistake.

An unquoted empty cell is null, a quoted one is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")


class Row(NamedTuple):
    """A row, and the line on which it begins."""

    line: int
    cells: list[str | None]  # None for null
    end: int  # the offset of the next row
    is_blank: bool  # such a line is not a row if the file has several columns


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are written."""

    delimiter: str
    quote: str
    nulls: frozenset[str]  # unquoted cells that are null, beside the empty one

    def rows(self, text: str, file: str) -> Iterator[Row]:
        """The rows of a text."""
        mark, quote = re.escape(self.delimiter), re.escape(self.quote)
        quoted = f"{quote}([^{quote}]*(?:{quote}{quote}[^{quote}]*)*){quote}"
        plain = rf"([^{quote}{mark}\r\n][^{mark}\r\n]*|)"
        cell = re.compile(rf"(?:{quoted}|{plain})({mark}|\r\n|\r|\n|\Z)")
        line, start = 1, 0
        nulls = frozenset[str]()  # names of columns are never null
        while start < len(text):
            cells: list[str | None] = []
            begin, end = start, self.delimiter
            while end == self.delimiter:
                found = cell.match(text, start)
                if found is None:
                    closed = re.compile(quoted).match(text, start)
                    what = "text after a closing quote" if closed else "a quote that opens in this row is never closed"
                    raise EtlError(f"not CSV: {what}; write a quote inside of a cell as two", Where(file, line, 1))
                inside, outside, end = found.groups()
                is_null = inside is None and (not outside or outside in nulls)
                cells.append(None if is_null else outside or str(inside).replace(self.quote * 2, self.quote))
                start = found.end()
            row = Row(line, cells, start, is_blank=not text[begin:start].strip("\r\n"))
            yield row
            nulls = nulls if row.is_blank else self.nulls
            line += len(_LINE_END.findall(text, begin, start))
