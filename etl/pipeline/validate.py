"""Validates a pipeline file: its form, its files, its generators, and the rules across stages."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from etl.config import scale
from etl.config.source import display_path
from etl.config.text import read_text
from etl.errors import EtlError, Mistakes, did_you_mean
from etl.generator.signature import contract_named, contract_of, function_named, functions_of, module_named
from etl.pipeline.draft import Draft
from etl.pipeline.forms import params_of, pipeline_model, stage_kind, stage_model
from etl.pipeline.model import GENERAL_REPORT, Export, Pipeline, Stage
from etl.pipeline.rules import check
from etl.pipeline.schema import read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from pydantic import BaseModel

    from etl.config.node import Node
    from etl.config.source import Source
    from etl.errors import Where
    from etl.pipeline.forms import PipelineModel
    from etl.pipeline.schema import Schema


def validate(source: Source) -> Pipeline:
    """The pipeline of a file. Raises Mistakes with everything that is wrong with it."""
    draft = Draft(source, list(source.mistakes))
    top = pipeline_model(source.tree, draft.mistakes)
    draft.schema = _schema(draft)
    if top:
        _site(draft)
    try:
        draft.generators = _generators(source)
    except EtlError as error:
        draft.mistakes.append(error)
    read = {name: _stage(name, node, draft) for name, node in draft.nodes.items()}
    draft.stages = {name: stage for name, stage in read.items() if stage}
    check(draft)
    report = _report(top, draft)
    checks, api = (draft.path(source.tree.get(key), key, "folder") for key in ("checks", "api"))
    exports = _exports(top, draft) if top else {}
    picture = draft.path(source.tree.get("site", "picture"), "site.picture")
    scale.check(source.tree, draft.mistakes)
    if draft.mistakes or top is None or draft.schema is None:
        raise Mistakes(_distinct(draft.mistakes))
    version = getattr(draft.generators, "VERSION", None)
    return Pipeline(
        source=source,
        name=top.name,
        seed=top.seed,
        as_of=top.as_of,
        site=top.site,
        database=top.database,
        schema=draft.schema,
        checks=checks,
        api=api,
        exports=exports,
        picture=picture,
        outputs=tuple(dict.fromkeys(top.outputs)),
        report=report,
        version=version if isinstance(version, int) else None,
        stages=draft.stages,
        references=draft.references,
    )


def generators_of(source: Source) -> dict[tuple[str, str], type[BaseModel]]:
    """The params of each generator with a short name, by short and full name. Raises EtlError."""
    module, found = _generators(source), {}
    for name, function in functions_of(module).items() if module else ():
        with contextlib.suppress(EtlError):  # not a generator
            found[name, source.full_name(name)] = contract_of(function, name).params
    return found


def _generators(source: Source) -> ModuleType | None:
    """The module that short names are looked up in. Raises EtlError."""
    node = source.tree.get("generators")
    if node is None or not isinstance(node.scalar, str):
        return None  # reported by the model
    try:
        return module_named(node.scalar, source.root)
    except EtlError as error:
        raise error.under("generators", node.where) from error


def _schema(draft: Draft) -> Schema | None:
    path = draft.path(draft.source.tree.get("schema"), "schema")
    try:
        return read_schema(path, display_path(path)) if path else None
    except EtlError as error:
        draft.mistakes += error.mistakes if isinstance(error, Mistakes) else [error]
    return None


def _report(top: PipelineModel | None, draft: Draft) -> str | None:
    """The full name of the function that draws the report; None for no report."""
    node = draft.source.tree.get("report")
    if top is None or isinstance(top.report, bool):
        return GENERAL_REPORT if top and top.report else None
    try:
        function_named(top.report, draft.source.root)
    except EtlError as error:
        draft.mistakes.append(error.under("report", node.where if node else None))
    return str(top.report)


def _exports(top: PipelineModel, draft: Draft) -> dict[str, Export]:
    """The bundles of CSV files by name; those whose folder exists."""
    found, tree = {}, draft.source.tree
    for name, bundle in top.exports.items():
        path = f"exports.{name}"
        folder = draft.path(tree.get("exports", name, "csv"), f"{path}.csv", "folder")
        if "sqlite" not in top.outputs:
            draft.add(path, "is made from the database; add sqlite to outputs", tree.mapping("exports")[name].where)
        if folder:
            found[name] = Export(folder, bundle.omit_empty)
    return found


def _distinct(mistakes: list[EtlError]) -> Iterator[EtlError]:
    """Each mistake once, even if it is in an ``&anchor`` that several stages use."""
    seen = set()
    for mistake in mistakes:
        key = mistake.path.rpartition(".")[2] if mistake.what.startswith("is missing") else ""
        identity = (mistake.where, mistake.what, key)
        if identity not in seen:
            yield mistake
        seen.add(identity)


def _site(draft: Draft) -> None:
    """Check that ``site: tables:`` names tables and columns that exist."""
    node = draft.source.tree.get("site", "tables")
    if node is None or draft.schema is None:
        return
    for name, options in node.mapping().items():
        table, path = draft.schema.tables.get(name), f"site.tables.{name}"
        if table is None:
            hint = did_you_mean(name, draft.schema.tables)
            draft.add(path, f"the schema has no table '{name}'{hint}", node.key(name))
            continue
        units = options.mapping().get("units")
        columns = [(key, str(each.scalar), each.where) for key, each in options.mapping().items() if each.scalar]
        if units:
            columns += [("units", column, units.key(column)) for column in units.mapping()]
        for key, column, where in columns:
            if column not in table.columns:
                hint = did_you_mean(column, table.columns)
                draft.add(f"{path}.{key}", f"the table {name} has no column '{column}'{hint}", where)


def _stage(name: str, node: Node, draft: Draft) -> Stage | None:
    """Read a stage; None if its kind is wrong."""
    spot = path, where = f"stages.{name}", draft.source.tree.where_of("stages", name)
    kind = stage_kind(node, path, where, draft.mistakes, draft.nodes.keys() - {name})
    model, invalid = stage_model(kind, node, spot, draft.mistakes) if kind else (None, set())
    if kind is None or model is None:
        return None
    keys = dict(model)  # some kinds lack some of them
    internal = model.internal or keys.get("check") is not None
    stage = Stage(
        name,
        kind,
        node,
        where,
        inputs=keys.get("inputs", {}),
        params=keys.get("params", {}),
        options=keys.get(f"{kind}_", keys.get(kind)),
        table=_table(name, node, keys, draft, where),
        check=keys.get("check"),
        shard=keys.get("shard"),
        gather=keys.get("gather", False),
        internal=internal,
        invalid_keys=frozenset(invalid),
    )
    return replace(stage, **(_generator(stage, keys["python"], draft) if kind == "python" else _file(stage, draft)))


def _table(name: str, node: Node, keys: dict[str, Any], draft: Draft, where: Where) -> str | None:
    """The table that a stage fills."""
    written, path = keys["table"], f"stages.{name}"
    if written:
        path, where = f"{path}.table", node.mapping()["table"].where
    if keys["internal"] or keys.get("check") is not None:
        if written:
            why, key = ("an internal stage", "internal") if keys["internal"] else ("a check", "check")
            draft.add(path, f"{why} fills no table; remove this or '{key}'", where)
        return None
    table = written or name
    if draft.schema and table not in draft.schema.tables:
        hint = "" if written else " (for a stage that fills no table, set 'internal: true')"
        draft.add(path, f"the schema has no table '{table}'{did_you_mean(table, draft.schema.tables)}{hint}", where)
        return None
    return str(table)


def _file(stage: Stage, draft: Draft) -> dict[str, Any]:
    """The file of a stage, and its text if it is a query."""
    node, path_of_name = stage.node.mapping()[stage.kind], f"stages.{stage.name}.{stage.kind}"
    if node.entries is not None:
        node, path_of_name = node.mapping()["file"], f"{path_of_name}.file"
    path = draft.path(node, path_of_name)
    found: dict[str, Any] = {"path": path, "file": display_path(path) if path else ""}
    if stage.kind == "sql" and path:
        with contextlib.suppress(EtlError):  # reported with the other mistakes in the query
            found["text"] = read_text(path, found["file"])
    return found


def _generator(stage: Stage, name: str, draft: Draft) -> dict[str, Any]:
    """The generator of a stage, and its params."""
    node, path = stage.node, f"stages.{stage.name}"
    reads = node.mapping().get("reads")
    for number, item in enumerate((reads.items if reads else None) or ()):
        if draft.path(item, f"{path}.reads.{number}", "file or folder") == draft.source.root:
            message = f"{item.scalar} is the whole project, including its builds; name what is read"
            draft.add(f"{path}.reads.{number}", message, item.where)
    if ":" not in name and any(mistake.path == "generators" for mistake in draft.mistakes):
        return {}
    try:
        contract = contract_named(name, draft.generators, draft.source.root)
    except EtlError as error:
        draft.mistakes.append(error.under(f"{path}.python", node.mapping()["python"].where))
        return {}
    params, values = params_of(contract, node, path, stage.where, draft.mistakes)
    return {"generator": name, "contract": contract, "params": params, "values": values}
