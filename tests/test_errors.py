"""Errors: where something is wrong, and what may have been meant."""

from __future__ import annotations

import pytest

from etl.errors import EtlError, Mistakes, Where, did_you_mean


@pytest.mark.parametrize(
    ("where", "shown"),
    [(Where("a.yaml"), "a.yaml"), (Where("a.yaml", 3), "a.yaml:3"), (Where("a.yaml", 3, 7), "a.yaml:3:7")],
)
def test_place_is_shown_as_editors_link_it(where: Where, shown: str) -> None:
    """A place is file:line:column, as far as it is known."""
    assert str(where) == shown
    assert str(EtlError("wrong", where)) == f"{shown}: wrong"


def test_error_without_a_place() -> None:
    """An error about no file is its message."""
    assert str(EtlError("wrong")) == "wrong"


def test_mistakes_are_sorted_by_place_and_told_once() -> None:
    """Mistakes come by file, line and column as numbers, and none twice."""
    mistakes = [EtlError("c", Where("b", 1)), EtlError("b", Where("a", 10, 2)), EtlError("a", Where("a", 9, 11))]
    mistakes += [EtlError("d", Where("a", 10, 1)), EtlError("b", Where("a", 10, 2)), EtlError("e")]
    assert str(Mistakes(mistakes)) == "e\na:9:11: a\na:10:1: d\na:10:2: b\nb:1: c"
    assert len(Mistakes(mistakes).mistakes) == 5


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("next_scoers", ["next_scores", "first_scores"], "; did you mean 'next_scores'?"),
        ("xyz", ["b", "a"], "; known: a, b"),
        ("xyz", [], ""),
        ("xyz", [str(number) for number in range(17)], ""),
    ],
)
def test_hint_is_the_nearest_word_or_a_short_list(word: str, known: list[str], hint: str) -> None:
    """A near miss gets one suggestion, another word the choice, unless that is long."""
    assert did_you_mean(word, known) == hint
