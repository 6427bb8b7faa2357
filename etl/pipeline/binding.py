"""Binds each query over empty inputs in DuckDB, to find its mistakes and the columns of its result before a run.

The columns of an internal Python stage are not known; of a query over one, only the names in its text are checked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from etl.errors import EtlError
from etl.pipeline.fitting import column_mistakes, duplicate_names, name_mistakes
from etl.pipeline.graph import in_order
from etl.pipeline.query import bind_query, nodes_of, query_error, run_query, selection, to_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.draft import Draft
    from etl.pipeline.model import Stage
    from etl.pipeline.query import Node, Query
    from etl.pipeline.schema import Table


def check(draft: Draft) -> None:
    """Bind every query; the mistakes are added to the draft."""
    known: dict[str, pa.Schema] = {}
    tables = draft.schema.tables if draft.schema else {}
    filled = Counter(stage.table for stage in draft.stages.values())
    for stage in in_order(draft.stages):
        table = tables.get(stage.table or "") if filled[stage.table] == 1 else None  # otherwise one of them is wrong
        query, bound = draft.queries.get(stage.name), None
        if query and not query.mistakes and not stage.invalid_keys and query.params == set(stage.params):
            draft.mistakes += _failing_casts(query, stage)
            bound = _bound(query, stage, known, draft)
            draft.mistakes += _result_mistakes(query, stage, table, bound)
        columns = _columns(stage, table, draft) or bound
        if columns is not None:
            known[stage.name] = columns


def _columns(stage: Stage, table: Table | None, draft: Draft) -> pa.Schema | None:
    """The columns of a stage that are known without its query."""
    if table:
        return pa.schema([(column.name, column.data_type.arrow) for column in table.columns.values()])
    reference, like = draft.references.get(stage.name), stage.node.mapping().get("like")
    unknown_like = like and not (draft.schema and like.scalar in draft.schema.tables)
    return reference.arrow_schema() if reference and reference.all_rows and not unknown_like else None


def _bound(query: Query, stage: Stage, known: dict[str, pa.Schema], draft: Draft) -> pa.Schema | None:
    """The columns of a query's result; None if an input is unknown, or the query has a mistake."""
    if not set(stage.inputs.values()) <= known.keys():
        return None
    try:
        return bind_query(query, stage.params, {name: known[source] for name, source in stage.inputs.items()})
    except EtlError as error:
        draft.mistakes.append(error.under(f"stages.{stage.name}"))
        return None


def _result_mistakes(query: Query, stage: Stage, table: Table | None, bound: pa.Schema | None) -> Iterator[EtlError]:
    if table is None:
        return duplicate_names(bound.names if bound is not None else [], stage)
    if bound is not None:
        return column_mistakes(bound, stage, table)
    names = list(selection(query.tree))
    return name_mistakes(names, stage, table) if names and all(names) else iter(())


def _failing_casts(query: Query, stage: Stage) -> Iterator[EtlError]:
    """Casts of constants and params that fail; DuckDB would report them only for a query that has rows."""
    for cast in _constant_casts(query.tree):
        used = {part["identifier"] for part in nodes_of(cast) if part.get("class") == "PARAMETER"}
        try:
            run_query(f"SELECT {to_sql(cast)}", {name: stage.params[name] for name in used}, {})
        except duckdb.Error as error:
            yield query_error(error, "", "").under(f"stages.{stage.name}", query.place(cast))


def _constant_casts(tree: Any) -> Iterator[Node]:  # noqa: ANN401 -- JSON
    """The outermost casts that read no column, except those in TRY()."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict) and value.get("type") != "OPERATOR_TRY":
            if value.get("class") != "CAST" or not _is_constant(value["child"]):
                waiting += value.values()
            elif not value["try_cast"]:
                yield value


def _is_constant(node: Node) -> bool:
    return all(part.get("class", "CONSTANT") in _CONSTANT for part in nodes_of(node))


_CONSTANT = {"CONSTANT", "PARAMETER", "CAST", "FUNCTION", "OPERATOR", "COLLATE"}
