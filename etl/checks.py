"""Checks: queries in SQLite's dialect that must return no rows.

``sql/checks/*.sql`` run on every build, inside of the loading transaction. ``sql/checks/file/*.sql`` ask for the
finished file: they run on every build too, after the COMMIT, beside the export. ``sql/checks/full/*.sql`` open every
JSON document and run with ``check --full``. The comment at the top of a file says its rule. ``:pipeline`` stands for
the effective pipeline as JSON, so that a check takes its numbers from there and holds for any world.

DuckDB bundles SQLite 3.38, whose planner moves even a ``WITH ... AS MATERIALIZED`` into the query around it and then
reads the pipeline once a row. ``DISTINCT`` (or ``GROUP BY``) holds it back. Rows lie in the file by student, so a
check walks them in that order: by test, or by level, it would read every page many times.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from etl.errors import CheckFailed, EtlError, Mistakes, Where
from etl.files import read_text
from etl.finished import open_database
from etl.shards import SHOWN, broken
from etl.sql import empty_database, filled, hold_compiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from etl.tables import Schema

    Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]

PARAMETER = ":pipeline"


@dataclass(frozen=True)
class Check:
    """A query that must return no rows, and the rule that it holds."""

    name: str
    rule: str
    sql: str
    shown: str  # its file in messages
    finished: bool = False  # whether it asks for the finished file


def read_checks(folder: Path, shown: str, schema: Schema | None = None, *, full: bool = False) -> list[Check]:
    """Read the checks of a folder, in the order of their names, the full ones too when asked for.

    With a schema they are also inspected. Raises Mistakes.
    """
    patterns = ("*.sql", "file/*.sql", *(["full/*.sql"] if full else []))
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    checks, mistakes = [], []
    for path in paths:
        try:
            checks.append(_read(path, f"{shown}/{path.relative_to(folder)}"))
        except EtlError as error:
            mistakes.append(error)
    mistakes += inspect(checks, schema) if schema else []
    if mistakes:
        raise Mistakes(mistakes)
    return checks


def inspect(checks: Iterable[Check], schema: Schema) -> Iterator[EtlError]:
    """Hold that each check is one SELECT that only reads, over the tables of the schema: yield what is wrong."""
    with contextlib.closing(empty_database(schema.statements)) as database:
        for check in checks:
            try:
                hold_compiles(database, check.sql, {PARAMETER[1:]: "{}"}, "", check.shown)
            except EtlError as error:
                refused = "not authorized" in error.message or "one statement" in error.message
                yield EtlError("a check is one SELECT that only reads", error.where) if refused else error


def run_checks(checks: Iterable[Check], query: Query, pipeline: object) -> None:
    """Run the checks. Raises CheckFailed with every broken rule and the first rows that break it."""
    failures = []
    for check in checks:
        try:
            names, rows = query(f"SELECT * FROM (\n{_filled(check, pipeline)}\n) LIMIT {SHOWN}")  # noqa: S608
        except EtlError as error:
            failures.append(str(EtlError(f"check {check.name} cannot run: {error.message}", Where(check.shown))))
            break  # DuckDB has given the transaction up: no other check could run
        if rows:
            found = [dict(zip(names, row, strict=True)) for row in rows]
            failures.append(f"{check.shown}: {broken(check.name, check.rule, found)}")
    if failures:
        raise CheckFailed("\n".join(failures))


def _filled(check: Check, pipeline: object) -> str:
    """The query with the pipeline written into it."""
    return filled(check.sql, PARAMETER, json.dumps(pipeline, ensure_ascii=False))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Query]:
    """Open a finished database for reading only: a query function for :func:`run_checks`."""
    with contextlib.closing(open_database(path)) as database:
        yield partial(_ask, database, path)


@contextlib.contextmanager
def beside(checks: Iterable[Check], path: Path, pipeline: object) -> Iterator[Future[None]]:
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


def _read(path: Path, shown: str) -> Check:
    text = read_text(path, shown)
    comment = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comment.append(line.removeprefix("--").strip())
    if not comment:
        raise EtlError("begin the file with a comment that says the rule: -- Every …", Where(shown, 1, 1))
    return Check(path.stem, " ".join(comment), text.strip().rstrip(";"), shown, path.parent.name == "file")
