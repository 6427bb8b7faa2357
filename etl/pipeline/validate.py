"""Validates a pipeline file: its form, its files, its generators, and the rules across stages."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from etl.config import scale
from etl.config.source import display_path
from etl.config.text import read_text
from etl.errors import EtlError, Mistakes, Where, closest, did_you_mean
from etl.generator.signature import contract_named, contract_of, function_named, functions_of, module_named
from etl.pipeline.draft import Draft
from etl.pipeline.forms import params_of, pipeline_model, stage_kind, stage_model
from etl.pipeline.model import GENERAL_REPORT, Pipeline, Shard, Stage
from etl.pipeline.rules import check
from etl.pipeline.schema import read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from pydantic import BaseModel

    from etl.config.node import Node
    from etl.config.source import Source
    from etl.generator.signature import Contract
    from etl.pipeline.forms import CsvStage, PythonStage, Site, SqlStage
    from etl.pipeline.schema import Schema


def validate(source: Source) -> Pipeline:
    """The pipeline of a file. Raises Mistakes with everything that is wrong with it."""
    mistakes = list(source.mistakes)
    top = pipeline_model(source.tree, mistakes)
    schema = _schema(source, mistakes)
    site_tables = source.tree.get("site", "tables")
    if top and schema and site_tables:
        _site(top.site, schema, site_tables, mistakes)
    stages_node = source.tree.get("stages")
    nodes = stages_node.mapping() if stages_node else {}
    builder = _Stages(source, schema, mistakes)
    version = getattr(builder.generators, "VERSION", None)
    read = {name: builder.stage(name, node) for name, node in nodes.items()}
    stages = {name: stage for name, stage in read.items() if stage is not None}
    draft = Draft(stages, set(nodes), schema)
    check(draft)
    mistakes += draft.mistakes
    report = _report(source, top.report, mistakes) if top else None
    checks, api = (_folder(source, key, mistakes) for key in ("checks", "api"))
    scale.check(source.tree, mistakes)
    if mistakes or top is None or schema is None or checks is None:
        raise Mistakes(_distinct(mistakes))
    return Pipeline(
        source=source,
        name=top.name,
        seed=top.seed,
        as_of=top.as_of,
        site=top.site,
        database=top.database,
        schema=schema,
        checks=checks,
        api=api,
        outputs=tuple(dict.fromkeys(top.outputs)),
        report=report,
        version=version if isinstance(version, int) else None,
        stages=stages,
        references=draft.references,
    )


def generators_of(source: Source) -> dict[tuple[str, str], type[BaseModel]]:
    """The params of each generator with a short name, by short and full name. Raises Mistakes."""
    mistakes: list[EtlError] = []
    module = _generators(source, mistakes)
    if mistakes:
        raise Mistakes(mistakes)
    found = {}
    for name, function in functions_of(module).items() if module else ():
        with contextlib.suppress(EtlError):  # not a generator
            found[name, source.namer()(name)] = contract_of(function, name).params
    return found


def _generators(source: Source, mistakes: list[EtlError]) -> ModuleType | None:
    """The module that short names are looked up in."""
    node = source.tree.get("generators")
    if node is None or not isinstance(node.scalar, str):
        return None  # reported by the model
    try:
        return module_named(node.scalar, source.root)
    except EtlError as error:
        mistakes.append(error.under("generators", node.where))
        return None


def _report(source: Source, written: bool | str, mistakes: list[EtlError]) -> str | None:  # noqa: FBT001 -- as YAML has it
    """The full name of the function that draws the report; None for no report."""
    if isinstance(written, bool):
        return GENERAL_REPORT if written else None
    try:
        function_named(written, source.root)
    except EtlError as error:
        node = source.tree.get("report")
        mistakes.append(error.under("report", node.where if node else None))
    return written


def _distinct(mistakes: list[EtlError]) -> Iterator[EtlError]:
    """Each mistake once, even if it is in an ``&anchor`` that several stages use."""
    seen = set()
    for mistake in mistakes:
        key = mistake.path.rpartition(".")[2] if mistake.what.startswith("is missing") else ""
        identity = (mistake.where, mistake.what, key)
        if identity not in seen:
            yield mistake
        seen.add(identity)


def _path(source: Source, node: Node, path: str, mistakes: list[EtlError]) -> Path | None:
    """The path that a value names; None if it is not in the project."""
    if not isinstance(node.scalar, str):
        return None  # reported by the model
    try:
        resolved = source.resolve(node)
    except EtlError as error:
        mistakes.append(error.under(path))
        return None
    if not resolved.is_relative_to(source.root):
        mistakes.append(EtlError(f"{node.scalar} is outside the project", node.where, path))
        return None
    return resolved


def _file(source: Source, node: Node, path: str, mistakes: list[EtlError]) -> Path | None:
    resolved = _path(source, node, path, mistakes)
    if resolved is None or resolved.is_file():
        return resolved
    if resolved.is_dir():
        mistakes.append(EtlError(f"{node.scalar} is a folder; name a file in it", node.where, path))
        return None
    near = did_you_mean(resolved.name, [entry.name for entry in resolved.parent.glob(f"*{resolved.suffix}")])
    mistakes.append(EtlError(f"there is no file {node.scalar}{near}", node.where, path))
    return None


def _folder(source: Source, key: str, mistakes: list[EtlError]) -> Path | None:
    node = source.tree.get(key)
    resolved = _path(source, node, key, mistakes) if node else None
    if node and resolved and not resolved.is_dir():
        what = f"{node.scalar} is a file; name a folder" if resolved.exists() else f"there is no folder {node.scalar}"
        mistakes.append(EtlError(what, node.where, key))
        return None
    return resolved


def _site(site: Site, schema: Schema, node: Node, mistakes: list[EtlError]) -> None:
    """Check that ``site: tables:`` names tables and columns that exist."""
    for name, options in site.tables.items():
        table = schema.tables.get(name)
        if table is None:
            hint = did_you_mean(name, schema.tables)
            what = f"the schema has no table '{name}'{hint}"
            mistakes.append(EtlError(what, node.key(name), f"site.tables.{name}"))
            continue
        columns = [("label", options.label), ("sort", options.sort), *(("units", column) for column in options.units)]
        for key, column in columns:
            if column is not None and column not in table.columns:
                place = node.get(name, key)
                where = place.where if place and place.entries is None else place.key(column) if place else node.where
                hint = did_you_mean(column, table.columns)
                what = f"the table {name} has no column '{column}'{hint}"
                mistakes.append(EtlError(what, where, f"site.tables.{name}.{key}"))


def _schema(source: Source, mistakes: list[EtlError]) -> Schema | None:
    node = source.tree.get("schema")
    path = _file(source, node, "schema", mistakes) if node else None
    try:
        return read_schema(path, display_path(path)) if path else None
    except Mistakes as error:
        mistakes += error.mistakes
    except EtlError as error:
        mistakes.append(error)
    return None


class _Stages:
    """Reads stages and collects their mistakes."""

    def __init__(self, source: Source, schema: Schema | None, mistakes: list[EtlError]) -> None:
        self.source, self.schema, self.mistakes = source, schema, mistakes
        before = len(mistakes)
        self.generators = _generators(source, mistakes)
        self.no_short_names = len(mistakes) > before

    def stage(self, name: str, node: Node) -> Stage | None:
        """Validate a stage; None if its kind is wrong."""
        path, key = f"stages.{name}", self.source.tree.where_of("stages", name)
        stages = self.source.tree.get("stages")
        kind = stage_kind(node, path, key, self.mistakes, {*(stages.mapping() if stages else ())} - {name})
        if kind is None:
            return None
        model, invalid = stage_model(kind, node, (path, key), self.mistakes)
        if model is None:
            return None
        internal = model.internal or getattr(model, "check", None) is not None
        values: dict[str, Any] = {
            "table": self._table(name, node, key, model, internal=internal),
            "check": getattr(model, "check", None),
            "inputs": dict(getattr(model, "inputs", {})),
            "internal": internal,
            "invalid_keys": frozenset(invalid),
        }
        if shard := getattr(model, "shard", None):
            values["shard"] = Shard(shard.by, shard.rows)
        values["gather"] = getattr(model, "gather", False)
        if kind == "python":
            values |= self._generator(node, model, (path, key), invalid)
        else:
            values["path"] = _file(self.source, node.mapping()[kind], f"{path}.{kind}", self.mistakes)
            values["file"] = display_path(values["path"]) if values["path"] else ""
            values["params"] = dict(getattr(model, "params", {}))
        if kind == "sql" and values["path"]:
            with contextlib.suppress(EtlError):  # reported with the other mistakes in the query
                values["text"] = read_text(values["path"], values["file"])
        return Stage(name, kind, node, key, **values)

    def _table(
        self, name: str, node: Node, key: Where, model: CsvStage | PythonStage | SqlStage, *, internal: bool
    ) -> str | None:
        where = node.mapping()["table"].where if model.table else key
        if internal:
            if model.table:
                why = "an internal stage" if model.internal else "a check"
                message = f"{why} fills no table; remove this or '{'internal' if model.internal else 'check'}'"
                self.mistakes.append(EtlError(message, where, f"stages.{name}.table"))
            return None
        table = model.table or name
        if self.schema and table not in self.schema.tables:
            message = f"the schema has no table '{table}'{did_you_mean(table, self.schema.tables)}"
            if model.table:
                self.mistakes.append(EtlError(message, where, f"stages.{name}.table"))
            else:
                message += " (for a stage that fills no table, set 'internal: true')"
                self.mistakes.append(EtlError(message, where, f"stages.{name}"))
            return None
        return table

    def _generator(self, node: Node, model: Any, spot: tuple[str, Where], invalid: set[str]) -> dict[str, Any]:  # noqa: ANN401
        path, key = spot
        self._reads(node.mapping().get("reads"), f"{path}.reads")
        if self.no_short_names and ":" not in model.python:
            return {}
        try:
            contract = contract_named(model.python, self.generators, self.source.root)
        except EtlError as error:
            self.mistakes.append(error.under(f"{path}.python", node.mapping()["python"].where))
            return {}
        if "inputs" not in invalid:
            self._inputs(node, model, contract, spot)
        params, values = params_of(contract, node, path, key, self.mistakes)
        return {"generator": model.python, "contract": contract, "params": params, "values": values}

    def _reads(self, node: Node | None, path: str) -> None:
        for number, item in enumerate((node.items if node else None) or ()):
            resolved = _path(self.source, item, f"{path}.{number}", self.mistakes)
            if resolved == self.source.root:
                message = f"{item.scalar} is the whole project, including its builds; name what is read"
                self.mistakes.append(EtlError(message, item.where, f"{path}.{number}"))
            elif resolved and not resolved.is_dir():
                _file(self.source, item, f"{path}.{number}", self.mistakes)

    def _inputs(self, node: Node, model: Any, contract: Contract, spot: tuple[str, Where]) -> None:  # noqa: ANN401
        inputs = node.mapping().get("inputs")
        path = f"{spot[0]}.inputs"
        extra = [name for name in model.inputs if not contract.takes(name)]
        missing = [name for name in contract.inputs if name not in model.inputs]
        for name in extra:
            hint = did_you_mean(name, missing)
            where = _input_place(inputs, name) if inputs else spot[1]
            self.mistakes.append(EtlError(f"{contract.name} takes no input '{name}'{hint}", where, path))
            match = closest(name, missing)
            missing = [other for other in missing if other != match]
        if missing and not (inputs or node).broken:
            names = " and ".join(f"'{name}'" for name in missing)
            where = node.key("inputs") if inputs else spot[1]
            self.mistakes.append(EtlError(f"{contract.name} needs {names}; name a stage for each", where, path))


def _input_place(inputs: Node, name: str) -> Where:
    """The place of an input's name, in a list or as a key of a mapping."""
    item = next((item for item in inputs.items or () if item.scalar == name), None)
    return item.where if item else inputs.key(name)
