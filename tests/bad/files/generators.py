"""Generators that the pipeline cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa  # noqa: TC002 -- hints are read at run time

if TYPE_CHECKING:
    from datetime import date


class NotAFunction:
    """A class, where a function is asked for."""


def no_hint(classes: pa.Table, count) -> pa.Table:  # type: ignore[no-untyped-def]  # noqa: ANN001, ARG001
    """One parameter says nothing of itself."""
    return classes


def unknown_hint(classes: pa.Table, day: date) -> pa.Table:  # noqa: ARG001
    """A hint that is not there at run time."""
    return classes


def odd_hint(classes: pa.Table, column: pa.Array) -> pa.Table:  # noqa: ARG001
    """A param of a type that no file can hold."""
    return classes


def star(*classes: pa.Table) -> pa.Table:
    """Tables without names."""
    return classes[0]


def only_by_place(classes: pa.Table, /) -> pa.Table:
    """A table that cannot be passed by its name."""
    return classes
