"""Parquet files, one folder per table and one file per shard, on any file system of pyarrow or fsspec."""

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

from etl.errors import EtlError, Where
from etl.tables.files import THREADS, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from etl.pipeline.schema import Table

#: The name of an unfinished file: beside the tables' folders, so that no reader of a table sees it.
_TEMPORARY = re.compile(r"(.*/)?\.[^/]*\.tmp")

#: A file system and a folder in it.
Target = tuple[Any, str]


class File(NamedTuple):
    """A written file: its name relative to the target, its size and its hash."""

    name: str
    bytes: int
    sha256: str


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table: its columns with types, nullability and descriptions."""
    fields = [
        pa.field(column.name, column.data_type.arrow, column.nullable, metadata={"description": column.description})
        for column in table.columns.values()
    ]
    return pa.schema(fields, metadata={"description": table.description})


def open_target(url: str) -> Target:
    """The file system and the path of a URL or a local path. Raises EtlError."""
    from pyarrow import fs  # noqa: PLC0415 -- most runs write no Parquet

    if "://" not in url:
        return fs.LocalFileSystem(), url
    with contextlib.suppress(OSError, ValueError):
        system, path = fs.FileSystem.from_uri(url)
        return system, path
    try:
        import fsspec  # noqa: PLC0415 -- an extra, for file systems that pyarrow does not support

        opened, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise EtlError("pyarrow does not know this file system; install fsspec and its package", Where(url)) from error
    except (ValueError, OSError) as error:
        raise EtlError(f"cannot open it: {error}", Where(url)) from error
    return fs.PyFileSystem(fs.FSSpecHandler(opened)), path


def write_part(target: Target, table: Table, shard: int, rows: pa.Table) -> File:
    """Write the rows of one shard (0 for a table that is not sharded). The same rows give the same bytes.

    On a local file system the file is renamed into place, so a killed worker leaves no partial file.
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
    """Write a file below the target, on a local disk by renaming it into place; if durable, fsync it first."""
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    path = f"{folder}/{name}"
    system.create_dir(path.rpartition("/")[0], recursive=True)
    if not isinstance(system, fs.LocalFileSystem):
        with system.open_output_stream(path) as stream:
            stream.write(content)
        return
    temporary = Path(folder, f".{name.replace('/', '-')}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with system.open_output_stream(str(temporary)) as stream:
            stream.write(content)
        if durable:
            sync(temporary)
        temporary.rename(path)
        if durable:
            sync(Path(path).parent)
    except FileNotFoundError:  # another run of the same build has finished and removed it
        if not Path(path).is_file():
            raise
    finally:
        temporary.unlink(missing_ok=True)


def delete_file(target: Target, name: str) -> None:
    """Delete a file below the target if it exists."""
    system, folder = target
    with contextlib.suppress(FileNotFoundError):
        system.delete_file(f"{folder}/{name}")
        sync_files(target, ())


def sync_files(target: Target, names: Iterable[str]) -> None:
    """Fsync files below the target, then the folders above them, from the innermost up; only on a local disk."""
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    if not isinstance(system, fs.LocalFileSystem):
        return  # others store a file when it is closed
    root = Path(folder).resolve()
    files = [root / name for name in names]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(sync, files):
            pass
    folders = {root, *root.parents, *(parent for path in files for parent in path.parents)}
    for path in sorted(folders, reverse=True):
        if os.access(path, os.R_OK | os.W_OK):  # others cannot be new
            sync(path)


def check_exclusive(target: Target, belongs: Callable[[str], bool], url: str) -> None:
    """Check that a folder has only the files of a build: readers of a table's folder would read any others too.

    Deletes temporary files of killed writers. Raises EtlError for any other file.
    """
    from pyarrow import fs  # noqa: PLC0415 -- as above

    system, folder = target
    inside = fs.SubTreeFileSystem(folder, system)
    for found in inside.get_file_info(fs.FileSelector("", recursive=True, allow_not_found=True)):
        if found.type == fs.FileType.Directory or belongs(found.path):
            continue
        if _TEMPORARY.fullmatch(found.path):
            inside.delete_file(found.path)
        else:
            what = "does not belong to the build, but readers of its tables would read it"
            raise EtlError(f"{what}; move it away and ship again", Where(f"{url}/{found.path}"))
