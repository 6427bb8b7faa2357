"""What must fit together before anything is generated: stages, their inputs, reference data, and params that name it."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from etl.contract import CoveredBy, In, Template, UpTo
from etl.errors import EtlError, Where, did_you_mean
from etl.reference import Reference, check_references, read_csv
from etl.sandbox import inspect_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from etl.config import Stage
    from etl.params import Range
    from etl.tables import Schema
    from etl.tree import Node


@dataclass
class World:
    """Everything that a rule can look at."""

    tree: Node
    stages: Mapping[str, Stage]
    schema: Schema | None
    rows: dict[str, Reference]  # of each csv stage
    mistakes: list[EtlError]

    def say(self, stage: Stage, path: str, message: str, where: Where) -> None:
        """Report a mistake at a path of a stage."""
        self.mistakes.append(EtlError(f"stages.{stage.name}.{path}: {message}", where))

    def reference_of_table(self, table: str) -> Reference | None:
        """The rows of the csv stage that fills a table."""
        return next((self.rows[stage.name] for stage in self.stages.values() if stage.table == table), None)


def check(tree: Node, stages: Mapping[str, Stage], schema: Schema | None, names: set[str]) -> World:
    """Hold all the rules; ``names`` are those of every stage in the file, the broken ones included."""
    world = World(tree, stages, schema, {}, [])
    for stage in stages.values():
        if stage.kind == "csv":
            world.rows[stage.name] = _read(stage, world)
    for stage in stages.values():
        if stage.kind == "csv":
            _foreign_keys(stage, world)
            _named_references(stage, world)
        _inputs(stage, world, names)
        if stage.kind == "sql":
            _query(stage, world)
        if stage.contract is not None and stage.params is not None:
            _markers(stage, world)
    _one_stage_a_table(world)
    _shards(world)
    _cycles(world)
    for reference in world.rows.values():
        world.mistakes += reference.mistakes
    return world


def _read(stage: Stage, world: World) -> Reference:
    tables = world.schema.tables if world.schema else {}
    like = stage.node.mapping().get("like")
    table = tables.get(stage.table or (str(like.scalar) if like else ""))
    if like and not table:
        world.say(stage, "like", f"the schema has no table '{like.scalar}'{did_you_mean(str(like.scalar), tables)}", like.where)
    assert stage.path is not None  # noqa: S101 -- a csv stage has one
    return read_csv(stage.path, stage.shown, table, whole=stage.table is not None)


def _foreign_keys(stage: Stage, world: World) -> None:
    table = world.schema.tables.get(stage.table or "") if world.schema else None
    for column in table.columns.values() if table else ():
        target = world.reference_of_table(column.references[0]) if column.references else None
        if column.references and target:
            check_references(world.rows[stage.name], column.name, target, column.references[1])


def _named_references(stage: Stage, world: World) -> None:
    node = stage.node.mapping().get("references")
    for column, value in node.mapping().items() if node else ():
        target, _, target_column = str(value.scalar).partition(".")
        own = world.rows[stage.name]
        if column not in own.columns:
            hint = did_you_mean(column, own.columns)
            world.say(stage, f"references.{column}", f"{own.shown} has no column '{column}'{hint}", node.key(column))  # type: ignore[union-attr]
        elif target not in world.rows:
            hint = did_you_mean(target, world.rows)
            world.say(stage, f"references.{column}", f"there is no csv stage '{target}'{hint}", value.where)
        elif target_column not in world.rows[target].columns:
            hint = did_you_mean(target_column, world.rows[target].columns)
            message = f"{world.rows[target].shown} has no column '{target_column}'{hint}"
            world.say(stage, f"references.{column}", message, value.where)
        else:
            check_references(own, column, world.rows[target], target_column)


def _inputs(stage: Stage, world: World, names: set[str]) -> None:
    for name, source in stage.inputs.items():
        if source not in names:
            world.say(stage, "inputs", f"there is no stage '{source}'{did_you_mean(source, names)}", input_place(stage, name))
        elif source in world.stages and world.stages[source].check:
            world.say(stage, "inputs", f"'{source}' is a check; it yields no rows", input_place(stage, name))


def input_place(stage: Stage, name: str) -> Where:
    """Where an input's stage is named, in a list or as the value of a mapping."""
    inputs = stage.node.mapping()["inputs"]
    item = next((item for item in inputs.items or () if item.scalar == name), None)
    return item.where if item else inputs.mapping()[name].where


def _query(stage: Stage, world: World) -> None:
    assert stage.path is not None  # noqa: S101 -- a sql stage has one
    params = stage.node.mapping().get("params")
    query = inspect_query(stage.path, stage.shown, set(stage.inputs))
    world.mistakes += query.mistakes
    for name in sorted(query.params - set(stage.params)):
        where = params.where if params else stage.node.where
        world.say(stage, "params", f"{stage.shown} asks for ${name}; give it a value", where)
    for name in sorted(set(stage.params) - query.params) if not query.mistakes else ():
        assert params is not None  # noqa: S101 -- it holds the name
        world.say(stage, f"params.{name}", f"{stage.shown} has no ${name}{did_you_mean(name, query.params)}", params.key(name))


def _markers(stage: Stage, world: World) -> None:
    params = stage.node.mapping().get("params")
    assert stage.contract is not None  # noqa: S101 -- the caller looked
    for path, marker, value in stage.contract.markers(stage.params):
        node = params.at(*path) if params else None
        where = node.where if node else stage.node.where
        for message in _marked(marker, value, stage, world):
            world.say(stage, ".".join(map(str, ("params", *path))), message, where)


def _marked(marker: Marker, value: Any, stage: Stage, world: World) -> Iterator[str]:  # noqa: ANN401 -- any param
    match marker:
        case In(column):
            table, _, name = column.partition(".")
            reference = world.reference_of_table(table)
            if reference and value not in (known := reference.columns.get(name, [])):
                yield f"{value!r} is no {name} in {reference.shown}{did_you_mean(str(value), map(str, known))}"
        case UpTo(param):
            generator, _, name = param.partition(".")
            for other in _upstream(stage, world):
                if other.generator == generator and other.params and value.high > getattr(other.params, name):
                    yield f"ends at {value.high}, but stages.{other.name}.params.{name} is {getattr(other.params, name)}"
        case CoveredBy(table):
            reference = world.reference_of_table(table)
            if reference and not reference.mistakes:
                yield from _bands(value, reference)
        case Template(fields):
            wrong = [field for field in fields if value.count(f"{{{field}}}") != 1]
            if wrong or value.count("{") != len(fields) or value.count("}") != len(fields):
                yield f"must hold {' and '.join(f'{{{field}}}' for field in fields)} once, and no other braces"


def _bands(clamp: Range, reference: Reference) -> Iterator[str]:
    """Cut scores ascend without a gap (mistakes of the CSV file), and hold the clamp."""
    low, high = reference.columns["min_score"], reference.columns["max_score"]
    for row in range(len(low)):
        end, following = high[row], low[row + 1] if row + 1 < len(low) else None
        if end is None and following is not None:
            reference.say("only the last band may have no upper end", row, "max_score")
        elif end is not None and end < low[row]:  # type: ignore[operator] -- both are INTEGER columns
            reference.say(f"the band ends at {end}, below its beginning {low[row]}", row, "max_score")
        elif following is not None and following != end + 1:  # type: ignore[operator]
            reference.say(f"the band must begin at {end + 1}, where the one before it ends", row + 1, "min_score")  # type: ignore[operator]
    if reference.mistakes or not low:
        return
    if clamp.low < low[0] or (high[-1] is not None and clamp.high > high[-1]):  # type: ignore[operator]
        upper = "" if high[-1] is None else f" to {high[-1]}"
        yield f"[{clamp.low}, {clamp.high}] is not covered by the bands in {reference.shown}, from {low[0]}{upper}"


def _upstream(stage: Stage, world: World) -> list[Stage]:
    found: dict[str, Stage] = {}
    waiting = [stage]
    while waiting:
        for name in waiting.pop().inputs.values():
            if name in world.stages and name not in found:
                found[name] = world.stages[name]
                waiting.append(world.stages[name])
    return list(found.values())


def _one_stage_a_table(world: World) -> None:
    filled: dict[str, Stage] = {}
    for stage in world.stages.values():
        if stage.table in filled:
            message = f"the table '{stage.table}' is filled by stages.{filled[stage.table].name} already"
            world.mistakes.append(EtlError(f"stages.{stage.name}: {message}", stage.where))
        elif stage.table:
            filled[stage.table] = stage


def _shards(world: World) -> None:
    cut = [stage for stage in world.stages.values() if stage.shard]
    for stage in cut:
        node = stage.node.at("shard", "by")
        assert stage.shard is not None and node is not None  # noqa: S101, PT018 -- it was validated
        if stage.shard.by not in stage.inputs:
            hint = did_you_mean(stage.shard.by, stage.inputs)
            world.say(stage, "shard.by", f"the stage has no input '{stage.shard.by}'{hint}", node.where)
        elif any(other.shard for other in _upstream(stage, world)):
            world.say(stage, "shard", "a stage upstream is cut already; this one follows it", node.where)
    cuts = {(stage.inputs.get(stage.shard.by), stage.shard.rows) for stage in cut if stage.shard}
    if len(cuts) > 1:
        for stage in cut[1:]:
            world.say(stage, "shard", f"must be the same as in stages.{cut[0].name}", stage.node.mapping()["shard"].where)


def _cycles(world: World) -> None:
    graph = {stage.name: [name for name in stage.inputs.values() if name in world.stages] for stage in world.stages.values()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        start = circle.index(min(circle, key=list(world.stages).index))
        circle = [*circle[start:-1], *circle[:start], circle[start]] if start else circle
        stage = world.stages[circle[0]]
        world.mistakes.append(EtlError(f"stages.{stage.name}.inputs: a circle: {' <- '.join(circle)}", stage.where))
