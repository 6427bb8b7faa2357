"""A file of a query: a comment in YAML, its header, then one read-only SELECT in SQLite's dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from etl.config.parse import parse
from etl.config.text import after, read_text
from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.pipeline.sql import check_compiles, empty_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from etl.config.node import Node
    from etl.pipeline.schema import Schema

_COMMENT = re.compile(r"(?:--[^\n]*(?:\n|\Z))*\s*")
_TEXTS = ("title", "description")

#: Functions that would change the rows from call to call.
_UNSTABLE = {"random", "randomblob", "current_date", "current_time", "current_timestamp", "load_extension"}


class QueryFile(NamedTuple):
    """The parts of a file."""

    name: str  # in messages
    comment: str
    sql: str
    header: Node

    @property
    def start(self) -> Where:
        """The place of the query."""
        return after(self.comment, self.name)

    def text(self, key: str) -> str:
        """The title or the description."""
        node = self.header.mapping().get(key)
        return node.scalar if node and isinstance(node.scalar, str) else ""

    def mistakes(self, known: Collection[str]) -> Iterator[EtlError]:
        """Yield what is wrong with the header's keys, and with its texts."""
        for key in self.header.mapping():
            if key not in known:
                yield EtlError(f"unknown key '{key}'{did_you_mean(key, known)}", self.header.key(key))
        for key in _TEXTS:
            node = self.header.mapping().get(key)
            if node is None or not isinstance(node.scalar, str):
                yield EtlError(f"{key}: must be text", node.where if node else Where(self.name, 1, 1))


def read_query_file(path: Path, name: str, keys: str) -> QueryFile:
    """Read a file, which messages call ``name``. Raises EtlError; for one without a header it names the ``keys``."""
    text = read_text(path, name)
    comment = text[: _COMMENT.match(text).end()]  # type: ignore[union-attr]  # it matches the empty string, too
    header = parse(re.sub(r"^--", "  ", comment, flags=re.MULTILINE), name)  # the columns of places stay
    if not comment or header.entries is None:
        raise EtlError(f"no header; begin the file with: -- title: ..., {keys}", Where(name, 1, 1))
    return QueryFile(name, comment, text[len(comment) :].strip().removesuffix(";"), header)


@dataclass(frozen=True)
class Query:
    """A file that has nothing but a title and a description in its header."""

    where: Where  # of its SQL
    title: str
    description: str
    sql: str
    columns: tuple[str, ...]


def read_query(path: Path, name: str, database: sqlite3.Connection) -> Query:
    """Read such a file, and compile it over the tables of a database. Raises EtlError or Mistakes."""
    file = read_query_file(path, name, "description")
    if mistakes := list(file.mistakes(_TEXTS)):
        raise Mistakes(mistakes)
    values = {"as_of": None}
    check_compiles(database, file.sql, values, file.comment, name)
    columns = tuple(column for column, *_ in database.execute(file.sql, values).description)
    if len(columns) != len({column.lower() for column in columns}):
        raise EtlError("two columns have the same name", file.start)
    return Query(file.start, file.text("title"), file.text("description"), file.sql, columns)


def empty_tables(schema: Schema) -> sqlite3.Connection:
    """A database with the tables of a schema that only compiles queries whose rows are the same each time."""
    return empty_database(schema.statements, _UNSTABLE)
