"""CSV files (RFC 4180). An unquoted empty cell is null, a quoted one is text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import dropwhile
from typing import TYPE_CHECKING, NamedTuple

from etl.config.text import read_text
from etl.errors import EtlError, Where
from etl.pipeline.datatypes import TYPES
from etl.pipeline.sources.rows import MAX_LISTED, Rows, SourceColumn, each

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import CsvFile

_LINE_END = re.compile(r"\r\n|\r|\n")
_NAMES = {"\t": "a tab", " ": "a space"}


class _Row(NamedTuple):
    """A row, and the line on which it begins."""

    line: int
    cells: list[str | None]  # None for null
    is_blank: bool  # such a line is not a row if the file has several columns


def read(path: Path, file: str, options: CsvFile) -> Rows:
    """Read a file. Raises EtlError at the line of a row that is not CSV."""
    text = read_text(path, file, encoding=options.encoding, member=options.member)
    name = f"{file}/{options.member}" if options.member else file
    dialect = _Dialect(options.delimiter, options.quote, frozenset(options.nulls))
    rows = list(dropwhile(lambda row: row.is_blank, dialect.rows(text, name)))
    if not rows:
        raise EtlError("the file is empty; its first row names the columns", Where(name, 1, 1))
    header, *body = rows
    if len(header.cells) > 1:
        body = [row for row in body if not row.is_blank]
    else:
        _check_delimiter(str(header.cells[0]), options.delimiter, Where(name, header.line, 1))
    width = len(header.cells)
    complete = [row for row in body if len(row.cells) == width]
    blank = frozenset(number for number, row in enumerate(complete) if row.is_blank)
    columns = [
        SourceColumn(column, TYPES["TEXT"], partial(_cells, [row.cells[number] for row in complete], blank))
        for number, column in enumerate(header.cells)
    ]
    wrong = [row for row in body if len(row.cells) != width]
    lines = [row.line for row in complete]
    return Rows(
        name,
        columns,
        lines,
        header.line,
        nullable=options.nullable,
        mistakes=list(_width_mistakes(wrong, width, dialect, name)),
    )


def _cells(texts: Sequence[str | None], blank: Collection[int], kind: DataType) -> Iterable[Cell | ValueError]:
    """The cells of a column; a blank line is no null in a file of one column."""
    error = ValueError('a blank line; remove it, or write "" for an empty string')
    return (error if row in blank else cell for row, cell in enumerate(each(texts, kind.parse)))


def _check_delimiter(header: str, delimiter: str, where: Where) -> None:
    """Check that a file of one column does not have another delimiter."""
    if other := next((mark for mark in ",;\t|" if mark in header and mark != delimiter), None):
        names = [_NAMES.get(mark, f"'{mark}'") for mark in (other, delimiter)]
        written = "\\t" if other == "\t" else other
        fix = f'set it: csv: {{file: …, delimiter: "{written}"}}'
        raise EtlError(f"this file seems to have {names[0]} between its cells, not {names[1]}; {fix}", where)


def _width_mistakes(wrong: list[_Row], width: int, dialect: _Dialect, file: str) -> Iterator[EtlError]:
    mark = "comma" if dialect.delimiter == "," else "delimiter"
    for row in wrong[:MAX_LISTED]:
        count = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
        message = f"the row has {count}, the header {width}; a {mark} too few or too many?"
        yield EtlError(message, Where(file, row.line, min(len(row.cells), width) + 1))
    if len(wrong) > MAX_LISTED:
        message = f"and {len(wrong) - MAX_LISTED:,} more rows do not have as many cells as the header"
        yield EtlError(message, Where(file, wrong[MAX_LISTED].line))


@dataclass(frozen=True)
class _Dialect:
    """How the cells of a file are written."""

    delimiter: str
    quote: str
    nulls: frozenset[str]  # unquoted cells that are null, beside the empty one

    def rows(self, text: str, file: str) -> Iterator[_Row]:
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
            row = _Row(line, cells, is_blank=not text[begin:start].strip("\r\n"))
            yield row
            nulls = nulls if row.is_blank else self.nulls
            line += len(_LINE_END.findall(text, begin, start))
