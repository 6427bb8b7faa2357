"""Laying one configuration file over another, as ``extends`` and ``--set`` do."""

from __future__ import annotations

from typing import Any

import pytest

from etl.config.node import Node, bound, overlay
from etl.config.parse import parse
from etl.errors import EtlError, Where

BASE = """
seed: 1
as_of: &as_of now
x-clamp: &clamp [1, 9]
x-growth: &growth {untouched: [0, 1], assigned: {started: [1, 2], completed: [2, 3]}}
x-measure: &measure {tests: tests, standards: standards}
x-more: &more {<<: *measure, assignments: assignments}
x-same: *clamp
stages:
  pm1: {params: {clamp: *clamp, growth: *growth}, inputs: {<<: *measure, students: students}}
  pm2: {params: {clamp: *clamp, growth: *growth, created_at: *as_of}, inputs: {<<: *more, previous: pm1}}
"""


def laid(over: str, base: str = BASE) -> dict[str, Any]:
    """The effective values of one text laid over another."""
    mistakes: list[EtlError] = []
    tree = overlay(parse(base, "base"), parse(over, "over"), mistakes)
    assert mistakes == []
    return dict(tree.plain())


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    """A change names what differs: the rest of a mapping stays, a list or value is replaced whole."""
    tree = laid("a: {b: 1, e: {f: 4}}", "a: {b: [1, 2], c: 3, e: {g: 5}}\nd: 4")
    assert tree == {"a": {"b": 1, "c": 3, "e": {"f": 4, "g": 5}}, "d": 4}


def test_change_of_a_rule_applies_everywhere() -> None:
    """A rule that is written once, and used by alias, changes everywhere at once."""
    stages = laid("x-clamp: [2, 8]\nas_of: later")["stages"]
    assert stages["pm1"]["params"]["clamp"] == stages["pm2"]["params"]["clamp"] == [2, 8]
    assert stages["pm2"]["params"]["created_at"] == "later"


def test_change_inside_a_rule_applies_everywhere() -> None:
    """So does a change of a part of a rule, deep inside, and of its kind."""
    stages = laid("x-growth: {assigned: {started: [5, 6]}}")["stages"]
    assert [stages[name]["params"]["growth"]["assigned"]["started"] for name in stages] == [[5, 6], [5, 6]]
    assert laid("x-growth: none")["stages"]["pm2"]["params"]["growth"] == "none"


def test_change_of_a_stage_applies_to_it_alone() -> None:
    """A change at a place that uses a rule leaves the rule, and its other users, as they were."""
    tree = laid("stages: {pm1: {params: {clamp: [2, 8], growth: {assigned: {started: [5, 6]}}}}}")
    assert tree["stages"]["pm1"]["params"]["clamp"] == [2, 8]
    assert tree["stages"]["pm1"]["params"]["growth"]["assigned"] == {"started": [5, 6], "completed": [2, 3]}
    assert tree["stages"]["pm2"]["params"]["clamp"] == tree["x-clamp"] == [1, 9]
    assert tree["stages"]["pm2"]["params"]["growth"]["assigned"]["started"] == [1, 2]


def test_stage_that_deviates_follows_the_rule_in_the_rest() -> None:
    """A stage's own change and the rule's change go together, in whatever order they are written."""
    over = "stages: {pm1: {params: {growth: {untouched: [7, 7]}}}}\nx-growth: {assigned: {started: [5, 6]}}"
    growth = laid(over)["stages"]["pm1"]["params"]["growth"]
    assert growth == {"untouched": [7, 7], "assigned": {"started": [5, 6], "completed": [2, 3]}}


def test_change_of_a_merged_mapping_applies_everywhere() -> None:
    """A key added to a rule, or changed in it, reaches every mapping that merges it, however indirectly."""
    stages = laid("x-measure: {levels: levels, tests: others}")["stages"]
    assert stages["pm1"]["inputs"] == {
        "tests": "others",
        "standards": "standards",
        "levels": "levels",
        "students": "students",
    }
    assert stages["pm2"]["inputs"]["tests"] == "others"


def test_change_of_a_rule_leaves_the_rule_that_it_merges() -> None:
    """A rule that merges another one can deviate from it without changing it, and so can one that is an alias."""
    tree = laid("x-more: {tests: others}\nx-same: [3, 3]")
    assert tree["stages"]["pm2"]["inputs"]["tests"] == "others"
    assert tree["x-measure"]["tests"] == tree["stages"]["pm1"]["inputs"]["tests"] == "tests"
    assert tree["x-clamp"] == [1, 9]


def test_null_removes_one_key() -> None:
    """Null removes a key, a merged one too, and leaves its neighbours."""
    tree = laid("seed: null\nstages: {pm1: {inputs: {tests: ~}, params: null}}")
    assert "seed" not in tree
    assert tree["stages"]["pm1"] == {"inputs": {"standards": "standards", "students": "students"}}
    assert tree["stages"]["pm2"]["inputs"]["tests"] == "tests"


def test_a_removed_key_can_be_set_again() -> None:
    """A later change can set a key that an earlier one removed."""
    mistakes: list[EtlError] = []
    tree = overlay(parse(BASE, "base"), parse("stages: {pm1: {inputs: {tests: null}}}", "over"), mistakes)
    tree = overlay(tree, parse("stages: {pm1: {inputs: {tests: mine}}}", "again"), mistakes)
    assert mistakes == []
    assert tree.plain()["stages"]["pm1"]["inputs"]["tests"] == "mine"


def test_removing_a_missing_key_is_a_mistake() -> None:
    """A null for a missing key is a mistake with a suggestion."""
    mistakes: list[EtlError] = []
    overlay(parse(BASE, "base"), parse("stages:\n  pm3: null", "over"), mistakes)
    assert [str(mistake) for mistake in mistakes] == [
        "over:2:3: stages.pm3: there is no 'pm3' to remove; did you mean 'pm2'?"
    ]


def test_places_are_those_of_the_change() -> None:
    """A changed value has its place in the change, all others their old place."""
    over = parse("x-growth: {assigned: {started: [5, 6]}}", "over")
    tree = overlay(parse(BASE, "base"), over, [])
    changed, kept = (
        tree.get("stages", "pm2", "params", "growth", "assigned", name) for name in ("started", "completed")
    )
    assert changed
    assert kept
    assert changed.where == Where("over", 1, 32)
    assert kept.where.file == "base"
    assert tree.where_of("stages", "pm2").file == "base"


def test_rule_of_the_change_can_be_an_alias_too() -> None:
    """An overriding file may use its own anchors, and a third file may change their values."""
    mistakes: list[EtlError] = []
    tree = overlay(parse(BASE, "base"), parse("x-mine: &mine {a: 1}\nx-yours: *mine", "over"), mistakes)
    tree = overlay(tree, parse("x-yours: {a: 2}", "third"), mistakes)
    assert mistakes == []
    assert (tree.plain()["x-mine"], tree.plain()["x-yours"]) == ({"a": 1}, {"a": 2})


def test_growth_through_changes_is_bounded() -> None:
    """The limit applies after a change of a value with many aliases."""
    base = "x-a: &a 1\nb: [" + ", ".join(["*a"] * 1_000) + "]\n"
    tree = overlay(parse(base, "base"), parse("x-a: [" + "1, " * 1_000 + "1]\n", "over"), [])
    with pytest.raises(EtlError, match="its aliases expand to too many values"):
        bound(tree)


def test_node_of_nothing() -> None:
    """A scalar has no keys; its place is returned for any key."""
    node = Node(Where("f", 3, 4), scalar=1)
    assert node.mapping() == {}
    assert node.key("a") == Where("f", 3, 4)
    assert node.get() is node
