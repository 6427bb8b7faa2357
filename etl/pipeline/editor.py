"""JSON Schema of ``pipeline.yaml``, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.pipeline.forms import KINDS, PipelineModel, PythonStage

if TYPE_CHECKING:
    from pydantic import BaseModel


def json_schema(params: dict[tuple[str, str], type[BaseModel]]) -> dict[str, Any]:
    """JSON Schema (2020-12) of a pipeline file; ``params`` are those of each generator, by short and full name.

    A file that ``extends`` another one may omit any key, and remove keys with null.
    """
    document = PipelineModel.model_json_schema(by_alias=True)
    definitions = document.pop("$defs", {})
    stages = [_embedded(model, definitions) for kind, model in KINDS.items() if kind != "python"]
    for names, own in params.items():
        stage = _embedded(PythonStage, definitions)
        stage["properties"]["python"] = {"enum": list(names), "description": "The generator."}
        stage["properties"]["params"] = _embedded(own, definitions)
        if own.model_json_schema().get("required"):
            stage["required"].append("params")
        stages.append(stage)
    custom = _embedded(PythonStage, definitions)
    custom["properties"]["python"] = {
        "type": "string",
        "pattern": ":",
        "not": {"enum": [full for _, full in params]},
        "description": "package.module:function",
    }
    any_stage = {"anyOf": [*stages, custom]}
    document["properties"]["stages"] = {"type": "object", "minProperties": 1, "additionalProperties": any_stage}
    document["patternProperties"] = {"^x-": {}}
    changes = {f"{name}Change": _change(schema) for name, schema in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pipeline.yaml",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": _change(document),
        "else": document,
        "$defs": definitions | changes,
    }


def _embedded(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    definitions.update(schema.pop("$defs", {}))
    return schema


def _change(schema: Any) -> Any:  # noqa: ANN401 -- JSON
    """A schema of changes to what another one describes: nothing is required, and null removes a key."""
    if isinstance(schema, list):
        return [_change(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _change(value) for key, value in schema.items() if key not in {"required", "minProperties"}}
    if "$ref" in schema:
        changed["$ref"] = f"{schema['$ref']}Change"
    absent = {"type": "null"}
    if "properties" in schema:
        changed["properties"] = {name: {"anyOf": [_change(own), absent]} for name, own in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        changed["additionalProperties"] = {"anyOf": [_change(schema["additionalProperties"]), absent]}
    return changed
