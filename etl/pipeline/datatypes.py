"""The types of columns: one row of a table for each, with its form in every format, and the values that it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.errors import did_you_mean
from etl.pipeline import cells
from etl.pipeline.cells import Cell, same
from etl.pipeline.form_errors import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class DataType:
    """A type of column."""

    name: str  # in messages
    arrow: pa.DataType  # in memory and in Parquet
    cast: str  # in DuckDB's SQL
    json: dict[str, Any]  # in JSON Schema
    takes: Callable[[pa.DataType], bool]  # whether values of an Arrow type can be stored without a change of meaning
    parse: Callable[[str], Cell]  # the value of a text in a CSV file, as SQLite stores it; raises ValueError
    read: Callable[[Any], Cell]  # the same of a value in JSON, SQLite or Parquet
    restore: Callable[[Any], object] = same  # the value in Arrow of what SQLite stores
    length: int | None = None  # the most characters of a text

    def array(self, values: Iterable[Cell]) -> pa.Array:
        """Values that SQLite stores as an Arrow array."""
        restore = self.restore
        return pa.array([None if value is None else restore(value) for value in values], self.arrow)


def is_convertible(found: pa.DataType, wanted: DataType) -> bool:
    """Whether values of an Arrow type can be stored under a type without a change of meaning."""
    if pa.types.is_dictionary(found):
        return is_convertible(found.value_type, wanted)
    return pa.types.is_null(found) or wanted.takes(found)


def convert(column: pa.ChunkedArray, wanted: DataType) -> pa.ChunkedArray:
    """A convertible column as the Arrow type of a type. Raises pa.ArrowInvalid if a value would change.

    As text, dates become YYYY-MM-DD, timestamps YYYY-MM-DD HH:MM:SS.
    """
    if pa.types.is_dictionary(column.type):
        return convert(column.cast(column.type.value_type), wanted)
    if column.type == wanted.arrow:
        return column
    if pa.types.is_integer(column.type) and wanted.arrow == _I and not column.null_count:
        arrays = (chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks)
        return pa.chunked_array([pa.array(array, _I) for array in arrays], _I)  # cast would import pyarrow.compute
    if pa.types.is_date64(column.type):
        column = column.cast(pa.date32())
    if pa.types.is_timestamp(column.type) and is_text(wanted.arrow):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_decimal(column.type) and pa.types.is_floating(wanted.arrow):
        column = column.cast(pa.string())  # to round only once
    if pa.types.is_integer(column.type) and pa.types.is_decimal(wanted.arrow):
        column = column.cast(pa.decimal128(20 + wanted.arrow.scale, wanted.arrow.scale))  # has room for any integer
    return column.cast(wanted.arrow)


def first_too_long(column: pa.ChunkedArray, wanted: DataType) -> int | None:
    """The first row, from 0, whose text has more characters than the type allows."""
    if wanted.length is None:
        return None
    import pyarrow.compute as pc  # noqa: PLC0415 -- takes 50 ms, and few types have a length

    row = int(pc.index(pc.greater(pc.utf8_length(column), wanted.length), value=True).as_py())
    return row if row >= 0 else None


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


#: Digits of decimals that fit into a 64-bit integer, and that survive a round trip through a double.
_WHOLE_DIGITS, _DOUBLE_DIGITS = 18, 15


def _digits(kind: pa.DataType) -> int:
    """The digits of a decimal; 99 for any other type."""
    return int(kind.precision) if pa.types.is_decimal(kind) else 99


def _is_whole(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) and kind != pa.uint64())


def _integer_takes(kind: pa.DataType) -> bool:
    return _is_whole(kind) or pa.types.is_boolean(kind) or (_digits(kind) <= _WHOLE_DIGITS and kind.scale == 0)


def _real_takes(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or _digits(kind) <= _DOUBLE_DIGITS


def _text_takes(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_date(kind) or _datetime_takes(kind)


def _datetime_takes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind)) and kind.tz is None


def _decimal_takes(kind: pa.DataType) -> bool:
    return pa.types.is_decimal(kind) or _is_whole(kind)


_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_DATE = {"type": "string", "format": "date", "pattern": f"^{cells.DATE}$"}
_DATETIME = {"type": "string", "pattern": f"^{cells.DATETIME}$"}

_S, _I, _F, _US = pa.string(), pa.int64(), pa.float64(), pa.timestamp("us")
_D, _B = pa.date32(), pa.bool_()

#: By name. What SQLite stores: whole numbers, numbers, texts; 0 or 1; YYYY-MM-DD; YYYY-MM-DD HH:MM:SS and a fraction.
TYPES = {
    kind.name: kind
    for kind in (
        DataType("INTEGER", _I, "BIGINT", {"type": "integer"}, _integer_takes, cells.parse_integer, cells.read_integer),
        DataType("REAL", _F, "DOUBLE", _NUMBER, _real_takes, cells.parse_real, cells.read_real, float),
        DataType("TEXT", _S, "VARCHAR", _TEXT, _text_takes, cells.read_text, cells.read_text),
        DataType(
            "BOOLEAN",
            _B,
            "BOOLEAN",
            {"type": "boolean"},
            pa.types.is_boolean,
            cells.parse_boolean,
            cells.read_boolean,
            bool,
        ),
        DataType("DATE", _D, "DATE", _DATE, pa.types.is_date, cells.parse_date, cells.read_date, date.fromisoformat),
        DataType(
            "DATETIME",
            _US,
            "TIMESTAMP",
            _DATETIME,
            _datetime_takes,
            cells.parse_datetime,
            cells.read_datetime,
            cells.restore_datetime,
        ),
    )
}


def _text_of(length: int) -> DataType:
    """The type of texts of some characters at most."""
    if not length:
        raise ValueError("needs room for a character")
    read = partial(cells.read_text, length=length)
    json = {"type": "string", "maxLength": length}
    return DataType(f"VARCHAR({length})", _S, "VARCHAR", json, _text_takes, read, read, length=length)


def _decimal_of(precision: int, scale: int = 0) -> DataType:
    """The type of decimals; SQLite stores them as numbers."""
    if not max(1, scale) <= precision <= _DOUBLE_DIGITS:
        why = "SQLite stores decimals as doubles"
        raise ValueError(f"must have 1 to {_DOUBLE_DIGITS} digits, and no more of them after the point: {why}")
    name, arrow = f"DECIMAL({precision}, {scale})", pa.decimal128(precision, scale)
    parse = partial(cells.parse_decimal, precision=precision, scale=scale)
    read = partial(cells.read_decimal, precision=precision, scale=scale)
    restore = partial(cells.restore_decimal, scale=scale)
    return DataType(name, arrow, name, _NUMBER, _decimal_takes, parse, read, restore)


#: Names of types as people write them, and the type of each. SQLite stores their values in the same way, too.
_NAMES = {
    **dict.fromkeys(("INTEGER", "INT", "BIGINT", "MEDIUMINT", "SMALLINT", "TINYINT", "INT2", "INT8"), "INTEGER"),
    **dict.fromkeys(("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT", "NUMERIC", "DECIMAL"), "REAL"),
    **dict.fromkeys(("TEXT", "CLOB", "VARCHAR", "CHARACTER VARYING", "NVARCHAR", "CHAR", "CHARACTER"), "TEXT"),
    **dict.fromkeys(("BOOLEAN", "BOOL"), "BOOLEAN"),
    "DATE": "DATE",
    **dict.fromkeys(("DATETIME", "TIMESTAMP"), "DATETIME"),
}

#: What names with numbers in brackets mean: how many numbers at most, and the function that makes the type.
_WITH_NUMBERS: dict[str, tuple[int, Callable[..., DataType]]] = {
    **{name: (1, _text_of) for name, kind in _NAMES.items() if kind == "TEXT" and "CHAR" in name},
    **dict.fromkeys(("NUMERIC", "DECIMAL"), (2, _decimal_of)),
}

_DECLARED = re.compile(r"(.*?)\s*(?:\(\s*([0-9]{1,9})\s*(?:,\s*([0-9]{1,9})\s*)?\))?", re.DOTALL)


@cache
def data_type(declared: str) -> DataType:
    """The type that a column declares. Raises ValueError whose text completes "column x ..."."""
    found = _DECLARED.fullmatch(declared.strip())
    name = " ".join(found[1].upper().split()) if found else declared
    numbers = [int(number) for number in found.groups()[1:] if number] if found else []
    if not name:
        raise ValueError(f"needs a type{did_you_mean('', TYPES)}")
    if "BLOB" in name:
        raise ValueError("must not be BLOB: JSON and CSV have no bytes; declare TEXT, and store base64")
    if name not in _NAMES:
        raise ValueError(f"has the unknown type '{declared}'{_hint(name)}")
    if not numbers:
        return TYPES[_NAMES[name]]
    most, make = _WITH_NUMBERS.get(name, (0, _text_of))
    if len(numbers) > most:
        raise ValueError(f"has the type '{declared}', but {name} takes {'one number' if most else 'no number'}")
    return make(*numbers)


def _hint(name: str) -> str:
    return did_you_mean(name, _NAMES) or f"; known: {', '.join(TYPES)}, VARCHAR(n) and DECIMAL(p, s)"


def other_type(arrow: pa.DataType) -> DataType:
    """The type of a column that no table declares: one of those above, or any other of Arrow."""
    for kind in TYPES.values():
        if kind.arrow == arrow:
            return kind
    return DataType(str(arrow), arrow, str(arrow), {}, lambda found: found == arrow, same, partial(_fitting, arrow))


def _fitting(arrow: pa.DataType, value: object) -> Any:  # noqa: ANN401 -- any value
    """A value that has a type of Arrow."""
    try:
        pa.scalar(value, arrow)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise ValueError(f"{describe(value)} is not {arrow}, as others in this column") from error
    return value
