"""Tables as Parquet: one folder a table, one file a shard, on any file system that pyarrow or fsspec knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from etl.tables import Table

_TYPES = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}


def arrow_schema(table: Table) -> pa.Schema:
    """The columns of a table with their types, whether they may be null, and their descriptions."""
    fields = [
        pa.field(column.name, _TYPES[column.type], column.nullable, metadata={"description": column.description})
        for column in table.columns.values()
    ]
    return pa.schema(fields, metadata={"description": table.description})


def open_target(url: str) -> tuple[fs.FileSystem, str]:
    """The file system and the path that a URL, or a local path, names. Raises EtlError."""
    try:
        if "://" not in url:
            return fs.LocalFileSystem(), url
        return fs.FileSystem.from_uri(url)  # type: ignore[no-any-return] -- pyarrow has no types
    except (pa.ArrowInvalid, OSError, ValueError):
        return _open_with_fsspec(url)


def _open_with_fsspec(url: str) -> tuple[fs.FileSystem, str]:
    try:
        import fsspec  # noqa: PLC0415 -- an extra, for the file systems that pyarrow does not know

        opened, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise EtlError("pyarrow does not know this file system; install fsspec and its package", Where(url)) from error
    except (ValueError, OSError) as error:
        raise EtlError(f"cannot open it: {error}", Where(url)) from error
    return fs.PyFileSystem(fs.FSSpecHandler(opened)), path


def part_name(table: str, shard: int) -> str:
    """Where the rows of a shard stand, below the folder of all tables; a table that is not cut has shard 0 alone."""
    return f"{table}/part-{shard:05d}.parquet"


def write_part(target: tuple[fs.FileSystem, str], table: Table, shard: int, rows: pa.Table) -> str:
    """Write the rows of one shard: the name of the file below the target. The same rows give the same bytes."""
    system, folder = target
    name = part_name(table.name, shard)
    system.create_dir(f"{folder}/{table.name}", recursive=True)
    schema = arrow_schema(table)
    with system.open_output_stream(f"{folder}/{name}") as stream:
        pq.write_table(rows.select(schema.names).cast(schema), stream, compression="zstd")
    return name
