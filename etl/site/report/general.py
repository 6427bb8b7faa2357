"""The report of any pipeline: tables, column profiles, lineage, and the checks that passed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from etl.site.report.columns import SAMPLE, histogram, profiles
from etl.site.report.page import report_page
from etl.site.report.section import Html, Part, number, plural, share, short
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.site.report.columns import Profile

_MAX_VALUE_LENGTH = 24


def draw(database: Path, about: Mapping[str, Any]) -> str:
    """The report of a finished database as HTML. Raises sqlite3.Error.

    ``about``: see :func:`etl.build.report.about`.
    """
    with contextlib.closing(open_database(database)) as connection:
        made = list(parts(connection, about))
    rows = sum(table["rows"] for table in about["tables"].values())
    facts = [(number(len(about["tables"])), "tables"), (number(rows), "rows"), checks_passed(about)]
    return report_page(about, facts=facts, parts=made)


def checks_passed(about: Mapping[str, Any]) -> tuple[str, str]:
    """The number of checks, as a fact at the top of a report."""
    return number(len(about["checks"])), "checks passed"


def parts(connection: sqlite3.Connection, about: Mapping[str, Any], *, folded: bool = False) -> Iterator[Part]:
    """The parts that every report has; ``folded``: their tables are opened by a click."""
    rows = sum(table["rows"] for table in about["tables"].values())
    yield Part(
        "Tables",
        (f"{plural(len(about['tables']), 'table')} with {plural(rows, 'row')} in all.",),
        *_described(
            ("Table", "Rows", "Description"),
            [(name, table["rows"], table["description"]) for name, table in about["tables"].items()],
        ),
        folded=folded,
    )
    yield _columns(connection, about["tables"], folded=folded)
    yield Part(
        "Lineage",
        (f"{plural(len(about['stages']), 'stage')}; each reads only its inputs.",),
        ("Stage", "Made by", "Inputs", "Output"),
        [(stage["name"], stage["source"], ", ".join(stage["inputs"]), _output(stage)) for stage in about["stages"]],
        folded=folded,
    )
    if about["checks"]:
        ran = f"{plural(len(about['checks']), 'check')} ran before the build was published"
        yield Part(
            "Checks",
            (f"{ran}, and all passed: a failed check stops the build.",),
            ("Check", "Rule"),
            [(check["check"], check["rule"]) for check in about["checks"]],
            folded=folded,
        )


def _output(stage: Mapping[str, Any]) -> str:
    if stage["table"]:
        return f"table {stage['table']}"
    return "nothing: a check" if stage["check"] else "other stages"


def _columns(connection: sqlite3.Connection, tables: Mapping[str, Any], *, folded: bool) -> Part:
    rows: list[tuple[object, ...]] = []
    sampled = []
    for name, table in tables.items():
        found, every = profiles(connection, name, table["rows"])
        rows += [_row(name, profile, table["columns"].get(profile.name, "")) for profile in found]
        if every > 1:
            sampled.append(f"{name}, about one row in {every}")
    says = [f"{plural(len(rows), 'column')}: nulls, distinct values, minimum, maximum and distribution."]
    if sampled:
        says.append(f"Tables with more than {number(SAMPLE)} rows are sampled: {', '.join(sampled)}.")
    head = ("Table", "Column", "Type", "Nulls", "Distinct", "Minimum", "Maximum", "Values", "Description")
    return Part("Columns", tuple(says), *_described(head, rows), folded=folded)


def _described(
    head: tuple[str, ...], rows: list[tuple[object, ...]]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A table without its last column, the descriptions, if none is given."""
    return (head, rows) if any(row[-1] for row in rows) else (head[:-1], [row[:-1] for row in rows])


def _row(table: str, column: Profile, description: str) -> tuple[object, ...]:
    common = ", ".join(f"{_format(value)} {share(part, 1)}" for value, part in column.common)
    values = Html("".join(histogram(column.bars))) if column.bars else common
    ends = _format(column.minimum), _format(column.maximum)
    return (table, column.name, column.type, column.nulls, column.distinct, *ends, values, description)


def _format(value: object) -> str:
    if isinstance(value, bytes):
        return plural(len(value), "byte")
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else short(value, _MAX_VALUE_LENGTH)
