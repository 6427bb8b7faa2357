"""Sittings as rows of the table ``scores``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa

from etl.generator.params import Apart
from etl.generator.size import Inputs, Size, generator
from etl.school.arrays import json_objects, matrix
from etl.school.measure import SITTING, Measure, Standards, Tests, find, present

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _expected(_: Any, inputs: Inputs) -> Size:  # noqa: ANN401 -- it needs no params
    """A row a student and test; its JSON has about 12 bytes for each standard, its category's part included."""
    rows = sum(size.rows for name, size in inputs.sizes.items() if name not in {"tests", "standards"})
    return Size(rows, width=40 + 12 * inputs.rows("standards"))


@generator(rows=_expected)
def score_rows(
    tests: Tests, standards: Standards, **sittings: Annotated[pa.Table, SITTING, Apart("test")]
) -> pa.RecordBatch:
    """Combine sittings into rows of the table ``scores``, by student, then test, without missed tests.

    An id is (student - 1) x number of tests + sequence of the test. The two JSON columns are compact objects, from
    the id of a category or a standard to its scale score, in the order of ids. Raises ValueError when the tests'
    sequences would give two rows the same id.
    """
    measure = Measure.of(standards)
    table = pa.concat_tables([present(sitting).select(SITTING.names) for sitting in sittings.values()])
    test_ids = table["test_id"].to_numpy()
    ids = (table["student_id"].to_numpy() - 1) * tests.num_rows + _sequences(tests, test_ids)
    order = np.argsort(ids, kind="stable")
    return pa.record_batch(
        {
            "id": pa.array(ids[order]),
            "student_id": pa.array(table["student_id"].to_numpy()[order]),
            "test_id": pa.array(test_ids[order]),
            "overall_score": pa.array(table["overall"].to_numpy()[order]),
            "level": pa.array(table["level"].to_numpy()[order]),
            "rc_scores": json_objects(measure.categories, matrix(table["categories"]).take(order, axis=0)),
            "std_scores": json_objects(measure.standards, matrix(table["standards"]).take(order, axis=0)),
        }
    )


def _sequences(tests: pa.Table, test_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sequence of each test."""
    ids, sequences = tests["id"].to_numpy(), tests["sequence"].to_numpy()
    if sorted(sequences) != list(range(sequences.min(), sequences.min() + len(sequences))):
        message = f"the tests' sequences must be consecutive numbers, not {', '.join(map(str, sorted(sequences)))}"
        raise ValueError(message)
    order = np.argsort(ids)
    places, _ = find(ids[order], test_ids)
    return np.asarray(sequences[order][places])
