"""JSON files: an array of objects, or one object per line (NDJSON). A key that an object lacks is null."""

from __future__ import annotations

import json
import re
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from etl.config.text import after, read_text
from etl.errors import EtlError
from etl.pipeline.form_errors import describe
from etl.pipeline.sources.columns import BLOCK, Values
from etl.pipeline.sources.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import SourceFile

_SPACE = re.compile(r"[ \t\r\n]*")


def read(path: Path, file: str, _options: SourceFile, types: Mapping[str, DataType]) -> Rows:
    """Read a file. Raises EtlError at the line and column of what is not JSON."""
    text = read_text(path, file)
    lines: list[int] = []
    columns: dict[str, Values] = {}
    line, before = 1, 0
    objects = _objects(text, file)
    while block := list(islice(objects, BLOCK)):
        rows = [row for _, row in block]
        for name in chain.from_iterable(row for row in rows if not row.keys() <= columns.keys()):
            if name not in columns:
                columns[name] = Values(types.get(name))
                columns[name].add([None] * len(lines))
        for name, values in columns.items():
            values.add(_values(rows, name))
        for start, _row in block:
            line, before = line + text.count("\n", before, start), start
            lines.append(line)
    return Rows(file, [values.column(name) for name, values in columns.items()], len(lines), lambda: lines)


def _values(rows: list[dict[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:  # some rows lack it
        return [row.get(name) for row in rows]


def _objects(text: str, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of a file, and its offset."""
    decoder = json.JSONDecoder(object_pairs_hook=partial(_distinct, known=set()), parse_constant=_refuse)
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


def _distinct(pairs: list[tuple[str, Any]], known: set[str]) -> dict[str, Any]:
    """An object. ``known`` are keys that are text."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate key '{next(name for name in names if names.count(name) > 1)}'")
    if not known.issuperset(found):
        if any("\ud800" <= letter <= "\udfff" for name in found for letter in name):
            raise ValueError("a key is not UTF-8")
        known.update(found)
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number; write null")
