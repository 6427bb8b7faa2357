"""The form of ``pipeline.yaml``, as pydantic models, and pydantic's findings in words that say what to do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from etl.errors import EtlError, Where, did_you_mean
from etl.params import Group, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

    from etl.tree import Node


M = TypeVar("M", bound=BaseModel)


def _instant(text: str) -> str:
    try:
        if datetime.strptime(text, "%Y-%m-%d %H:%M:%S").strftime("%Y-%m-%d %H:%M:%S") == text:  # noqa: DTZ007 -- no zone
            return text
    except ValueError:
        pass
    message = f"must be a moment written as YYYY-MM-DD HH:MM:SS, not '{text}'"
    raise ValueError(message)


def _named(value: object) -> object:
    """A list of inputs is a mapping of each name to itself."""
    return {name: name for name in value} if isinstance(value, list) and all(isinstance(n, str) for n in value) else value


Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
StageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Inputs = Annotated[dict[StageName, Text], BeforeValidator(_named)]


class Site(Group):
    """What the published pages say of the data."""

    title: Text = Field(description="Title of the pages.")
    description: Text = Field(description="What the data is, in a sentence or two.")
    notice: Text = Field(description="Stands on every page: that the data is synthetic.")
    license: Text = Field(description="Name of the data's licence.")
    license_url: Annotated[str, Field(pattern=r"^https://")] = Field(description="Where the licence stands.")


class ShardModel(Group):
    """How a stage, and everything downstream of it, is cut."""

    by: Text = Field(description="The input to slice.")
    rows: Annotated[int, Field(ge=1)] = Field(description="Rows of that input in a shard.")


class _Stage(Group):
    table: Text | None = Field(None, description="The table to fill, if not the one of the stage's name.")
    internal: bool = Field(default=False, description="True for a stage that fills no table.")


class CsvStage(_Stage):
    """Reference data from a CSV file."""

    csv: Text = Field(description="The CSV file.")
    like: Text | None = Field(None, description="For an internal stage: a table whose columns' rules hold here too.")
    references: dict[str, ColumnName] = Field(
        default_factory=dict, description="Columns whose cells must stand in a column of another csv stage."
    )


class _Made(_Stage):
    inputs: Inputs = Field(default_factory=dict, description="Stages that this one sees, by the name it knows them by.")
    check: Text | None = Field(None, description="The rule that holds when this stage yields no rows.")
    shard: ShardModel | None = Field(None, description="Run this stage, and what is downstream of it, in slices.")


class PythonStage(_Made):
    """Rows from a Python function."""

    python: Text = Field(description="A generator's name, or package.module:function.")
    params: dict[str, Any] = Field(default_factory=dict, description="The function's params.")


class SqlStage(_Made):
    """Rows from a query in DuckDB's dialect."""

    sql: Text = Field(description="The SQL file.")
    params: dict[str, Any] = Field(default_factory=dict, description="Values of the query's $params.")


class PipelineModel(Group):
    """The top level of a pipeline file, its stages aside."""

    name: Slug = Field(description="Name of the pipeline.")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(description="Another seed, another world of the same kind.")
    as_of: Annotated[str, AfterValidator(_instant)] = Field(description="The pipeline's clock.")
    extends: Text | None = Field(None, description="Another pipeline file, which this one changes.")
    schema_: Text = Field(alias="schema", description="The DDL of the database.")
    database: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*\.db$")] = Field(description="The database's file name.")
    checks: Text = Field(description="The folder of checks.")
    api: Text | None = Field(None, description="The folder of endpoints.")
    site: Site
    stages: dict[StageName, dict[str, Any]] = Field(min_length=1, description="The stages, by name.")


KINDS: dict[str, type[_Stage]] = {"csv": CsvStage, "python": PythonStage, "sql": SqlStage}


def pipeline_model(tree: Node, mistakes: list[EtlError]) -> PipelineModel | None:
    """Validate the top level; ``x-`` keys hold anything."""
    data = {key: node.plain() for key, node in tree.mapping().items() if not key.startswith("x-")}
    return _validated(PipelineModel, data, tree, "", mistakes)


def stage_model(
    node: Node, path: str, key: Where, mistakes: list[EtlError]
) -> tuple[str, CsvStage | PythonStage | SqlStage | None]:
    """Find the kind of a stage and validate it: its kind and model, None for the model when it has mistakes."""
    if node.own is None:
        return "", None  # the top level's model has said so
    kinds = [kind for kind in KINDS if kind in node.mapping()]
    if len(kinds) != 1:
        said = f"has {' and '.join(kinds)}" if kinds else "has none of them"
        near = [did_you_mean(name, KINDS) for name in node.mapping() if name not in CsvStage.model_fields]
        hint = next((text for text in near if "mean" in text), "")
        mistakes.append(EtlError(f"{path}: a stage needs exactly one of csv, python and sql; it {said}{hint}", key))
        return "", None
    data = node.plain()
    if kinds[0] == "python":
        data["params"] = {}  # validated against the generator's own params
    model: Any = _validated(KINDS[kinds[0]], data, node, path, mistakes)
    return kinds[0], model


def params_model(model: type[BaseModel], stage: Node, path: str, mistakes: list[EtlError]) -> BaseModel | None:
    """Validate a stage's params against its generator's."""
    node = stage.mapping().get("params")
    data: Any = node.plain() if node else {}
    return _validated(model, {} if data is None else data, node or stage, f"{path}.params", mistakes)


def _validated(
    model: type[M], data: object, node: Node, path: str, mistakes: list[EtlError]
) -> M | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        mistakes += [_mistake(details, model, node, path) for details in error.errors(include_url=False)]
        return None


def _mistake(details: ErrorDetails, model: type[BaseModel], node: Node, path: str) -> EtlError:
    """Say what pydantic found, where the value stands."""
    steps = [step for step in details["loc"] if step != "[key]"]
    while steps and node.at(*steps) is None and details["type"] not in {"missing", "extra_forbidden"}:
        steps.pop()  # pydantic's own names for the parts of a validator
    message = _WORDS.get(details["type"], lambda found: f"{found['msg'][0].lower()}{found['msg'][1:]}")(details)
    parent, target = node.at(*steps[:-1]) or node, node.at(*steps)
    where = target.where if target else parent.where
    if details["type"] == "extra_forbidden" or details["loc"][-1:] == ("[key]",):
        where = parent.key(str(steps[-1]))
    if details["type"] == "extra_forbidden":
        message += did_you_mean(str(steps[-1]), _fields(model, steps[:-1]))
    shown = ".".join(str(step) for step in steps)
    return EtlError(f"{'.'.join(part for part in (path, shown) if part) or 'the file'}: {message}", where)


def _fields(model: type[BaseModel], steps: list[str | int]) -> list[str]:
    """The keys that the model allows at a path."""
    current: Any = model
    for step in steps:
        fields = getattr(current, "model_fields", {})
        field = next((field for name, field in fields.items() if step in {name, field.alias}), None)
        current = field.annotation if field else None
    return [field.alias or name for name, field in getattr(current, "model_fields", {}).items()]


def _is(what: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"must be {what}, not {_shown(details['input'])}"


def _bound(word: str, key: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"must be {word} {details['ctx'][key]}, not {_shown(details['input'])}"


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    text = str(value)
    text = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 -- what fits a line
    return f"'{text}'" if isinstance(value, str) else text.lower() if isinstance(value, bool) else text


_WORDS: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda details: "is missing" if isinstance(details["loc"][-1], str) else "must be a pair [low, high]",
    "extra_forbidden": lambda details: f"unknown key '{details['loc'][-1]}'",
    "int_type": _is("a whole number"),
    "int_from_float": _is("a whole number"),
    "float_type": _is("a number"),
    "string_type": _is("a text"),
    "bool_type": _is("true or false"),
    "list_type": _is("a list"),
    "dict_type": _is("a mapping"),
    "model_type": _is("a mapping"),
    "model_attributes_type": _is("a mapping"),
    "named_tuple_type": _is("a pair [low, high]"),
    "too_long": _is("a pair [low, high]"),
    "too_short": lambda _: "may not be empty",
    "string_too_short": lambda _: "may not be empty",
    "string_pattern_mismatch": lambda details: f"{_shown(details['input'])} does not fit the pattern {details['ctx']['pattern']}",
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "less_than": _bound("less than", "lt"),
    "value_error": lambda details: str(details["ctx"]["error"]),
}


def json_schema(params: dict[str, type[BaseModel]]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors; ``params`` are the models of the generators' params."""
    document = PipelineModel.model_json_schema(by_alias=True)
    definitions = document.setdefault("$defs", {})
    kinds = []
    for model in (CsvStage, SqlStage):
        kinds.append(_embedded(model, definitions))
    for name, own in params.items():
        stage = _embedded(PythonStage, definitions)
        stage["properties"]["python"] = {"const": name, "description": "The generator."}
        stage["properties"]["params"] = _embedded(own, definitions)
        kinds.append(stage)
    custom = _embedded(PythonStage, definitions)
    custom["properties"]["python"] = {"type": "string", "pattern": ":", "description": "package.module:function"}
    names = {"type": "object", "additionalProperties": {"type": "string"}}
    for stage in (*kinds, custom):
        if "inputs" in stage["properties"]:
            stage["properties"]["inputs"] = {"anyOf": [names, {"type": "array", "items": {"type": "string"}}]}
    document["properties"]["stages"]["additionalProperties"] = {"anyOf": [*kinds, custom]}
    document["patternProperties"] = {"^x-": {}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pipeline.yaml", **document}


def _embedded(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    definitions.update(schema.pop("$defs", {}))
    return schema
