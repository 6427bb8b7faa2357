"""What a query's result will be, asked of DuckDB before anything is generated: its columns, or what is wrong with it.

It binds each query over inputs without rows. Their columns are known of csv stages, of stages that fill a table, and of
queries over such; of an internal Python stage they are not, and then only the names in the query itself are looked at.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from etl.errors import EtlError
from etl.pipeline.fitting import alike, misfits, misnamed
from etl.pipeline.order import in_order
from etl.pipeline.query import bind_query, name_of, nodes_of, query_error, run_query, selection, written
from etl.pipeline.values import ARROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.model import Stage
    from etl.pipeline.query import Node, Query
    from etl.pipeline.schema import Table
    from etl.pipeline.world import World


def check(world: World) -> None:
    """Bind every query of a world; the mistakes go to ``world.mistakes``."""
    known: dict[str, pa.Schema] = {}
    tables = world.schema.tables if world.schema else {}
    filled = Counter(stage.table for stage in world.stages.values())
    for stage in in_order(world.stages):
        table = tables.get(stage.table or "") if filled[stage.table] == 1 else None  # else one of them is wrong
        query = world.queries.get(stage.name)
        bound = None
        if query and not query.mistakes and not stage.wrong and query.params == set(stage.params):
            world.mistakes += _failing_constants(query, stage)
            bound = _bound(query, stage, known, world)
            world.mistakes += _misfits(query, stage, table, bound)
        columns = _columns(stage, table, world) or bound
        if columns is not None:
            known[stage.name] = columns


def _columns(stage: Stage, table: Table | None, world: World) -> pa.Schema | None:
    """The columns of a stage's rows that are known without looking at a query."""
    if table:
        return pa.schema([(column.name, ARROW[column.type]) for column in table.columns.values()])
    reference, like = world.rows.get(stage.name), stage.node.mapping().get("like")
    misled = like and not (world.schema and like.scalar in world.schema.tables)
    if reference and reference.whole and not misled:
        return pa.schema([(name, ARROW[reference.types[name]]) for name in reference.columns])
    return None


def _bound(query: Query, stage: Stage, known: dict[str, pa.Schema], world: World) -> pa.Schema | None:
    """The columns of a query's result, None when they cannot be known, or there are none."""
    if not set(stage.inputs.values()) <= known.keys():
        return None
    try:
        return bind_query(query, stage.params, {name: known[source] for name, source in stage.inputs.items()})
    except EtlError as error:
        world.mistakes.append(error.under(f"stages.{stage.name}"))
        return None


def _misfits(query: Query, stage: Stage, table: Table | None, bound: pa.Schema | None) -> Iterator[EtlError]:
    if table is None:
        return alike(bound.names if bound is not None else [], stage)
    if bound is not None:
        return misfits(bound, stage, table)
    names = [name_of(node) for node in selection(query.tree)]
    return misnamed(names, stage, table) if names and all(names) else iter(())


def _failing_constants(query: Query, stage: Stage) -> Iterator[EtlError]:
    """Casts of constants, and of params, that fail whatever the rows are."""
    for cast in _constant_casts(query.tree):
        used = {part["identifier"] for part in nodes_of(cast) if part.get("class") == "PARAMETER"}
        try:
            run_query(f"SELECT {written(cast)}", {name: stage.params[name] for name in used}, {})
        except duckdb.Error as error:
            told = query_error(error, "", "")
            yield told.under(f"stages.{stage.name}", query.place(cast))


def _constant_casts(tree: Any) -> Iterator[Node]:  # noqa: ANN401 -- JSON
    """The outermost casts without anything of a row in them; those in TRY() may fail."""
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
