"""Reads the endpoints: each a SQL file below ``sql/api``; its folder is its URL, its header says what it answers.

The header is a comment in YAML: ``title``, ``description``, ``parameters`` (for each ``[name]`` in the path the query
that lists its values) and ``columns`` (the type of each). A type is a column of the schema (``members.name``), one of
``integer``, ``number``, ``text`` and ``boolean`` (each with ``?`` behind it if it may be null), or, for a column of
JSON text, its shape: ``[type]``, ``{key: type}``, ``{"*": type}`` for any key, ``{"?": shape}`` if it may be null.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING

from etl.config.parse import parse
from etl.config.text import after, read_text
from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.pipeline.sql import empty_database, hold_compiles
from etl.site.endpoint import PARAMETER, Endpoint
from etl.site.kinds import SCALARS, camel, column_of, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.config.node import Node
    from etl.pipeline.schema import Schema
    from etl.site.kinds import Type

_ANY_NAME = re.compile(r"\{[^}]*\}")
_HEADER = re.compile(r"(?:--[^\n]*(?:\n|\Z))*\s*")
_SEGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_KEYS = ("title", "description", "parameters", "columns")
_RESERVED = ("openapi", "seed")  # of the first segment: the server's own
_UNSTEADY = {"random", "randomblob", "current_date", "current_time", "current_timestamp", "load_extension"}

#: Steps of SQLite's machine. The database is empty then: what needs more would never end.
_STEPS = 10_000_000


def read_endpoints(folder: Path, shown: str, schema: Schema) -> list[Endpoint]:
    """Read every endpoint of a folder, in the order of URLs, a parameter behind what has a name. Raises Mistakes."""
    mistakes: list[EtlError] = []
    endpoints: list[Endpoint] = []
    files = {path.relative_to(folder).with_suffix("").parts: path for path in folder.rglob("*.sql")}
    with closing(empty_database(schema.statements, _UNSTEADY)) as database:
        database.set_progress_handler(lambda: 1, _STEPS)
        for parts in sorted(files, key=lambda parts: [segment.replace("[", "~") for segment in parts]):
            reader = _Reader(f"{shown}/{files[parts].relative_to(folder)}", schema, database)
            endpoint = reader.read(files[parts], parts)
            mistakes += reader.mistakes
            endpoints += [endpoint] if endpoint else []
    mistakes += _same(endpoints)
    if mistakes:
        raise Mistakes(mistakes)
    return endpoints


def _same(endpoints: list[Endpoint]) -> Iterator[EtlError]:
    """Endpoints that programs could not tell apart."""
    first: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        url = _ANY_NAME.sub("{}", endpoint.template)
        for word, key in (("URL", url), ("name", endpoint.name)):
            other = first.setdefault(f"{word} {key}", endpoint)
            if other is not endpoint:
                yield EtlError(f"has the {word} {key}, and so has {other.shown}; rename one", Where(endpoint.shown))
                break


class _Reader:
    """Reads one file and collects its mistakes."""

    def __init__(self, shown: str, schema: Schema, database: sqlite3.Connection) -> None:
        self.shown, self.schema, self.database = shown, schema, database
        self.head = self.sql = ""
        self.mistakes: list[EtlError] = []

    def read(self, path: Path, parts: tuple[str, ...]) -> Endpoint | None:
        try:
            text = read_text(path, self.shown)
            self.head = text[: _HEADER.match(text).end()]  # type: ignore[union-attr]  # it matches nothing, too
            self.sql = text[len(self.head) :].strip().removesuffix(";")
            header = self._header()
        except EtlError as error:
            self.mistakes.append(error)
            return None
        self._path(parts)
        for key in header.mapping():
            if key not in _KEYS:
                self._say(f"unknown key '{key}'{did_you_mean(key, _KEYS)}", header.key(key))
        title, description = (self._text(header, key) for key in ("title", "description"))
        parameters = self._parameters(header, {match[1] for match in map(PARAMETER.match, parts) if match})
        columns = self._columns(header)
        self._select(set(parameters), columns, header)
        if self.mistakes:
            return None
        named = {name: column_of(kind, self.schema) for name, kind in columns.items() if isinstance(kind, str)}
        return Endpoint(
            self.shown,
            parts,
            title,
            description,
            self.sql,
            parameters,
            columns={name: resolved(kind, self.schema) for name, kind in columns.items()},
            declared=columns,
            allowed={name: column.values for name, column in named.items() if column and column.values},
            places={name: kind.where for name, kind in header.mapping()["columns"].mapping().items()},
        )

    def _path(self, parts: tuple[str, ...]) -> None:
        for segment in parts:
            if not _SEGMENT.match(segment) and not PARAMETER.match(segment):
                self._say(f"'{segment}' is no part of a URL; use a-z, 0-9 and '-', or [name]", Where(self.shown))
            if segment.startswith("[") and parts.count(segment) > 1:
                self._say(f"the path has {segment} twice; give each its own name", Where(self.shown))
        if parts[0] in _RESERVED:
            self._say(f"/api/{parts[0]} is the server's own; choose another name", Where(self.shown))

    def _header(self) -> Node:
        same_columns = re.sub(r"^--", "  ", self.head, flags=re.MULTILINE)
        header = parse(same_columns, self.shown)
        if not self.head or header.own is None:
            message = "begin the file with a header: -- title: ..., description, parameters, columns"
            raise EtlError(message, Where(self.shown, 1, 1))
        return header

    def _text(self, header: Node, key: str) -> str:
        node = header.mapping().get(key)
        if node is None or not isinstance(node.scalar, str):
            self._say(f"{key}: must be a text", node.where if node else Where(self.shown, 1, 1))
            return ""
        return node.scalar

    def _parameters(self, header: Node, in_path: set[str]) -> dict[str, str]:
        node = header.mapping().get("parameters")
        given = node.mapping() if node else {}
        for name in sorted(in_path - set(given)):
            where = header.key("parameters") if node else Where(self.shown, 1, 1)
            self._say(f"parameters: say which query lists the values of '{name}'", where)
        for name, query in given.items():
            if name not in in_path:
                self._say(f"parameters.{name}: the path has no [{name}]", query.where)
            elif not isinstance(query.scalar, str):
                self._say(f"parameters.{name}: must be a query with one column", query.where)
            else:
                found = self._prepare(query.scalar, set(), self._start(query))
                if found is not None and len(found) != 1:
                    self._say(f"parameters.{name}: must be a query with one column", query.where)
        return {name: str(query.scalar) for name, query in given.items()}

    def _columns(self, header: Node) -> dict[str, Type]:
        node = header.mapping().get("columns")
        if node is None or not node.mapping():
            self._say("columns: say the type of each column", node.where if node else Where(self.shown, 1, 1))
            return {}
        for name, kind in node.mapping().items():
            self._type(kind, f"columns.{name}")
        return {name: kind.plain() for name, kind in node.mapping().items()}

    def _type(self, kind: Node, path: str) -> None:
        if kind.items is not None:
            if len(kind.items) != 1:
                self._say(f"{path}: a list has one type, [type]", kind.where)
            for item in kind.items:
                self._type(item, path)
        elif kind.own is not None:
            if not kind.mapping() or ({"*", "?"} & set(kind.mapping()) and len(kind.mapping()) > 1):
                self._say(f'{path}: an object has types by key, or one for all: {{"*": type}}', kind.where)
            if "?" in kind.mapping() and kind.mapping()["?"].scalar is not None:
                self._say(f"{path}: a type that is no shape has '?' behind it where null may stand", kind.where)
            for name, value in kind.mapping().items():
                self._type(value, f"{path}.{name}")
        elif not isinstance(kind.scalar, str):
            self._say(f"{path}: must be a type", kind.where)
        else:
            self._scalar(kind.scalar, path, kind.where)

    def _scalar(self, kind: str, path: str, where: Where) -> None:
        name = kind.removesuffix("?")
        if "." in name:
            table, _, column = name.partition(".")
            if table not in (tables := self.schema.tables):
                self._say(f"{path}: the schema has no table '{table}'{did_you_mean(table, tables)}", where)
            elif column not in (columns := tables[table].columns):
                self._say(f"{path}: the table {table} has no column '{column}'{did_you_mean(column, columns)}", where)
        elif name not in SCALARS:
            self._say(f"{path}: unknown type '{kind}'{did_you_mean(name, SCALARS)}", where)

    def _select(self, parameters: set[str], columns: Mapping[str, Type], header: Node) -> None:
        begin = after(self.head, self.shown)
        found = self._prepare(self.sql, parameters, self.head)
        if found is None or not columns:
            return
        for name in found:
            twice = re.fullmatch(r"(.+):\d+", name)  # as SQLite tells two columns of one name apart
            if twice and twice[1] in found:
                self._say(f"two columns of the query are named '{twice[1]}'", begin)
            elif name not in columns:
                self._say(f"columns: say the type of '{name}'", header.mapping()["columns"].where)
        for name in columns:
            if name not in found:
                hint = did_you_mean(name, found)
                self._say(f"columns.{name}: the query has no such column{hint}", header.mapping()["columns"].key(name))
        if len(found) != len({camel(name) for name in found}):
            self._say("two columns of the query have the same name in JSON", begin)
        for name in sorted(parameters):
            if not re.search(rf":{name}\b", self.sql):
                self._say(f"the query does not use :{name}", begin)

    def _prepare(self, sql: str, parameters: set[str], before: str) -> list[str] | None:
        """The columns of one read-only SELECT, None when it is not one."""
        values = dict.fromkeys(parameters)
        try:
            hold_compiles(
                self.database, sql, values, before, self.shown
            )  # what closes our bracket below is no statement
            cursor = self.database.execute(f"SELECT * FROM (\n{sql}\n)", values)  # noqa: S608
            deque(cursor, maxlen=0)
        except EtlError as error:
            says = error.message
            if "to use function" in says:
                says = f"{says.rpartition(' ')[2]}() may not stand here: its value differs from call to call"
            elif "not authorized" in says or "one statement" in says:
                says = "only one read-only SELECT may stand here"
            self._say(says, error.where or after(before, self.shown))
        except sqlite3.Error as error:
            never = "interrupted" in str(error)
            self._say("the query would never end" if never else f"SQLite says: {error}", after(before, self.shown))
        else:
            return [column[0] for column in cursor.description]
        return None

    def _start(self, query: Node) -> str:
        """What stands before a query of the header, its own quotes included."""
        *above, line = self.head.split("\n")[: query.where.line]
        column = query.where.column - 1
        return "\n".join([*above, line[: max(column, line.find(str(query.scalar), column))]])

    def _say(self, message: str, where: Where) -> None:
        self.mistakes.append(EtlError(message, where))
