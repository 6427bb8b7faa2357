"""JSON files: an array of objects, or one object per line (NDJSON). A key that an object lacks is null."""

from __future__ import annotations

import contextlib
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from etl.config.text import after, read_text
from etl.errors import EtlError
from etl.pipeline.datatypes import TYPES, other_type
from etl.pipeline.form_errors import describe
from etl.pipeline.sources.rows import Rows, SourceColumn, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import SourceFile

_SPACE = re.compile(r"[ \t\r\n]*")


def read(path: Path, file: str, _: SourceFile) -> Rows:
    """Read a file. Raises EtlError at the line and column of what is not JSON."""
    text = read_text(path, file)
    lines, objects = [], []
    line, before = 1, 0
    for start, value in _objects(text, file):
        line, before = line + text.count("\n", before, start), start
        lines.append(line)
        objects.append(value)
    names = dict.fromkeys(name for each_object in objects for name in each_object)
    columns = [_column(name, [each_object.get(name) for each_object in objects]) for name in names]
    return Rows(file, columns, lines)


def _objects(text: str, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of a file, and its offset."""
    decoder = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_refuse)
    start = _after_space(text, 0)
    in_array, end = text.startswith("[", start), False
    if in_array:
        start = _after_space(text, start + 1)
        end = text.startswith("]", start)
        start = _after_space(text, start + 1) if end else start
    while start < len(text) and not end:
        try:
            value, stop = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            raise _error(error.msg[:1].lower() + error.msg[1:], text, error.pos, file) from error
        except (ValueError, RecursionError) as error:
            message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise _error(message, text, start, file) from error
        if not isinstance(value, dict):
            raise _error(f"a row must be an object, not {describe(value)}", text, start, file)
        yield start, value
        start = _after_space(text, stop)
        if in_array:
            if text[start : start + 1] not in {",", "]"}:
                raise _error("a comma or ']' is missing after a row", text, start, file)
            end = text[start] == "]"
            start = _after_space(text, start + 1)
    if in_array and not end:
        raise _error("the array is not closed; add ']'", text, start, file)
    if start < len(text):
        raise _error("text after the array; remove it", text, start, file)


def _after_space(text: str, start: int) -> int:
    return _SPACE.match(text, start).end()  # type: ignore[union-attr]  # it matches the empty string, too


def _error(message: str, text: str, position: int, file: str) -> EtlError:
    return EtlError(f"not JSON: {message}", after(text[:position], file))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key '{next(name for name in names if names.count(name) > 1)}'")
    if any("\ud800" <= letter <= "\udfff" for name in found for letter in name if not name.isascii()):
        raise ValueError("a key is not UTF-8")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number; write null")


def _column(name: str, values: list[Any]) -> SourceColumn:
    return SourceColumn(name, infer(values), partial(_cells, values))


def _cells(values: Sequence[Any], kind: DataType) -> Iterable[Cell | ValueError]:
    return each(values, kind.read)


#: The type of a column by the types of its values; those of Arrow for lists and objects.
_KINDS: tuple[tuple[set[type], str], ...] = (
    ({bool}, "BOOLEAN"),
    ({int}, "INTEGER"),
    ({int, float}, "REAL"),
    ({str}, "TEXT"),
)


def infer(values: Sequence[Any]) -> DataType:
    """The type of the values of a column that declares none; that of the first value if they have several."""
    present = [value for value in values if value is not None]
    if not present:
        return TYPES["TEXT"]
    found = set(map(type, present))
    if type(present[0]) in {list, dict}:
        for some in (present, present[:1]):
            with contextlib.suppress(ValueError, TypeError, OverflowError):  # of Arrow, also a lone surrogate
                return other_type(pa.infer_type(some))
        return TYPES["TEXT"]
    kinds = (name for types, name in _KINDS if found <= types)
    first = (name for types, name in _KINDS if type(present[0]) in types)
    return TYPES[next(kinds, None) or next(first)]
