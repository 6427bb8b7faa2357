"""Write the reference of docs/pipelines.md from the models of a pipeline: ``python -m tests.keys``."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.pipeline.forms import KINDS, DerivedStage, PipelineModel, Shard, ShownTable, Site
from etl.pipeline.source_forms import CsvFile, SourceFile, SourceStage, SqliteFile, StageModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

FILE = Path(__file__).parent.parent / "docs" / "pipelines.md"
BEGIN = "<!-- keys: python -m tests.keys writes them from etl/pipeline/forms.py -->\n"
END = "<!-- end of the keys -->\n"

#: The models by the heading of their keys.
MODELS: dict[str, type[BaseModel]] = {
    "The file": PipelineModel,
    "`site`": Site,
    "`site: tables:`, for each table": ShownTable,
    "A stage of any kind": StageModel,
    **{f"A `{kind}` stage": model for kind, model in KINDS.items()},
    "A `csv`, `json`, `parquet` or `sqlite` stage": SourceStage,
    "`csv`, `json`, `parquet` or `sqlite` as a mapping": SourceFile,
    "`csv` as a mapping": CsvFile,
    "`sqlite` as a mapping": SqliteFile,
    "A `python` or `sql` stage": DerivedStage,
    "`shard`": Shard,
}

WORDS = {"string": "string", "integer": "whole number", "boolean": "true, false", "object": "mapping", "null": ""}


def table(model: type[BaseModel]) -> Iterator[str]:
    """The keys that a model itself declares, as lines of a table."""
    yield from ("| key | value | default | meaning |", "| --- | --- | --- | --- |")
    properties = model.model_json_schema(by_alias=True)["properties"]
    for name in model.__annotations__:
        if name not in model.model_fields:
            continue
        field = model.model_fields[name]
        default = "required" if field.is_required() else _value(field.default) if field.default_factory is None else ""
        key = field.alias or name
        yield f"| `{key}` | {_type(properties[key])} | {default} | {field.description} |"


def _value(default: object) -> str:
    return "" if default is None else f"`{json.dumps(default) if not isinstance(default, str) else default}`"


def _type(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        return "mapping, see below"
    if "anyOf" in schema or "allOf" in schema:
        return " or ".join(dict.fromkeys(filter(None, map(_type, schema.get("anyOf") or schema["allOf"]))))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return WORDS[schema["type"]] if "type" in schema else "any"


def text() -> str:
    """The page with its reference."""
    before, _, rest = FILE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = (("", f"### {title}", "", *table(model)) for title, model in MODELS.items())
    return before + BEGIN + "\n".join(chain(*parts)) + "\n\n" + END + after


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
