"""Where SQL stages run: a DuckDB that sees the declared inputs and nothing else, no file, no network, no clock."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Node = dict[str, Any]

#: Functions of DuckDB whose result is not decided by their arguments (``duckdb_functions()``: stability is not
#: CONSISTENT; a test compares), and those that it calls consistent for the length of a connection or a query.
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
#: Functions that may stand behind FROM: they make rows of their arguments. Others read files, settings, other queries.
TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"})


_NOWHERE = 2**64 - 1  # what DuckDB says of parts of a query that it has no place for


@dataclass
class Query:
    """What a query asks for, and the mistakes in it."""

    shown: str  # its file in messages
    text: str = ""
    tree: Node = field(default_factory=dict)  # of DuckDB's parser, empty when it has none
    params: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)  # the inputs that it reads
    mistakes: list[EtlError] = field(default_factory=list)

    def place(self, node: Any = None) -> Where:  # noqa: ANN401 -- a part of the tree
        """Where a part of the query begins, else where the query does."""
        offsets = (part.get("query_location", _NOWHERE) for part in nodes_of(node))
        offset = next((offset for offset in offsets if offset < _NOWHERE), 0)
        return after(self.text.encode()[:offset].decode(errors="ignore"), self.shown)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The one sandbox of this process."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "enable_external_access": False,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "errors_as_json": True,  # they say where
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


@contextlib.contextmanager
def _seeing(inputs: Mapping[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with its own names for the inputs, whatever runs beside it."""
    with _database().cursor() as cursor:
        for name, table in inputs.items():
            cursor.register(name, table)
        yield cursor


def run_query(text: str, params: Mapping[str, Any], inputs: Mapping[str, pa.Table]) -> pa.Table:
    """Run a query over its inputs. Raises duckdb.Error."""
    with _seeing(inputs) as cursor:
        return cursor.execute(text, dict(params)).to_arrow_table()


def bind_query(query: Query, params: Mapping[str, Any], inputs: Mapping[str, pa.Schema]) -> pa.Schema:
    """The columns of a query over inputs of these columns; it is not run. Raises EtlError with the place."""
    with _seeing({name: columns.empty_table() for name, columns in inputs.items()}) as cursor:
        try:
            columns = cursor.execute(f"{_DESCRIBE}{query.text}", dict(params)).fetchall()
        except duckdb.Error as error:
            raise query_error(error, query.text, query.shown, _DESCRIBE) from error
        types = ", ".join(f"CAST(NULL AS {column[1]}) AS c{number}" for number, column in enumerate(columns))
        schema = cursor.execute(f"SELECT {types}").to_arrow_table().schema
    return pa.schema([(column[0], kind) for column, kind in zip(columns, schema.types, strict=True)])


_DESCRIBE = "DESCRIBE "


def query_error(error: duckdb.Error, text: str, shown: str, prefix: str = "") -> EtlError:
    """What DuckDB says of a query, at its place; ``prefix`` stood before the query."""
    message, before = _told(error, prefix + text)
    return EtlError(f"DuckDB says: {message}", after(before.removeprefix(prefix), shown))


def inspect_query(path: Path, shown: str, inputs: set[str] | None) -> Query:
    """Hold that a file is one SELECT over its declared inputs whose result they alone decide.

    ``inputs`` is None when they can't be known: any table will do.
    """
    try:
        query = read_query(read_text(path, shown), shown)
    except EtlError as error:
        return Query(shown, mistakes=[error])
    nodes = list(nodes_of(query.tree))
    local = {name.lower() for node in nodes for name in _local_names(node)}
    for node in nodes:
        if node.get("type") == "BASE_TABLE" and (node["schema_name"] or node["table_name"].lower() not in local):
            query.tables.add(node["table_name"].lower())
        query.mistakes += [EtlError(message, query.place(node)) for message in _faults(node, inputs, local)]
    return query


def read_query(text: str, shown: str) -> Query:
    """A query with its params and its tree. Raises EtlError unless it is one SELECT."""
    try:
        with _database().cursor() as cursor:
            statements = cursor.extract_statements(text)
            if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
                row = cursor.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone()
                tree: Any = json.loads(row[0]) if row else {"error": True}
                if not tree["error"] and not any(node.get("type") == "SHOW_REF" for node in nodes_of(tree)):
                    return Query(shown, text, tree["statements"][0]["node"], _named(statements[0], shown))
    except duckdb.Error as error:
        message, before = _told(error, text)
        if colon := _COLON.match(text, len(before)):
            message = f"a stage writes a param as ${colon[1]}, not :{colon[1]}"
        raise EtlError(f"not SQL: {message}", after(before, shown)) from error
    except RecursionError as error:
        raise EtlError("nested too deep; split the query into several WITH", Where(shown, 1, 1)) from error
    raise EtlError("a stage is one SELECT, and nothing else", Where(shown, 1, 1))


_COLON = re.compile(r":([^\W\d]\w*)")


def _named(statement: duckdb.Statement, shown: str) -> set[str]:
    """The params of a query. Raises EtlError when one has no name."""
    names = set(statement.named_parameters)
    if any(name.isdigit() for name in names):
        raise EtlError("a stage's params have names; write $name, not ? or $1", Where(shown, 1, 1))
    return names


def _faults(node: Node, inputs: set[str] | None, local: set[str]) -> Iterator[str]:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        schema, table = node["schema_name"], node["table_name"]
        if inputs is not None and (schema or table.lower() not in inputs | local):
            name = f"{schema}.{table}" if schema else table
            yield f"'{name}' is none of the stage's inputs{did_you_mean(table, inputs)}"
    elif kind == "TABLE_FUNCTION":
        name = node["function"].get("function_name", "").lower()
        if name not in TABLE_FUNCTIONS:
            yield f"{name}() may not stand behind FROM; make what it reads an input of the stage"
    if node.get("sample"):
        yield "a sample is drawn at random; choose rows by their values"
    called = str(node.get("function_name", "")).lower()
    names = node.get("column_names") or []
    keyword = names[0].lower() if len(names) == 1 else ""
    if called in UNSTABLE or (called == "age" and len(node["children"]) == 1):
        yield f"{called}() does not depend on the inputs alone; pass the value in the stage's params"
    elif keyword in UNSTABLE:
        yield f"{keyword} does not depend on the inputs alone; pass the value in the stage's params"


def nodes_of(tree: Any) -> Iterator[Node]:  # noqa: ANN401 -- JSON
    """Every mapping of a tree, from the outside in, in the order of the text as far as the tree keeps it."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _local_names(node: Node) -> Iterator[str]:
    """The names of a query's WITH."""
    named = node.get("cte_map")
    yield from (entry["key"] for entry in (named.get("map", []) if isinstance(named, dict) else []))


def _told(error: duckdb.Error, text: str) -> tuple[str, str]:
    """What DuckDB says of a text, and what stands before the place that it means."""
    _, _, told = str(error).partition("{")
    try:
        details = json.loads("{" + told)
    except ValueError:
        return str(error).split("\n", 1)[0], ""
    message = details["exception_message"].split("\n", 1)[0].rstrip("!")
    if details.get("error_subtype") == "COLUMN_NOT_FOUND" and details.get("candidates"):
        message += f"; there is {details['candidates'].replace(',', ', ')}"
    position = details.get("position", "")
    offset = int(position) if position.isdigit() else 0
    if details["exception_type"] == "Parser":  # which counts characters, all others bytes
        return message, text[:offset]
    return message, text.encode()[:offset].decode(errors="ignore")


def selection(tree: Node) -> list[Node]:
    """The expressions that make the columns of a query's result."""
    while "setop_type" in tree:
        tree = tree["left"]
    return list(tree.get("select_list", ()))


def selected(tree: Node, column: str) -> Node | None:
    """The expression that makes a column of a query's result, None when none says so (``SELECT *``)."""
    return next((node for node in selection(tree) if name_of(node) == column), None)


def name_of(node: Node) -> str:
    """What a column is called that an expression makes, or nothing when that is DuckDB's choice."""
    names = node["column_names"] if node.get("class") == "COLUMN_REF" else [""]
    return str(node["alias"] or names[-1])


def written(node: Node) -> str:
    """An expression as SQL."""
    with _database().cursor() as cursor:
        (empty,) = cursor.execute("SELECT json_serialize_sql('SELECT 1')").fetchone() or ("",)
        tree = json.loads(empty)
        tree["statements"][0]["node"]["select_list"] = [{**node, "alias": ""}]
        (text,) = cursor.execute("SELECT json_deserialize_sql($tree)", {"tree": json.dumps(tree)}).fetchone() or ("",)
    return str(text).removeprefix("SELECT ").replace("count_star()", "count(*)")
