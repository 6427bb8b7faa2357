"""YAML text to a tree: scalars, places, merge keys and syntax errors."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.config.parse import MAX_CHARACTERS, parse, parse_tree
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Callable


def value(text: str) -> Any:  # noqa: ANN401 -- any YAML value
    """The value of a key."""
    return parse(f"key: {text}\n", "f").plain()["key"]


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "off", "y", "12:30", "1_000", "0x1F", "0o17", ".inf", ".nan", "1e999", "2025-08-01 00:00:00"],
)
def test_implicit_types_of_yaml_1_1_are_text(text: str) -> None:
    """Words, times and dates, and numbers with underscores or in other bases are text as written."""
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'7'", "7"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  two\n  lines", "two\nlines\n"),
        ("[1, [a, 2.5]]", [1, ["a", 2.5]]),
        ("{a: 1, b: {}}", {"a": 1, "b": {}}),
    ],
)
def test_plain_scalars_are_numbers_truth_or_nothing(text: str, expected: object) -> None:
    """Unquoted decimal numbers, true, false and null have types; what is quoted is text."""
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_keys_are_text() -> None:
    """A key is the text that was written, whatever it looks like."""
    assert parse("1: a\ntrue: b\nno: c\nnull: d\n", "f").plain() == {"1": "a", "true": "b", "no": "c", "null": "d"}


def test_every_value_and_key_has_its_place() -> None:
    """A tree knows the line and column of each key, value and item."""
    tree = parse("a:\n  - x\n  - {b: é, c: 2}\n", "f")
    c = tree.get("a", 1, "c")
    assert c
    assert c.where == Where("f", 3, 15)
    assert tree.where_of("a", 1, "c") == Where("f", 3, 12)
    assert tree.where_of("a", 0) == Where("f", 2, 5)
    assert tree.where_of("a") == Where("f", 1, 1)
    assert tree.get("a", 2) is None
    assert tree.get("a", "b", "c") is None


def test_merge_keys_fill_in() -> None:
    """A merge key adds missing keys; of several mappings the first one wins."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 3\n"
    assert parse(text, "f").plain()["z"] == {"a": 3, "b": 1, "c": 2}


def test_merged_keys_have_the_place_of_their_rule() -> None:
    """The place of a key that was merged in is that of the rule."""
    tree = parse("x: &x {a: 1}\ny:\n  <<: *x\n", "f")
    assert tree.where_of("y", "a") == Where("f", 1, 8)


def test_quoted_merge_key_is_a_key() -> None:
    """Only a plain << merges."""
    assert parse("'<<': 1\n", "f").plain() == {"<<": 1}


def test_empty_text_is_null() -> None:
    """Nothing, or comments only, is null."""
    assert parse("", "f").is_null()
    assert parse("# nothing\n", "f").is_null()


def test_syntax_errors_are_reported_together() -> None:
    """Duplicate keys, tags and odd keys are all reported, and the rest of the tree is read."""
    mistakes: list[EtlError] = []
    tree = parse_tree("a: 1\na: 2\nb: !x 3\n? [c]\n: 4\nd: 5\n", "f", mistakes)
    assert [str(mistake) for mistake in mistakes] == [
        "f:2:1: duplicate key 'a' (first on line 1)",
        "f:3:4: the tag !x has no meaning here; write the plain value",
        "f:4:3: a key must be a plain word",
    ]
    assert tree.plain() == {"a": 1, "b": 3, "d": 5}


@pytest.mark.fault("YAML bombs and deep nesting, timed")
@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "a: &a [x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'.replace('*a0', '*a')] * 9)}]\n" for n in range(1, 20)),
        "a: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5_000)),
        "a: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 29)),
        "x" * (MAX_CHARACTERS + 1),
    ],
    ids=["lists", "mappings", "block", "aliases", "chain", "merges", "long"],
)
def test_bombs_end_in_a_message_within_a_second(text: str) -> None:
    """Nesting, aliases and length that would exhaust the machine are refused at once."""
    start = time.process_time()  # not the clock on the wall: other tests run beside this one
    with pytest.raises(EtlError, match="limit"):
        parse(text, "f")
    assert time.process_time() - start < 1


@pytest.mark.fault("any text as YAML")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60))
def test_any_text_is_a_tree_or_a_message(record_property: Callable[[str, object], None], text: str) -> None:
    """For any text the parser gives a tree or an EtlError."""
    record_property("tried", 1)
    with contextlib.suppress(EtlError):
        parse(text, "f").plain()
