"""Readers of source files, one for each kind of stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.pipeline.sources import csv_file, json_file, parquet_file, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from etl.pipeline.datatypes import DataType
    from etl.pipeline.sources.rows import Rows

#: The function that reads a file, by kind of stage. It raises EtlError.
READERS: dict[str, Callable[[Path, str, Any, Mapping[str, DataType]], Rows]] = {
    "csv": csv_file.read,
    "json": json_file.read,
    "parquet": parquet_file.read,
    "sqlite": sqlite_file.read,
}
