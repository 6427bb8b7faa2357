"""Pydantic's findings in our words, at the place of the value."""

from __future__ import annotations

import pytest
from pydantic import Field

from etl.config.parse import parse
from etl.errors import EtlError, Where
from etl.generator.params import Between, Group
from etl.pipeline.form_errors import describe, fields_of, validated


class Inner(Group):
    """A group in a group."""

    size: Between
    name: str = "x"


class Outer(Group):
    """A group with one of everything."""

    count: int = Field(ge=1, le=10)
    inner: Inner | None = None
    share: float = 0.5
    words: list[str] = Field(default_factory=list)
    flag: bool = False
    numbers: dict[str, int] = Field(default_factory=dict)
    other: int = Field(1, alias="schema")


def told(text: str) -> list[str]:
    """The mistakes of a text, as the params of a stage."""
    mistakes: list[EtlError] = []
    tree = parse(text, "f")
    validated(Outer, tree.plain(), tree, ("params", Where("f", 9, 9)), mistakes)
    return [str(mistake) for mistake in mistakes]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "f:9:9: params.count: is missing"),
        ("{count: 0}", "f:1:9: params.count: must be at least 1, not 0"),
        ("{count: 11}", "f:1:9: params.count: must be at most 10, not 11"),
        ("{count: 1.5}", "f:1:9: params.count: must be a whole number, not 1.5"),
        ("{count: true}", "f:1:9: params.count: must be a whole number, not true"),
        ("{count: null}", "f:1:9: params.count: must be a whole number, not empty"),
        ("{count: [1]}", "f:1:9: params.count: must be a whole number, not a list of 1"),
        ("{count: 1, share: half}", "f:1:19: params.share: must be a number, not 'half'"),
        ("{count: 1, words: a}", "f:1:19: params.words: must be a list, not 'a'"),
        ("{count: 1, words: [a, 2]}", "f:1:23: params.words.1: must be a string, not 2; put it in quotes: '2'"),
        ("{count: 1, flag: 'no'}", "f:1:18: params.flag: must be true or false, not 'no'"),
        ("{count: 1, numbers: []}", "f:1:21: params.numbers: must be a mapping, not an empty list"),
        ("{count: 1, numbers: {a: b}}", "f:1:25: params.numbers.a: must be a whole number, not 'b'"),
        ("{count: 1, inner: 5}", "f:1:19: params.inner: must be a mapping, not 5"),
        ("{count: 1, inner: {}}", "f:1:12: params.inner.size: is missing"),
        ("{count: 1, inner: {size: [2]}}", "f:1:26: params.inner.size: must be a pair [low, high], not a list of 1"),
        ("{count: 1, schema: x}", "f:1:20: params.schema: must be a whole number, not 'x'"),
        ("5", "f:1:1: params: must be a mapping, not 5"),
    ],
)
def test_wrong_values_are_told_in_plain_words(text: str, message: str) -> None:
    """What is wrong, what it must be, and where the value (or the key of what lacks something) stands."""
    assert told(text) == [message]


def test_misspelt_key_is_told_once() -> None:
    """An unknown key that is near a missing one is one mistake, not two."""
    assert told("{cuont: 1}") == ["f:1:2: params.cuont: unknown key; did you mean 'count'?"]
    assert told("{count: 1, inner: {sizes: [1, 2]}}") == [
        "f:1:20: params.inner.sizes: unknown key; did you mean 'size'?"
    ]


def test_unknown_key_says_what_there_is() -> None:
    """A key that is near to nothing gets the list of keys."""
    known = "count, flag, inner, numbers, schema, share, words"
    assert told("{count: 1, zzz: 1}") == [f"f:1:12: params.zzz: unknown key; known: {known}"]
    assert fields_of(Outer) == ["count", "inner", "share", "words", "flag", "numbers", "schema"]


def test_what_follows_from_a_fault_of_form_is_not_told() -> None:
    """A mapping whose form is wrong lacks keys for that reason; a tagged value is no value."""
    tree = parse("{count: 1, inner: {name: x}}", "f")
    for node in (tree, tree.get("inner")):
        assert node
        node.broken = True
    mistakes: list[EtlError] = []
    validated(Outer, {"inner": {"name": "x"}}, tree, ("params", Where("f")), mistakes)
    assert mistakes == []


@pytest.mark.parametrize(
    ("value", "text"),
    [("x" * 50, f"'{'x' * 40}…'"), (None, "empty"), ({}, "a mapping"), ([1, 2], "a list of 2"), (False, "false")],
)
def test_values_are_shown_briefly(value: object, text: str) -> None:
    """A message names a value in a few words."""
    assert describe(value) == text
