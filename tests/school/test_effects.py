"""Exact expectations of growth, against every draw there is."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.school.effects import Students, common_denominator
from tests.support import small

GROWTH = small.growth((-15, 15), completed=(40, 80), started=(15, 35), not_started=(-15, 15))
RANGES = st.tuples(st.integers(-12, 12), st.integers(0, 6)).map(lambda pair: Range(pair[0], sum(pair)))


@settings(derandomize=True, deadline=None, max_examples=150)
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
    students = Students(before, np.full_like(before, shift), np.full_like(before, error), clamp)
    found, spread = students.expected(ranges, denominator), students.spread(ranges)
    draws = [max(draw) for draw in itertools.product(*(range(low, high + 1) for low, high in ranges))]
    for score, move, distance in zip(before.tolist(), found.tolist(), spread.tolist(), strict=True):
        latent = (min(max(score + shift + draw, clamp.low), clamp.high) for draw in draws)
        seen = [min(max(true + error, clamp.low), clamp.high) for true in latent]
        exact = Fraction(sum(seen) * denominator, len(draws)) - score * denominator
        assert abs(move - exact) <= (denominator % len(draws) > 0)
        assert distance >= max(seen) - min(seen)


def test_common_denominator() -> None:
    """Expectations of up to so many assignments are whole numbers of its parts, where the sums fit into 64 bits."""
    assert common_denominator(GROWTH, Range(5100, 5800), 1) == 31 * 41 * 21
    assert common_denominator(GROWTH, Range(5100, 5800), 2) == (31 * 41 * 21) ** 2
    assert common_denominator(GROWTH, Range(5100, 5800), 3) == 2**43 // 701
    assert common_denominator(GROWTH, Range(-(10**7), 10**7), 9) == 2**43 // (2 * 10**7 + 1)
