"""Where SQL stages run: a DuckDB that sees the declared inputs and nothing else, no file, no network, no clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb

from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

#: Functions of DuckDB whose result is not decided by their arguments (``duckdb_functions()``: stability is not
#: CONSISTENT; a test compares), and the keywords of the same kind.
UNSTABLE = frozenset(
    """
    current_catalog current_connection_id current_database current_date current_localtime current_localtimestamp
    current_query current_query_id current_role current_schema current_schemas current_setting current_time
    current_timestamp current_transaction_id current_user currval gen_random_uuid get_current_time
    get_current_timestamp getvariable in_search_path localtime localtimestamp nextval now pg_conf_load_time
    pg_postmaster_start_time pi_digits random session_user setseed sleep_ms today transaction_timestamp txid_current
    user uuid uuidv4 uuidv7 version write_log
    """.split()
)


@dataclass
class Query:
    """What a query asks for, and the mistakes in it."""

    params: set[str] = field(default_factory=set)
    mistakes: list[EtlError] = field(default_factory=list)


@cache
def sandbox() -> duckdb.DuckDBPyConnection:
    """Open the one sandbox of this process."""
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
    connection.execute("SET lock_configuration = true")
    return connection


def run_query(text: str, params: Mapping[str, Any], inputs: Mapping[str, pa.Table]) -> pa.Table:
    """Run a query over its inputs. Raises duckdb.Error."""
    connection = sandbox()
    for name, table in inputs.items():
        connection.register(name, table)
    try:
        return connection.execute(text, dict(params)).to_arrow_table()
    finally:
        for name in inputs:
            connection.unregister(name)


def inspect_query(path: Path, shown: str, inputs: set[str]) -> Query:
    """Hold that a file is one SELECT over its declared inputs whose result they alone decide."""
    query = Query()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        query.mistakes.append(EtlError(f"cannot read it: {error}", Where(shown)))
        return query
    connection = sandbox()
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        query.mistakes.append(EtlError(f"not SQL: {_first_line(error)}", _error_place(shown, str(error))))
        return query
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        query.mistakes.append(EtlError("a stage is one SELECT", Where(shown, 1, 1)))
        return query
    query.params = set(statements[0].named_parameters)
    row = connection.execute("SELECT json_serialize_sql($text)", {"text": statements[0].query}).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        query.mistakes.append(EtlError("a stage is one SELECT", Where(shown, 1, 1)))
        return query
    local = {name for node in _nodes(tree) for name in _local_names(node)}
    for node in _nodes(tree):
        where = _place(shown, text, node.get("query_location", 0))
        table = node.get("table_name") if node.get("type") == "BASE_TABLE" else None
        if table is not None and table not in inputs | local:
            hint = did_you_mean(table, inputs)
            query.mistakes.append(EtlError(f"'{table}' is none of the stage's inputs{hint}", where))
        function = str(node.get("function_name", "")).lower()
        if function in UNSTABLE:
            message = f"{function}() does not depend on the inputs alone; pass the value in the stage's params"
            query.mistakes.append(EtlError(message, where))
    return query


def _nodes(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from _nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from _nodes(child)


def _local_names(node: dict[str, Any]) -> Iterator[str]:
    """The names of a query's WITH."""
    entries = node.get("cte_map", {}).get("map", []) if isinstance(node.get("cte_map"), dict) else []
    yield from (entry["key"] for entry in entries)


def _place(shown: str, text: str, offset: int) -> Where:
    before = text.encode()[: min(offset, len(text.encode()))].decode(errors="ignore")
    return Where(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _error_place(shown: str, message: str) -> Where:
    """DuckDB says ``LINE 3:``."""
    line = message.partition("\nLINE ")[2].partition(":")[0]
    return Where(shown, int(line) if line.isdigit() else 1)
