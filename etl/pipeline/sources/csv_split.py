"""CSV (RFC 4180) as rows or columns of cells. An unquoted empty cell is null, a quoted one is text.

Row by row any file can be read, with the line of each row and of each mistake. All at once, by pyarrow, takes a tenth
of the time, for files that every reader of CSV reads alike.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")

#: The bytes in which the header must end.
_HEAD = 2**16


class Row(NamedTuple):
    """A row, and the line on which it begins."""

    line: int
    cells: list[str | None]  # None for null
    end: int  # the offset of the next row
    is_blank: bool  # such a line is not a row if the file has several columns


class Dialect(NamedTuple):
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


def split(data: bytes, dialect: Dialect) -> tuple[Row, list[pa.ChunkedArray]] | None:
    """The header of a UTF-8 file, and the cells below it by column.

    None if the file has a mistake, or is not certain to be read as :meth:`Dialect.rows` reads it.
    """
    if not dialect.delimiter.isascii() or not dialect.quote.isascii() or b"\0" in data:
        return None
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"  # pyarrow takes an empty cell at the end for a quoted one if the last but one is quoted
    try:
        head = codecs.getincrementaldecoder("utf-8")().decode(data[:_HEAD])
        header = next(row for row in dialect.rows(head, "") if not row.is_blank)
    except (UnicodeDecodeError, EtlError, StopIteration):
        return None
    start = len(head[: header.end].encode())
    body = np.frombuffer(data, np.uint8, offset=start)
    quotes = np.flatnonzero(body == ord(dialect.quote))
    if header.end == len(head) or data.startswith(codecs.BOM_UTF8, start) or not _are_regular(quotes, body, dialect):
        return None
    columns = _columns(pa.py_buffer(data).slice(start), len(header.cells), dialect, has_quotes=bool(quotes.size))
    if columns is None or (len(columns) == 1 and columns[0].null_count):
        return None  # a null in the only column may be a blank line
    return header, columns


def _are_regular(quotes: np.ndarray, body: np.ndarray, dialect: Dialect) -> bool:
    """Whether quotes are only around whole cells, and doubled inside."""
    if quotes.size % 2:
        return False
    marks = np.frombuffer(f"{dialect.delimiter}\r\n".encode(), np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]
    before = (opening == 0) | np.isin(body[opening - 1], marks)
    after = np.isin(body[closing + 1], marks)  # the file ends with a line end
    before[1:] |= doubled
    after[:-1] |= doubled
    return bool(before.all() and after.all())


def _columns(body: pa.Buffer, width: int, dialect: Dialect, *, has_quotes: bool) -> list[pa.ChunkedArray] | None:
    from pyarrow import csv  # noqa: PLC0415 -- many worlds read no CSV

    names = list(map(str, range(width)))
    try:
        table = csv.read_csv(
            pa.BufferReader(body),
            csv.ReadOptions(column_names=names),
            csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote,
                newlines_in_values=has_quotes,
                ignore_empty_lines=width > 1,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=["", *dialect.nulls],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return list(table.columns)
