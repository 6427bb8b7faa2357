"""Parquet files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from etl.errors import EtlError, Where
from etl.pipeline.datatypes import convert, is_convertible, other_type
from etl.pipeline.sources.columns import from_arrow
from etl.pipeline.sources.rows import Rows, SourceColumn, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.datatypes import DataType
    from etl.pipeline.source_forms import SourceFile


def read(path: Path, file: str, _: SourceFile, types: Mapping[str, DataType]) -> Rows:
    """Read a file. Raises EtlError if it is not Parquet."""
    import pyarrow.parquet as pq  # noqa: PLC0415 -- most worlds read no Parquet

    try:
        with path.open("rb") as opened:  # not by its name, which could be a folder of files
            table = pq.ParquetFile(opened).read()
    except (pa.ArrowException, OSError) as error:
        message = str(error).splitlines()[0].removesuffix(".")
        raise EtlError(f"not a Parquet file: {message}", Where(file)) from error
    columns = [_column(name, column, types) for name, column in zip(table.column_names, table.columns, strict=True)]
    numbers = range(1, table.num_rows + 1)
    return Rows(file, columns, len(numbers), lambda: numbers, has_lines=False)


def _column(name: str, column: pa.ChunkedArray, types: Mapping[str, DataType]) -> SourceColumn:
    kind = types.get(name) or other_type(_plain(column.type))
    array = from_arrow(column, kind)
    return SourceColumn(name, kind, array, partial(_cells, column, kind) if array is None else None)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values of a dictionary; nanoseconds as microseconds."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    return pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else kind


def _cells(column: pa.ChunkedArray, kind: DataType) -> Iterable[Cell | ValueError]:
    if not is_convertible(column.type, kind) and _plain(column.type) != kind.arrow:
        raise ValueError(f"the file has {column.type}, the table {kind.name}; write it as {kind.arrow}")
    try:
        return each(convert(column, kind).to_pylist(), kind.read)
    except (pa.ArrowException, ValueError, OverflowError):
        return _one_by_one(column, kind)


def _one_by_one(column: pa.ChunkedArray, kind: DataType) -> Iterator[Cell | ValueError]:
    """The values of a column of which some cannot be converted."""
    for row in range(len(column)):
        value = column.slice(row, 1)
        try:
            yield from each(convert(value, kind).to_pylist(), kind.read)
        except (pa.ArrowException, ValueError, OverflowError):
            yield ValueError(_problem(value[0], kind))


def _problem(value: pa.Scalar, kind: DataType) -> str:
    try:
        return f"{value} cannot be {kind.name} without a change"
    except UnicodeDecodeError:
        return "the text is not UTF-8"
    except ValueError:
        return "the time has nanoseconds, which would be lost"
    except OverflowError:
        return "the year is not from 1 to 9999"
