"""The marks of a sitting: who took the test, who is driven, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from etl.generator.streams import Streams
from etl.school.measure import draw_share, optional, present
from tests.support import small

STREAMS = Streams(7, "pm")
SITTING = small.sitting(11, {1: [5, 6], 2: [7, 8], 4: [9, 9]}, width=2)


def test_present_are_those_who_took_the_test() -> None:
    """Only rows marked as taken are left, with all their cells; without the mark everybody took the test."""
    marked = SITTING.append_column("taken", pa.array([1, 0, 1], pa.int8()))
    assert present(marked)["student_id"].to_pylist() == [1, 4]
    assert small.numbers(present(marked), "standards") == [[5, 6], [9, 9]]
    assert present(SITTING).equals(SITTING)


def test_a_column_that_a_sitting_may_lack() -> None:
    """It is read where it is there; without it every student has a zero."""
    assert optional(SITTING.append_column("driven", pa.array([0, 1, 1], pa.int8())), "driven").tolist() == [0, 1, 1]
    assert optional(SITTING, "driven").tolist() == [0, 0, 0]


@pytest.mark.parametrize("share", [0, 0.03, 0.5, 1])
def test_among_is_a_share(share: float) -> None:
    """As many are chosen as the share says, within five standard errors; nobody of 0, everybody of 1."""
    chosen = draw_share(STREAMS, "missed", np.arange(1, 20_001), share)
    assert abs(chosen.mean() - share) <= 5 * (share * (1 - share) / len(chosen)) ** 0.5


def test_a_larger_share_holds_a_smaller_one() -> None:
    """Whoever is chosen stays chosen when the share grows, alone or among others."""
    ids = np.arange(1, 2001)
    small_share, large_share = (draw_share(STREAMS, "missed", ids, share) for share in (0.1, 0.3))
    assert (large_share | ~small_share).all()
    assert draw_share(STREAMS, "missed", ids[5:9], 0.3).tolist() == large_share[5:9].tolist()
