"""Tables as Parquet: one folder a table, one file a shard, on any file system that pyarrow or fsspec knows."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from etl.tables import Table

_TYPES = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}


#: A file system and a folder in it.
Target = tuple[Any, str]


class File(NamedTuple):
    """A file that was written: its name below the target, its size, its hash."""

    name: str
    bytes: int
    sha256: str


def arrow_schema(table: Table) -> pa.Schema:
    """The columns of a table with their types, whether they may be null, and their descriptions."""
    fields = [
        pa.field(column.name, _TYPES[column.type], column.nullable, metadata={"description": column.description})
        for column in table.columns.values()
    ]
    return pa.schema(fields, metadata={"description": table.description})


def open_target(url: str) -> Target:
    """The file system and the path that a URL, or a local path, names. Raises EtlError."""
    from pyarrow import fs  # noqa: PLC0415 -- most runs write no Parquet

    try:
        if "://" not in url:
            return fs.LocalFileSystem(), url
        system, path = fs.FileSystem.from_uri(url)
    except (pa.ArrowInvalid, OSError, ValueError):
        return _open_with_fsspec(url)
    return system, path


def _open_with_fsspec(url: str) -> Target:
    from pyarrow import fs  # noqa: PLC0415 -- as above

    try:
        import fsspec  # noqa: PLC0415 -- an extra, for the file systems that pyarrow does not know

        opened, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise EtlError("pyarrow does not know this file system; install fsspec and its package", Where(url)) from error
    except (ValueError, OSError) as error:
        raise EtlError(f"cannot open it: {error}", Where(url)) from error
    return fs.PyFileSystem(fs.FSSpecHandler(opened)), path


def write_part(target: Target, table: Table, shard: int, rows: pa.Table) -> File:
    """Write the rows of one shard; a table that is not cut has shard 0 alone. The same rows give the same bytes.

    The file appears whole or not at all where the file system can rename, so a worker that dies leaves no half of one.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 -- as above

    schema = arrow_schema(table)
    buffer = pa.BufferOutputStream()
    pq.write_table(rows.select(schema.names).cast(schema), buffer, compression="zstd")
    content = buffer.getvalue()
    name = f"{table.name}/part-{shard:05d}.parquet"
    write_file(target, name, content)
    return File(name, content.size, hashlib.sha256(content).hexdigest())


def write_file(target: Target, name: str, content: pa.Buffer | bytes) -> None:
    """Write a file below the target."""
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    path = f"{folder}/{name}"
    system.create_dir(path.rpartition("/")[0], recursive=True)
    local = isinstance(system, fs.LocalFileSystem)
    written = f"{path}.{os.getpid()}-{threading.get_ident()}.tmp" if local else path
    with system.open_output_stream(written) as stream:
        stream.write(content)
    if local:
        Path(written).rename(path)
