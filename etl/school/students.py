"""The students of each class."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.generator.params import Columns, Distinct, Template, Text
from etl.generator.size import Inputs, generator
from etl.generator.streams import Streams, uniform
from etl.school.classes import classes as school_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_NAMES = 2**31 - 1  # the limit of a draw


def _expected(_: Any, inputs: Inputs) -> int:  # noqa: ANN401 -- it needs no params
    """The middle of the class sizes for each class."""
    low, high = inputs.param(school_classes, "size") or (1, 1)
    return inputs.rows("classes") * (low + high) // 2


@generator(rows=_expected)
def students(
    streams: Streams,
    classes: Annotated[pa.Table, Columns(("id", "size", "first_student"))],
    first_names: Annotated[pa.Table, Columns(("name",)), Distinct("name")],
    last_names: Annotated[pa.Table, Columns(("name",)), Distinct("name")],
    *,
    external_id: Annotated[str, Template(("id",))],
    created_at: Text,
) -> pa.RecordBatch:
    """Make the students: one row each, in the order of classes, with names that are unique in a class.

    Columns: id, roster_id, name, external_id (the template with the id in it), created_at.
    Raises ValueError for a duplicate name in a list, or when a class has more students than there are names.
    """
    sizes = classes["size"].to_numpy()
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # in the class, from 0
    students = np.repeat(classes["first_student"].to_numpy(), sizes) + place
    names = _number_of_names(first_names, last_names)
    if sizes.max(initial=0) > names:
        message = (
            f"{first_names.num_rows} first and {last_names.num_rows} last names make {names} different names, too few "
            f"for a class of {sizes.max()}; add names or reduce the class size"
        )
        raise ValueError(message)
    ids = pa.array(students)
    pick = _different(streams.words_of("name", students)[:, 0], sizes, names)
    before, after = map(_text, external_id.split("{id}"))
    given, family = np.divmod(pick, last_names.num_rows)
    return pa.record_batch(
        {
            "id": ids,
            "roster_id": pa.array(np.repeat(classes["id"].to_numpy(), sizes)),
            "name": _joined(_take(first_names, given), _text(" "), _take(last_names, family)),
            "external_id": _joined(before, ids.cast(pa.string()), after),
            "created_at": pa.repeat(_text(created_at), len(students)),
        }
    )


def _number_of_names(first_names: pa.Table, last_names: pa.Table) -> int:
    for kind, table in (("first", first_names), ("last", last_names)):
        counted = Counter(table["name"].to_pylist())
        if twice := [name for name, count in counted.items() if count > 1]:
            message = f"duplicate {kind} name '{twice[0]}'; two students of a class could get the same name"
            raise ValueError(message)
    names: int = first_names.num_rows * last_names.num_rows
    if names > _MOST_NAMES:
        message = f"the lists make {names} different names, above the limit of {_MOST_NAMES}; shorten one"
        raise ValueError(message)
    return names


def _take(names: pa.Table, index: NDArray[np.int64]) -> pa.Array:
    return names["name"].combine_chunks().take(pa.array(index))


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _text(""))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.string())  # without a type Arrow looks for dateutil each time, which is slow if absent


def _different(words: NDArray[np.uint32], sizes: NDArray[np.int64], choices: int) -> NDArray[np.int64]:
    """Draw without replacement within each class: a number from 0 to choices - 1 for each student.

    The first steps of a Fisher-Yates shuffle, for all classes at once. To save memory a deck has only the cards that
    some step of some class touches: the first ones, in order, and those at the positions drawn.
    """
    decks, steps = len(sizes), int(sizes.max(initial=0))
    starts = np.cumsum(sizes) - sizes
    step = np.arange(steps)
    word = words[np.minimum(starts[:, None] + step, max(len(words) - 1, 0))]  # unused beyond the end of a smaller class
    positions = uniform(word, step, choices - 1).astype(np.int64)
    cards, places = np.unique(np.concatenate([step, positions.reshape(-1)]), return_inverse=True)
    places = places[steps:].reshape(positions.shape)
    deck = np.tile(cards, (decks, 1))
    everyone = np.arange(decks)
    for swapped in range(steps):
        place = places[:, swapped]
        positions[:, swapped] = deck[everyone, place]  # the card drawn
        deck[everyone, place] = deck[:, swapped]
    return positions[step < sizes[:, None]]
