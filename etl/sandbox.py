"""Where SQL stages run: a DuckDB that sees the declared inputs and nothing else, no file, no network, no clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from etl.errors import EtlError, Where, did_you_mean
from etl.files import after, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

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


@dataclass
class Query:
    """What a query asks for, and the mistakes in it."""

    params: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)  # the inputs that it reads
    mistakes: list[EtlError] = field(default_factory=list)


@cache
def _database() -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    """The one sandbox of this process, and a connection to it whose errors are JSON."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "enable_external_access": False,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    inspector = connection.cursor()
    inspector.execute("SET errors_as_json = true")
    connection.execute("SET lock_configuration = true")
    return connection, inspector


def run_query(text: str, params: Mapping[str, Any], inputs: Mapping[str, pa.Table]) -> pa.Table:
    """Run a query over its inputs. Raises duckdb.Error."""
    with _database()[0].cursor() as cursor:  # its own names for the inputs, whatever runs beside it
        for name, table in inputs.items():
            cursor.register(name, table)
        return cursor.execute(text, dict(params)).to_arrow_table()


def inspect_query(path: Path, shown: str, inputs: set[str] | None) -> Query:
    """Hold that a file is one SELECT over its declared inputs whose result they alone decide.

    ``inputs`` is None when they can't be known: any table will do.
    """
    query = Query()
    try:
        text = read_text(path, shown)
        query.params, tree = _parsed(text, shown)
    except EtlError as error:
        query.mistakes.append(error)
        return query
    nodes = list(_nodes(tree))
    local = {name.lower() for node in nodes for name in _local_names(node)}
    for node in nodes:
        if node.get("type") == "BASE_TABLE" and (node["schema_name"] or node["table_name"].lower() not in local):
            query.tables.add(node["table_name"].lower())
        query.mistakes += [
            EtlError(message, _place(shown, text, _offset(node))) for message in _faults(node, inputs, local)
        ]
    return query


def _parsed(text: str, shown: str) -> tuple[set[str], Any]:
    """The params of a query, and its tree. Raises EtlError unless it is one SELECT."""
    _, inspector = _database()
    try:
        statements = inspector.extract_statements(text)
        if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
            row = inspector.execute("SELECT json_serialize_sql($text)", {"text": text}).fetchone()
            tree = json.loads(row[0]) if row else {"error": True}
            if not tree["error"] and not any(node.get("type") == "SHOW_REF" for node in _nodes(tree)):
                return set(statements[0].named_parameters), tree["statements"]
    except duckdb.Error as error:
        message, offset = _told(error)
        raise EtlError(f"not SQL: {message}", after(text[:offset], shown)) from error
    except RecursionError as error:
        raise EtlError("nested too deep; split the query into several WITH", Where(shown, 1, 1)) from error
    raise EtlError("a stage is one SELECT, and nothing else", Where(shown, 1, 1))


def _faults(node: dict[str, Any], inputs: set[str] | None, local: set[str]) -> Iterator[str]:
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


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- JSON
    """Every mapping of a tree, from the outside in, in the order of the text as far as the tree keeps it."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _local_names(node: dict[str, Any]) -> Iterator[str]:
    """The names of a query's WITH."""
    named = node.get("cte_map")
    yield from (entry["key"] for entry in (named.get("map", []) if isinstance(named, dict) else []))


def _offset(node: dict[str, Any]) -> int:
    """Where a part of a query begins, in bytes; DuckDB says 2**64 - 1 of parts that it has no place for."""
    offsets = (part.get("query_location", 2**64 - 1) for part in _nodes(node))
    return next((offset for offset in offsets if offset < 2**64 - 1), 0)


def _place(shown: str, text: str, offset: int) -> Where:
    return after(text.encode()[:offset].decode(errors="ignore"), shown)


def _told(error: duckdb.Error) -> tuple[str, int]:
    """What DuckDB says, and at which offset (in characters, unlike those in the tree)."""
    _, _, told = str(error).partition("{")
    try:
        details = json.loads("{" + told)
    except ValueError:
        return str(error).split("\n", 1)[0], 0
    position = details.get("position", "")
    return details["exception_message"].split("\n", 1)[0], int(position) if position.isdigit() else 0
