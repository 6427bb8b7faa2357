"""Values of columns as SQLite stores them, read from texts and from typed values of files.

Each function raises ValueError with what is wrong with the value.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from etl.pipeline.form_errors import describe

Cell = str | int | float | None

#: Regular expressions of the texts of numbers, dates and times.
NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
DATE = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
DATETIME = f"{DATE} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{{1,6}})?"

_WHOLE = re.compile("-?[0-9]{1,999}")
_NUMBER = re.compile(NUMBER)
_BOOLEANS = {"true": 1, "1": 1, "false": 0, "0": 0}


def same(value: Any) -> Any:  # noqa: ANN401 -- any value
    """The value itself."""
    return value


def parse_integer(text: str) -> int:
    """A whole number of 64 bits."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{describe(text)} is not a whole number")
    return _fitting(int(text), text)


def read_integer(value: object) -> int:
    """A whole number of 64 bits."""
    if type(value) is not int:
        raise ValueError(f"{describe(value)} is not a whole number")
    return _fitting(value, value)


def _fitting(value: int, written: object) -> int:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{describe(written)} does not fit; whole numbers go from {-(2**63)} to {2**63 - 1}")
    return value


def parse_real(text: str) -> float:
    """A finite number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{describe(text)} is not a number")
    value = float(text)
    digits = text.lower().partition("e")[0]
    if math.isinf(value) or (value == 0 and digits.strip("-0.")):
        raise ValueError(f"{describe(text)} is too {'small' if value == 0 else 'large'} for a REAL")
    return value


def read_real(value: object) -> float:
    """A finite number; a whole one must not be rounded."""
    if type(value) not in {int, float}:
        raise ValueError(f"{describe(value)} is not a number")
    try:
        number = float(value)  # type: ignore[arg-type]  # it is one of these
    except OverflowError:  # of a long whole number
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{describe(value)} is not a finite number")
    if number != value:
        raise ValueError(f"{describe(value)} has more digits than a REAL")
    return number


def read_text(value: object, length: int | None = None) -> str:
    """Text without NUL, of at most ``length`` characters."""
    if not isinstance(value, str):
        raise ValueError(f"{describe(value)} is not text")  # noqa: TRY004 -- as all others
    if "\0" in value:
        raise ValueError("the text has a NUL character; remove it")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("the text is not UTF-8")
    if length is not None and len(value) > length:
        raise ValueError(f"{describe(value)} has {len(value)} characters; at most {length} are allowed")
    return value


def parse_boolean(text: str) -> int:
    """True or false."""
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"{describe(text)} is not true or false")
    return _BOOLEANS[text.lower()]


def read_boolean(value: object) -> int:
    """True or false, which SQLite writes as 1 or 0."""
    if type(value) not in {bool, int} or value not in {0, 1}:
        raise ValueError(f"{describe(value)} is not true or false")
    return int(value)


def parse_date(text: str) -> str:
    """A day as YYYY-MM-DD."""
    try:
        if re.fullmatch(DATE, text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass  # such as 2025-02-30
    raise ValueError(f"{describe(text)} is not a date; write YYYY-MM-DD")


def read_date(value: object) -> str:
    """A day as YYYY-MM-DD."""
    if type(value) is date:
        return value.isoformat()
    if isinstance(value, str):
        return parse_date(value)
    raise ValueError(f"{describe(value)} is not a date; write 'YYYY-MM-DD'")


def parse_datetime(text: str) -> str:
    """A time without a zone as YYYY-MM-DD HH:MM:SS, and a fraction of up to six digits if it has one."""
    spaced = text.replace("T", " ", 1)
    try:
        if re.fullmatch(DATETIME, spaced):
            return _with_space(datetime.fromisoformat(_six_digits(spaced)))
    except ValueError:
        pass  # such as 25:00:00
    zone = "; a DATETIME has no time zone" if re.search(r"(Z|[-+]\d\d:?\d\d)\Z", text) else ""
    raise ValueError(f"{describe(text)} is not a time written as YYYY-MM-DD HH:MM:SS{zone}")


def read_datetime(value: object) -> str:
    """As :func:`parse_datetime`."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return _with_space(value)
    if isinstance(value, str):
        return parse_datetime(value)
    raise ValueError(f"{describe(value)} is not a time written as YYYY-MM-DD HH:MM:SS")


def restore_datetime(cell: str) -> datetime:
    """The time of a text."""
    return datetime.fromisoformat(_six_digits(cell))


def _with_space(value: datetime) -> str:
    """A time as text, without zeros at the end of a fraction: texts sort as times do."""
    text = value.isoformat(" ")
    return text.rstrip("0") if "." in text else text


def _six_digits(text: str) -> str:
    """A text of a time, its fraction as Python 3.11 to 3.14 read it."""
    before, point, fraction = text.partition(".")
    return f"{before}.{fraction:0<6}" if point else before


def parse_decimal(text: str, precision: int, scale: int) -> float:
    """A decimal as a number."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{describe(text)} is not a number")
    return _decimal(Decimal(text), text, precision, scale)


def read_decimal(value: object, precision: int, scale: int) -> float:
    """A decimal as a number."""
    if type(value) not in {int, float, Decimal}:
        raise ValueError(f"{describe(value)} is not a number")
    return _decimal(Decimal(str(value)), value, precision, scale)


def _decimal(number: Decimal, written: object, precision: int, scale: int) -> float:
    if not number.is_finite():
        raise ValueError(f"{describe(written)} is not a finite number")
    if abs(number) >= 10 ** (precision - scale):
        raise ValueError(f"{describe(written)} has more than {precision - scale} digits before the point")
    if number != round(number, scale):
        raise ValueError(f"{describe(written)} has more than {scale} digits after the point")
    return float(number)


def restore_decimal(cell: float, scale: int) -> Decimal:
    """The decimal of a number: exact, as 15 digits survive in a double."""
    return Decimal(f"{cell:.{scale}f}")
