"""The cells of a CSV file: texts that become numbers, as SQLite can store them, or not."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from etl.generator.params import LIMIT

if TYPE_CHECKING:
    from etl.pipeline.schema import Column

Cell = str | int | float | None

_WHOLE = re.compile(r"-?[0-9]{1,999}\Z")
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z")


def value_of(cell: str | None, column: Column | None) -> tuple[str, Cell]:
    """What is wrong with a cell, or nothing, and its value."""
    if cell is None:
        needed = column is None or not column.nullable
        return ("the cell is empty; give it a value" if needed else ""), None
    if column is None or column.type == "TEXT":
        return "", cell
    kind, form = ("whole number", _WHOLE) if column.type == "INTEGER" else ("number", _NUMBER)
    if not form.match(cell):
        return f"{shown(cell)} is not a {kind}", None
    return _integer(cell, column) if column.type == "INTEGER" else _real(cell)


def _integer(cell: str, column: Column) -> tuple[str, Cell]:
    value = int(cell)
    if not -(2**63) <= value < 2**63:
        return f"{shown(cell)} does not fit; whole numbers go from {-(2**63)} to {2**63 - 1}", None
    if column.key and not 1 <= value <= LIMIT:
        return f"ids are whole numbers from 1 to {LIMIT:,}, not {cell}", None
    return "", value


def _real(cell: str) -> tuple[str, Cell]:
    value = float(cell)
    digits = cell.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("-0.")):
        return f"{shown(cell)} is too {'small' if value == 0 else 'large'} for a REAL", None
    return "", value


def shown(value: object) -> str:
    """A value in a message, cut to what fits a line."""
    text = str(value)
    text = text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 -- what fits a line
    return f"'{text}'" if isinstance(value, str) else text
