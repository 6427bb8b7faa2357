"""SQL as text: quoting, substitution, and the place in a query of an error of SQLite."""

from __future__ import annotations

import itertools
import re
import sqlite3
from typing import TYPE_CHECKING

from etl.config.text import after
from etl.errors import EtlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

#: The tokens of SQLite.
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<text>'(?:[^']|'')*')
    |(?P<double>"(?:[^"]|"")*")
    |(?P<quoted>`(?:[^`]|``)*`|\[[^\]]*\])
    |(?P<parameter>[:@$]\w+)
    |(?P<word>(?:[\w$]|[^\x00-\x7f])+)
    |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_NEAR = re.compile(r'(?:near|unrecognized token:) "(.*)"(?:: syntax error)?\Z', re.DOTALL)
_NAMED = re.compile(r"(?:no such [a-z -]+|ambiguous column name|to use function): (.+)\Z|(\w+)\(\)|(:\w+)\.\Z")


def quote(name: str) -> str:
    """The quoted name of a table or column, for SQLite and DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def filled(sql: str, parameter: str, value: str | float | None) -> str:
    """A query with a literal in place of a parameter such as ``:as_of``."""
    if parameter not in sql:
        return sql
    text = "NULL" if value is None else literal(value) if isinstance(value, str) else repr(value)
    return "".join(text if found[0] == parameter else found[0] for found in _TOKEN.finditer(sql))


def renamed(sql: str, names: Mapping[str, str]) -> str:
    """A query with calls of functions renamed; ``names`` are the new names by old name in lower case."""
    tokens = list(_TOKEN.finditer(sql))
    calls = {
        before.start()
        for before, bracket in itertools.pairwise(token for token in tokens if token.lastgroup != "space")
        if bracket[0] == "(" and before.lastgroup != "text"
    }
    return "".join(
        names.get(_name(token).lower(), token[0]) if token.start() in calls else token[0] for token in tokens
    )


def empty_database(statements: Iterable[str], denied: Collection[str] = ()) -> sqlite3.Connection:
    """A database of empty tables that compiles queries which only read and do not call the denied functions."""

    def authorize(action: int, table: str | None, name: str | None, *_: object) -> int:
        registers = action == sqlite3.SQLITE_UPDATE and table == "sqlite_master"  # by the first use of json_each
        reads = action in _READING and not (action == sqlite3.SQLITE_FUNCTION and str(name).lower() in denied)
        return sqlite3.SQLITE_OK if reads or registers else sqlite3.SQLITE_DENY

    database = sqlite3.connect(":memory:")
    for statement in statements:
        database.execute(statement)
    database.set_authorizer(authorize)
    return database


def check_compiles(
    database: sqlite3.Connection, sql: str, values: Mapping[str, object], before: str, file: str
) -> None:
    """Check that SQLite compiles one statement, which follows ``before`` in its file. Raises EtlError with the place.

    SQLite silently reads an unknown name in double quotes as a string; here it is an error.
    """
    strict = ["".join(_strict(found) for found in _TOKEN.finditer(sql))] if '"' in sql else []
    for text in (sql, *strict):
        try:
            database.execute(f"EXPLAIN {text}", values)
        except (sqlite3.Error, sqlite3.Warning) as error:  # Warning: a second statement in Python 3.11
            message = str(error)
            where = after(before + sql[: _offset(database, sql, message)], file)
            if "to use function" in message:
                name = message.rpartition(" ")[2]
                raise EtlError(f"{name}() is not allowed: its value changes from call to call", where) from error
            if "not authorized" in message or "one statement" in message:
                raise EtlError("must be one read-only SELECT", where) from error
            if text is not sql:
                message += f"; write a string in single quotes, {literal(message.partition(': ')[2])}"
            raise EtlError(f"SQLite says: {message}", where) from error


def _strict(token: re.Match[str]) -> str:
    """A token, with double quotes replaced by backticks, which only quote names."""
    if token.lastgroup != "double":
        return token[0]
    return "`" + _name(token).replace("`", "``") + "`"


def _name(token: re.Match[str]) -> str:
    """The name in a token, without quotes."""
    mark = token[0][0]
    return token[0] if token.lastgroup not in {"double", "quoted"} else token[0][1:-1].replace(mark * 2, mark)


def _offset(database: sqlite3.Connection, sql: str, message: str) -> int:
    """The offset of an error in a query in characters; that of the first token if it is unknown.

    Python does not expose the offset that SQLite knows.
    """
    tokens = [found for found in _TOKEN.finditer(sql) if found.lastgroup != "space"]
    if message == "incomplete input":
        return len(sql.rstrip())
    if near := _NEAR.match(message):
        starts = (token.start() for token in tokens if sql.startswith(near[1], token.start()))
        return next((start for start in starts if _error_of(database, sql[: start + len(near[1])]) == message), 0)
    named = _NAMED.search(message)
    found = _occurrences(tokens, str(named[named.lastindex or 0]).split(".")) if named else ()
    return next(iter([*found, *(token.start() for token in tokens)]), 0)


def _error_of(database: sqlite3.Connection, sql: str) -> str:
    """SQLite's error for the beginning of a query."""
    try:
        database.execute(f"EXPLAIN {sql}")
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    return ""


def _occurrences(tokens: list[re.Match[str]], parts: list[str]) -> Iterable[int]:
    """Where a name occurs, ``parts`` with dots between them, except where it is defined."""
    names = [_name(token).lower() for token in tokens]
    wanted = [piece.lower() for part in parts for piece in (".", part)][1:]
    for index, token in enumerate(tokens):
        begins = names[index - 1 : index] not in (["."], ["as"])
        if begins and token.lastgroup != "text" and names[index : index + len(wanted)] == wanted:
            yield token.start()
