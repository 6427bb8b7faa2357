"""Rows of a CSV file (RFC 4180) and the values of its cells. An unquoted empty cell is null, a quoted one is text."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from etl.errors import EtlError, Where
from etl.generator.params import LIMIT
from etl.pipeline.explain import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.schema import Column

Cell = str | int | float | None

_WHOLE = re.compile(r"-?[0-9]{1,999}\Z")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")
#: Characters of the longest cell: more means a quote that is not closed.
MAX_CELL = 131_072

_CELL = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*|))(,|\r\n|\r|\n|\Z)')


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
                raise EtlError(f"not CSV: {_problem(text, start)}", Where(file, line, 1))
            quoted, plain, end = found.groups()
            cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
            if len(cells[-1] or "") > MAX_CELL:
                message = f"a cell has more than {MAX_CELL:,} characters; is a quote in this row never closed?"
                raise EtlError(f"not CSV: {message}", Where(file, line, 1))
            start = found.end()
        yield Row(line, cells)
        line += len(_LINE_END.findall(text, begin, start))


_LINE_END = re.compile(r"\r\n|\r|\n")


def _problem(text: str, start: int) -> str:
    """Why a cell that begins with a quote is not CSV."""
    closed = re.compile(r'"[^"]*(?:""[^"]*)*"').match(text, start)
    if closed:
        return "text after a closing quote; write a quote inside of a cell as two"
    return "a quote that opens in this row is never closed; write a quote inside of a cell as two"


def value_of(cell: str | None, column: Column | None) -> tuple[str, Cell]:
    """What is wrong with a cell ("" if nothing), and its value."""
    if cell is None:
        needed = column is None or not column.nullable
        return ("the cell is empty; enter a value" if needed else ""), None
    if column is None or column.type == "TEXT":
        return "", cell
    kind, form = ("whole number", _WHOLE) if column.type == "INTEGER" else ("number", _NUMBER)
    if not form.match(cell):
        return f"{describe(cell)} is not a {kind}", None
    return _integer(cell, column) if column.type == "INTEGER" else _real(cell)


def _integer(cell: str, column: Column) -> tuple[str, Cell]:
    value = int(cell)
    if not -(2**63) <= value < 2**63:
        return f"{describe(cell)} does not fit; whole numbers go from {-(2**63)} to {2**63 - 1}", None
    if column.key and not 1 <= value <= LIMIT:
        return f"ids are whole numbers from 1 to {LIMIT:,}, not {cell}", None
    return "", value


def _real(cell: str) -> tuple[str, Cell]:
    value = float(cell)
    digits = cell.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("-0.")):
        return f"{describe(cell)} is too {'small' if value == 0 else 'large'} for a REAL", None
    return "", value
