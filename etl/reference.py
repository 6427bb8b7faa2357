"""Reference data: CSV files, checked cell by cell against the table that they fill."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from etl.tables import Column, Table

Cell = str | int | float | None

_WHOLE = re.compile(r"-?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


@dataclass
class Reference:
    """The rows of a CSV file, by column, and where each row stands."""

    shown: str
    columns: dict[str, list[Cell]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # INTEGER, REAL or TEXT
    lines: list[int] = field(default_factory=list)
    mistakes: list[EtlError] = field(default_factory=list)

    def where(self, row: int, column: str) -> Where:
        """File, line, and number of the cell in its row."""
        return Where(self.shown, self.lines[row], list(self.columns).index(column) + 1)

    def say(self, message: str, row: int, column: str) -> None:
        """Report a mistake in a cell."""
        self.mistakes.append(EtlError(f"{column}: {message}", self.where(row, column)))


def read_csv(path: Path, shown: str, table: Table | None, *, whole: bool) -> Reference:
    """Read a CSV file; columns that the table has too obey its rules. The result lists the mistakes it found.

    ``whole``: the file fills the table, so it needs every column of it and may have no other.
    """
    result = Reference(shown)
    records = _records(path, result)
    if not records:
        if not result.mistakes:
            result.mistakes.append(EtlError("the file is empty; its first row names the columns", Where(shown, 1)))
        return result
    (_, header), rows = records[0], records[1:]
    if not _header(header, result, table if whole else None):
        return result
    known = table.columns if table else {}
    result.types = {name: known[name].type if name in known else "TEXT" for name in header}
    for line, row in rows:
        if len(row) != len(header):
            message = f"the row has {len(row)} cells, the header {len(header)}"
            result.mistakes.append(EtlError(message, Where(shown, line, min(len(row), len(header)) + 1)))
            continue
        result.lines.append(line)
        for name, text in zip(header, row, strict=True):
            result.columns[name].append(None)
            result.columns[name][-1] = _cell(text, name, known.get(name), result)
    _unique(result, table)
    return result


def check_references(source: Reference, column: str, target: Reference, target_column: str) -> None:
    """Report the cells that do not stand in another file's column; empty cells refer to nothing."""
    allowed = set(target.columns.get(target_column, ()))
    for row, value in enumerate(source.columns.get(column, ())):
        if value is not None and value not in allowed:
            hint = did_you_mean(str(value), [str(choice) for choice in allowed])
            source.say(f"{value!r} is no {target_column} in {target.shown}{hint}", row, column)


def _records(path: Path, result: Reference) -> list[tuple[int, list[str]]]:
    """Read the rows with the line each begins in."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        result.mistakes.append(EtlError(f"cannot read it: {error.strerror}", Where(result.shown)))
        return []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        result.mistakes.append(EtlError(message, Where(result.shown, line)))
        return []
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        result.mistakes.append(EtlError("a NUL character; delete it", Where(result.shown, line)))
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, line = [], 1
    try:
        for row in reader:
            if row:  # a blank line is no row
                records.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        result.mistakes.append(EtlError(f"not CSV: {error}", Where(result.shown, line)))
        return []
    return records


def _header(header: list[str], result: Reference, table: Table | None) -> bool:
    """Take over the header; False when the columns do not allow to read on."""
    for place, name in enumerate(header, 1):
        where = Where(result.shown, 1, place)
        if name in result.columns:
            result.mistakes.append(EtlError(f"the column '{name}' stands twice", where))
        elif table and name not in table.columns:
            hint = did_you_mean(name, table.columns)
            result.mistakes.append(EtlError(f"the table {table.name} has no column '{name}'{hint}", where))
        result.columns[name] = []
    for name in table.columns if table else ():
        if name not in result.columns:
            message = f"the column '{name}' of the table {table.name if table else ''} is missing"
            result.mistakes.append(EtlError(message, Where(result.shown, 1, len(header) + 1)))
    return not result.mistakes


def _cell(text: str, name: str, column: Column | None, result: Reference) -> Cell:
    row = len(result.lines) - 1
    if column is None:
        if not text:
            result.say("the cell is empty", row, name)
        return text
    if not text:
        if not column.nullable:
            result.say("the cell is empty, and the table does not allow that", row, name)
        return None
    if column.type == "INTEGER" and not _WHOLE.match(text):
        result.say(f"{text[:40]!r} is not a whole number", row, name)
        return None
    if column.type == "REAL" and not _NUMBER.match(text):
        result.say(f"{text[:40]!r} is not a number", row, name)
        return None
    if column.values and text not in column.values:
        result.say(f"{text[:40]!r} is not allowed{did_you_mean(text, column.values)}", row, name)
    return int(text) if column.type == "INTEGER" else float(text) if column.type == "REAL" else text


def _unique(result: Reference, table: Table | None) -> None:
    for names in table.unique if table else ():
        if not all(name in result.columns for name in names):
            continue
        seen: dict[tuple[Cell, ...], int] = {}
        for row, key in enumerate(zip(*(result.columns[name] for name in names), strict=True)):
            if None in key:
                continue
            if key in seen:
                shown = ", ".join(map(str, key))
                result.say(f"{shown} stands in line {result.lines[seen[key]]} already", row, names[-1])
            seen.setdefault(key, row)
