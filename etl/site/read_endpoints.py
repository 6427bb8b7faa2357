"""Reads the endpoints: SQL files below ``sql/api``. The path of a file is its URL.

The header is a comment in YAML: ``title``, ``description``, ``parameters`` (for each ``[name]`` in the path the query
that lists its values), ``query`` (see :mod:`etl.site.read_parameters`), ``path`` (other URLs with the same answers),
``answer`` (``array`` or ``object``) and ``columns`` (the type of each). A type is a column of the schema
(``members.name``) or one of those in :mod:`etl.site.column_types`. The query may use ``:as_of``, the day of the build.
"""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING

from etl.config.text import after
from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.pipeline.sql import check_compiles, filled
from etl.site.column_types import camel_case, json_schema, mistakes
from etl.site.endpoint import LIST_PARAMETERS, PARAMETER, Endpoint
from etl.site.parameters import Parameter
from etl.site.query_file import empty_tables, read_query_file
from etl.site.read_parameters import read_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.config.node import Node
    from etl.pipeline.schema import Schema
    from etl.site.column_types import Written
    from etl.site.endpoint import Route

_ANY_NAME = re.compile(r"\{[^}]*\}")
_SEGMENT = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_KEYS = ("title", "description", "answer", "parameters", "query", "path", "columns")
_ANSWERS = ("array", "object")
_RESERVED = ("index", "openapi", "seed")  # first segments that the server uses itself

#: Steps of SQLite's virtual machine. The tables are empty: a query that needs more does not end.
_STEPS = 10_000_000


def read_endpoints(folder: Path, name: str, schema: Schema, as_of: str = "") -> list[Endpoint]:
    """The endpoints of a folder in the order of their URLs, parameters last; messages call it ``name``.

    ``as_of`` is the time of the build. Raises Mistakes.
    """
    found: list[EtlError] = []
    endpoints: list[Endpoint] = []
    files = {path.relative_to(folder).with_suffix("").parts: path for path in folder.rglob("*.sql")}
    with closing(empty_tables(schema)) as database:
        database.set_progress_handler(lambda: 1, _STEPS)
        for parts in sorted(files, key=lambda parts: [segment.replace("[", "~") for segment in parts]):
            reader = _Reader(f"{name}/{files[parts].relative_to(folder)}", schema, database, as_of[:10])
            endpoint = reader.read(files[parts], parts)
            found += reader.mistakes
            endpoints += [endpoint] if endpoint else []
    found += _duplicates(endpoints)
    if found:
        raise Mistakes(found)
    return endpoints


def _duplicates(endpoints: list[Endpoint]) -> Iterator[EtlError]:
    first: dict[str, Route] = {}
    for route in (route for endpoint in endpoints for route in endpoint.routes):
        url = _ANY_NAME.sub("{}", route.template)
        for word, key in (("URL", url), ("name", route.name)):
            other = first.setdefault(f"{word} {key}", route)
            if other is not route:
                message = f"same {word} as {other.endpoint.file}: {key}; rename one"
                yield EtlError(message, Where(route.endpoint.file))
                break


class _Reader:
    """Reads one file and collects its mistakes."""

    def __init__(self, file: str, schema: Schema, database: sqlite3.Connection, as_of: str) -> None:
        self.file, self.schema, self.database, self.as_of = file, schema, database, as_of
        self.comment = self.sql = ""
        self.mistakes: list[EtlError] = []

    def read(self, path: Path, parts: tuple[str, ...]) -> Endpoint | None:
        try:
            query = read_query_file(path, self.file, "description, parameters, columns")
        except EtlError as error:
            self.mistakes.append(error)
            return None
        self.comment, self.sql, header = query.comment, query.sql, query.header
        self._path(parts, Where(self.file))
        self.mistakes += query.mistakes(_KEYS)
        is_object = self._answer(header)
        parameters = self._parameters(header, {match[1] for match in map(PARAMETER.match, parts) if match})
        parameters |= self._query(header, parameters, is_object=is_object)
        columns = self._columns(header)
        self._select(set(parameters), columns, header)
        paths = self._paths(header, parts, parameters)
        if self.mistakes:
            return None
        return Endpoint(
            self.file,
            parts,
            query.text("title"),
            query.text("description"),
            filled(self.sql, ":as_of", self.as_of),
            parameters,
            columns={name: json_schema(kind, self.schema.tables) for name, kind in columns.items()},
            is_object=is_object,
            paths=paths,
            places={name: kind.where for name, kind in header.mapping()["columns"].mapping().items()},
        )

    def _path(self, parts: tuple[str, ...], where: Where) -> None:
        for segment in parts:
            if not _SEGMENT.match(segment) and not PARAMETER.match(segment):
                self._add(f"'{segment}' is not a valid URL segment; use a-z, 0-9 and '-', or [name]", where)
            if segment.startswith("[") and parts.count(segment) > 1:
                self._add(f"duplicate parameter {segment} in the path; rename one", where)
        if parts[0] in _RESERVED:
            self._add(f"/api/{parts[0]} is reserved for the server; choose another name", where)

    def _paths(
        self, header: Node, own: tuple[str, ...], parameters: Mapping[str, Parameter]
    ) -> tuple[tuple[str, ...], ...]:
        """The segments of the other URLs."""
        node = header.mapping().get("path")
        nodes = [] if node is None else [node] if node.items is None else node.items
        paths = []
        for each in nodes:
            if not isinstance(each.scalar, str):
                self._add("path: must be a path, or a list of paths", each.where)
                continue
            parts = tuple(each.scalar.strip("/").split("/"))
            self._path(parts, each.where)
            names = {match[1] for match in map(PARAMETER.match, parts) if match}
            for name in sorted(names):
                if name not in parameters:
                    self._add(f"path: no parameter '{name}'{did_you_mean(name, parameters)}", each.where)
                elif not parameters[name].values:
                    self._add(f"path: '{name}' has no list of values; a file has a name for each", each.where)
            for segment in own:
                if PARAMETER.match(segment) and segment not in parts:
                    self._add(f"path: {segment} is missing", each.where)
            paths.append(parts)
        return tuple(paths)

    def _answer(self, header: Node) -> bool:
        """Whether an answer is one object."""
        node = header.mapping().get("answer")
        if node is not None and node.scalar not in _ANSWERS:
            self._add("answer: must be array or object", node.where)
        return node is not None and node.scalar == "object"

    def _parameters(self, header: Node, in_path: set[str]) -> dict[str, Parameter]:
        node = header.mapping().get("parameters")
        given = node.mapping() if node else {}
        for name in sorted(in_path - set(given)):
            where = header.key("parameters") if node else Where(self.file, 1, 1)
            self._add(f"parameters: no query for '{name}'; write {name}: SELECT ... to list its values", where)
        for name, query in given.items():
            if name not in in_path:
                self._add(
                    f"parameters.{name}: the path has no [{name}]; declare query parameters under query",
                    query.where,
                )
            else:
                self._values(query, f"parameters.{name}")
        return {name: Parameter(name, str(query.scalar)) for name, query in given.items()}

    def _values(self, query: Node, path: str) -> None:
        if isinstance(query.scalar, str):
            found = self._prepare(query.scalar, set(), self._start(query))
            if found is None or len(found) == 1:
                return
        self._add(f"{path}: must be a query with one column", query.where)

    def _query(self, header: Node, in_path: Mapping[str, Parameter], *, is_object: bool) -> dict[str, Parameter]:
        node = header.mapping().get("query")
        if node is None:
            return {}
        if node.entries is None:
            self._add("query: must be parameters by name", node.where)
        parameters = {}
        taken = {"asOf", *map(camel_case, in_path)}
        for name, each in node.mapping().items():
            where = node.key(name)
            if not PARAMETER.match(f"[{name}]"):
                self._add(f"query.{name}: must be a name of a-z, 0-9 and '_'", where)
            elif camel_case(name) in taken or (name in LIST_PARAMETERS and not is_object):
                self._add(f"query.{name}: this name is taken; choose another", where)
            taken.add(camel_case(name))
            parameter, mistakes = read_parameter(name, each)
            self.mistakes += mistakes
            values = each if each.entries is None else each.mapping().get("values")
            if values is not None and values.items is None:
                self._values(values, f"query.{name}")
            parameters[name] = parameter
        return parameters

    def _columns(self, header: Node) -> dict[str, Written]:
        node = header.mapping().get("columns")
        if node is None or not node.mapping():
            self._add("columns: missing; give the type of each column", node.where if node else Where(self.file, 1, 1))
            return {}
        for name, kind in node.mapping().items():
            self.mistakes += mistakes(kind, self.schema.tables, f"columns.{name}")
        return {name: kind.plain() for name, kind in node.mapping().items()}

    def _select(self, parameters: set[str], columns: Mapping[str, Written], header: Node) -> None:
        begin = after(self.comment, self.file)
        found = self._prepare(self.sql, parameters, self.comment)
        if found is None or not columns:
            return
        for name in found:
            twice = re.fullmatch(r"(.+):\d+", name)  # how SQLite renames a duplicate
            if twice and twice[1] in found:
                self._add(f"duplicate column '{twice[1]}' in the query", begin)
            elif name not in columns:
                self._add(f"columns: no type for '{name}'", header.mapping()["columns"].where)
        for name in columns:
            if name not in found:
                hint = did_you_mean(name, found)
                self._add(f"columns.{name}: the query has no such column{hint}", header.mapping()["columns"].key(name))
        if len(found) != len({camel_case(name) for name in found}):
            self._add("two columns of the query have the same JSON name", begin)
        for name in sorted(parameters):
            if not re.search(rf":{name}\b", self.sql):
                self._add(f"the query does not use :{name}", begin)

    def _prepare(self, sql: str, parameters: set[str], before: str) -> list[str] | None:
        """The columns of a query; None, and a mistake, if it is not one read-only SELECT."""
        values = dict.fromkeys((*parameters, "as_of"))
        try:
            check_compiles(self.database, sql, values, before, self.file)  # alone first, to refuse "1) UNION (SELECT 2"
            cursor = self.database.execute(f"SELECT * FROM (\n{sql}\n)", values)  # noqa: S608
            deque(cursor, maxlen=0)
        except EtlError as error:
            self.mistakes.append(error)
        except sqlite3.Error as error:
            endless = "interrupted" in str(error)
            self._add("the query does not terminate" if endless else f"SQLite says: {error}", after(before, self.file))
        else:
            return [column[0] for column in cursor.description]
        return None

    def _start(self, query: Node) -> str:
        """The text of the file before a query in the header, including its quote."""
        *above, line = self.comment.split("\n")[: query.where.line]
        column = query.where.column - 1
        return "\n".join([*above, line[: max(column, line.find(str(query.scalar), column))]])

    def _add(self, message: str, where: Where) -> None:
        self.mistakes.append(EtlError(message, where))
