"""Queries of SQL stages, and the DuckDB that runs them: it sees the declared inputs, but no files, network or clock."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from etl.config.text import after, read_text
from etl.errors import EtlError, Where, did_you_mean
from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    Node = dict[str, Any]

#: DuckDB functions whose result depends on more than their arguments: those whose stability in ``duckdb_functions()``
#: is not CONSISTENT (checked by a test), and those that are consistent only within a connection or a query.
UNSTABLE = frozenset(
    """
    current_catalog current_connection_id current_database current_date current_localtime current_localtimestamp
    current_query current_query_id current_role current_schema current_schemas current_setting current_time
    current_timestamp current_transaction_id current_user currval error gen_random_uuid get_current_time
    get_current_timestamp getvariable in_search_path localtime localtimestamp nextval now pg_conf_load_time
    pg_postmaster_start_time pg_sleep random session_user setseed sleep_ms stats today transaction_timestamp
    txid_current user uuid uuidv4 uuidv7 version write_log
    """.split()  # noqa: SIM905 -- fifty quoted words are harder to read
)
#: Functions that are allowed in FROM: they read only their arguments, and no files or settings.
TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"})


_NOWHERE = 2**64 - 1  # DuckDB's location of nodes without one


@dataclass
class Query:
    """A query, and the mistakes in it."""

    file: str  # its file in messages
    text: str = ""
    tree: Node = field(default_factory=dict)  # of DuckDB's parser, empty if the text is not SQL
    params: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)  # the inputs that it reads
    mistakes: list[EtlError] = field(default_factory=list)

    def place(self, node: Any = None) -> Where:  # noqa: ANN401 -- a part of the tree
        """The place of a node, or of the query."""
        offsets = (part.get("query_location", _NOWHERE) for part in nodes_of(node))
        offset = next((offset for offset in offsets if offset < _NOWHERE), 0)
        return after(self.text.encode()[:offset].decode(errors="ignore"), self.file)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The sandbox, one per process."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "enable_external_access": False,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "errors_as_json": True,  # with positions
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


@contextlib.contextmanager
def _connected(inputs: Mapping[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees the inputs under their names; other threads do not."""
    with _database().cursor() as cursor:
        for name, table in inputs.items():
            if table.num_rows > _COPIED or "null" in str(table.schema.types):  # a table would have a type for NULL
                cursor.register(name, table)
            else:
                _copy(cursor, name, table)
        yield cursor


#: Rows that are copied: to scan a table of Arrow, DuckDB imports pyarrow.dataset and what it needs, which takes 80 ms.
_COPIED = 1000


def _copy(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Make a view of a copy of a table: as the view of a table of Arrow, it has no rowid."""
    stream, copy = quote(f"stream of {name}"), quote(f"copy of {name}")
    cursor.register(f"stream of {name}", table.__arrow_c_stream__())
    cursor.execute(f"CREATE TEMP TABLE {copy} AS SELECT * FROM {stream}")  # noqa: S608 -- quoted names
    cursor.execute(f"CREATE TEMP VIEW {quote(name)} AS SELECT * FROM {copy}")  # noqa: S608


def run_query(text: str, params: Mapping[str, Any], inputs: Mapping[str, pa.Table]) -> pa.Table:
    """Run a query over its inputs. Raises duckdb.Error."""
    with _connected(inputs) as cursor:
        return cursor.execute(text, dict(params)).to_arrow_table()


def bind_query(query: Query, params: Mapping[str, Any], inputs: Mapping[str, pa.Schema]) -> pa.Schema:
    """The columns of the result of a query, which is not run. Raises EtlError with the place."""
    with _connected({name: columns.empty_table() for name, columns in inputs.items()}) as cursor:
        try:
            columns = cursor.execute(f"{_DESCRIBE}{query.text}", dict(params)).fetchall()
        except duckdb.Error as error:
            raise query_error(error, query.text, query.file, _DESCRIBE) from error
        types = ", ".join(f"CAST(NULL AS {column[1]}) AS c{number}" for number, column in enumerate(columns))
        schema = cursor.execute(f"SELECT {types}").to_arrow_table().schema
    return pa.schema([(column[0], kind) for column, kind in zip(columns, schema.types, strict=True)])


_DESCRIBE = "DESCRIBE "


def query_error(error: duckdb.Error, text: str, file: str, prefix: str = "") -> EtlError:
    """The error of a query with its place; ``prefix`` is what was run before the text."""
    message, before = _parsed(error, prefix + text)
    return EtlError(f"DuckDB says: {message}", after(before.removeprefix(prefix), file))


def inspect_query(path: Path, file: str, inputs: set[str] | None) -> Query:
    """Check that a file is one SELECT that depends only on its declared inputs.

    ``inputs`` is None if they are unknown; then any table is allowed.
    """
    try:
        query = read_query(read_text(path, file), file)
    except EtlError as error:
        return Query(file, mistakes=[error])
    nodes = list(nodes_of(query.tree))
    maps = [node["cte_map"]["map"] for node in nodes if isinstance(node.get("cte_map"), dict)]
    local = {entry["key"].lower() for entries in maps for entry in entries}  # names that WITH defines
    for node in nodes:
        if node.get("type") == "BASE_TABLE" and (node["schema_name"] or node["table_name"].lower() not in local):
            query.tables.add(node["table_name"].lower())
        query.mistakes += [EtlError(message, query.place(node)) for message in _faults(node, inputs, local)]
    return query


def read_query(text: str, file: str) -> Query:
    """Parse a query. Raises EtlError if it is not one SELECT."""
    try:
        with _database().cursor() as cursor:
            statements = cursor.extract_statements(text)
            if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
                row = cursor.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone()
                tree: Any = json.loads(row[0]) if row else {"error": True}
                if not tree["error"] and not any(node.get("type") == "SHOW_REF" for node in nodes_of(tree)):
                    params = set(statements[0].named_parameters)
                    if any(name.isdigit() for name in params):
                        raise EtlError("params need names; write $name, not ? or $1", Where(file, 1, 1))
                    return Query(file, text, tree["statements"][0]["node"], params)
    except duckdb.Error as error:
        message, before = _parsed(error, text)
        if colon := _COLON.match(text, len(before)):
            message = f"write a param as ${colon[1]}, not :{colon[1]}"
        raise EtlError(f"not SQL: {message}", after(before, file)) from error
    except RecursionError as error:
        raise EtlError("nested too deeply; split the query with WITH", Where(file, 1, 1)) from error
    raise EtlError("a stage must be one SELECT", Where(file, 1, 1))


_COLON = re.compile(r":([^\W\d]\w*)")


def _faults(node: Node, inputs: set[str] | None, local: set[str]) -> Iterator[str]:
    kind = node.get("type")
    if kind == "BASE_TABLE" and inputs is not None:
        schema, table = node["schema_name"], node["table_name"]
        if schema or table.lower() not in inputs | local:
            name = f"{schema}.{table}" if schema else table
            yield f"'{name}' is not an input of the stage{did_you_mean(table, inputs)}"
    elif kind == "TABLE_FUNCTION":
        name = node["function"].get("function_name", "").lower()
        if name not in TABLE_FUNCTIONS:
            yield f"{name}() is not allowed in FROM; make what it reads an input of the stage"
    if node.get("sample"):
        yield "a sample is random; select rows by their values"
    called, names = str(node.get("function_name", "")).lower(), node.get("column_names") or []
    if called in UNSTABLE or (called == "age" and len(node["children"]) == 1):
        yield f"{called}() does not depend on the inputs alone; pass the value in the stage's params"
    elif len(names) == 1 and names[0].lower() in UNSTABLE:
        yield f"{names[0].lower()} does not depend on the inputs alone; pass the value in the stage's params"


def nodes_of(tree: Any, without: Collection[str] = ()) -> Iterator[Node]:  # noqa: ANN401 -- JSON
    """Every node of a tree, parents first, roughly in the order of the text; keys ``without`` are skipped."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += [inner for key, inner in reversed(value.items()) if key not in without]
        elif isinstance(value, list):
            waiting += reversed(value)


def _parsed(error: duckdb.Error, text: str) -> tuple[str, str]:
    """DuckDB's message about a text, and the text before the place of the error."""
    _, _, document = str(error).partition("{")
    try:
        details = json.loads("{" + document)
    except ValueError:
        return str(error).split("\n", 1)[0], ""
    message = details["exception_message"].split("\n", 1)[0].rstrip("!")
    if details.get("error_subtype") == "COLUMN_NOT_FOUND" and details.get("candidates"):
        message += f"; there is {details['candidates'].replace(',', ', ')}"
    position = details.get("position", "")
    offset = int(position) if position.isdigit() else 0
    if details["exception_type"] == "Parser":  # its positions count characters, others count bytes
        return message, text[:offset]
    return message, text.encode()[:offset].decode(errors="ignore")


def is_sorted(query: Query) -> bool:
    """Whether the result of a query has an ORDER BY."""
    return any(modifier["type"] == "ORDER_MODIFIER" for modifier in query.tree.get("modifiers", ()))


def selection(tree: Node) -> dict[str, Node]:
    """The expressions of the columns of a query's result by name, "" for a name that DuckDB chooses."""
    while "setop_type" in tree:
        tree = tree["left"]
    columns: dict[str, Node] = {}
    for node in tree.get("select_list", ()):
        columns.setdefault(_name_of(node), node)
    return columns


def _name_of(node: Node) -> str:
    names = node["column_names"] if node.get("class") == "COLUMN_REF" else [""]
    return str(node["alias"] or names[-1])


def to_sql(node: Node) -> str:
    """An expression as SQL."""
    with _database().cursor() as cursor:
        (empty,) = cursor.execute("SELECT json_serialize_sql('SELECT 1')").fetchone() or ("",)
        tree = json.loads(empty)
        tree["statements"][0]["node"]["select_list"] = [{**node, "alias": ""}]
        (text,) = cursor.execute("SELECT json_deserialize_sql($tree)", {"tree": json.dumps(tree)}).fetchone() or ("",)
    return str(text).removeprefix("SELECT ")
