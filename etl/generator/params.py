"""The vocabulary of a generator's parameters: its annotations, which validate pipeline.yaml.

Plain types (``int``, ``str``, ``list[str]``, ``pa.Table``) work too. Markers declare the columns of a table, or check a
param against reference data and other stages before anything is generated. :class:`Marker` can be extended.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from etl.errors import EtlError

#: Numbers that stay exact in 32-bit columns, also when twenty of them are added up.
LIMIT = 10_000_000

Whole = Annotated[int, Field(ge=-LIMIT, le=LIMIT)]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Range(NamedTuple):
    """Whole numbers from ``low`` to ``high``, both included."""

    low: Whole
    high: Whole


def _two(value: object) -> object:
    match value:
        case [_, _]:
            return value
        case list():
            found = f"a list of {len(value)}"
        case dict():
            found = "a mapping"
        case _:
            found = repr(value)
    message = f"must be a pair [low, high], not {found}"
    raise ValueError(message)


def _ordered(pair: Range) -> Range:
    if pair.low > pair.high:
        message = f"the range [{pair.low}, {pair.high}] is upside down; write [{pair.high}, {pair.low}]"
        raise ValueError(message)
    return pair


def _positive(pair: Range) -> Range:
    if pair.low < 1:
        message = f"the range must start at 1 or more, not at {pair.low}"
        raise ValueError(message)
    return pair


def _sum_to_one(shares: dict[str, float]) -> dict[str, float]:
    total = math.fsum(shares.values())
    if not math.isclose(total, 1, abs_tol=1e-9):
        message = f"the shares must sum to 1, not to {total:g}"
        raise ValueError(message)
    return shares


#: ``[low, high]`` in the file.
Between = Annotated[Range, BeforeValidator(_two), AfterValidator(_ordered)]
#: ``[low, high]`` of numbers that count things.
CountRange = Annotated[Between, AfterValidator(_positive)]
Count = Annotated[int, Field(ge=1, le=LIMIT)]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
#: ``{name: share, ...}`` of shares that sum to 1.
Shares = Annotated[dict[str, Share], AfterValidator(_sum_to_one)]


class Group(BaseModel):
    """A group of parameters that belong together, written as a mapping."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)  # few of them are used


@dataclass(frozen=True)
class Columns:
    """The table must have these columns; of several such markers it must fit one."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Distinct:
    """No two rows of the table may have the same value in this column."""

    column: str


@dataclass(frozen=True)
class Apart:
    """No two of the tables may come from stages that have the same value in this param."""

    param: str


class ReferenceData(Protocol):
    """The rows of a file, as far as they could be read."""

    mistakes: list[EtlError]

    @property
    def file(self) -> str:
        """Its name in messages."""

    def cells(self, column: str) -> Sequence[Any]:
        """The cells of a column as SQLite stores them; None for one that could not be read."""

    def is_complete(self, *columns: str) -> bool:
        """Whether all cells of these columns could be read, so a missing value really is missing."""

    def report(self, message: str, row: int, column: str) -> None:
        """Add a mistake in a cell."""


class Context(Protocol):
    """What a marker can read besides its value."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The valid params of the stage."""

    def reference(self, table: str) -> ReferenceData | None:
        """The rows of the CSV file that fills a table."""

    def lacks(self, table: str, column: str, value: object) -> str | None:
        """A message if a column of reference data lacks a value; None if it has it, or cannot be read."""

    def upstream(self, generator: Callable[..., Any], param: str) -> Mapping[str, Any]:
        """A param of each upstream stage that runs a generator, by the stage's name."""


class Marker(ABC):
    """A rule for a param beyond its type. Subclasses are frozen dataclasses, used in ``Annotated``."""

    @abstractmethod
    def faults(self, value: Any, context: Context) -> Iterator[str]:  # noqa: ANN401 -- any param
        """Yield what is wrong with the value; mistakes of reference data are reported there."""


@dataclass(frozen=True)
class In(Marker):
    """The value must be in this column of a table of reference data, ``tests.name``."""

    column: str

    def faults(self, value: object, context: Context) -> Iterator[str]:
        """Yield a message with the most similar value."""
        table, _, column = self.column.partition(".")
        if message := context.lacks(table, column, value):
            yield message


@dataclass(frozen=True)
class NotBefore(Marker):
    """The row that the value names must have the same day as the one that another param names, or a later one.

    ``names`` is the column of reference data that both values are in, ``days`` the one with ``YYYY-MM-DD`` beside it.
    """

    other: str
    names: str
    days: str

    def faults(self, value: Any, context: Context) -> Iterator[str]:  # noqa: ANN401 -- any cell
        """Compare the two days; a cell that is not a day is a mistake of the CSV file."""
        table, _, names = self.names.partition(".")
        reference, other = context.reference(table), context.values.get(self.other)
        if not reference or not reference.is_complete(names, self.days):
            return
        known, days = reference.cells(names), reference.cells(self.days)
        if value not in known or other not in known:
            return
        rows = known.index(other), known.index(value)
        begin, end = (_day(days[row]) for row in rows)
        if begin and end and end < begin:
            yield f"'{value}' ({end}) is earlier than {self.other}, '{other}' ({begin})"
        for row, day in zip(rows, (begin, end), strict=True):
            if day is None:
                what = f"'{days[row]}' is no day" if days[row] else "the cell is empty"
                reference.report(f"{what}, and a stage needs one; write it as YYYY-MM-DD", row, self.days)


@dataclass(frozen=True)
class UpTo(Marker):
    """The range must end at or below a param of the upstream stages that run a generator, a function."""

    generator: Callable[..., Any]
    param: str

    def faults(self, value: Range, context: Context) -> Iterator[str]:
        """Yield each stage whose param is smaller."""
        for stage, limit in context.upstream(self.generator, self.param).items():
            if value.high > limit:
                yield f"ends at {value.high}, but stages.{stage}.params.{self.param} is {limit}"


@dataclass(frozen=True)
class Template(Marker):
    """The text must have each of these ``{fields}`` once, and no others."""

    fields: tuple[str, ...]

    def faults(self, value: str, _: Context) -> Iterator[str]:
        """Yield the fields that the text must have."""
        found = re.findall(r"\{[^{}]*\}|[{}]", value)
        if sorted(found) != sorted(f"{{{field}}}" for field in self.fields):
            yield f"must contain {' and '.join(f'{{{field}}}' for field in self.fields)} once, and no other braces"


def _day(cell: object) -> date | None:
    try:
        return date.fromisoformat(str(cell)) if _DAY.match(str(cell)) else None
    except ValueError:
        return None
