"""Errors: where something is wrong, and what may have been meant."""

from __future__ import annotations

import pytest

from etl.errors import EtlError, Mistakes, Where, did_you_mean


@pytest.mark.parametrize(
    ("where", "shown"),
    [(Where("a.yaml"), "a.yaml"), (Where("a.yaml", 3), "a.yaml:3"), (Where("a.yaml", 3, 7), "a.yaml:3:7")],
)
def test_place_is_written_so_that_editors_link_it(where: Where, shown: str) -> None:
    """A place is written file:line:column, as far as it is known."""
    assert str(where) == shown
    assert str(EtlError("wrong", where)) == f"{shown}: wrong"
    assert str(EtlError("wrong")) == "wrong"


def test_error_about_a_value_names_its_path() -> None:
    """An error can be raised without a path, and get one where the value is known."""
    error = EtlError("there is no file x", Where("a.yaml", 3))
    assert str(error.under("schema")) == "a.yaml:3: schema: there is no file x"
    assert error.under("schema", Where("b.yaml")).message == "schema: there is no file x"
    assert str(error.under("schema", Where("b.yaml"))) == "b.yaml: schema: there is no file x"


def test_mistakes_are_sorted_by_place_without_duplicates() -> None:
    """Mistakes are sorted by file, line and column as numbers, without duplicates."""
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
