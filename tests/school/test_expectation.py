"""Exact expectations of growth, against every draw there is."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import LIMIT, Range
from etl.school.expectation import Outcomes

RANGES = st.tuples(st.integers(-12, 12), st.integers(0, 6)).map(lambda pair: Range(pair[0], sum(pair)))


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    st.lists(RANGES, min_size=1, max_size=3),
    st.tuples(st.integers(-20, 20), st.integers(0, 30)),
    st.tuples(st.integers(-20, 20), st.integers(-60, 60)),
    st.sampled_from([1, 7, 5040, 2**20, 2**43]),
)
def test_expectations(ranges: list[Range], scale: tuple[int, int], moved: tuple[int, int], denominator: int) -> None:
    """They are exact where the denominator allows it, else within one part; both clamps, shift and error counted."""
    clamp, (shift, error) = Range(scale[0], sum(scale)), moved
    before = np.arange(clamp.low, clamp.high + 1)
    outcomes = Outcomes(before, np.full_like(before, shift), np.full_like(before, error), clamp)
    found, spread = outcomes.expected(ranges, denominator), outcomes.spread(ranges)
    draws = [max(draw) for draw in itertools.product(*(range(low, high + 1) for low, high in ranges))]
    for score, move, distance in zip(before.tolist(), found.tolist(), spread.tolist(), strict=True):
        latent = (min(max(score + shift + draw, clamp.low), clamp.high) for draw in draws)
        seen = [min(max(true + error, clamp.low), clamp.high) for true in latent]
        exact = Fraction(sum(seen) * denominator, len(draws)) - score * denominator
        assert abs(move - exact) <= (denominator % len(draws) > 0)
        assert distance >= max(seen) - min(seen)


def test_growth_far_beyond_the_scale() -> None:
    """Ranges are as wide as they may be, and few of their numbers matter on a short scale."""
    clamp = Range(0, 10)
    before = np.array([0, 5, 10])
    outcomes = Outcomes(before, np.zeros_like(before), 0, clamp)
    wide, away = Range(-LIMIT, LIMIT), Range(LIMIT, LIMIT)
    draws = 2 * LIMIT + 1
    sums = [
        sum(min(max(score + growth, 0), 10) for growth in range(-20, 21)) + 10 * (LIMIT - 20) for score in (0, 5, 10)
    ]
    found = outcomes.expected([wide], 2**30) + before * 2**30
    assert np.abs(found - [round(total * 2**30 / draws) for total in sums]).max() <= 1
    assert outcomes.expected([away], 7).tolist() == (7 * (10 - before)).tolist()
    assert outcomes.expected([Range(-LIMIT, -LIMIT)], 7).tolist() == (-7 * before).tolist()
