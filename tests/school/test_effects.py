"""The denominator in which expectations are whole numbers."""

from __future__ import annotations

from etl.generator.params import Range
from etl.school.effects import common_denominator
from tests.support import small

GROWTH = small.growth((-15, 15), completed=(40, 80), started=(15, 35), not_started=(-15, 15))


def test_common_denominator() -> None:
    """Expectations of up to so many assignments are whole numbers of its parts, where the sums fit into 64 bits."""
    assert common_denominator(GROWTH, Range(5100, 5800), 1) == 31 * 41 * 21
    assert common_denominator(GROWTH, Range(5100, 5800), 2) == (31 * 41 * 21) ** 2
    assert common_denominator(GROWTH, Range(5100, 5800), 3) == 2**43 // 701
    assert common_denominator(GROWTH, Range(-(10**7), 10**7), 9) == 2**43 // (2 * 10**7 + 1)
