"""CSV files: all rows at once if possible, otherwise row by row, which finds the mistakes."""

from __future__ import annotations

import codecs
from functools import partial
from itertools import dropwhile
from typing import TYPE_CHECKING

from etl.config.text import decode, read_bytes
from etl.errors import EtlError, Where
from etl.pipeline.datatypes import TYPES
from etl.pipeline.sources.columns import from_texts
from etl.pipeline.sources.csv_split import Dialect, split
from etl.pipeline.sources.rows import MAX_LISTED, Rows, SourceColumn, each

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import CsvFile
    from etl.pipeline.sources.csv_split import Row

_TEXT = TYPES["TEXT"]
_SMALL = 2**13  #: Bytes that are read row by row before pyarrow's modules for more are imported.
_NAMES = {"\t": "a tab", " ": "a space"}


def read(path: Path, file: str, options: CsvFile, types: Mapping[str, DataType]) -> Rows:
    """Read a file. Raises EtlError at the line of a row that is not CSV."""
    data = read_bytes(path, file, options.member)
    name = f"{file}/{options.member}" if options.member else file
    dialect = Dialect(options.delimiter, options.quote, frozenset(options.nulls))
    found = split(_as_utf8(data, name, options.encoding), dialect) if len(data) > _SMALL else None
    if found is None:
        return _row_by_row(decode(data, name, options.encoding), name, dialect, options, types)
    del data  # it is as large as the columns
    header, texts = found
    _check_delimiter(header, options.delimiter, name)
    count = len(texts[0])

    def find_lines() -> Sequence[int]:
        text = decode(read_bytes(path, file, options.member), name, options.encoding)
        lines = _row_by_row(text, name, dialect, options, {}).lines
        if len(lines) != count:
            raise EtlError("the file changed while it was read; try again", Where(name))
        return lines

    columns = [_column(column, texts.pop(0), types) for column in header.cells]
    return Rows(name, columns, count, find_lines, header.line, nullable=options.nullable)


def _column(name: str | None, texts: pa.ChunkedArray, types: Mapping[str, DataType]) -> SourceColumn:
    kind = types.get(name or "", _TEXT)
    array = from_texts(texts, kind)
    cells = None if array is not None else lambda: each(texts.to_pylist(), kind.parse)
    return SourceColumn(name, kind, array, cells)


def _as_utf8(data: bytes, file: str, encoding: str) -> bytes:
    """A file without its byte order mark in UTF-8, if it is text at all."""
    if codecs.lookup(encoding).name == "utf-8":
        return data.removeprefix(codecs.BOM_UTF8)
    return decode(data, file, encoding).encode(errors="surrogatepass")


def _row_by_row(text: str, file: str, dialect: Dialect, options: CsvFile, types: Mapping[str, DataType]) -> Rows:
    rows = list(dropwhile(lambda row: row.is_blank, dialect.rows(text, file)))
    if not rows:
        raise EtlError("the file is empty; its first row names the columns", Where(file, 1, 1))
    header, *body = rows
    _check_delimiter(header, options.delimiter, file)
    width = len(header.cells)
    if width > 1:
        body = [row for row in body if not row.is_blank]
    complete = [row for row in body if len(row.cells) == width]
    blank = frozenset(number for number, row in enumerate(complete) if row.is_blank)
    columns = []
    for number, name in enumerate(header.cells):
        kind = types.get(name or "", _TEXT)
        cells = partial(_cells, [row.cells[number] for row in complete], blank, kind)
        columns.append(SourceColumn(name, kind, None, cells))
    wrong = [row for row in body if len(row.cells) != width]
    lines = [row.line for row in complete]
    return Rows(
        file,
        columns,
        len(lines),
        lambda: lines,
        header.line,
        nullable=options.nullable,
        mistakes=list(_width_mistakes(wrong, width, dialect, file)),
    )


def _cells(texts: Sequence[str | None], blank: Collection[int], kind: DataType) -> Iterable[Cell | ValueError]:
    """The cells of a column; a blank line is no null in a file of one column."""
    error = ValueError('a blank line; remove it, or write "" for an empty string')
    return (error if row in blank else cell for row, cell in enumerate(each(texts, kind.parse)))


def _check_delimiter(header: Row, delimiter: str, file: str) -> None:
    """Check that a file of one column does not have another delimiter."""
    text = str(header.cells[0]) if len(header.cells) == 1 else ""
    if other := next((mark for mark in ",;\t|" if mark in text and mark != delimiter), None):
        names = [_NAMES.get(mark, f"'{mark}'") for mark in (other, delimiter)]
        written = "\\t" if other == "\t" else other
        fix = f'set it: csv: {{file: …, delimiter: "{written}"}}'
        message = f"this file seems to have {names[0]} between its cells, not {names[1]}; {fix}"
        raise EtlError(message, Where(file, header.line, 1))


def _width_mistakes(wrong: list[Row], width: int, dialect: Dialect, file: str) -> Iterator[EtlError]:
    mark = "comma" if dialect.delimiter == "," else "delimiter"
    for row in wrong[:MAX_LISTED]:
        count = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
        message = f"the row has {count}, the header {width}; a {mark} too few or too many?"
        yield EtlError(message, Where(file, row.line, min(len(row.cells), width) + 1))
    if len(wrong) > MAX_LISTED:
        message = f"and {len(wrong) - MAX_LISTED:,} more rows do not have as many cells as the header"
        yield EtlError(message, Where(file, wrong[MAX_LISTED].line))
