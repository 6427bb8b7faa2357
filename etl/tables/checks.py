"""Checks: queries in SQLite's dialect that must return no rows.

They run on the finished file of every build while it is exported; those in ``sql/checks/full`` parse every JSON
document and only run with ``check --full``. The comment at the top of a file states its rule. A check reads its numbers
from the pipeline: the parameter ``:pipeline`` is the effective pipeline as JSON, ``:stages`` the stages, by name, whose
generators a line of the comment lists (``-- stages: members, loans``). It is an error if no stage runs one of them.

Performance: read tables in rowid order, so that each page is read once.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from etl.config.text import read_text
from etl.errors import CheckFailed, EtlError, Mistakes, Where
from etl.pipeline.sql import check_compiles, empty_database, filled, literal, quote
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from etl.pipeline.schema import ForeignKey, Schema, Table

#: How many violating rows a message lists.
MAX_ROWS = 5

PIPELINE, STAGES = ":pipeline", ":stages"
_FULL = "full"  # the folder of checks that only run with check --full
_GENERATORS = "stages:"  # the line of the comment that lists them


@dataclass(frozen=True)
class Check:
    """A query that must return no rows, and the rule that it checks."""

    name: str
    rule: str
    sql: str
    shown: str  # its file in messages
    generators: tuple[str, ...] = ()  # full names of the generators whose stages it checks
    line: int = 0  # of the comment that lists them

    def stages(self, pipeline: Mapping[str, Any]) -> dict[str, Any]:
        """The stages of an effective pipeline that it checks. Raises EtlError when it needs some and there are none."""
        stages = pipeline["stages"] if self.generators else {}
        found = {name: stage for name, stage in stages.items() if stage.get("python") in self.generators}
        if self.generators and not found:
            what = f"no stage runs {' or '.join(self.generators)}, so this check would check nothing"
            raise EtlError(f"{what}; name another generator, or delete the check", Where(self.shown, self.line, 1))
        return found


def read_checks(
    folder: Path | None,
    shown: str,
    schema: Schema | None = None,
    *,
    full: bool = False,
    in_full: Callable[[str], str] = str,
) -> list[Check]:
    """Read the checks of a folder and those below it, ordered by name, with those of ``check --full`` if ``full``.

    The first one checks the foreign keys and has no file; without a folder it is the only one. With a schema the
    queries are also compiled against it. ``in_full`` expands the short name of a generator. Raises Mistakes.
    """
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.sql"))] if folder else []
    checks, mistakes = [_foreign_keys(schema)], list[EtlError]()
    for path in paths:
        if folder and (full or path.parts[0] != _FULL):
            try:
                checks.append(_read(folder / path, f"{shown}/{path}", in_full))
            except EtlError as error:
                mistakes.append(error)
    mistakes += _compile_errors(checks, schema) if schema else []
    if mistakes:
        raise Mistakes(mistakes)
    return checks


def _foreign_keys(schema: Schema | None) -> Check:
    """The check of all foreign keys. With a schema its rows also have the values that refer to nothing."""
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
    """A query for the values of a foreign key in a row, as text."""
    columns = " || ', ' || ".join(f"{literal(f'{name}=')} || quote({quote(name)})" for name in key.columns)
    return f"SELECT {columns} FROM {quote(table.name)} WHERE rowid = f.rowid"  # noqa: S608 -- quoted names


def _compile_errors(checks: Iterable[Check], schema: Schema) -> Iterator[EtlError]:
    """Check that each query is one read-only SELECT over the tables of the schema: yield the errors."""
    with contextlib.closing(empty_database(schema.statements)) as database:
        for check in checks:
            try:
                check_compiles(database, check.sql, {PIPELINE[1:]: "{}", STAGES[1:]: "{}"}, "", check.shown)
            except EtlError as error:
                yield error


def run_checks(checks: Iterable[Check], database: sqlite3.Connection, pipeline: Mapping[str, Any]) -> None:
    """Run checks on a finished database. Raises CheckFailed with every violated rule and the first violating rows."""
    failures = []
    for check in checks:
        try:
            given = ((PIPELINE, pipeline), (STAGES, check.stages(pipeline)))
        except EtlError as error:
            failures.append(str(error))
            continue
        try:
            cursor = database.execute(check.sql, {name[1:]: json.dumps(value) for name, value in given})
            rows = cursor.fetchmany(MAX_ROWS)
        except sqlite3.Error as error:
            failures.append(str(EtlError(f"check {check.name} cannot run: {error}", Where(check.shown))))
            break  # interrupted, or the file is not readable
        if rows:
            names = [column[0] for column in cursor.description]
            violations = [dict(zip(names, row, strict=True)) for row in rows]
            failures.append(f"{check.shown}: {failure(check.name, check.rule, violations)}")
    if failures:
        raise CheckFailed("\n".join(failures))


@contextlib.contextmanager
def running_checks(
    checks: Iterable[Check], path: Path, pipeline: Mapping[str, Any], run: Callable[..., None] = run_checks
) -> Iterator[Future[None]]:
    """Run checks on a finished database in a thread: a future that raises CheckFailed. Leaving the block cancels.

    An EtlError in the block gives way to a CheckFailed: rows that break a rule explain what cannot be made of them.
    """
    with contextlib.closing(open_database(path)) as database, ThreadPoolExecutor(1, "checks") as thread:
        future = thread.submit(run, checks, database, pipeline)
        try:
            yield future
        except EtlError:
            future.result()
            raise
        finally:
            while not future.done():  # repeated, as an interrupt between two queries has no effect
                database.interrupt()
                wait([future], timeout=0.01)


def _read(path: Path, shown: str, in_full: Callable[[str], str]) -> Check:
    text = read_text(path, shown)
    comment = list(takewhile(lambda line: line.startswith("--"), text.splitlines()))
    comment = [line.removeprefix("--").strip() for line in comment]
    rule = " ".join(line for line in comment if not line.startswith(_GENERATORS))
    if not rule:
        raise EtlError("start the file with a comment that states the rule: -- Every …", Where(shown, 1, 1))
    lists = ((number, line) for number, line in enumerate(comment, 1) if line.startswith(_GENERATORS))
    line, names = next(lists, (0, _GENERATORS))
    generators = tuple(in_full(name) for name in names.removeprefix(_GENERATORS).replace(",", " ").split())
    sql = text.strip().rstrip(";")
    reads_stages = filled(sql, STAGES, "") != sql
    if generators and not reads_stages:
        raise EtlError("the query does not read :stages; delete this line", Where(shown, line, 1))
    if not generators and (reads_stages or "$.stages" in sql):
        example = "-- stages: members, loans"
        message = f"list the generators whose stages the query reads from :stages in a comment line such as: {example}"
        raise EtlError(message, Where(shown, line or 1, 1))
    return Check(path.stem, rule, sql, shown, generators, line)


def failure(name: str, rule: str, rows: list[dict[str, object]], count: int | None = None) -> str:
    """The message for a violated rule and its first violating rows; ``count`` is the number of all, if known."""
    lines = ["  " + ", ".join(f"{key}={value}" for key, value in row.items()) for row in rows]
    heading = f"{count} rows break it, the first of them:" if count else "The first rows that break it:"
    return "\n".join([f"check {name} failed: {rule} {heading}", *lines])
