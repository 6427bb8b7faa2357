"""Reference data: CSV files, checked cell by cell against the table that they fill."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where, did_you_mean
from etl.files import read_text
from etl.params import LIMIT

if TYPE_CHECKING:
    from pathlib import Path

    from etl.tables import Column, Table

Cell = str | int | float | None

_WHOLE = re.compile(r"-?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?\Z")


@dataclass
class Reference:
    """The rows of a CSV file, by column, and where each row stands."""

    shown: str
    columns: dict[str, list[Cell]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # INTEGER, REAL or TEXT
    lines: list[int] = field(default_factory=list)
    mistakes: list[EtlError] = field(default_factory=list)
    whole: bool = True  # whether every row could be read
    wrong: set[str] = field(default_factory=set)  # columns with a cell that could not be read
    places: dict[str, int] = field(default_factory=dict)  # number of each column, from 1

    def say(self, message: str, row: int, column: str) -> None:
        """Report a mistake in a cell, at its file, line, and number of the cell in its row."""
        where = Where(self.shown, self.lines[row], self.places[column])
        self.mistakes.append(EtlError(f"{column}: {message}", where))

    def sound(self, *columns: str) -> bool:
        """Whether the columns are there, with every cell: what they lack is truly not there."""
        return self.whole and all(name in self.columns and name not in self.wrong for name in columns)


def lacks(reference: Reference | None, column: str, value: object) -> str | None:
    """Say that a column does not hold a value; None when it does, or when that cannot be known."""
    if reference is None or not reference.sound(column) or value in reference.columns[column]:
        return None
    hint = did_you_mean(str(value), {str(choice) for choice in reference.columns[column]})
    return f"{reference.shown} has no {column} {_quoted(value)}{hint}"


def check_references(source: Reference, column: str, target: Reference, target_column: str) -> None:
    """Report the cells that do not stand in another file's column; empty cells refer to nothing."""
    allowed = set(target.columns.get(target_column, ()))
    for row, value in enumerate(source.columns.get(column, ())):
        if value is not None and value not in allowed:
            message = lacks(target, target_column, value)
            if message:
                source.say(message, row, column)


def check_distinct(reference: Reference, *columns: str) -> None:
    """Report the rows that have the same cells in some columns as a row above; empty cells are like no other."""
    seen: dict[tuple[Cell, ...], int] = {}
    for row, key in enumerate(zip(*(reference.columns[name] for name in columns), strict=True)):
        if None in key:
            continue
        if key in seen:
            shown = ", ".join(map(str, key))
            reference.say(f"{shown} stands in line {reference.lines[seen[key]]} already", row, columns[-1])
        seen.setdefault(key, row)


def read_csv(path: Path, shown: str, table: Table | None, *, whole: bool) -> Reference:
    """Read a CSV file; columns that the table has too obey its rules. The result lists the mistakes it found.

    ``whole``: the file fills the table, so it needs every column of it and may have no other.
    """
    result = Reference(shown)
    records = _records(path, result)
    if not records:
        if not result.mistakes:
            result.mistakes.append(EtlError("the file is empty; its first row names the columns", Where(shown, 1, 1)))
        result.whole = False
        return result
    (_, header), rows = records[0], records[1:]
    _header(header, result, table if whole else None)
    if whole and table is None:  # the pipeline said that there is no such table, or could not read the schema
        result.whole = False
        return result
    known = table.columns if table else {}
    result.types = {name: known[name].type if name in known else "TEXT" for name in result.columns}
    for line, row in rows:
        if len(row) != len(header):
            message = f"the row has {_count(len(row), 'cell')}, the header {len(header)}; a comma too few or too many?"
            result.mistakes.append(EtlError(message, Where(shown, line, min(len(row), len(header)) + 1)))
            result.whole = False
            continue
        result.lines.append(line)
        for name, place in result.places.items():
            result.columns[name].append(_cell(row[place - 1], name, known.get(name), result))
    _unique(result, table)
    return result


def _records(path: Path, result: Reference) -> list[tuple[int, list[str]]]:
    """Read the rows with the line each begins in."""
    try:
        text = read_text(path, result.shown)
    except EtlError as error:
        result.mistakes.append(error)
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, line = [], 1
    try:
        for row in reader:
            if row:  # a blank line is no row
                records.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        problem = str(error)
        result.mistakes.append(EtlError(f"not CSV: {_ADVICE.get(problem, problem)}", Where(result.shown, line, 1)))
        return []
    return records


_ADVICE = {
    "unexpected end of data": "a quote that opens in this row is never closed; write a quote in a text as two",
    "',' expected after '\"'": "a quoted cell goes on behind its closing quote; write a quote in a text as two",
    f"field larger than field limit ({csv.field_size_limit()})": (
        f"a cell has more than {csv.field_size_limit():,} characters; is a quote in this row never closed?"
    ),
}


def _header(header: list[str], result: Reference, table: Table | None) -> None:
    """Take over the names of the columns."""

    def say(message: str, place: int) -> None:
        result.mistakes.append(EtlError(message, Where(result.shown, 1, place)))

    missing = [name for name in table.columns if name not in header] if table else []
    for place, name in enumerate(header, 1):
        if not name:
            say("the column has no name", place)
        elif name in result.columns:
            say(f"the column '{name}' stands twice", place)
            result.wrong.add(name)
        else:
            result.columns[name] = []
            result.places[name] = place
        if table and name and name not in table.columns:
            hint = did_you_mean(name, missing)
            say(f"the table {table.name} has no column '{name}'{hint or '; take it away'}", place)
            missing = [other for other in missing if f"did you mean '{other}'" not in hint]
    for name in missing:
        say(f"the column '{name}' of the table {table.name if table else ''} is missing", len(header) + 1)


def _cell(text: str, name: str, column: Column | None, result: Reference) -> Cell:
    """The value of a cell in the row that is being read, None when it is empty or wrong."""
    problem, value = _value(text, column)
    if problem:
        result.say(problem, len(result.lines) - 1, name)
        result.wrong.add(name)
        return None
    return value


def _value(text: str, column: Column | None) -> tuple[str, Cell]:
    """What is wrong with a cell, or nothing, and its value."""
    if not text:
        needed = column is None or not column.nullable
        return ("the cell is empty; give it a value" if needed else ""), None
    if column is None or column.type == "TEXT":
        allowed = column.values if column else ()
        return (
            f"{_quoted(text)} is not allowed{did_you_mean(text, allowed)}" if allowed and text not in allowed else ""
        ), text
    if column.type == "REAL":
        return ("", float(text)) if _NUMBER.match(text) else (f"{_quoted(text)} is not a number", None)
    if not _WHOLE.match(text):
        return f"{_quoted(text)} is not a whole number", None
    if column.key and not 1 <= int(text) <= LIMIT:
        return f"ids are whole numbers from 1 to {LIMIT:,}, not {text}", None
    return "", int(text)


def _unique(result: Reference, table: Table | None) -> None:
    for names in table.unique if table else ():
        if all(name in result.columns for name in names):
            check_distinct(result, *names)


def _quoted(value: object) -> str:
    text = str(value)
    text = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 -- what fits a line
    return f"'{text}'" if isinstance(value, str) else text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
