"""CSV all at once, by pyarrow: a tenth of the time of row by row, for files that every reader of CSV reads alike."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.errors import EtlError

if TYPE_CHECKING:
    from etl.pipeline.sources.csv_rows import Dialect, Row

#: The bytes in which the header must end.
_HEAD = 2**16


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
