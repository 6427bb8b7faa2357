"""The vocabulary of a generator's parameters: its annotations, which validate pipeline.yaml.

Plain types (``int``, ``str``, ``list[str]``, ``pa.Table``) work too. The markers at the end say which columns a table
must have, or let a param refer to reference data; :mod:`etl.markers` holds them before anything is generated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

#: Numbers that stay exact in 32-bit columns, also when twenty of them are added up.
LIMIT = 10_000_000

Whole = Annotated[int, Field(ge=-LIMIT, le=LIMIT)]


class Range(NamedTuple):
    """Whole numbers from ``low`` to ``high``, both included."""

    low: Whole
    high: Whole


def _two(value: object) -> object:
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 -- that is what a pair is
        return value
    found = (
        f"a list of {len(value)}"
        if isinstance(value, list)
        else "a mapping"
        if isinstance(value, dict)
        else repr(value)
    )
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


#: ``[low, high]`` in the file.
Between = Annotated[Range, BeforeValidator(_two), AfterValidator(_ordered)]
#: ``[low, high]`` of numbers that count things.
CountRange = Annotated[Between, AfterValidator(_positive)]
Count = Annotated[int, Field(ge=1, le=LIMIT)]
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Group(BaseModel):
    """A group of parameters that belong together, written as a mapping."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Shares(Group):
    """How far some students come: the share of each status."""

    completed: Share
    started: Share
    not_started: Share

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = math.fsum((self.completed, self.started, self.not_started))
        if not math.isclose(total, 1, abs_tol=1e-9):
            message = f"the shares must sum to 1, not to {total:g}"
            raise ValueError(message)
        return self


class StatusShares(Shares):
    """How far assigned students come: the share of each status."""

    driven: Annotated[Shares | None, Field(description="Those of driven students, where they are others.")] = None


class StatusGrowth(Group):
    """Growth of a standard that an assignment covers, by how far the student came with it."""

    completed: Between
    started: Between
    not_started: Between


class Growth(Group):
    """What a standard's score moves by from one test to the next, in scale points."""

    untouched: Between
    assigned: StatusGrowth
    driven: Annotated[Whole, Field(description="What driven students grow by more, whatever they were given.")] = 0


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


@dataclass(frozen=True)
class In:
    """The value must stand in this column of a table of reference data, ``tests.name``."""

    column: str


@dataclass(frozen=True)
class NotBefore:
    """The row that the value names must have the same day as the one that another param names, or a later one.

    ``names`` is the column of reference data that both values stand in, ``days`` the one with ``YYYY-MM-DD`` beside it.
    """

    other: str
    names: str
    days: str


@dataclass(frozen=True)
class UpTo:
    """The range must end at or below a parameter of the stage that runs this generator, ``classes.count``."""

    param: str


@dataclass(frozen=True)
class CoveredBy:
    """The range must lie within this table's bands, from its first ``min_score`` to its last ``max_score``."""

    table: str


@dataclass(frozen=True)
class Template:
    """The text must hold these ``{fields}`` and no others."""

    fields: tuple[str, ...]


Marker = In | NotBefore | UpTo | CoveredBy | Template
