"""Reads files as stages do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from etl.config.parse import parse
from etl.errors import Where
from etl.pipeline.model import Stage
from etl.pipeline.read_reference_data import read_reference
from etl.pipeline.schema import Table, read_schema

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.cells import Cell
    from etl.pipeline.reference_data import Reference
    from etl.pipeline.source_forms import SourceFile


def read_file(
    kind: str, path: Path, options: SourceFile, table: Table | None = None, *, fills_table: bool = True
) -> Reference:
    """The rows of a file, which may be those of an internal stage."""
    stage = Stage("things", kind, parse("{}", "f"), Where("f", 1, 1), path=path, file=options.file, options=options)
    return read_reference(replace(stage, internal=not fills_table), table)


def cells(reference: Reference) -> dict[str, list[Cell]]:
    """The cells of each column."""
    return {name: reference.cells(name) for name in reference.arrays}


def told(reference: Reference) -> list[str]:
    """The mistakes that were found."""
    return [str(mistake) for mistake in reference.mistakes]


def table_of(folder: Path, columns: str, name: str = "things") -> Table:
    """A table with columns as DDL declares them."""
    path = folder / "schema.sql"
    path.write_text(f"CREATE TABLE {name} ({columns});", encoding="utf-8")
    return read_schema(path, "schema.sql").tables[name]
