"""The form of ``pipeline.yaml`` as pydantic models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from etl.config.defaults import DEFAULTS
from etl.errors import EtlError, Where, closest, did_you_mean
from etl.generator.params import Group, Text
from etl.pipeline.fields import Bindable, BundleName, DatabaseName, Inputs, Link, Name, Report, ScalePath, Slug, instant
from etl.pipeline.form_errors import fields_of, validated
from etl.pipeline.source_forms import SOURCE_KINDS, StageModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.config.node import Node
    from etl.generator.signature import Contract

_SITE = DEFAULTS["site"]


class ShownTable(Group):
    """How Datasette shows a table."""

    label: Text | None = Field(None, description="The column shown where another table refers to a row.")
    sort: Text | None = Field(None, description="The column that the rows are sorted by.")
    units: dict[str, Text] = Field(default_factory=dict, description="The unit of each column that has one.")


class Site(Group):
    """What the published pages say about the data."""

    title: Text = Field(default=_SITE["title"], description="Title of the pages.")
    description: Text = Field(default=_SITE["description"], description="What the data is, in a sentence or two.")
    notice: Text = Field(default=_SITE["notice"], description="Shown on every page: that the data is synthetic.")
    license: Text | None = Field(
        default=None, description="Name of the data's licence; the pages name none without it."
    )
    license_url: Link | None = Field(default=None, description="Link to the licence.")
    url: Link | None = Field(default=None, description="Where the build is published; OpenAPI's server.")
    picture: Text | None = Field(default=None, description="The query that the front page draws: names, then numbers.")
    units: list[Text] = Field(default_factory=list, description="Units of columns, as the pint package writes them.")
    static_limit: Annotated[int, Field(ge=0)] = Field(
        default=1000, description="An endpoint with more answers than this is only served live, not exported as files."
    )
    tables: dict[str, ShownTable] = Field(default_factory=dict, description="How Datasette shows the tables.")


class Shard(Group):
    """How a stage, and everything downstream of it, is divided into shards."""

    by: Text = Field(description="The input to divide.")
    rows: Annotated[int, Field(ge=1)] = Field(description="Rows of that input in a shard.")


class DerivedStage(StageModel):
    """Keys of stages that make rows from other stages."""

    inputs: Inputs = Field(default_factory=dict, description="Stages that this one reads, by the names that it uses.")
    check: Text | None = Field(None, description="The rule that is met if this stage yields no rows.")
    shard: Shard | None = Field(None, description="Run this stage, and what is downstream of it, in shards.")
    gather: bool = Field(default=False, description="Run this stage once, over the rows of all shards.")


class PythonStage(DerivedStage):
    """Rows from a Python function."""

    python: Text = Field(description="A generator's short name, or package.module:function.")
    params: dict[str, Any] = Field(default_factory=dict, description="The function's params.")
    reads: list[Text] = Field(default_factory=list, description="Files and folders that the function reads.")


class SqlStage(DerivedStage):
    """Rows from a query in DuckDB's dialect."""

    sql: Text = Field(description="The SQL file.")
    params: dict[str, Bindable] = Field(default_factory=dict, description="Values of the query's $params.")


class Bundle(Group):
    """CSV files that are made from the database."""

    csv: Text = Field(description="The folder of their queries, one .sql file for each.")
    omit_empty: bool = Field(default=False, description="Leave out the files that would have no rows.")


class PipelineModel(Group):
    """The top level of a pipeline file."""

    name: Slug = Field(description="Name of the pipeline.")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(DEFAULTS["seed"], description="The seed of all random numbers.")
    as_of: Annotated[str, AfterValidator(instant)] = Field(
        DEFAULTS["as_of"], description="The pipeline's clock: YYYY-MM-DD HH:MM:SS. Nothing reads the wall clock."
    )
    extends: Text | None = Field(None, description="The pipeline file that this one changes.")
    scale: list[ScalePath] | None = Field(None, description="Paths of the numbers that --scale multiplies.")
    generators: Text | None = Field(None, description="The module of the generators with short names.")
    schema_: Text = Field(alias="schema", description="The DDL of the database.")
    database: DatabaseName = Field(DEFAULTS["database"], description="The database's file name.")
    outputs: list[Literal["sqlite", "parquet"]] = Field(
        ["sqlite"], min_length=1, description="What a build contains: the SQLite database, Parquet files, or both."
    )
    report: Report = Field(
        default=True,
        description="Whether a build with a database has a report, or the package.module:function that draws it.",
    )
    checks: Text | None = Field(None, description="The folder of checks.")
    api: Text | None = Field(None, description="The folder of endpoints.")
    exports: dict[BundleName, Bundle] = Field(
        default_factory=dict, description="Folders and .zip files of CSV files below exports/ in a build, by name."
    )
    site: Site = Field(default_factory=Site, description="What the published pages say about the data.")
    stages: dict[Name, dict[str, Any]] = Field(min_length=1, description="The stages, by name.")


KINDS: dict[str, type[StageModel]] = {
    **SOURCE_KINDS,
    "python": PythonStage,
    "sql": SqlStage,
}


def pipeline_model(tree: Node, mistakes: list[EtlError]) -> PipelineModel | None:
    """Validate the top level; ``x-`` keys may have any value."""
    data = {key: node.plain() for key, node in tree.mapping().items() if not key.startswith("x-")}
    return validated(PipelineModel, data, tree, ("", Where(tree.where.file, 1, 1)), mistakes)[0]


def stage_kind(node: Node, path: str, key: Where, mistakes: list[EtlError], others: Iterable[str] = ()) -> str | None:
    """The kind of a stage by its key; None unless it has exactly one. ``others`` are the names of the other stages."""
    kinds = [kind for kind in KINDS if kind in node.mapping()]
    if len(kinds) == 1:
        return kinds[0]
    if node.entries is None or node.broken:
        return None  # reported by the top level's model, or the parser
    known = {name for model in KINDS.values() for name in fields_of(model)}
    misspelt = next((name for name in node.mapping() if name not in known and closest(name, KINDS)), None)
    if kinds:
        message = f"a stage is {', '.join(kinds[:-1])} or {kinds[-1]}, not both; keep one"
    elif misspelt:
        message, key, path = f"unknown key{did_you_mean(misspelt, KINDS)}", node.key(misspelt), f"{path}.{misspelt}"
    else:
        *first, last = KINDS
        message = f"a stage needs one of {', '.join(first)} and {last}, to say where its rows come from"
        name = path.removeprefix("stages.")
        message += did_you_mean(name, others) if closest(name, others) else ""
    mistakes.append(EtlError(message, key, path))
    return None


def stage_model(
    kind: str, node: Node, spot: tuple[str, Where], mistakes: list[EtlError]
) -> tuple[StageModel | None, set[str]]:
    """Validate a stage: a model of its valid keys, None if its kind's key is wrong, and the keys that are wrong."""
    data = node.plain()
    if kind == "python":
        data.pop("params", None)  # validated by params_of
    model, wrong = validated(KINDS[kind], data, node, spot, mistakes)
    if model is None and kind not in wrong:
        model = KINDS[kind].model_validate({key: value for key, value in data.items() if key not in wrong})
    return model, wrong


def params_of(
    contract: Contract, stage: Node, path: str, key: Where, mistakes: list[EtlError]
) -> tuple[BaseModel | None, dict[str, Any]]:
    """Validate a stage's params: the model if all are valid, and the values of those that are."""
    node = stage.mapping().get("params")
    data: Any = node.plain() if node else {}
    where = stage.key("params") if node else key
    model, wrong = validated(contract.params, data, node or stage, (f"{path}.params", where), mistakes)
    right: BaseModel | None = model
    if model is None:
        names = data.keys() - wrong if isinstance(data, dict) else set()
        right = contract.part(names).model_validate({name: data[name] for name in names})
    return model, {name: getattr(right, name) for name in contract.hints if hasattr(right, name)}
