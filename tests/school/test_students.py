"""The students generator, on tiny classes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.streams import Streams
from etl.school.students import _different, students

STREAMS = Streams(7, "students")
SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=5)


def classes(*sizes: int, first: int = 1) -> pa.Table:
    """Classes of some sizes; ``first`` is the first student's id."""
    starts = first + np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    ids = np.arange(1, len(sizes) + 1)
    return pa.table({"id": ids, "size": np.array(sizes, dtype=np.int32), "first_student": starts})


def names(count: int, letter: str = "f") -> pa.Table:
    """Different names."""
    return pa.table({"name": pa.array([f"{letter}{number}" for number in range(count)], pa.string())})


def filled(rows: pa.Table, first: pa.Table | None = None, last: pa.Table | None = None) -> pa.RecordBatch:
    """Run the generator."""
    return students(
        STREAMS,
        rows,
        names(3) if first is None else first,
        names(2, "l") if last is None else last,
        external_id="stu_{id}",
        created_at="2025-08-01 00:00:00",
    )


@settings(derandomize=True, deadline=None, max_examples=60)
@given(SIZES, st.integers(1, 2**40))
def test_students_fill_their_classes(sizes: list[int], first: int) -> None:
    """Any class sizes, from any id on: ids dense, in roster order, external ids of the template, one clock."""
    found = filled(classes(*sizes, first=first)).to_pydict()
    assert found["id"] == list(range(first, first + sum(sizes)))
    assert found["roster_id"] == [roster for roster, size in enumerate(sizes, 1) for _ in range(size)]
    assert found["external_id"] == [f"stu_{number}" for number in found["id"]]
    assert set(found["created_at"]) <= {"2025-08-01 00:00:00"}


@settings(derandomize=True, deadline=None, max_examples=60)
@given(SIZES, st.integers(1, 2**40))
def test_no_two_names_alike_in_a_class(sizes: list[int], first: int) -> None:
    """A class may use up all names there are, and still has no two alike."""
    found = filled(classes(*sizes, first=first))["name"].to_pylist()
    borders = np.cumsum([0, *sizes]).tolist()
    for start, end in pairwise(borders):
        assert len(set(found[start:end])) == end - start
    assert set(found) <= {f"f{a} l{b}" for a in range(3) for b in range(2)}


@settings(derandomize=True, deadline=None, max_examples=40)
@given(SIZES, st.integers(0, 4), st.integers(0, 4))
def test_a_class_is_the_same_among_others(sizes: list[int], skip: int, take: int) -> None:
    """Classes by themselves get the students that they get among others: shards may be cut anywhere."""
    rows = classes(*sizes)
    part, whole = filled(rows.slice(skip, take)), filled(rows)
    before, count = sum(sizes[:skip]), sum(sizes[skip : skip + take])
    assert part.equals(whole.slice(before, count))


def test_draws_follow_the_shuffle() -> None:
    """The drawn numbers are the first cards of a Fisher-Yates shuffle of the whole deck, class by class."""
    sizes, choices = np.array([5, 2, 7]), 9
    words = STREAMS.words("name", 1, int(sizes.sum()))[:, 0]
    expected, place = [], 0
    for size in sizes.tolist():
        deck = list(range(choices))
        for step in range(size):
            swap = step + (int(words[place + step]) * (choices - step) >> 32)
            deck[step], deck[swap] = deck[swap], deck[step]
        expected += deck[:size]
        place += size
    assert _different(words, sizes, choices).tolist() == expected


def test_a_class_larger_than_the_names() -> None:
    """If a class has more students than names, the error has all the numbers."""
    message = "3 first and 2 last names make 6 different names, too few for a class of 7; add names or reduce"
    with pytest.raises(ValueError, match=message):
        filled(classes(2, 7))


def test_no_names_at_all() -> None:
    """An empty list of names is the same error; without students none is needed."""
    with pytest.raises(ValueError, match="make 0 different names, too few for a class of 1"):
        filled(classes(1), names(0))
    assert filled(classes(0), names(0)).num_rows == 0


@pytest.mark.parametrize("kind", ["first", "last"])
def test_a_name_that_stands_twice(kind: str) -> None:
    """A name that is twice in its list could give a class two students of one name: an error."""
    twice = pa.table({"name": ["Ann", "Ann"]})
    with pytest.raises(ValueError, match=f"duplicate {kind} name 'Ann'"):
        filled(classes(1), twice if kind == "first" else None, twice if kind == "last" else None)


def test_more_names_than_can_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists that make more names than a draw can choose from are refused, not cut short in silence."""
    monkeypatch.setitem(students.__globals__, "_MOST_NAMES", 5)
    with pytest.raises(ValueError, match="the lists make 6 different names, above the limit of 5"):
        filled(classes(1))


def test_no_classes() -> None:
    """No classes have no students; the columns are the same."""
    found = filled(classes(2).slice(0, 0))
    assert (found.num_rows, found.schema.names) == (0, ["id", "roster_id", "name", "external_id", "created_at"])
