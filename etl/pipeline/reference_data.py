"""Reference data: CSV files, checked cell by cell against the table that they fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import dropwhile
from typing import TYPE_CHECKING

from etl.config.text import read_text
from etl.errors import EtlError, Where, closest, did_you_mean
from etl.pipeline.cells import Cell, shown, value_of
from etl.pipeline.constraints import folded, violations
from etl.pipeline.rows import Row, read_rows
from etl.pipeline.schema import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from etl.pipeline.schema import Column, Table, Unique

#: How many cells that break one rule are told one by one.
MOST = 10


@dataclass
class Reference:
    """The rows of a CSV file, by column, and where each row stands."""

    shown: str
    columns: dict[str, list[Cell]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # INTEGER, REAL or TEXT
    collations: dict[str, str] = field(default_factory=dict)  # where texts are not compared as they are
    lines: list[int] = field(default_factory=list)
    mistakes: list[EtlError] = field(default_factory=list)
    whole: bool = True  # whether every row could be read
    wrong: set[str] = field(default_factory=set)  # columns with a cell that could not be read
    places: dict[str, int] = field(default_factory=dict)  # number of each column, from 1

    def say(self, message: str, row: int, column: str) -> None:
        """Report a mistake in a cell, at its file, line, and number of the cell in its row."""
        where = Where(self.shown, self.lines[row], self.places[column])
        self.mistakes.append(EtlError(message, where, column))

    def say_each(self, rows: Sequence[int], column: str, message: Callable[[int], str]) -> None:
        """Report the cells of a column that break one rule: the first of them, and how many more there are."""
        for row in rows[:MOST]:
            self.say(message(row), row, column)
        if len(rows) > MOST:
            self.say(f"and {len(rows) - MOST:,} more like those above", rows[MOST], column)

    def sound(self, *columns: str) -> bool:
        """Whether the columns are there, with every cell: what they lack is truly not there."""
        return self.whole and all(name in self.columns and name not in self.wrong for name in columns)

    def keys(self, columns: Sequence[str], collations: Sequence[str] | None = None) -> list[tuple[object, ...] | None]:
        """The cells of some columns together, as they are compared, row by row; None where one of them is empty."""
        how = collations or [self.collations.get(name, "BINARY") for name in columns]
        rows = zip(*(self.columns[name] for name in columns), strict=True)
        return [None if None in row else tuple(map(folded, row, how)) for row in rows]


def lacks(reference: Reference | None, column: str, value: object) -> str | None:
    """Say that a column does not hold a value; None when it does, or when that cannot be known."""
    if reference is None or not reference.sound(column) or value in reference.columns[column]:
        return None
    hint = did_you_mean(str(value), {str(choice) for choice in reference.columns[column]})
    return f"{reference.shown} has no {column} {shown(value)}{hint}"


def check_references(
    source: Reference, columns: Sequence[str], target: Reference, target_columns: Sequence[str]
) -> None:
    """Report the rows whose cells do not stand together in another file's columns; an empty cell refers to nothing."""
    if not target.sound(*target_columns) or not set(columns) <= set(source.columns):
        return
    how = [target.collations.get(name, "BINARY") for name in target_columns]
    there = set(target.keys(target_columns, how))
    wrong = [row for row, key in enumerate(source.keys(columns, how)) if key is not None and key not in there]

    def message(row: int) -> str:
        cells = [source.columns[name][row] for name in columns]
        if len(cells) == 1:
            return lacks(target, target_columns[0], cells[0]) or ""
        return f"{target.shown} has no row with {_pairs(target_columns, cells)}"

    source.say_each(wrong, columns[-1], message)


def check_distinct(reference: Reference, column: str) -> None:
    """Report the cells of a column that repeat one above; empty cells are like no other."""
    seen: dict[Cell, int] = {}
    firsts = {row: seen.setdefault(cell, row) for row, cell in enumerate(reference.columns[column]) if cell is not None}
    repeated = [row for row, first in firsts.items() if first != row]
    reference.say_each(repeated, column, partial(_repeats, reference, (column,), firsts))


def read_csv(path: Path, shown: str, table: Table | None, *, whole: bool) -> Reference:
    """Read a CSV file; columns that the table has too obey its rules. The result lists the mistakes it found.

    ``whole``: the file fills the table, so it needs every column of it and may have no other.
    """
    result = Reference(shown)
    rows = _rows(path, result)
    if not rows:
        if not result.mistakes:
            result.mistakes.append(EtlError("the file is empty; its first row names the columns", Where(shown, 1, 1)))
        result.whole = False
        return result
    header = [name or "" for name in rows[0].cells]
    _header(header, result, table if whole else None)
    if not result.columns or (whole and table is None):  # there is no such table, or the schema could not be read
        result.whole = False
        return result
    known = {name: column for name, column in table.columns.items() if name in result.columns} if table else {}
    result.types = {name: known[name].type if name in known else "TEXT" for name in result.columns}
    result.collations = {name: column.collation for name, column in known.items()}
    _cells(_whole_rows(rows[1:], len(header), result), known, result)
    if table:
        _rules(result, table)
    return result


def _rows(path: Path, result: Reference) -> list[Row]:
    """Read the rows, the header first."""
    try:
        rows = list(dropwhile(_blank, read_rows(read_text(path, result.shown), result.shown)))
    except EtlError as error:
        result.mistakes.append(error)
        return []
    return rows if rows and len(rows[0].cells) == 1 else [row for row in rows if not _blank(row)]


def _blank(row: Row) -> bool:
    """Whether a line is blank, which is no row in a file of several columns."""
    return row.cells == [None]


def _header(header: list[str], result: Reference, table: Table | None) -> None:
    """Take over the names of the columns."""

    def say(message: str, place: int) -> None:
        result.mistakes.append(EtlError(message, Where(result.shown, 1, place)))

    delimiter = next((mark for mark in ";\t|" if mark in header[0]), None) if len(header) == 1 else None
    if delimiter:
        name = "a tab" if delimiter == "\t" else f"'{delimiter}'"
        say(f"the delimiter is a comma, and this file seems to have {name}; save it with commas", 1)
        return
    missing = [name for name in table.columns if name not in header] if table else []
    alike: dict[object, str] = {}
    for place, name in enumerate(header, 1):
        if not name:
            say("the column has no name", place)
        elif name in result.columns:
            say(f"the column '{name}' stands twice", place)
            result.wrong.add(name)
        else:
            if (other := alike.setdefault(folded(name, "NOCASE"), name)) != name:
                say(f"the columns '{other}' and '{name}' differ in case only, and SQL takes them for one", place)
            result.columns[name] = []
            result.places[name] = place
        if table and name and name not in table.columns:
            hint = did_you_mean(name, missing)
            say(f"the table {table.name} has no column '{name}'{hint or '; take it away'}", place)
            match = closest(name, missing)
            missing = [other for other in missing if other != match]
    for name in missing:
        say(f"the column '{name}' of the table {table.name if table else ''} is missing", len(header) + 1)


def _whole_rows(rows: list[Row], width: int, result: Reference) -> list[Row]:
    """The rows that have as many cells as the header; the others are told."""
    wrong = [row for row in rows if len(row.cells) != width]
    for row in wrong[:MOST]:
        message = f"the row has {_count(len(row.cells), 'cell')}, the header {width}; a comma too few or too many?"
        result.mistakes.append(EtlError(message, Where(result.shown, row.line, min(len(row.cells), width) + 1)))
    if len(wrong) > MOST:
        message = f"and {len(wrong) - MOST:,} more rows have not as many cells as the header"
        result.mistakes.append(EtlError(message, Where(result.shown, wrong[MOST].line)))
    result.whole = not wrong
    return [row for row in rows if len(row.cells) == width]


def _cells(rows: list[Row], known: dict[str, Column], result: Reference) -> None:
    """Take over the cells, None for those that are empty or wrong."""
    result.lines = [row.line for row in rows]
    for name, place in result.places.items():
        problems = {}
        for number, row in enumerate(rows):
            problem, value = value_of(row.cells[place - 1], known.get(name))
            result.columns[name].append(value)
            if problem:
                blank = 'a blank line; take it away, or write "" for an empty text'
                problems[number] = blank if _blank(row) else problem
        if problems:
            result.wrong.add(name)
            result.say_each(list(problems), name, problems.__getitem__)


def _rules(result: Reference, table: Table) -> None:
    """Report the rows that break a CHECK or repeat a key."""
    broken: dict[Rule | Unique, dict[int, int]] = {}
    for found in violations(table, result.columns):
        broken.setdefault(found.rule, {})[found.row] = found.first
    for rule, rows in broken.items():
        if isinstance(rule, Rule):
            result.say_each(list(rows), rule.columns[-1], partial(_breaks, result, table, rule))
        else:
            result.say_each(list(rows), rule.columns[-1], partial(_repeats, result, rule.columns, rows))


def _breaks(result: Reference, table: Table, rule: Rule, row: int) -> str:
    """Say that a row breaks a CHECK."""
    cells = [result.columns[name][row] for name in rule.columns]
    if len(cells) > 1:
        return f"{_pairs(rule.columns, cells)} break the rule CHECK ({rule.sql})"
    if allowed := table.columns[rule.columns[0]].values:
        return f"{shown(cells[0])} is not allowed{did_you_mean(str(cells[0]), allowed)}"
    return f"{shown(cells[0])} breaks the rule CHECK ({rule.sql})"


def _pairs(names: Iterable[str], cells: Iterable[Cell]) -> str:
    return ", ".join(f"{name} {shown(cell)}" for name, cell in zip(names, cells, strict=True))


def _repeats(result: Reference, columns: Sequence[str], firsts: Mapping[int, int], row: int) -> str:
    """Say that a row has the key of one above."""
    first = firsts[row]
    key, other = (", ".join(str(result.columns[name][number]) for name in columns) for number in (row, first))
    written = "" if key == other else f", as {other}"
    return f"{key} stands in line {result.lines[first]} already{written}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
