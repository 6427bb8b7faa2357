"""The classes: teacher, subject and number of students."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Columns, Count, CountRange, Distinct, Text
from etl.generator.size import generator
from etl.generator.streams import Streams, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

Titles = Annotated[list[Text], Field(min_length=1)]
Names = Annotated[pa.Table, Columns(("name",)), Distinct("name")]


@generator(rows=lambda params, _: params.count)
def classes(
    streams: Streams, last_names: Names, subjects: Names, *, count: Count, size: CountRange, titles: Titles
) -> pa.RecordBatch:
    """Make ``count`` classes, in the order of teachers, then subjects: one row each.

    There is one teacher per last name, each with one title. If that gives fewer than ``count`` classes, names repeat
    with the suffix `` 2``, `` 3`` and so on. Columns: id from 1, name, size (students), and first_student, the id of
    the class's first student, which lets each shard number its students independently. Raises ValueError when a list
    of names is empty or two classes would have the same name.
    """
    if not (last_names.num_rows and subjects.num_rows and titles):
        message = "class names need at least one title, one last name and one subject"
        raise ValueError(message)
    number = np.arange(count)
    teachers, taught = last_names.num_rows, subjects.num_rows
    cycle, place = np.divmod(number, teachers * taught)
    teacher, subject = np.divmod(place, taught)
    title = uniform(streams.words("title", 1, teachers), 0, len(titles) - 1)[:, 0]
    sizes = uniform(streams.words("size", 1, count), size.low, size.high)[:, 0]
    return pa.record_batch(
        {
            "id": pa.array(number + 1),
            "name": pa.array(_names(last_names, subjects, titles, title, (teacher, subject, cycle))),
            "size": pa.array(sizes),
            "first_student": pa.array(1 + np.cumsum(sizes, dtype=np.int64) - sizes),
        }
    )


def _names(
    last_names: pa.Table,
    subjects: pa.Table,
    titles: list[str],
    title: NDArray[np.int32],
    places: tuple[NDArray[np.int64], ...],
) -> list[str]:
    last, subject_name = last_names["name"].to_pylist(), subjects["name"].to_pylist()
    names = [
        f"{titles[title[teacher]]} {last[teacher]} - {subject_name[subject]}" + (f" {cycle + 1}" if cycle else "")
        for teacher, subject, cycle in zip(*(place.tolist() for place in places), strict=True)
    ]
    if len(set(names)) < len(names):
        message = f"two classes are named '{Counter(names).most_common(1)[0][0]}'; use each last name and subject once"
        raise ValueError(message)
    return names
