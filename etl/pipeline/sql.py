"""SQL as text: names and texts put into a query, and the place in a query of what SQLite finds wrong with it."""

from __future__ import annotations

import itertools
import re
import sqlite3
from typing import TYPE_CHECKING

from etl.config.text import after
from etl.errors import EtlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

#: What a query is made of, as SQLite reads it.
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
_NAMED = re.compile(r"(?:no such [a-z -]+|ambiguous column name|to use function): (.+)\Z")
_ONCE = re.compile(
    r"(?:\b(\w+)\(\)|binding parameter (:\w+))"
)  # what a message names that may stand elsewhere, rightly


def quote(name: str) -> str:
    """The name of a table or a column as SQL writes it, to SQLite and to DuckDB, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def filled(sql: str, parameter: str, value: str) -> str:
    """A query with a text in the place of a parameter, such as ``:pipeline``."""
    return "".join(literal(value) if found[0] == parameter else found[0] for found in _TOKEN.finditer(sql))


def renamed(sql: str, names: Mapping[str, str]) -> str:
    """A query that calls other functions: ``names`` are the new ones by the old, in lower case."""
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
    """A database of empty tables, to compile queries in that only read, and do not call the denied functions."""

    def authorize(action: int, table: str | None, name: str | None, *_: object) -> int:
        registers = action == sqlite3.SQLITE_UPDATE and table == "sqlite_master"  # json_each, when it is used first
        reads = action in _READING and not (action == sqlite3.SQLITE_FUNCTION and str(name).lower() in denied)
        return sqlite3.SQLITE_OK if reads or registers else sqlite3.SQLITE_DENY

    database = sqlite3.connect(":memory:")
    for statement in statements:
        database.execute(statement)
    database.set_authorizer(authorize)
    return database


def hold_compiles(
    database: sqlite3.Connection, sql: str, values: Mapping[str, object], before: str, shown: str
) -> None:
    """Hold that SQLite compiles one statement, which follows ``before`` in its file. Raises EtlError with the place.

    SQLite takes a name in double quotes that names nothing for a text, in silence; here it is refused.
    """
    strict = "".join(_strict(found) for found in _TOKEN.finditer(sql))
    for text in (sql, strict):
        try:
            database.execute(f"EXPLAIN {text}", values)
        except (sqlite3.Error, sqlite3.Warning) as error:  # Warning: Python 3.11 says so of a second statement
            message = str(error)
            where = after(before + sql[: _offset(database, sql, message)], shown)
            if text is not sql:
                message += f"; write a text in single quotes, {literal(message.partition(': ')[2])}"
            raise EtlError(f"SQLite says: {message}", where) from error


def _strict(token: re.Match[str]) -> str:
    """A token, double quotes made to such as stand around names alone."""
    if token.lastgroup != "double":
        return token[0]
    return "`" + _name(token).replace("`", "``") + "`"


def _name(token: re.Match[str]) -> str:
    """The name that a token stands for, quoted or not."""
    mark = token[0][0]
    return token[0] if token.lastgroup not in {"double", "quoted"} else token[0][1:-1].replace(mark * 2, mark)


def _offset(database: sqlite3.Connection, sql: str, message: str) -> int:
    """Where in a query that is which a message of SQLite is about, in characters; else where the query begins.

    Python does not say which offset SQLite knows.
    """
    tokens = [found for found in _TOKEN.finditer(sql) if found.lastgroup != "space"]
    if message == "incomplete input":
        return len(sql.rstrip())
    if near := _NEAR.match(message):
        starts = (token.start() for token in tokens if sql.startswith(near[1], token.start()))
        return next((start for start in starts if _says(database, sql[: start + len(near[1])]) == message), 0)
    found: list[int] = []
    if named := _NAMED.search(message):
        found = list(_naming(tokens, named[1].split(".")))
    elif once := _ONCE.search(message):
        found = list(_naming(tokens, [once[1] or once[2]]))
        found = found if len(found) == 1 else []
    return next(iter([*found, *(token.start() for token in tokens)]), 0)


def _says(database: sqlite3.Connection, sql: str) -> str:
    """What SQLite says of the beginning of a query."""
    try:
        database.execute(f"EXPLAIN {sql}")
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    return ""


def _naming(tokens: list[re.Match[str]], parts: list[str]) -> Iterable[int]:
    """Where a name stands, ``parts`` with dots between them, but not where it is given."""
    names = [_name(token).lower() for token in tokens]
    wanted = [piece.lower() for part in parts for piece in (".", part)][1:]
    for index, token in enumerate(tokens):
        begins = names[index - 1 : index] not in (["."], ["as"])
        if begins and token.lastgroup != "text" and names[index : index + len(wanted)] == wanted:
            yield token.start()
