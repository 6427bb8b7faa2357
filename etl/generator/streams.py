"""Named random streams: a draw has an address, and does not depend on earlier draws.

A stream is numpy's counter-based Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
keyed by the names (pipeline seed, stage, draw). Its counter is the number of the entity, a member or a loan. So
any slice of entities can be drawn by itself, on any machine, and it is the same slice.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Philox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WORDS_A_BLOCK = 8  # a Philox block is four 64-bit numbers: eight 32-bit words
_LONGEST_TABLE = 100_000  # of thresholds; a hundred thousand take a tenth of a second
_GAP = 64  # drawing this many unused entities costs about as much as a new start after them


class Streams:
    """The random streams of one stage."""

    def __init__(self, seed: int, stage: str) -> None:
        """Name the streams; nothing is drawn yet."""
        self._names = (seed, stage)

    def words(self, draw: str, first: int, count: int, width: int = 1) -> NDArray[np.uint32]:
        """Draw ``width`` uniform 32-bit words for each of ``count`` entities, from entity ``first`` on.

        Returns an array of shape (count, width). Entity numbers are not negative.
        """
        names = json.dumps([*self._names, draw])
        key = np.frombuffer(hashlib.blake2b(names.encode(), digest_size=16).digest(), dtype="<u8")
        block, skip = divmod(first * width, _WORDS_A_BLOCK)
        blocks = -(-(skip + count * width) // _WORDS_A_BLOCK)
        raw = Philox(key=key, counter=block).random_raw(blocks * 4)
        words = raw.astype("<u8", copy=False).view("<u4")
        return words[skip : skip + count * width].reshape(count, width)

    def words_of(self, draw: str, entities: NDArray[np.int64], width: int = 1) -> NDArray[np.uint32]:
        """Draw ``width`` words for each of some entities: the same as those rows of :meth:`words`.

        Raises ValueError when their numbers do not ascend.
        """
        gaps = np.diff(entities)
        if (gaps < 1).any():
            place = int(np.argmax(gaps < 1))
            message = f"ids must ascend, each once; {entities[place + 1]} follows {entities[place]}"
            raise ValueError(message)
        drawn = [np.empty((0, width), dtype=np.uint32)]
        for run in np.split(entities, np.flatnonzero(gaps > _GAP) + 1) if len(entities) else ():
            first, last = int(run[0]), int(run[-1])
            words = self.words(draw, first, last - first + 1, width)
            drawn.append(words if len(words) == len(run) else words[run - first])
        return drawn[1] if len(drawn) == 2 else np.concatenate(drawn)  # noqa: PLR2004 -- one run is not copied


def uniform(words: NDArray[np.uint32], low: Any, high: Any) -> NDArray[np.int32]:  # noqa: ANN401 -- number or array
    """Map words to whole numbers from ``low`` to ``high``, both included; the bounds may be arrays.

    Multiply and shift (Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019) without his
    rejection step: for a range of m numbers no number is more than m / 2**32 too likely or too rare.
    """
    span = np.asarray(high, dtype=np.int64) - low + 1
    scaled = words * span.astype(np.uint64)
    scaled >>= np.uint64(32)
    result: NDArray[np.int32] = scaled.astype(np.int32)
    result += np.asarray(low, dtype=np.int32)
    return result


def choose(words: NDArray[np.uint32], shares: Sequence[float]) -> NDArray[np.int8]:
    """Map words to the index of a share; shares that sum to 1."""
    bounds = np.rint(np.cumsum(shares[:-1]) * 2.0**32)
    return np.searchsorted(bounds, words, side="right").astype(np.int8)


def normal(words: NDArray[np.uint32], mean: float, sd: float, low: int, high: int) -> NDArray[np.int32]:
    """Map words to a normal distribution, rounded to whole numbers and clamped from ``low`` to ``high``.

    By the inverse of the distribution function, as a table of whole-number thresholds: the same on every machine.
    Where that table would be long, each word finds its threshold by bisection instead.
    """
    if high - low > _LONGEST_TABLE:
        return _bisected(words, mean, sd, low, high)
    return (low + np.searchsorted(_normal_bounds(mean, sd, low, high), words, side="right")).astype(np.int32)


@lru_cache(maxsize=16)  # every shard needs the same table
def _normal_bounds(mean: float, sd: float, low: int, high: int) -> NDArray[np.float64]:
    """The lowest word that belongs to each number from ``low + 1`` to ``high``."""
    return _bounds_above(np.arange(low, high, dtype=np.float64), mean, sd)


def _bounds_above(numbers: NDArray[np.float64], mean: float, sd: float) -> NDArray[np.float64]:
    """The lowest word that belongs to a larger number than each of these."""
    return np.rint(_normal_cdf((numbers + 0.5 - mean) / sd) * 2.0**32)


def _bisected(words: NDArray[np.uint32], mean: float, sd: float, low: int, high: int) -> NDArray[np.int32]:
    """The result of :func:`normal` without its table."""
    least, most = (np.full(words.shape, end, dtype=np.int64) for end in (low, high))
    for _ in range((high - low).bit_length()):
        middle = (least + most) >> 1
        above = (_bounds_above(middle.astype(np.float64), mean, sd) <= words) & (least < most)
        least, most = np.where(above, middle + 1, least), np.where(above, most, np.minimum(middle, most))
    return least.astype(np.int32)


def _normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that a standard normal variable is below x.

    Marsaglia, "Evaluating the normal distribution", J. Stat. Software 11(4), 2004: 1/2 + phi(x) (x + x^3/3 + x^5/15 +
    ...). Only +, *, / on doubles, which IEEE 754 defines to the last bit; a libm's erf differs between machines.
    """
    x = np.clip(x, -8.5, 8.5)  # beyond that the result is 0 or 1 to 16 digits
    square = x * x
    term = x.copy()
    total = x.copy()
    for divisor in range(3, 401, 2):  # at 8.5 the terms shrink from the 36th on; 200 are more than enough
        term *= square / divisor
        total += term
    exponential = _exp_minus(square / 2)
    return np.asarray(np.clip(0.5 + total * exponential * 0.3989422804014327, 0, 1))  # 1 / sqrt(2 pi)


def _exp_minus(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(-x) for x from 0 to 40: a Taylor series at x / 64, squared six times."""
    small = x / -64
    term = np.ones_like(x)
    total = np.ones_like(x)
    for divisor in range(1, 21):
        term *= small / divisor
        total += term
    for _ in range(6):
        total *= total
    return total
