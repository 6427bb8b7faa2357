"""Checks: queries in SQLite's dialect that must return no rows.

``sql/checks/*.sql`` run on every build, inside of the loading transaction. ``sql/checks/file/*.sql`` ask for the
finished file: they run on every build too, after the COMMIT, beside the export. ``sql/checks/full/*.sql`` open every
JSON document and run with ``check --full``. The comment at the top of a file says its rule. A check takes its numbers
from the pipeline, so that it holds for any world: ``:pipeline`` stands for the effective pipeline as JSON, ``:stages``
for those of its stages, by name, whose generators a line of the comment names: ``-- stages: members, loans``.
A check whose generators no stage runs would judge nothing, so it is an error.

DuckDB bundles SQLite 3.38, whose planner moves even a ``WITH ... AS MATERIALIZED`` into the query around it and then
reads the pipeline once a row. ``DISTINCT`` (or ``GROUP BY``) holds it back. A check that walks
rows in the order in which they lie in the file reads every page once; in another order it reads each many times.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from etl.config.text import read_text
from etl.errors import CheckFailed, EtlError, Mistakes, Where
from etl.pipeline.sql import empty_database, filled, hold_compiles, literal, quote
from etl.tables.finished import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from etl.pipeline.schema import ForeignKey, Schema, Table

    Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]

#: How many rows that break a rule a message shows.
SHOWN = 5

PIPELINE, STAGES = ":pipeline", ":stages"
_NAMED = "stages:"


@dataclass(frozen=True)
class Check:
    """A query that must return no rows, and the rule that it holds."""

    name: str
    rule: str
    sql: str
    shown: str  # its file in messages
    finished: bool = False  # whether it asks for the finished file
    generators: tuple[str, ...] = ()  # full names of those whose stages it judges
    line: int = 0  # where its comment names them

    def stages(self, pipeline: Mapping[str, Any]) -> dict[str, Any]:
        """The stages of an effective pipeline that it judges. Raises EtlError: it asks for some, and there are none."""
        stages = pipeline["stages"] if self.generators else {}
        found = {name: stage for name, stage in stages.items() if stage.get("python") in self.generators}
        if self.generators and not found:
            what = f"no stage runs {' or '.join(self.generators)}, so this check would judge nothing"
            raise EtlError(f"{what}; name another generator, or delete the check", Where(self.shown, self.line, 1))
        return found


def read_checks(
    folder: Path,
    shown: str,
    schema: Schema | None = None,
    *,
    full: bool = False,
    in_full: Callable[[str], str] = str,
) -> list[Check]:
    """Read the checks of a folder, in the order of their names, the full ones too when asked for.

    The first is that of the foreign keys, which needs no file: the schema states the rule. With a schema the checks are
    also inspected; ``in_full`` makes the names of generators full. Raises Mistakes.
    """
    patterns = ("*.sql", "file/*.sql", *(["full/*.sql"] if full else []))
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    checks, mistakes = [_foreign_keys(schema)], []
    for path in paths:
        try:
            checks.append(_read(path, f"{shown}/{path.relative_to(folder)}", in_full))
        except EtlError as error:
            mistakes.append(error)
    mistakes += inspect(checks, schema) if schema else []
    if mistakes:
        raise Mistakes(mistakes)
    return checks


def _foreign_keys(schema: Schema | None) -> Check:
    """The check that every foreign key is met. With a schema it also shows the values that refer to nothing."""
    tables = schema.tables.values() if schema else ()
    values = [
        f'WHEN f."table" = {literal(table.name)} AND f.fkid = {number} THEN ({_values(table, key)})'
        for table in tables
        for number, key in enumerate(table.foreign_keys)
        if table.rowid
    ]
    value = f", CASE {' '.join(values)} END AS value" if values else ""
    select = 'SELECT f."table", f.rowid AS row, f.parent AS refers_to'
    sql = f"{select}{value} FROM pragma_foreign_key_check AS f"
    return Check("foreign_keys", "Every row refers to rows that exist.", sql, "the schema")


def _values(table: Table, key: ForeignKey) -> str:
    """A query that shows the values of a foreign key in a row."""
    shown = " || ', ' || ".join(f"{literal(f'{name}=')} || quote({quote(name)})" for name in key.columns)
    return f"SELECT {shown} FROM {quote(table.name)} WHERE rowid = f.rowid"  # noqa: S608 -- quoted names


def inspect(checks: Iterable[Check], schema: Schema) -> Iterator[EtlError]:
    """Hold that each check is one SELECT that only reads, over the tables of the schema: yield what is wrong."""
    with contextlib.closing(empty_database(schema.statements)) as database:
        for check in checks:
            try:
                hold_compiles(database, check.sql, {PIPELINE[1:]: "{}", STAGES[1:]: "{}"}, "", check.shown)
            except EtlError as error:
                refused = "not authorized" in error.message or "one statement" in error.message
                yield EtlError("a check is one SELECT that only reads", error.where) if refused else error


def run_checks(checks: Iterable[Check], query: Query, pipeline: Mapping[str, Any]) -> None:
    """Run the checks. Raises CheckFailed with every broken rule and the first rows that break it."""
    failures = []
    for check in checks:
        try:
            filled = _filled(check, pipeline, check.stages(pipeline))
        except EtlError as error:
            failures.append(str(error))
            continue
        try:
            names, rows = query(f"SELECT * FROM (\n{filled}\n) LIMIT {SHOWN}")  # noqa: S608
        except EtlError as error:
            failures.append(str(EtlError(f"check {check.name} cannot run: {error.message}", Where(check.shown))))
            break  # DuckDB has given the transaction up: no other check could run
        if rows:
            found = [dict(zip(names, row, strict=True)) for row in rows]
            failures.append(f"{check.shown}: {broken(check.name, check.rule, found)}")
    if failures:
        raise CheckFailed("\n".join(failures))


def _filled(check: Check, pipeline: Mapping[str, Any], stages: Mapping[str, Any]) -> str:
    """The query with the pipeline and the stages written into it."""
    sql = check.sql
    for parameter, value in ((PIPELINE, pipeline), (STAGES, stages)):
        sql = filled(sql, parameter, json.dumps(value, ensure_ascii=False))
    return sql


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Query]:
    """Open a finished database for reading only: a query function for :func:`run_checks`."""
    with contextlib.closing(open_database(path)) as database:
        yield partial(_ask, database, path)


@contextlib.contextmanager
def beside(checks: Iterable[Check], path: Path, pipeline: Mapping[str, Any]) -> Iterator[Future[None]]:
    """Run checks over a finished database in a thread, until the block ends: their future, which raises CheckFailed."""
    with contextlib.closing(open_database(path)) as database, ThreadPoolExecutor(1) as thread:
        found = thread.submit(run_checks, checks, partial(_ask, database, path), pipeline)
        try:
            yield found
        finally:
            while not found.done():  # the block was left early; what has not begun yet does not hear of it
                database.interrupt()
                wait([found], timeout=0.01)


def _ask(database: sqlite3.Connection, path: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    try:
        cursor = database.execute(sql)
        return [column[0] for column in cursor.description], cursor.fetchall()
    except sqlite3.Error as error:
        raise EtlError(f"SQLite cannot read it: {error}", Where(str(path))) from error


def _read(path: Path, shown: str, in_full: Callable[[str], str]) -> Check:
    text = read_text(path, shown)
    comment = list(takewhile(lambda line: line.startswith("--"), text.splitlines()))
    comment = [line.removeprefix("--").strip() for line in comment]
    rule = " ".join(line for line in comment if not line.startswith(_NAMED))
    if not rule:
        raise EtlError("begin the file with a comment that says the rule: -- Every …", Where(shown, 1, 1))
    line, named = next(
        ((number, line) for number, line in enumerate(comment, 1) if line.startswith(_NAMED)), (0, _NAMED)
    )
    generators = tuple(in_full(name) for name in named.removeprefix(_NAMED).replace(",", " ").split())
    sql = text.strip().rstrip(";")
    asks = filled(sql, STAGES, "") != sql
    if generators and not asks:
        raise EtlError("the query does not read :stages; take this line away", Where(shown, line, 1))
    if not generators and (asks or "$.stages" in sql):
        hint = "-- stages: members, loans"
        message = f"say which generators' stages the check judges, in a line of the comment such as: {hint}"
        raise EtlError(f"{message}; :stages has them", Where(shown, line or 1, 1))
    return Check(path.stem, rule, sql, shown, path.parent.name == "file", generators, line)


def broken(name: str, rule: str, rows: list[dict[str, object]], count: int | None = None) -> str:
    """Say which rule is broken, by which rows first."""
    shown = ["  " + ", ".join(f"{key}={value}" for key, value in row.items()) for row in rows]
    more = f" {count} rows break it, the first of them:" if count else " The first rows that break it:"
    return "\n".join([f"check {name} failed: {rule}{more}", *shown])
