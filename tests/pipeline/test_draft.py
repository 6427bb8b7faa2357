"""Markers: params that refer to reference data, or to a param of another stage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pytest

from etl.config.parse import parse
from etl.config.source import load
from etl.errors import Where
from etl.generator.params import Between, Context, In, Marker, NotBefore, Range, Template, UpTo
from etl.generator.signature import contract_of
from etl.pipeline.datatypes import TYPES
from etl.pipeline.draft import Draft, check_markers
from etl.pipeline.model import Stage
from etl.pipeline.reference_data import Reference
from etl.pipeline.sources.rows import Rows
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE = Where("pipeline.yaml", 1)


@dataclass(frozen=True)
class Odd(Marker):
    """The number must be odd."""

    def faults(self, value: Any, context: Context) -> Iterator[str]:  # noqa: ANN401 -- as its base
        """Name another param."""
        if value % 2 == 0:
            yield f"must be odd, and '{context.values['code']}' is not"


def beds(*, count: int) -> None:
    """Have a param that others refer to."""


Visit = Annotated[str, In("visits.name")]
Later = Annotated[str, NotBefore("begin", "visits.name", "day")]
Beds = Annotated[Between, UpTo(beds, "count")]
Code = Annotated[str, Template(("id",))]
Number = Annotated[int, Odd()]


def stays(*, begin: Visit, end: Later, beds: Beds, code: Code, odd: Number) -> None:
    """Have a param with each marker."""


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """A draft with the stages ``visits`` and ``beds``."""
    visits = Stage("visits", "csv", parse("{}", "f"), WHERE, table="visits")
    source = Stage("beds", "python", parse("{}", "f"), WHERE, contract=contract_of(beds, "beds"), values={"count": 3})
    stages = {"visits": visits, "beds": source}
    return Draft(load(small.lending(tmp_path_factory.mktemp("library"))), [], stages=stages)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"begin": "first"}, ""),
        ({"begin": "forth"}, "begin: visits.csv has no name 'forth'; did you mean 'fourth'?"),
        ({"begin": "first", "end": "first"}, ""),
        ({"begin": "second", "end": "first"}, "end: 'first' (2025-01-01) is earlier than begin, 'second' (2025-02-01)"),
        (
            {"begin": "first", "end": "fourth"},
            "day: '1.3.25' is no day, and a stage needs one; write it as YYYY-MM-DD",
        ),
        ({"begin": "first", "end": "fifth"}, "day: the cell is empty, and a stage needs one; write it as YYYY-MM-DD"),
        ({"beds": Range(1, 3)}, ""),
        ({"beds": Range(1, 4)}, "beds: ends at 4, but stages.beds.params.count is 3"),
        ({"code": "B{id}"}, ""),
        ({"code": "B{id}{id}"}, "code: must contain {id} once, and no other braces"),
        ({"code": "B{id}{"}, "code: must contain {id} once, and no other braces"),
        ({"odd": 3}, ""),
        ({"odd": 4, "code": "{id}"}, "odd: must be odd, and '{id}' is not"),
    ],
)
def test_markers(draft: Draft, values: dict[str, object], message: str) -> None:
    """A param that refers to what is not there is reported; a marker of one's own sees the other params."""
    columns = {
        "name": pa.chunked_array([["first", "second", "fourth", "fifth"]]),
        "day": pa.chunked_array([["2025-01-01", "2025-02-01", "1.3.25", None]]),
    }
    rows = Rows("visits.csv", [], 4, lambda: [2, 3, 4, 5], header=1)
    visits = Reference(rows, columns, dict.fromkeys(columns, TYPES["TEXT"]), positions={"name": 1, "day": 2})
    contract = contract_of(stays, "stays")
    stage = Stage("stays", "python", parse("{}", "f"), WHERE, {"beds": "beds"}, contract=contract, values=values)
    found = replace(draft, mistakes=[], references={"visits": visits})
    check_markers(stage, found)
    texts = [mistake.message.removeprefix("stages.stays.params.") for mistake in [*found.mistakes, *visits.mistakes]]
    assert texts == [message] * bool(message)
