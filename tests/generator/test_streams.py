"""Streams: addressed by names and entity, and mapped to numbers of the right distribution."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from etl.generator import streams
from etl.generator.streams import Streams, choose, normal, uniform

SEED = Streams(20250801, "students")
WORDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20).map(lambda words: np.array(words, dtype=np.uint32))
EDGES = np.array([0, 2**32 - 1], dtype=np.uint32)


def test_words_are_these() -> None:
    """Philox with these names gives these words: the golden vector of every world."""
    assert SEED.words("name", 1, 4).tolist() == [[3272676418], [276539947], [2885224930], [1329646665]]
    assert SEED.words("name", 10**12, 2, 3).tolist() == [
        [2465124695, 2917942667, 3064550860],
        [619189731, 2173698404, 1640393518],
    ]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.integers(0, 2**40), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 21))
def test_a_slice_equals_the_slice_of_the_whole(first: int, before: int, count: int, after: int, width: int) -> None:
    """Any entities drawn by themselves get the words that they get among others, whatever the width."""
    whole = SEED.words("growth", first, before + count + after, width)
    assert whole.shape == (before + count + after, width)
    assert np.array_equal(SEED.words("growth", first + before, count, width), whole[before : before + count])


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(0, 2**40), st.sets(st.integers(0, 400), max_size=30), st.integers(1, 9))
def test_words_of_entities_are_their_rows(first: int, places: set[int], width: int) -> None:
    """Entities with gaps between them, small and large, get the words of their numbers."""
    chosen = np.array(sorted(places), dtype=np.int64)
    whole = SEED.words("growth", first, 401, width)
    assert np.array_equal(SEED.words_of("growth", chosen + first, width), whole[chosen])


def test_words_of_far_entities() -> None:
    """An entity with a large number costs no more than one with a small number."""
    ids = np.array([1, 10**9, 2**62])
    drawn = SEED.words_of("growth", ids, 3)
    assert drawn.tolist() == [SEED.words("growth", int(number), 1, 3)[0].tolist() for number in ids]


@pytest.mark.parametrize("ids", [[2, 1], [1, 1]])
def test_words_of_entities_that_do_not_ascend(ids: list[int]) -> None:
    """Entities out of order, or twice, are refused: the words would be in the wrong rows."""
    with pytest.raises(ValueError, match=rf"ids must ascend, each once; 1 follows {ids[0]}"):
        SEED.words_of("growth", np.array(ids))


def test_names_separate_streams() -> None:
    """Another seed, stage or draw is another stream, also where the names put together read the same."""
    names = [
        (1, "a", "b"),
        (2, "a", "b"),
        (1, "b", "b"),
        (1, "a", "a"),
        (1, "ab", ""),
        (1, "", "ab"),
        (1, 'a", "b', ""),
    ]
    drawn = [Streams(seed, stage).words(draw, 0, 64).tobytes() for seed, stage, draw in names]
    assert len(set(drawn)) == len(names)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(WORDS, st.integers(-10_000_000, 10_000_000), st.integers(0, 10_000_000))
def test_uniform_stays_within_its_bounds(words: np.ndarray, low: int, size: int) -> None:
    """A uniform number is the word's share of the range, and both ends belong to it."""
    high = min(low + size, 10_000_000)
    expected = [low + (int(word) * (high - low + 1) >> 32) for word in words]
    assert uniform(words, low, high).tolist() == expected
    assert uniform(EDGES, low, high).tolist() == [low, high]


def test_uniform_takes_bounds_as_arrays() -> None:
    """Each row may have its own bounds."""
    words = np.tile(EDGES, (3, 1))
    low, high = np.array([[40], [15], [-15]]), np.array([[80], [35], [15]])
    assert uniform(words, low, high).tolist() == [[40, 80], [15, 35], [-15, 15]]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(WORDS, st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_choose_ignores_zero_shares(words: np.ndarray, weights: list[int]) -> None:
    """A share of 0 is never chosen, a share of 1 always."""
    assume(sum(weights))
    shares = [weight / sum(weights) for weight in weights]
    chosen = choose(np.concatenate([words, EDGES]), shares)
    assert all(weights[index] for index in chosen)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(WORDS, st.floats(-6000, 6000), st.floats(0.1, 3000), st.integers(-6000, 6000), st.integers(0, 900))
def test_normal_is_the_rounded_clamped_inverse(words: np.ndarray, mean: float, sd: float, low: int, size: int) -> None:
    """A normal number is the word's quantile, rounded and clamped; only a word next to a threshold may fall beside."""
    high, distribution = low + size, NormalDist(mean, sd)
    for word, found in zip(words.tolist(), normal(words, mean, sd, low, high).tolist(), strict=True):
        assert low <= found <= high
        below, above = (distribution.cdf(found + half) * 2**32 for half in (-0.5, 0.5))
        assert found == low or below <= word + 1
        assert found == high or word <= above + 1


def test_normal_thresholds_are_exact() -> None:
    """The default world's 700 thresholds are those of the standard library's distribution, to one in four billion."""
    bounds = streams._normal_bounds(5440, 95, 5100, 5800)
    expected = [NormalDist(5440, 95).cdf(score + 0.5) * 2**32 for score in range(5100, 5800)]
    assert np.abs(bounds - expected).max() <= 1
    assert np.all(np.diff(bounds) > 0)
    assert [int(bound) for bound in bounds[[0, 339, 340, 699]]] == [755900, 2138465563, 2156501733, 4294636160]


def test_normal_clamps() -> None:
    """Values beyond the ends become the ends, also if the whole distribution is beyond."""
    assert normal(EDGES, 5440, 95, 5430, 5450).tolist() == [5430, 5450]
    assert normal(EDGES, 5440, 1, 9000, 9010).tolist() == [9000, 9000]
    assert normal(EDGES, 5440, 1, 100, 110).tolist() == [110, 110]
    assert normal(EDGES, 5440, 95, 7, 7).tolist() == [7, 7]


@pytest.mark.parametrize(("mean", "sd", "low", "high"), [(5440, 95, 5100, 5800), (0, 3, -9, 9), (7, 1, 7, 7)])
def test_bisection_gives_what_the_table_gives(mean: int, sd: int, low: int, high: int) -> None:
    """A word gives the same number by the table and by bisection."""
    words = np.concatenate([Streams(1, "stage").words("draw", 1, 5000)[:, 0], np.array([0, 2**32 - 1], np.uint32)])
    assert (streams._bisected(words, mean, sd, low, high) == normal(words, mean, sd, low, high)).all()


def test_a_wide_clamp_is_cheap() -> None:
    """Twenty million possible numbers need no table: memory and time depend on the words."""
    words = Streams(1, "stage").words("draw", 1, 1000)[:, 0]
    drawn = normal(words, 100, 10_000_000, -10_000_000, 10_000_000)
    assert (drawn.min(), drawn.max()) == (-10_000_000, 10_000_000)  # a third of them lie beyond
    assert abs(int(np.median(drawn))) < 1_000_000
    assert streams._normal_bounds.cache_info().currsize <= 16
