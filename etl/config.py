"""``pipeline.yaml`` to a typed, validated :class:`Pipeline`; every mistake in one go.

:func:`load` reads the file with what it ``extends`` and the changes of the command line: that is enough to name the
build. :func:`validate` turns it into stages and reference data, or raises Mistakes.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Mistakes, Where, did_you_mean
from etl.tree import Node, overlay, parse, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from etl.contract import Contract
    from etl.models import Site
    from etl.reference import Reference
    from etl.tables import Schema


@dataclass(frozen=True)
class Source:
    """A pipeline file as it is written, with what it extends and the changes laid over it."""

    path: Path
    root: Path  # the project's folder: every path in the file stays inside
    tree: Node
    folders: Mapping[str, Path]  # the folder of each file, by its name in messages

    def resolve(self, node: Node) -> Path:
        """The file that a value names, relative to the file that the value stands in."""
        return (self.folders.get(node.where.file, self.path.parent) / str(node.scalar)).resolve()


@dataclass(frozen=True)
class Shard:
    """How a stage is cut: ``rows`` rows of its input ``by`` at a time."""

    by: str
    rows: int


@dataclass(frozen=True)
class Stage:
    """A named step that yields record batches."""

    name: str
    kind: str  # csv, python or sql
    node: Node
    where: Where
    inputs: Mapping[str, str] = field(default_factory=dict)  # the name inside of the stage: the stage that it is
    params: Any = None  # a pydantic model for python, a dict for sql
    path: Path | None = None  # the file of csv and sql ...
    shown: str = ""  # ... and its name in messages
    generator: str = ""
    contract: Contract | None = None
    table: str | None = None  # None for an internal stage
    check: str | None = None  # the rule that holds when the stage yields no rows
    shard: Shard | None = None


@dataclass(frozen=True)
class Pipeline:
    """A validated pipeline."""

    source: Source
    name: str
    seed: int
    as_of: str
    site: Site
    database: str
    schema: Schema
    checks: Path
    api: Path | None
    stages: Mapping[str, Stage]
    references: Mapping[str, Reference]  # the rows of each csv stage

    def stage_of_table(self, table: str) -> Stage | None:
        """The stage that fills a table."""
        return next((stage for stage in self.stages.values() if stage.table == table), None)


def shown_name(path: Path) -> str:
    """A path as messages show it: relative to the working folder where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def load(path: Path, *, changes: Iterable[str] = (), seed: int | None = None) -> Source:
    """Read a pipeline file. ``changes`` are texts ``path.to.key=value``. Raises EtlError or Mistakes."""
    folders: dict[str, Path] = {}
    root = project_of(path)
    tree = _read(path.resolve(), root, folders, ())
    for change in changes:
        tree = overlay(tree, _change(change))
    if seed is not None:
        tree = overlay(tree, Node(Where("--seed"), own={"seed": Node(Where("--seed"), scalar=seed)}))
    return Source(path.resolve(), root, tree, folders)


def project_of(path: Path) -> Path:
    """The project's folder: the nearest one above a pipeline file that holds a pyproject.toml or a .git."""
    folder = path.resolve().parent
    marked = (
        parent for parent in (folder, *folder.parents) if any((parent / m).exists() for m in ("pyproject.toml", ".git"))
    )
    return next(marked, folder)


def _read(path: Path, root: Path, folders: dict[str, Path], below: tuple[Path, ...]) -> Node:
    shown = shown_name(path)
    folders[shown] = path.parent
    tree = read(path, shown)
    if tree.own is None:
        raise EtlError("a pipeline is a mapping: name, seed, stages ...", tree.where)
    extends = tree.mapping().get("extends")
    if extends is None:
        return tree
    if not isinstance(extends.scalar, str):
        raise EtlError("extends: must be the path of another pipeline file", extends.where)
    base = (path.parent / extends.scalar).resolve()
    if base == path or base in below:
        raise EtlError(f"extends: {extends.scalar} extends this file in turn", extends.where)
    if not base.is_relative_to(root):
        raise EtlError(f"extends: {extends.scalar} lies outside of the project", extends.where)
    if not base.is_file():
        raise EtlError(f"extends: there is no file {extends.scalar}", extends.where)
    return overlay(_read(base, root, folders, (*below, path)), tree)


def _change(text: str) -> Node:
    """Turn ``stages.classes.params.count=20`` into a tree."""
    where = Where(f"--set {text}")
    name, equals, value = text.partition("=")
    if not equals or not all(name.split(".")):
        raise EtlError("write it as path.to.key=value", where)
    node = parse(value, where.file)
    if not value.strip():
        node = Node(where)
    for key in reversed(name.split(".")):
        node = Node(where, own={key: node}, keys={key: where})
    return node


def validate(source: Source) -> Pipeline:
    """Check a pipeline against its schema, its reference data and the generators. Raises Mistakes."""
    from etl import references  # noqa: PLC0415 -- pydantic and numpy, which an up-to-date build does not need
    from etl.models import pipeline_model  # noqa: PLC0415

    mistakes: list[EtlError] = []
    top = pipeline_model(source.tree, mistakes)
    schema = _schema(source, mistakes)
    stages_node = source.tree.at("stages")
    builder = _Stages(source, schema, mistakes)
    stages = {name: builder.stage(name, node) for name, node in stages_node.mapping().items()} if stages_node else {}
    found = {name: stage for name, stage in stages.items() if stage is not None}
    world = references.check(source.tree, found, schema, set(stages))
    mistakes += world.mistakes
    folders = {key: _folder(source, key, mistakes) for key in ("checks", "api")}
    if mistakes or top is None or schema is None or folders["checks"] is None:
        raise Mistakes(mistakes)
    return Pipeline(
        source=source,
        name=top.name,
        seed=top.seed,
        as_of=top.as_of,
        site=top.site,
        database=top.database,
        schema=schema,
        checks=folders["checks"],
        api=folders["api"],
        stages=found,
        references=world.rows,
    )


def _inside(source: Source, node: Node, path: str, mistakes: list[EtlError]) -> Path | None:
    """The path that a value names, if it is one inside the project."""
    if not isinstance(node.scalar, str):
        return None  # the model has said so
    resolved = source.resolve(node)
    if not resolved.is_relative_to(source.root):
        mistakes.append(EtlError(f"{path}: {node.scalar} lies outside of the project", node.where))
        return None
    return resolved


def _file(source: Source, node: Node, path: str, mistakes: list[EtlError]) -> Path | None:
    resolved = _inside(source, node, path, mistakes)
    if resolved is None or resolved.is_file():
        return resolved
    near = did_you_mean(resolved.name, [entry.name for entry in resolved.parent.glob(f"*{resolved.suffix}")])
    mistakes.append(EtlError(f"{path}: there is no file {node.scalar}{near}", node.where))
    return None


def _folder(source: Source, key: str, mistakes: list[EtlError]) -> Path | None:
    node = source.tree.at(key)
    resolved = _inside(source, node, key, mistakes) if node else None
    if node and resolved and not resolved.is_dir():
        mistakes.append(EtlError(f"{key}: there is no folder {node.scalar}", node.where))
        return None
    return resolved


def _schema(source: Source, mistakes: list[EtlError]) -> Schema | None:
    from etl.tables import read_schema  # noqa: PLC0415 -- as above

    node = source.tree.at("schema")
    path = _file(source, node, "schema", mistakes) if node else None
    try:
        return read_schema(path, shown_name(path)) if path else None
    except EtlError as error:
        mistakes.append(error)
        return None


class _Stages:
    """Turns one stage's mapping into a Stage, collecting mistakes."""

    def __init__(self, source: Source, schema: Schema | None, mistakes: list[EtlError]) -> None:
        self.source, self.schema, self.mistakes = source, schema, mistakes

    def stage(self, name: str, node: Node) -> Stage | None:
        """Validate a stage; None when it is too broken to go on with."""
        from etl.models import stage_model  # noqa: PLC0415 -- as above

        path = f"stages.{name}"
        before = len(self.mistakes)
        where = self.source.tree.mapping()["stages"].key(name)
        kind, model = stage_model(node, path, where, self.mistakes)
        if model is None:
            return None
        table = self._table(name, node, model)
        values: dict[str, Any] = {"table": table, "check": getattr(model, "check", None)}
        shard = getattr(model, "shard", None)
        values["shard"] = Shard(shard.by, shard.rows) if shard else None
        values["inputs"] = dict(getattr(model, "inputs", {}))
        if kind == "python":
            values |= self._generator(node, model, path)
        else:
            values["path"] = _file(self.source, node.mapping()[kind], f"{path}.{kind}", self.mistakes)
            values["shown"] = shown_name(values["path"]) if values["path"] else ""
            values["params"] = dict(getattr(model, "params", {}))
        return Stage(name, kind, node, where, **values) if len(self.mistakes) == before else None

    def _table(self, name: str, node: Node, model: Any) -> str | None:  # noqa: ANN401 -- one of the stage models
        internal = model.internal or getattr(model, "check", None) is not None
        if internal and model.table is not None:
            self._say("an internal stage fills no table; take 'table' or 'internal' away", node, name, "table")
        if internal or self.schema is None:
            return None
        table = model.table or name
        if table not in self.schema.tables:
            message = f"the schema has no table '{table}'{did_you_mean(table, self.schema.tables)}"
            if model.table:
                self._say(message, node, name, "table")
            else:
                where = self.source.tree.mapping()["stages"].key(name)
                message += " (a stage that fills no table says 'internal: true')"
                self.mistakes.append(EtlError(f"stages.{name}: {message}", where))
        return table

    def _generator(self, node: Node, model: Any, path: str) -> dict[str, Any]:  # noqa: ANN401
        from etl.models import params_model  # noqa: PLC0415 -- as above

        try:
            contract = contract_named(model.python, self.source.root)
        except EtlError as error:
            self.mistakes.append(EtlError(f"{path}.python: {error.message}", node.mapping()["python"].where))
            return {}
        missing = [name for name in contract.inputs if name not in model.inputs]
        extra = [name for name in model.inputs if name not in contract.inputs and not contract.takes_more]
        inputs = node.mapping().get("inputs")
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            where = inputs.where if inputs else node.where
            self.mistakes.append(EtlError(f"{path}.inputs: {model.python} needs the input {names}", where))
        for name in extra:
            hint = did_you_mean(name, contract.inputs)
            where = _input_place(inputs, name) if inputs else node.where
            self.mistakes.append(EtlError(f"{path}.inputs: {model.python} takes no input '{name}'{hint}", where))
        params = params_model(contract.params, node, path, self.mistakes)
        return {"generator": model.python, "contract": contract, "params": params}

    def _say(self, message: str, node: Node, stage: str, key: str) -> None:
        self.mistakes.append(EtlError(f"stages.{stage}.{key}: {message}", node.mapping()[key].where))


def _input_place(inputs: Node, name: str) -> Where:
    """Where an input is named, in a list or as a key of a mapping."""
    for item in inputs.items or ():
        if item.scalar == name:
            return item.where
    return inputs.key(name)


def contract_named(name: str, root: Path) -> Contract:
    """The contract of a generator by its name here, or by ``package.module:function``. Raises EtlError."""
    from etl.contract import contract_of  # noqa: PLC0415 -- as above
    from etl.generators import GENERATORS  # noqa: PLC0415

    if ":" not in name:
        if name not in GENERATORS:
            raise EtlError(f"unknown generator '{name}'{did_you_mean(name, GENERATORS)}")
        return contract_of(GENERATORS[name].function, name)
    module, _, function = name.partition(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # whatever a stranger's module raises when it is imported
        raise EtlError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise EtlError(f"{module} has no function '{function}'")
    return contract_of(found, name)
