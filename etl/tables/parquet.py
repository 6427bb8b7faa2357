"""Tables as Parquet: one folder a table, one file a shard, on any file system that pyarrow or fsspec knows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from etl.config.files import THREADS, sync
from etl.errors import EtlError, Where
from etl.pipeline.values import ARROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.pipeline.schema import Table

#: The name of a file that is being written: beside the tables' folders, so that no reader of a table sees it.
_UNFINISHED = re.compile(r"(.*/)?\.[^/]*\.tmp")

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
        pa.field(column.name, ARROW[column.type], column.nullable, metadata={"description": column.description})
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


def write_file(target: Target, name: str, content: pa.Buffer | bytes, *, durable: bool = False) -> None:
    """Write a file below the target; a durable one is on a local disk before it has its name."""
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    path = f"{folder}/{name}"
    system.create_dir(path.rpartition("/")[0], recursive=True)
    if not isinstance(system, fs.LocalFileSystem):
        with system.open_output_stream(path) as stream:
            stream.write(content)
        return
    written = Path(folder, f".{name.replace('/', '-')}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with system.open_output_stream(str(written)) as stream:
            stream.write(content)
        if durable:
            sync(written)
        written.rename(path)
        if durable:
            sync(Path(path).parent)
    except FileNotFoundError:  # another run of the same build has ended, and has swept it up
        if not Path(path).is_file():
            raise
    finally:
        written.unlink(missing_ok=True)


def delete_file(target: Target, name: str) -> None:
    """Delete a file below the target, if it is there."""
    system, folder = target
    with contextlib.suppress(FileNotFoundError):
        system.delete_file(f"{folder}/{name}")
        sync_files(target, ())


def sync_files(target: Target, names: Iterable[str]) -> None:
    """Have a local disk keep files below the target, then the folders that they are in, from the inmost to the top."""
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    if not isinstance(system, fs.LocalFileSystem):
        return  # a file is kept there once it is closed
    place = Path(folder).resolve()
    files = [place / name for name in names]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(sync, files):
            pass
    above = {place, *place.parents, *(parent for path in files for parent in path.parents)}
    for home in sorted(above, reverse=True):
        if os.access(home, os.R_OK | os.W_OK):  # others cannot be new
            sync(home)


def hold_alone(target: Target, belongs: Callable[[str], bool], shown: str) -> None:
    """Hold that a folder has no other files than those of a build: a reader of a table's folder would count them too.

    What a killed writer left is deleted. Raises EtlError for any other file.
    """
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    inside = fs.SubTreeFileSystem(folder, system)
    for found in inside.get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True)):
        if found.type == fs.FileType.Directory or belongs(found.path):
            continue
        if _UNFINISHED.fullmatch(found.path):
            inside.delete_file(found.path)
        else:
            why = "does not belong to the build, but who reads its tables would count it"
            raise EtlError(f"{why}; move it away and ship again", Where(f"{shown}/{found.path}"))
