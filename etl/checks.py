"""Checks: queries in SQLite's dialect that must return no rows.

``sql/checks/*.sql`` run on every build, inside of the loading transaction. ``sql/checks/full/*.sql`` open every JSON
document and run with ``check --full``. The comment at the top of a file says its rule. ``:pipeline`` stands for the
effective pipeline as JSON, so that a check takes its numbers from there and holds for any world.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import CheckFailed, EtlError, Where
from etl.shards import SHOWN, broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]

PARAMETER = ":pipeline"


@dataclass(frozen=True)
class Check:
    """A query that must return no rows, and the rule that it holds."""

    name: str
    rule: str
    sql: str
    shown: str  # its file in messages


def read_checks(folder: Path, shown: str, *, full: bool = False) -> list[Check]:
    """Read the checks of a folder, in the order of their names, the full ones too when asked for."""
    paths = [*sorted(folder.glob("*.sql")), *(sorted(folder.glob("full/*.sql")) if full else ())]
    return [_read(path, f"{shown}/{path.relative_to(folder)}") for path in paths]


def run_checks(checks: Iterable[Check], query: Query, pipeline: object) -> None:
    """Run the checks. Raises CheckFailed with every broken rule and the first rows that break it."""
    literal = "'" + json.dumps(pipeline, ensure_ascii=False).replace("'", "''") + "'"
    failures = []
    for check in checks:
        names, rows = query(f"SELECT * FROM (\n{check.sql.replace(PARAMETER, literal)}\n) LIMIT {SHOWN}")  # noqa: S608
        if rows:
            found = [dict(zip(names, row, strict=True)) for row in rows]
            failures.append(f"{check.shown}: {broken(check.name, check.rule, found)}")
    if failures:
        raise CheckFailed("\n".join(failures))


@contextlib.contextmanager
def reading(path: Path) -> Any:  # noqa: ANN401 -- contextmanager's own type
    """Open a finished database for reading only: a query function for :func:`run_checks`."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:

        def query(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
            try:
                cursor = database.execute(sql)
                return [column[0] for column in cursor.description], cursor.fetchall()
            except sqlite3.Error as error:
                raise EtlError(f"SQLite cannot read it: {error}", Where(str(path))) from error

        yield query


def _read(path: Path, shown: str) -> Check:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    comment = []
    for line in lines:
        if not line.startswith("--"):
            break
        comment.append(line.removeprefix("--").strip())
    if not comment:
        raise EtlError("begin the file with a comment that says the rule: -- Every …", Where(shown, 1, 1))
    return Check(path.stem, " ".join(comment), text.strip().rstrip(";"), shown)
