"""Rules across stages that are checked before anything runs: inputs, reference data, queries and shards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, did_you_mean
from etl.generator.params import Apart, Distinct
from etl.pipeline import binding
from etl.pipeline.datatypes import is_text
from etl.pipeline.draft import check_markers
from etl.pipeline.form_errors import hints
from etl.pipeline.graph import cycles, in_order, sharding, upstream_of
from etl.pipeline.query import inspect_query
from etl.pipeline.read_reference_data import read_reference
from etl.pipeline.reference_data import check_distinct, check_references
from etl.pipeline.rowwise import cross_shard_parts
from etl.pipeline.sources import READERS

if TYPE_CHECKING:
    from collections.abc import Collection

    from etl.errors import Where
    from etl.generator.signature import Contract
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.draft import Draft
    from etl.pipeline.model import Stage


def check(draft: Draft) -> None:
    """Check all rules; the mistakes are added to the draft."""
    sources = [stage for stage in draft.stages.values() if stage.path and stage.kind in READERS]
    for stage in sources:
        _read(stage, draft)
    for stage in sources:
        _foreign_keys(stage, draft)
        _declared_references(stage, draft)
    for stage in draft.stages.values():
        _inputs(stage, draft)
        _input_rows(stage, draft)
        if stage.kind == "sql":
            _query(stage, draft)
        check_markers(stage, draft)
    _one_stage_per_table(draft)
    _shards(draft)
    _cycles(draft)
    _queries_over_shards(draft)
    binding.check(draft)
    for reference in draft.references.values():
        draft.mistakes += reference.mistakes


def _read(stage: Stage, draft: Draft) -> None:
    tables = draft.schema.tables if draft.schema else {}
    like = stage.node.mapping().get("like")
    table = tables.get(stage.table or (str(like.scalar) if like else ""))
    if like and stage.table:
        draft.report(stage, "like", "the stage fills a table, so that table's rules apply; remove 'like'", like.where)
    elif like and not table and draft.schema:
        message = f"the schema has no table '{like.scalar}'{did_you_mean(str(like.scalar), tables)}"
        draft.report(stage, "like", message, like.where)
    draft.references[stage.name] = read_reference(stage, table)


def _foreign_keys(stage: Stage, draft: Draft) -> None:
    table = draft.schema.tables.get(stage.table or "") if draft.schema else None
    for key in table.foreign_keys if table else ():
        if target := draft.reference_of_table(key.parent):
            check_references(draft.references[stage.name], key.columns, target, key.targets)


def _declared_references(stage: Stage, draft: Draft) -> None:
    """Check the ``references`` of reference data."""
    node = stage.node.mapping().get("references")
    for column, value in node.mapping().items() if node else ():
        stage_name, dot, target_column = str(value.scalar).partition(".")
        if not dot:
            continue  # the form of the stage reported it
        source, target = draft.references[stage.name], draft.references.get(stage_name)
        path = f"references.{column}"
        if source.all_rows and source.arrays and column not in source.arrays and node:
            hint = did_you_mean(column, source.arrays)
            draft.report(stage, path, f"{source.file} has no column '{column}'{hint}", node.key(column))
        elif target is None:
            other = draft.stages.get(stage_name)
            if stage_name not in draft.nodes or (other and other.kind not in READERS):
                hint = did_you_mean(stage_name, draft.references)
                draft.report(stage, path, f"there is no stage '{stage_name}' that reads a file{hint}", value.where)
        elif target.arrays and target_column not in target.arrays:
            hint = did_you_mean(target_column, target.arrays)
            draft.report(stage, path, f"{target.file} has no column '{target_column}'{hint}", value.where)
        elif _differ(source.types.get(column), target.types.get(target_column)):
            ends = ((column, source), (target_column, target))
            types = ", ".join(f"{name} is {reference.types[name].name} in {reference.file}" for name, reference in ends)
            message = f"{types}; 'like' gives columns the types of a table"
            draft.report(stage, path, message, value.where)
        else:
            check_references(source, (column,), target, (target_column,))


def _differ(kind: DataType | None, other: DataType | None) -> bool:
    """Whether no value of one type equals one of the other: one of them is text."""
    return kind is not None and other is not None and is_text(kind.arrow) != is_text(other.arrow)


def _inputs(stage: Stage, draft: Draft) -> None:
    takes = stage.contract.takes if stage.contract else lambda _: True
    for name, source in stage.inputs.items():
        where = input_place(stage, name)
        path = "inputs" if name == source else f"inputs.{name}"
        if not takes(name):
            continue  # reported below
        if source not in draft.nodes:
            hint = did_you_mean(source, draft.nodes.keys() - {stage.name})
            draft.report(stage, path, f"there is no stage '{source}'{hint}", where)
        elif source in draft.stages and draft.stages[source].check:
            draft.report(stage, path, f"'{source}' is a check, which yields no rows; use another stage", where)
        elif stage.contract and (columns := _columns(source, draft)):
            misfit = stage.contract.misfit(name, columns)
            if misfit:
                draft.report(stage, path, f"{misfit}; use another stage than '{source}'", where)
    if stage.contract and "inputs" not in stage.invalid_keys:
        _contract(stage, stage.contract, draft)


def _contract(stage: Stage, contract: Contract, draft: Draft) -> None:
    """Check that a generator gets the inputs that it takes."""
    node = stage.node.mapping().get("inputs")
    extra = [name for name in stage.inputs if not contract.takes(name)]
    unknown, missing = hints(extra, [name for name in contract.inputs if name not in stage.inputs])
    for name, hint in unknown.items():
        where = input_place(stage, name, key=True)
        draft.report(stage, "inputs", f"{contract.name} takes no input '{name}'{hint}", where)
    if missing and not (node or stage.node).broken:
        names = " and ".join(f"'{name}'" for name in missing)
        where = stage.node.key("inputs") if node else stage.where
        draft.report(stage, "inputs", f"{contract.name} needs {names}; name a stage for each", where)


def _columns(name: str, draft: Draft) -> Collection[str]:
    """The columns of a stage's rows, as far as they are known before it runs."""
    stage = draft.stages.get(name)
    if stage and stage.table and draft.schema:
        return draft.schema.tables[stage.table].columns
    return draft.references[name].arrays if name in draft.references else ()


def input_place(stage: Stage, name: str, *, key: bool = False) -> Where:
    """The place of an input: an item of a list, or a value of a mapping, or its key."""
    inputs = stage.node.mapping()["inputs"]
    item = next((item for item in inputs.items or () if item.scalar == name), None)
    return item.where if item else inputs.key(name) if key else inputs.mapping()[name].where


def _input_rows(stage: Stage, draft: Draft) -> None:
    """Check the markers of a generator's tables against reference data and the params of input stages."""
    first: dict[Any, str] = {}
    for name, source in stage.inputs.items() if stage.contract else ():
        for marker in stage.contract.markers(name) if stage.contract else ():
            reference = draft.references.get(source)
            if isinstance(marker, Distinct) and reference and reference.is_complete(marker.column):
                check_distinct(reference, marker.column)
            elif isinstance(marker, Apart) and source in draft.stages:
                value = draft.stages[source].values.get(marker.param)
                if value is not None and first.setdefault(value, name) != name:
                    message = f"same {marker.param} {value} as {first[value]}; use another stage"
                    draft.report(stage, f"inputs.{name}", message, input_place(stage, name))


def _query(stage: Stage, draft: Draft) -> None:
    if stage.path is None:
        return
    inputs_known = "inputs" not in stage.invalid_keys and draft.nodes.keys() >= set(stage.inputs.values())
    query = inspect_query(stage.path, stage.file, set(stage.inputs) if inputs_known else None)
    draft.queries[stage.name] = query
    draft.mistakes += query.mistakes
    if query.mistakes:
        return
    if "params" not in stage.invalid_keys:
        _query_params(stage, query.params, draft)
    for name in stage.inputs if inputs_known else ():
        if name not in query.tables:
            draft.report(stage, "inputs", f"{stage.file} does not read '{name}'; remove it", input_place(stage, name))


def _query_params(stage: Stage, used: set[str], draft: Draft) -> None:
    params = stage.node.mapping().get("params")
    unknown, missing = hints([name for name in stage.params if name not in used], sorted(used - stage.params.keys()))
    for name, hint in unknown.items():
        where = params.key(name) if params else stage.where
        draft.report(stage, f"params.{name}", f"{stage.file} has no ${name}{hint}", where)
    for name in missing:
        where = stage.node.key("params") if params else stage.where
        draft.report(stage, "params", f"{stage.file} uses ${name}; give it a value here", where)


def _one_stage_per_table(draft: Draft) -> None:
    filled: dict[str, Stage] = {}
    for stage in sorted(draft.stages.values(), key=lambda stage: "table" in stage.node.mapping()):
        if stage.table in filled:
            message = f"the table '{stage.table}' is already filled by stages.{filled[stage.table].name}"
            table = stage.node.mapping().get("table")
            path = f"stages.{stage.name}.table" if table else f"stages.{stage.name}"
            draft.mistakes.append(EtlError(message, table.where if table else stage.where, path))
        elif stage.table:
            filled[stage.table] = stage


def _shards(draft: Draft) -> None:
    sharded = [(stage, stage.shard) for stage in draft.stages.values() if stage.shard]
    for stage, shard in sharded:
        first, same = sharded[0]
        by, place = first.inputs.get(same.by), stage.node.key("shard")
        if stage.gather:
            message = "a stage has 'shard' or 'gather', not both"
            draft.report(stage, "gather", message, stage.node.key("gather"))
        if shard.by not in stage.inputs:
            hint = did_you_mean(shard.by, stage.inputs)
            where = stage.node.mapping()["shard"].mapping()["by"].where
            draft.report(stage, "shard.by", f"the stage has no input '{shard.by}'{hint}", where)
        elif any(other.shard and other is not stage for other in upstream_of(stage, draft.stages)):
            message = "a stage upstream is sharded, and this one runs in the same shards; remove 'shard'"
            draft.report(stage, "shard", message, place)
        elif (stage.inputs[shard.by], shard.rows) != (by, same.rows):
            message = f"must be the same as in stages.{first.name}: by {by}, {same.rows} rows"
            draft.report(stage, "shard", message, place)


def _queries_over_shards(draft: Draft) -> None:
    """Check that a query over one shard at a time gives the same rows as over all at once."""
    shards = sharding(in_order(draft.stages))
    for name, query in draft.queries.items():
        stage = draft.stages[name]
        inputs = shards.inputs(stage)
        if query.mistakes or not inputs & query.tables:
            continue
        tables = " and ".join(sorted(inputs & query.tables))
        fix = "remove its 'shard'" if stage.shard else "add 'gather: true' to run it once over the rows of all shards"
        for what, part in cross_shard_parts(query.tree, inputs):
            message = f"{what} needs all rows, and the stage sees one shard's rows of {tables} at a time; {fix}"
            draft.mistakes.append(EtlError(message, query.place(part), f"stages.{name}"))


def _cycles(draft: Draft) -> None:
    for cycle in cycles(draft.stages):
        stage = draft.stages[cycle[0]]
        name = next(name for name, source in stage.inputs.items() if source == cycle[1])
        message = f"stages form a cycle: {' <- '.join(cycle)}; remove one input"
        draft.report(stage, "inputs", message, input_place(stage, name))
