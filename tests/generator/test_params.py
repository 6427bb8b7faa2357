"""The vocabulary of params: what pairs, counts and shares may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from etl.generator.params import LIMIT, Between, Count, CountRange, Range, Share, Shares, Whole
from etl.school.params import StatusShares


def validated(hint: Any, value: object) -> Any:  # noqa: ANN401 -- any annotation
    """Validate as the contract of a generator does: strictly."""
    return TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)


def test_pair_becomes_a_range() -> None:
    """[low, high] is a range of whole numbers; both may be the same."""
    assert validated(Between, [-15, 15]) == Range(-15, 15)
    assert validated(Between, [4, 4]) == (4, 4)
    assert validated(CountRange, [1, 80]).high == 80


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (Between, [40, -40], r"the range \[40, -40\] is upside down; write \[-40, 40\]"),
        (Between, [1], r"must be a pair \[low, high\], not a list of 1"),
        (Between, [1, 2, 3], r"must be a pair \[low, high\], not a list of 3"),
        (Between, {"low": 1, "high": 2}, r"must be a pair \[low, high\], not a mapping"),
        (Between, "1-2", r"must be a pair \[low, high\], not '1-2'"),
        (Between, [0, LIMIT + 1], "less than or equal"),
        (CountRange, [0, 8], "the range must start at 1 or more, not at 0"),
        (Whole, 1.0, "valid integer"),
        (Whole, True, "valid integer"),
        (Count, 0, "greater than or equal"),
        (Share, 1.5, "less than or equal"),
        (Share, "0.5", "valid number"),
        (Shares, {"kept": 0.8, "missed": 0.3}, "the shares must sum to 1, not to 1.1"),
    ],
)
def test_other_values_are_refused(hint: object, value: object, message: str) -> None:
    """Nothing is converted: a wrong type, order or size is an error."""
    with pytest.raises(ValidationError, match=message):
        validated(hint, value)


@pytest.mark.parametrize("shares", [(0.6, 0.15, 0.25), (1, 0, 0), (1 / 3, 1 / 3, 1 / 3), (0.1, 0.2, 0.7)])
def test_shares_sum_to_one(shares: tuple[float, ...]) -> None:
    """Shares may differ from a sum of 1 by rounding."""
    assert validated(Shares, dict(zip("abc", shares, strict=True))) == dict(zip("abc", shares, strict=True))
    completed, started, not_started = shares
    found = StatusShares(completed=completed, started=started, not_started=not_started)
    assert (found.completed, found.driven) == (completed, None)
