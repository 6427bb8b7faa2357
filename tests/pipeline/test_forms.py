"""The form of pipeline.yaml, and its JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from etl.config.parse import parse
from etl.config.source import load
from etl.errors import EtlError, Where
from etl.generator.signature import contract_of
from etl.pipeline.editor import json_schema
from etl.pipeline.forms import params_of, pipeline_model, stage_model
from etl.pipeline.validate import generators_of
from etl.school.generators import first_scores

if TYPE_CHECKING:
    from etl.config.source import Source

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def schema(source: Source) -> Draft202012Validator:
    """The JSON Schema of the file, valid itself."""
    document = json_schema(generators_of(source))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


@pytest.fixture(scope="module")
def source() -> Source:
    """The pipeline.yaml."""
    return load(ROOT / "pipeline.yaml")


@pytest.fixture
def world(source: Source) -> Json:
    """The effective pipeline.yaml, as plain data."""
    return dict(source.tree.plain())


def test_our_own_pipelines_fit_the_schema(schema: Draft202012Validator, world: Json) -> None:
    """The default pipeline fits, and so do those that only say what they change, or take away with null."""
    assert [error.message for error in schema.iter_errors(world)] == []
    for path in (ROOT / "pipelines").glob("*.yaml"):
        change = parse(path.read_text(encoding="utf-8"), path.name).plain()
        assert [error.message for error in schema.iter_errors(change)] == []


@pytest.mark.parametrize(
    "path",
    [
        ("sead",),
        ("site", "titel"),
        ("stages", "tests", "csvs"),
        ("stages", "pm1", "params", "means"),
        ("stages", "pm2", "params", "growth", "assigned", "finished"),
        ("stages", "students", "shard", "row"),
    ],
)
def test_misspelt_key_does_not_fit_the_schema(schema: Draft202012Validator, world: Json, path: tuple[str, ...]) -> None:
    """A key that there is none of is refused at every level, in a change as far as it says whose params it changes."""
    place: Any = world
    change: Any = {"extends": "pipeline.yaml"}
    inside = change
    for step in path[:-1]:
        place = place[step]
        inside = inside.setdefault(step, {})
    place[path[-1]] = inside[path[-1]] = 1
    assert not schema.is_valid(world)
    assert schema.is_valid(change) == ("params" in path)
    if "params" in path:
        change["stages"][path[1]]["python"] = world["stages"][path[1]]["python"]
        assert not schema.is_valid(change)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), "7"),
        (("name",), "Tiny Draft"),
        (("stages", "pm1", "params", "clamp"), [5100]),
        (("stages", "pm1", "params", "sd"), 0),
        (("stages", "classes", "inputs"), "subjects"),
        (("stages", "window1", "python"), "windo"),
    ],
)
def test_wrong_value_does_not_fit_the_schema(
    schema: Draft202012Validator,
    world: Json,
    path: tuple[str, ...],
    value: object,
) -> None:
    """An editor can see a wrong type, size or name."""
    place: Any = world
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not schema.is_valid(world)


def test_whole_file_needs_every_key(schema: Draft202012Validator, world: Json) -> None:
    """What a whole file must say, a change may leave out or take away."""
    del world["schema"]
    assert not schema.is_valid(world)
    assert schema.is_valid({"extends": "pipeline.yaml", "stages": {"pm1": {"params": None}}, "api": None})


def test_keys_of_ones_own_are_free(schema: Draft202012Validator, world: Json) -> None:
    """A key that begins with x- may hold anything."""
    world["x-mine"] = [1, {"a": None}]
    assert schema.is_valid(world)
    mistakes: list[EtlError] = []
    pipeline_model(parse("x-mine: [1]", "f"), mistakes)
    assert not any("x-mine" in mistake.message for mistake in mistakes)


def test_what_is_right_of_a_stage_is_kept() -> None:
    """A stage with a wrong key is still a stage, so that its other mistakes are found in the same go."""
    node = parse("{sql: a.sql, inputs: [tests], shard: 5, tabel: x}", "f")
    mistakes: list[EtlError] = []
    model, wrong = stage_model("sql", node, ("stages.a", Where("f", 1)), mistakes)
    assert model
    assert getattr(model, "inputs", None) == {"tests": "tests"}
    assert wrong == {"shard", "tabel"}
    assert len(mistakes) == 2


def test_what_is_right_of_params_is_kept() -> None:
    """Params are whole, or the ones that are right."""
    contract = contract_of(first_scores, "first_scores")
    node = parse("{params: {test: PM1, mean: high, sd: 95}}", "f")
    mistakes: list[EtlError] = []
    model, values = params_of(contract, node, "stages.pm1", Where("f", 1), mistakes)
    assert model is None
    assert values == {"test": "PM1", "sd": 95}
    assert len(mistakes) == 4


@pytest.mark.parametrize(
    "moment", ["2025-08-01", "2025-8-1 00:00:00", "2025-02-29 00:00:00", "2025-08-01 24:00:00", "now"]
)
def test_clock_is_a_moment(moment: str) -> None:
    """as_of is a moment of the calendar, to the second, written in the one form that SQLite writes."""
    mistakes: list[EtlError] = []
    assert pipeline_model(parse(f"as_of: '{moment}'", "f"), mistakes) is None
    messages = [mistake.message for mistake in mistakes]
    assert f"as_of: must be a time written as YYYY-MM-DD HH:MM:SS, not '{moment}'" in messages
