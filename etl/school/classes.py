"""The classes: teacher, subject and number of students."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from etl.generator.params import Columns, Count, CountRange, Distinct, Range, Text
from etl.generator.size import generator
from etl.generator.streams import Streams, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

Titles = Annotated[list[Text], Field(min_length=1)]
Names = Annotated[pa.Table, Columns(("name",)), Distinct("name")]
Population = Annotated[pa.Table, Columns(("teacher", "subject", "size"))]  # a row a class; numbers from 0


@generator(rows=lambda params, _: params.count)
def classes(
    streams: Streams,
    last_names: Names,
    subjects: Names,
    *,
    count: Count,
    size: CountRange,
    titles: Titles,
    **population: Population,
) -> pa.RecordBatch:
    """Make ``count`` classes, in the order of teachers, then subjects: one row each.

    There is one teacher per last name, each with one title. If that gives fewer than ``count`` classes, names repeat
    with the suffix `` 2``, `` 3`` and so on. With a ``population`` each class has the teacher, subject and size of one
    of its rows; ``count`` and ``size`` must be right about it. Columns: id from 1, name, size (students), and
    first_student, the id of the class's first student, which lets each shard number its students independently.
    Raises ValueError when a list of names is empty, two classes would have the same name, or the population does not
    fit.
    """
    if not (last_names.num_rows and subjects.num_rows and titles):
        message = "class names need at least one title, one last name and one subject"
        raise ValueError(message)
    number = np.arange(count)
    teachers, taught = last_names.num_rows, subjects.num_rows
    if population:
        table = _checked(population, count, size)
        sizes = table["size"].to_numpy().astype(np.int32)
        teacher = table["teacher"].to_numpy().astype(np.int64) % teachers
        subject = table["subject"].to_numpy().astype(np.int64) % taught
        cycle = _repeats(teacher * taught + subject)
    else:
        cycle, place = np.divmod(number, teachers * taught)
        teacher, subject = np.divmod(place, taught)
        sizes = uniform(streams.words("size", 1, count), size.low, size.high)[:, 0]
    title = uniform(streams.words("title", 1, teachers), 0, len(titles) - 1)[:, 0]
    return pa.record_batch(
        {
            "id": pa.array(number + 1),
            "name": pa.array(_names(last_names, subjects, titles, title, (teacher, subject, cycle))),
            "size": pa.array(sizes),
            "first_student": pa.array(1 + np.cumsum(sizes, dtype=np.int64) - sizes),
        }
    )


def _checked(population: dict[str, pa.Table], count: int, size: Range) -> pa.Table:
    """The table of a population. Raises ValueError unless it has ``count`` classes of ``size``."""
    if len(population) > 1:
        message = f"there can be one population, not {len(population)}; remove an input"
        raise ValueError(message)
    (table,) = population.values()
    if table.num_rows != count:
        message = f"the population has {table.num_rows:,} classes; set count to that"
        raise ValueError(message)
    sizes = table["size"].to_numpy()
    least, most = int(sizes.min()), int(sizes.max())
    if least < size.low or most > size.high:
        message = f"the classes of the population have {least} to {most} students; set size to [{least}, {most}]"
        raise ValueError(message)
    return table


def _repeats(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often the key of each row has occurred in the rows before it."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    result = np.empty(len(keys), np.int64)
    result[order] = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys)))
    return result


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
