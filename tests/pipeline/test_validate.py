"""Validation as a whole: all mistakes in one go, none that only follows from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.config.source import load
from etl.errors import Mistakes
from etl.pipeline.validate import validate

ROOT = Path(__file__).parents[2]
TINY = ROOT / "pipelines" / "tiny.yaml"


def told(*changes: str) -> list[str]:
    """The mistakes that changes of the tiny world make."""
    with pytest.raises(Mistakes) as caught:
        validate(load(TINY, changes=changes))
    return [mistake.message for mistake in caught.value.mistakes]


def test_mistakes_of_one_stage_are_told_together() -> None:
    """An unknown key, an unknown input, a wrong type and a wrong name in one stage are four messages."""
    found = told("stages.pm2={tabel: x, inputs: {previous: pm0}, params: {test: PM9, clamp: 5}}")
    assert sorted(message.split(":")[0] for message in found) == [
        "stages.pm2.inputs.previous",
        "stages.pm2.params.clamp",
        "stages.pm2.params.test",
        "stages.pm2.tabel",
    ]


def test_broken_stage_hides_nothing() -> None:
    """The mistakes of every stage are told, however broken another one is, and nothing is told of who uses that one."""
    found = told("stages.pm2=5", "stages.classes={pyton: x, python: null}", "stages.pm4.params.test=PM9")
    assert [message.split(":")[0] for message in found] == [
        "stages.classes.pyton",
        "stages.pm2",
        "stages.pm4.params.test",
    ]


def test_mistake_in_a_rule_is_told_once() -> None:
    """A rule that six stages use by alias is one mistake."""
    (found,) = told("x-growth={assigned: {started: [9, 1]}}")
    assert found.endswith("assigned.started: the range [9, 1] is upside down; write [1, 9]")


def test_form_and_content_are_told_together() -> None:
    """A key that stands twice does not hide what else is wrong."""
    with pytest.raises(Mistakes) as caught:
        validate(load(TINY, changes=["site={title: a, title: b, notice: ''}", "seed=x"]))
    assert [mistake.message for mistake in caught.value.mistakes] == [
        "seed: must be a whole number, not 'x'",
        "duplicate key 'title' (first on line 1)",
        "site.notice: must not be empty",
    ]


def test_input_that_is_misspelt_is_told_once() -> None:
    """A list of inputs with a misspelt one lacks no other one."""
    (found,) = told("stages.students.inputs=[classes, frist_names, last_names]")
    assert found == "stages.students.inputs: students takes no input 'frist_names'; did you mean 'first_names'?"


def test_missing_inputs_are_told_together() -> None:
    """One message names all the inputs that are missing."""
    (found,) = told("stages.classes.inputs=null")
    assert found == "stages.classes.inputs: classes needs 'last_names' and 'subjects'; name a stage for each"
