"""Endpoints: one SQL file each below ``sql/api``, whose folder is its URL and whose header says what it answers.

The header is a comment in YAML: ``title``, ``description``, ``parameters`` (for each ``[name]`` in the path the query
that lists its values) and ``columns`` (the type of each). A type is a column of the schema (``rosters.name``), one of
``integer``, ``number``, ``text`` and ``boolean`` (with ``?`` behind it if it may be null), or, for a column of JSON
text, its shape: ``[type]``, ``{key: type}``, ``{"*": type}``.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.syntax import parse
from etl.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.tables import Schema

Type = str | list[Any] | dict[str, Any]

SCALARS = {"integer": "integer", "number": "number", "text": "string", "boolean": "boolean"}

_PARAMETER = re.compile(r"\[([a-z][a-z0-9_]*)\]\Z")
_SEGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_KEYS = ("title", "description", "parameters", "columns")


@dataclass(frozen=True)
class Endpoint:
    """One file, one URL."""

    shown: str  # the file in messages
    segments: tuple[str, ...]  # of its URL below /api, parameters as [name]
    title: str
    description: str
    sql: str
    parameters: Mapping[str, str]  # the query that lists the values of each
    columns: Mapping[str, Type]

    @property
    def template(self) -> str:
        """Its URL as OpenAPI writes it, ``/api/rosters/{id}/students``."""
        return "/api/" + "/".join(_PARAMETER.sub(r"{\1}", segment) for segment in self.segments)

    @property
    def name(self) -> str:
        """A name for programs: ``rosters-students``."""
        return "-".join(segment for segment in self.segments if not _PARAMETER.match(segment))

    def url(self, values: Mapping[str, object]) -> str:
        """Its URL for some values of its parameters, without the leading slash."""
        return self.template.format(**values).removeprefix("/")

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The texts of its parameters in a URL's segments, None when the URL is not its own."""
        if len(segments) != len(self.segments):
            return None
        values = {}
        for own, given in zip(self.segments, segments, strict=True):
            parameter = _PARAMETER.match(own)
            if parameter:
                values[parameter[1]] = given
            elif own != given:
                return None
        return values


def read_endpoints(folder: Path, shown: str, schema: Schema) -> list[Endpoint]:
    """Read every endpoint of a folder, in the order of URLs. Raises Mistakes."""
    mistakes: list[EtlError] = []
    endpoints = []
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in schema.statements:
            database.execute(statement)
        database.set_authorizer(_read_only)
        for path in sorted(folder.rglob("*.sql"), key=lambda path: path.relative_to(folder).with_suffix("").parts):
            reader = _Reader(path.read_text(encoding="utf-8"), f"{shown}/{path.relative_to(folder)}", schema, database)
            endpoint = reader.read(path.relative_to(folder).with_suffix("").parts)
            mistakes += reader.mistakes
            endpoints.append(endpoint)
    if mistakes:
        raise Mistakes(mistakes)
    return [endpoint for endpoint in endpoints if endpoint]


def camel(name: str) -> str:
    """``created_at`` as ``createdAt``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def is_json(kind: Type) -> bool:
    """Whether a column of this type holds JSON text."""
    return not isinstance(kind, str)


def _read_only(action: int, *_: object) -> int:
    """SQLite's authorizer: reading and functions, nothing else."""
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


class _Reader:
    """Reads one file and collects its mistakes."""

    def __init__(self, text: str, shown: str, schema: Schema, database: sqlite3.Connection) -> None:
        self.text, self.shown, self.schema, self.database = text, shown, schema, database
        self.mistakes: list[EtlError] = []

    def read(self, parts: tuple[str, ...]) -> Endpoint | None:
        for segment in parts:
            if not _SEGMENT.match(segment) and not _PARAMETER.match(segment):
                self._say(f"'{segment}' is no part of a URL; use a-z, 0-9 and '-', or [name]", Where(self.shown))
        header = self._header()
        if header is None:
            return None
        for key in header.mapping():
            if key not in _KEYS:
                self._say(f"unknown key '{key}'{did_you_mean(key, _KEYS)}", header.key(key))
        title, description = (self._text(header, key) for key in ("title", "description"))
        parameters = self._parameters(header, {match[1] for match in map(_PARAMETER.match, parts) if match})
        columns = self._columns(header)
        self._select(set(parameters), columns, header)
        if self.mistakes:
            return None
        return Endpoint(self.shown, parts, title, description, self._sql(), parameters, columns)

    def _sql(self) -> str:
        lines = self.text.splitlines()
        body = [line for index, line in enumerate(lines) if index >= self._header_lines()]
        return "\n".join(body).strip().rstrip(";")

    def _header_lines(self) -> int:
        lines = self.text.splitlines()
        return next((index for index, line in enumerate(lines) if not line.startswith("--")), len(lines))

    def _header(self) -> Node | None:
        lines = self.text.splitlines()[: self._header_lines()]
        try:
            header = parse("\n".join("  " + line[2:] for line in lines), self.shown)  # the columns stay what they are
        except EtlError as error:
            self.mistakes.append(error)
            return None
        if not lines or header.own is None:
            self._say(
                "begin the file with a header: -- title: …, description, parameters, columns", Where(self.shown, 1, 1)
            )
            return None
        return header

    def _text(self, header: Node, key: str) -> str:
        node = header.mapping().get(key)
        if node is None or not isinstance(node.scalar, str):
            self._say(f"{key}: must be a text", node.where if node else header.where)
            return ""
        return node.scalar

    def _parameters(self, header: Node, in_path: set[str]) -> dict[str, str]:
        node = header.mapping().get("parameters")
        given = node.mapping() if node else {}
        for name in sorted(in_path - set(given)):
            self._say(f"parameters: say which query lists the values of '{name}'", node.where if node else header.where)
        for name, query in given.items():
            if name not in in_path:
                self._say(f"parameters.{name}: the path has no [{name}]", node.key(name) if node else header.where)
            elif not isinstance(query.scalar, str):
                self._say(f"parameters.{name}: must be a query with one column", query.where)
            else:
                described = self._prepare(query.scalar, set(), query.where)
                if described is not None and len(described) != 1:
                    self._say(f"parameters.{name}: must be a query with one column", query.where)
        return {name: str(query.scalar) for name, query in given.items()}

    def _columns(self, header: Node) -> dict[str, Type]:
        node = header.mapping().get("columns")
        if node is None or not node.mapping():
            self._say("columns: say the type of each column", node.where if node else header.where)
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
            for name, value in kind.mapping().items():
                self._type(value, f"{path}.{name}")
        elif not isinstance(kind.scalar, str):
            self._say(f"{path}: must be a type", kind.where)
        elif "." in kind.scalar:
            table, _, column = kind.scalar.partition(".")
            if table not in self.schema.tables:
                self._say(
                    f"{path}: the schema has no table '{table}'{did_you_mean(table, self.schema.tables)}", kind.where
                )
            elif column not in (known := self.schema.tables[table].columns):
                self._say(
                    f"{path}: the table {table} has no column '{column}'{did_you_mean(column, known)}", kind.where
                )
        elif kind.scalar.removesuffix("?") not in SCALARS:
            self._say(f"{path}: unknown type '{kind.scalar}'{did_you_mean(kind.scalar, SCALARS)}", kind.where)

    def _select(self, parameters: set[str], columns: Mapping[str, Type], header: Node) -> None:
        begin = Where(self.shown, self._header_lines() + 1, 1)
        found = self._prepare(self._sql(), parameters, begin)
        if found is None or not columns:
            return
        for name in found:
            if name not in columns:
                self._say(f"columns: say the type of '{name}'", header.mapping()["columns"].where)
        for name in columns:
            if name not in found:
                hint = did_you_mean(name, found)
                self._say(f"columns.{name}: the query has no such column{hint}", header.mapping()["columns"].key(name))
        if len(found) != len(set(found)):
            self._say("two columns of the query have one name", begin)

    def _prepare(self, sql: str, parameters: set[str], where: Where) -> list[str] | None:
        """The columns of one read-only SELECT, None when it is not one."""
        try:
            cursor = self.database.execute(f"SELECT * FROM (\n{sql}\n) LIMIT 0", dict.fromkeys(parameters))  # noqa: S608
        except (sqlite3.Error, sqlite3.Warning) as error:
            says = (
                "only one read-only SELECT may stand here"
                if "not authorized" in str(error)
                else f"SQLite says: {error}"
            )
            self._say(says, where)
            return None
        return [column[0] for column in cursor.description]

    def _say(self, message: str, where: Where) -> None:
        self.mistakes.append(EtlError(message, where))


def types(endpoint: Endpoint) -> Iterator[tuple[str, Type]]:
    """The columns of an endpoint under their names in JSON."""
    for name, kind in endpoint.columns.items():
        yield camel(name), kind
