"""What must fit together before anything is generated: stages, inputs, reference data, and params that name it."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where, closest, did_you_mean
from etl.generator.params import Apart, Distinct
from etl.pipeline import binding, markers
from etl.pipeline.order import cut, in_order
from etl.pipeline.query import inspect_query
from etl.pipeline.reference_data import Reference, check_distinct, check_references, read_csv
from etl.pipeline.rowwise import whole_parts

if TYPE_CHECKING:
    from collections.abc import Collection

    from etl.pipeline.model import Stage
    from etl.pipeline.world import World


def check(world: World) -> None:
    """Hold all the rules; the mistakes go to ``world.mistakes``."""
    csv_stages = [stage for stage in world.stages.values() if stage.kind == "csv" and stage.path]
    for stage in csv_stages:
        world.rows[stage.name] = _read(stage, world)
    for stage in csv_stages:
        _foreign_keys(stage, world)
        _named_references(stage, world)
    for stage in world.stages.values():
        _inputs(stage, world)
        if stage.kind == "sql":
            _query(stage, world)
        markers.check(stage, world)
    _one_stage_a_table(world)
    _shards(world)
    _cycles(world)
    _cut_rows(world)
    binding.check(world)
    for reference in world.rows.values():
        world.mistakes += reference.mistakes


def _read(stage: Stage, world: World) -> Reference:
    tables = world.schema.tables if world.schema else {}
    like = stage.node.mapping().get("like")
    table = tables.get(stage.table or (str(like.scalar) if like else ""))
    if like and stage.table:
        world.say(stage, "like", "the stage fills a table, whose rules hold; take 'like' away", like.where)
    elif like and not table and world.schema:
        message = f"the schema has no table '{like.scalar}'{did_you_mean(str(like.scalar), tables)}"
        world.say(stage, "like", message, like.where)
    if stage.path is None:
        raise ValueError(stage.name)
    return read_csv(stage.path, stage.shown, table, whole=not stage.internal)


def _foreign_keys(stage: Stage, world: World) -> None:
    table = world.schema.tables.get(stage.table or "") if world.schema else None
    for key in table.foreign_keys if table else ():
        if target := world.reference_of_table(key.parent):
            check_references(world.rows[stage.name], key.columns, target, key.targets)


def _named_references(stage: Stage, world: World) -> None:
    node = stage.node.mapping().get("references")
    for column, value in node.mapping().items() if node else ():
        stage_name, dot, target_column = str(value.scalar).partition(".")
        if not dot:
            continue  # the stage's model has said so
        own, target = world.rows[stage.name], world.rows.get(stage_name)
        path = f"references.{column}"
        if own.whole and own.columns and column not in own.columns and node:
            hint = did_you_mean(column, own.columns)
            world.say(stage, path, f"{own.shown} has no column '{column}'{hint}", node.key(column))
        elif target is None:
            if stage_name not in world.names or (stage_name in world.stages and world.stages[stage_name].kind != "csv"):
                hint = did_you_mean(stage_name, world.rows)
                world.say(stage, path, f"there is no csv stage '{stage_name}'{hint}", value.where)
        elif target.columns and target_column not in target.columns:
            hint = did_you_mean(target_column, target.columns)
            world.say(stage, path, f"{target.shown} has no column '{target_column}'{hint}", value.where)
        elif {"TEXT"} < (kinds := {own.types.get(column), target.types.get(target_column)}) and None not in kinds:
            names = ((column, own), (target_column, target))
            types = ", ".join(f"{name} is {reference.types[name]} in {reference.shown}" for name, reference in names)
            message = f"{types}; 'like' gives columns the types of a table"
            world.say(stage, path, message, value.where)
        else:
            check_references(own, (column,), target, (target_column,))


def _inputs(stage: Stage, world: World) -> None:
    for name, source in stage.inputs.items():
        where = input_place(stage, name)
        path = "inputs" if name == source else f"inputs.{name}"
        if source not in world.names:
            if stage.contract and not stage.contract.takes(name):
                continue  # told already, by that name
            choices = world.names - {stage.name}
            world.say(stage, path, f"there is no stage '{source}'{did_you_mean(source, choices)}", where)
        elif source in world.stages and world.stages[source].check:
            world.say(stage, path, f"'{source}' is a check, which yields no rows; take another stage", where)
        elif stage.contract and stage.contract.takes(name) and (columns := _columns(source, world)):
            misfit = stage.contract.misfit(name, columns)
            if misfit:
                world.say(stage, path, f"{misfit}; take another stage than '{source}'", where)
    _tables(stage, world)


def _columns(name: str, world: World) -> Collection[str]:
    """The columns of a stage's rows, as far as they are known before it runs."""
    stage = world.stages.get(name)
    if stage and stage.table and world.schema:
        return world.schema.tables[stage.table].columns
    return world.rows[name].columns if name in world.rows else ()


def input_place(stage: Stage, name: str) -> Where:
    """Where an input's stage is named, in a list or as the value of a mapping."""
    inputs = stage.node.mapping()["inputs"]
    item = next((item for item in inputs.items or () if item.scalar == name), None)
    return item.where if item else inputs.mapping()[name].where


def _query(stage: Stage, world: World) -> None:
    if stage.path is None:
        return
    params = stage.node.mapping().get("params")
    known = "inputs" not in stage.wrong and world.names.issuperset(stage.inputs.values())
    query = inspect_query(stage.path, stage.shown, set(stage.inputs) if known else None)
    world.queries[stage.name] = query
    world.mistakes += query.mistakes
    if query.mistakes:
        return
    if "params" not in stage.wrong:
        missing = query.params - set(stage.params)
        for name in stage.params:
            if params and name not in query.params:
                hint = did_you_mean(name, missing)
                world.say(stage, f"params.{name}", f"{stage.shown} has no ${name}{hint}", params.key(name))
                missing = missing - {closest(name, missing)}
        for name in missing:
            where = stage.node.key("params") if params else stage.where
            world.say(stage, "params", f"{stage.shown} asks for ${name}; give it a value here", where)
    for name in stage.inputs if known else ():
        if name not in query.tables:
            world.say(stage, "inputs", f"{stage.shown} does not read '{name}'; take it away", input_place(stage, name))


def _one_stage_a_table(world: World) -> None:
    filled: dict[str, Stage] = {}
    for stage in sorted(world.stages.values(), key=lambda stage: "table" in stage.node.mapping()):
        if stage.table in filled:
            message = f"the table '{stage.table}' is filled by stages.{filled[stage.table].name} already"
            own = stage.node.mapping().get("table")
            path = f"stages.{stage.name}.table" if own else f"stages.{stage.name}"
            world.mistakes.append(EtlError(message, own.where if own else stage.where, path))
        elif stage.table:
            filled[stage.table] = stage


def _tables(stage: Stage, world: World) -> None:
    """Hold what a generator says of the rows of its inputs, and of the stages that they come from."""
    given: dict[Any, str] = {}
    for name, source in stage.inputs.items() if stage.contract else ():
        for marker in stage.contract.markers(name) if stage.contract else ():
            if isinstance(marker, Distinct) and source in world.rows and world.rows[source].sound(marker.column):
                check_distinct(world.rows[source], marker.column)
            elif isinstance(marker, Apart) and source in world.stages:
                value = world.stages[source].values.get(marker.param)
                if value is not None and given.setdefault(value, name) != name:
                    message = f"gives the {marker.param} {value}, and so does {given[value]}; take another stage"
                    world.say(stage, f"inputs.{name}", message, input_place(stage, name))


def _shards(world: World) -> None:
    cut = [stage for stage in world.stages.values() if stage.shard]
    for stage in cut:
        node = stage.node.mapping()["shard"]
        if stage.shard is None:
            continue
        by = node.mapping()["by"]
        if stage.gather:
            world.say(stage, "gather", "a stage is cut or it gathers, not both", stage.node.key("gather"))
        if stage.shard.by not in stage.inputs:
            hint = did_you_mean(stage.shard.by, stage.inputs)
            world.say(stage, "shard.by", f"the stage has no input '{stage.shard.by}'{hint}", by.where)
        elif any(other.shard and other is not stage for other in world.upstream(stage)):
            where = stage.node.key("shard")
            world.say(
                stage, "shard", "a stage upstream is cut already, and this one follows it; take 'shard' away", where
            )
        elif (first := cut[0]).shard and _cut(stage) != _cut(first):
            message = f"must be the same as in stages.{first.name}: by {_cut(first)[0]}, {first.shard.rows} rows"
            world.say(stage, "shard", message, stage.node.key("shard"))


def _cut(stage: Stage) -> tuple[str | None, int]:
    """The stage whose rows are counted off, and how many."""
    return (stage.inputs.get(stage.shard.by), stage.shard.rows) if stage.shard else (None, 0)


def _cut_rows(world: World) -> None:
    """Hold that a query which sees one shard's rows at a time would give the same rows if it saw all at once."""
    made = cut(in_order(world.stages))
    for name, query in world.queries.items():
        stage = world.stages[name]
        inputs = made.inputs(stage)
        if query.mistakes or not inputs & query.tables:
            continue
        cut_inputs = " and ".join(sorted(inputs & query.tables))
        mend = (
            "take its 'shard' away" if stage.shard else "say 'gather: true', and it runs once over those of all shards"
        )
        for what, part in whole_parts(query.tree, inputs):
            message = f"{what} needs all rows, and the stage sees one shard's rows of {cut_inputs} at a time; {mend}"
            world.mistakes.append(EtlError(message, query.place(part), f"stages.{name}"))


def _cycles(world: World) -> None:
    stages = list(world.stages)
    graph = {name: [source for source in world.stages[name].inputs.values() if source in stages] for name in stages}
    while circle := _circle(graph):
        start = circle.index(min(circle, key=stages.index))
        circle = [*circle[start:], *circle[: start + 1]]
        first = world.stages[circle[0]]
        name = next(name for name, source in first.inputs.items() if source == circle[1])
        message = f"stages feed each other in a circle: {' <- '.join(circle)}; cut it"
        world.say(first, "inputs", message, input_place(first, name))
        graph = {
            name: [source for source in sources if source not in circle]
            for name, sources in graph.items()
            if name not in circle
        }


def _circle(graph: dict[str, list[str]]) -> list[str]:
    """Stages of which each takes the next one as an input, and the last one the first; none when there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))[1:]
    return []
