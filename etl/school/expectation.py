"""What growth is expected to make of scores: exact expectations and limits, both clamps included."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from etl.generator.params import Range

_LARGEST = 2**63  # limit of 64-bit integers


class Outcomes:
    """Some students' scores in a standard, and where growth can take them."""

    def __init__(
        self, before: NDArray[np.int64], shift: NDArray[np.int64], error: NDArray[np.int64] | int, clamp: Range
    ) -> None:
        """Take true scores before, shifts and errors; ``clamp`` is the scale.

        Both clamps together, clamp(clamp(x) + error), are one: x clamped to the scores that the error leaves on the
        scale, plus the error.
        """
        self._clamp = clamp
        self._before, self._error = before, error
        self._start = before + shift
        self._low, self._high = (_within(end - error, *clamp) for end in clamp)
        self._furthest = clamp.high - clamp.low + 1 + int(np.abs(shift).max(initial=0))

    def expected(self, ranges: Sequence[Range], denominator: int) -> NDArray[np.int64]:
        """Return E[observed score] less the true score before, in parts of the denominator.

        Growth is the largest of a draw from each range. The sum over all numbers from ``low`` to below ``high`` of the
        chance of a score at most as large is the distance of the expectation from ``high``.
        """
        first, last = (max(ends) for ends in zip(*ranges, strict=True))
        reach = 1 << self._furthest.bit_length()  # a power of 2, so that few tables are made
        first, upper = max(first, -reach), min(last, reach)
        sums = _sums(tuple(sorted(ranges)), first, upper, denominator)

        def chances(growth: NDArray[np.int64]) -> Any:  # noqa: ANN401 -- an array of whole numbers
            """The sum of P(M <= g) over all g up to each number, less a constant."""
            above = np.maximum(growth - max(upper, first - 1), 0)
            return sums[_within(growth - first + 1, 0, len(sums) - 1)] + above * denominator

        counted = chances(self._high - 1 - self._start) - chances(self._low - 1 - self._start)
        observed = _within(self._high + self._error, *self._clamp) - self._before
        moves: NDArray[np.int64] = observed * denominator - counted
        return moves

    def spread(self, ranges: Sequence[Range]) -> NDArray[np.int64]:
        """Return the distance between the least and the greatest possible score."""
        least, most = (_within(self._start + max(ends), self._low, self._high) for ends in zip(*ranges, strict=True))
        distance: NDArray[np.int64] = most - least
        return distance


@lru_cache(maxsize=64)  # all shards need the same tables
def _sums(ranges: tuple[Range, ...], first: int, last: int, denominator: int) -> NDArray[np.int64]:
    """Return 0, then the sums of P(M <= g) from ``first`` up to each g, to ``last``, in parts of the denominator."""
    draws = math.prod(high - low + 1 for low, high in ranges)
    small = 4 * (last - first + 2) * draws * denominator < _LARGEST
    number: Any = np.int64 if small else object  # Python's own numbers do not overflow
    growth = np.arange(first, last + 1)
    below = np.ones(len(growth), dtype=number)
    for low, high in ranges:
        below *= np.clip(growth - low + 1, 0, high - low + 1).astype(number)
    total = np.concatenate([[0], np.cumsum(below)])
    sums: NDArray[np.int64] = ((2 * total * denominator + draws) // (2 * draws)).astype(np.int64)
    return sums


def _within(numbers: Any, low: Any, high: Any) -> Any:  # noqa: ANN401 -- whole numbers, or arrays of them
    """Clamp numbers; on short arrays in half the time that numpy's clip takes."""
    return np.minimum(np.maximum(numbers, low), high)
