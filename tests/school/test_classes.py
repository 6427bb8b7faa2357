"""The classes generator, on tiny lists of names."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.generator.streams import Streams, uniform
from etl.school.classes import classes

STREAMS = Streams(7, "classes")
TITLES = ["Mr.", "Mrs.", "Ms.", "Dr."]


def names(*found: str) -> pa.Table:
    """A list of names."""
    return pa.table({"name": pa.array(found, pa.string())})


LAST, SUBJECTS = names("Ames", "Bell", "Cole"), names("Art", "Math")


def test_a_class_for_each_teacher_and_subject() -> None:
    """Teachers go round their subjects, keeping one title each; the columns are those that shards need."""
    found = classes(STREAMS, LAST, SUBJECTS, count=6, size=Range(3, 4), titles=TITLES)
    title, last, subject = zip(*(name.replace(" - ", " ").split() for name in found["name"].to_pylist()), strict=True)
    assert last == ("Ames", "Ames", "Bell", "Bell", "Cole", "Cole")
    assert subject == ("Art", "Math") * 3
    assert title[::2] == title[1::2]
    assert set(title) <= set(TITLES)
    assert found.schema.names == ["id", "name", "size", "first_student"]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 10**6), st.integers(0, 10**6))
def test_classes_are_dense_and_sized(count: int, low: int, more: int) -> None:
    """For any number of classes of any size: ids from 1, sizes within range, students numbered without a gap."""
    found = classes(STREAMS, LAST, SUBJECTS, count=count, size=Range(low, low + more), titles=TITLES).to_pydict()
    assert found["id"] == list(range(1, count + 1))
    assert all(low <= size <= low + more for size in found["size"])
    assert found["first_student"] == [1 + sum(found["size"][:index]) for index in range(count)]
    assert len(set(found["name"])) == count


def test_names_go_round_again() -> None:
    """More classes than teachers and subjects are numbered."""
    found = classes(STREAMS, LAST, SUBJECTS, count=13, size=Range(1, 1), titles=TITLES)["name"].to_pylist()
    assert found[6:12] == [f"{name} 2" for name in found[:6]]
    assert found[12] == f"{found[0]} 3"


def test_sizes_are_drawn_uniformly() -> None:
    """Sizes and titles are the uniform numbers of their streams."""
    found = classes(STREAMS, LAST, SUBJECTS, count=6, size=Range(30, 40), titles=TITLES)
    assert found["size"].to_pylist() == uniform(STREAMS.words("size", 1, 6), 30, 40)[:, 0].tolist()
    title = uniform(STREAMS.words("title", 1, 3), 0, 3)[:, 0]
    assert [name.split()[0] for name in found["name"].to_pylist()[::2]] == [TITLES[index] for index in title]


@pytest.mark.parametrize(
    ("last", "subjects", "titles"), [(names(), SUBJECTS, TITLES), (LAST, names(), TITLES), (LAST, SUBJECTS, [])]
)
def test_no_names(last: pa.Table, subjects: pa.Table, titles: list[str]) -> None:
    """An empty list of names is an error, not a division by zero."""
    with pytest.raises(ValueError, match="need at least one title"):
        classes(STREAMS, last, subjects, count=2, size=Range(1, 1), titles=titles)


def test_two_classes_of_one_name() -> None:
    """A name that is twice in a list would give two classes one name: the error names it."""
    with pytest.raises(
        ValueError, match=r"two classes are named 'Dr\. Bell - Art'; use each last name and subject once"
    ):
        classes(STREAMS, names("Bell", "Bell"), names("Art"), count=2, size=Range(1, 1), titles=["Dr."])


POPULATION = pa.table({"teacher": [0, 0, 3, 1, 0], "subject": [0, 1, 0, 2, 0], "size": [3, 5, 4, 3, 3]})


def test_classes_of_a_population() -> None:
    """Classes have the teachers, subjects and sizes of a population under our names; equal ones are numbered."""
    found = classes(STREAMS, LAST, SUBJECTS, count=5, size=Range(3, 5), titles=["Dr."], classes=POPULATION).to_pydict()
    assert found["name"] == [
        "Dr. Ames - Art",
        "Dr. Ames - Math",
        "Dr. Ames - Art 2",  # there are three last names: the fourth teacher is called as the first one
        "Dr. Bell - Art",
        "Dr. Ames - Art 3",
    ]
    assert found["size"] == [3, 5, 4, 3, 3]
    assert found["first_student"] == [1, 4, 9, 13, 16]


@pytest.mark.parametrize(
    ("count", "size", "tables", "message"),
    [
        (4, Range(3, 5), {"a": POPULATION}, "the population has 5 classes; set count to that"),
        (5, Range(4, 5), {"a": POPULATION}, "have 3 to 5 students; set size to [3, 5]"),
        (5, Range(1, 4), {"a": POPULATION}, "have 3 to 5 students; set size to [3, 5]"),
        (5, Range(3, 5), {"a": POPULATION, "b": POPULATION}, "there can be one population, not 2; remove an input"),
    ],
)
def test_a_population_that_does_not_fit(count: int, size: Range, tables: dict[str, pa.Table], message: str) -> None:
    """The numbers of the pipeline are right about the population, so that its rules are."""
    with pytest.raises(ValueError, match=re.escape(message)):
        classes(STREAMS, LAST, SUBJECTS, count=count, size=size, titles=TITLES, **tables)
