"""Writes the files of --copy-to and --timings, outside the folder of builds.

Only a file of the same kind is replaced, atomically: never an input, a link, a device, or a file of a build.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from etl.build import manifest
from etl.config.identity import identify
from etl.errors import EtlError, Where
from etl.tables.files import file_type, open_regular_file, sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source import Source


class Kind(NamedTuple):
    """A kind of file: its purpose, its name in messages, and its first bytes."""

    use: str
    name: str
    begins: bytes


COPY = Kind("copy", "SQLite database", b"SQLite format 3\0")
TIMINGS = Kind("timings", "file of timings", b'{\n "seconds": ')
REPORT = Kind(
    "report",
    "report of etl",
    b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    b'<meta name="generator" content="teacher-dashboard-etl">\n',
)


def check(source: Source, out: Path, *targets: tuple[Path, Kind]) -> None:
    """Check in advance that files may be written. Raises EtlError."""
    if not targets:
        return
    taken = {*map(Path, identify(source).stamps), *source.files.values()}
    builds = out.resolve()
    for target, kind in targets:
        place = _place(target)
        if place in taken:
            message = f"is an input of the pipeline, or given twice; name another file for the {kind.use}"
            raise EtlError(message, Where(str(target)))
        if place.is_relative_to(builds) or builds.is_relative_to(place) or any(map(manifest.read, place.parents)):
            message = f"is in a folder of builds; name a file outside of it for the {kind.use}"
            raise EtlError(message, Where(str(target)))
        try:
            _check_kind(target, kind)
            _check_writable(target, kind)
        except OSError as error:
            raise _unwritable(target, kind, error.strerror) from error
        taken.add(place)


def write(target: Path, kind: Kind, fill: Callable[[Path], object]) -> None:
    """Create a file atomically with ``fill``, and the folders above it. Raises EtlError."""
    try:
        _check_kind(target, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target, kind)
        temporary = target.with_name(f".tmp-{target.name}-{os.getpid()}")
        temporary.touch(exist_ok=False)
        try:
            fill(temporary)
            sync(temporary)
            temporary.rename(target)
            sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(target, kind, error.strerror) from error


def copy(database: Path, target: Path) -> None:
    """Make a writable copy of a database. Raises EtlError."""
    write(target, COPY, lambda path: shutil.copyfile(database, path))


def _check_kind(target: Path, kind: Kind) -> None:
    """Check that an existing file is of the same kind and that no application has it open. Raises EtlError."""
    where = Where(str(target))
    with contextlib.suppress(FileNotFoundError):
        found = target.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise EtlError(f"is a link to {target.readlink()}; name the file itself", where)
        if not stat.S_ISREG(found.st_mode):
            raise EtlError(f"is {file_type(found.st_mode)}; name a file for the {kind.use}", where)
        if _start(target, kind) not in {b"", kind.begins}:
            raise EtlError(f"exists and is not a {kind.name}; name another file", where)
    for log in ("-wal", "-journal") if kind is COPY else ():
        if os.path.lexists(target.with_name(target.name + log)):
            message = f"an application has it open, or left its {log} file; stop it, or delete that file, and retry"
            raise EtlError(message, where)


def _check_writable(target: Path, kind: Kind) -> None:
    """Check that a file can be created in its folder, or in the nearest existing one above it. Raises EtlError."""
    home = next(parent for parent in _place(target).parents if os.path.lexists(parent))
    if not home.is_dir():
        raise _unwritable(target, kind, "Not a directory")
    if not os.access(home, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _unwritable(target, kind, "Permission denied")


def _start(path: Path, kind: Kind) -> bytes:
    """The first bytes of a file, to identify its kind."""
    with open_regular_file(path) as file:
        return file.read(len(kind.begins))


def _place(target: Path) -> Path:
    """The path with links in its folder resolved, but not a link in place of the file itself."""
    return target.parent.resolve() / target.name


def _remove_leftovers(target: Path, kind: Kind) -> None:
    """Delete temporary files of killed runs."""
    for path in target.parent.glob(f".tmp-{glob.escape(target.name)}-*"):
        with contextlib.suppress(OSError, ValueError):  # no process id, another user's process, or not a file
            running = _is_running(int(path.name.rpartition("-")[2]))
            if not running and kind.begins.startswith(_start(path, kind)):
                path.unlink()


def _is_running(process: int) -> bool:
    """Whether another process is running. Raises PermissionError when it is another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return process != os.getpid()


def _unwritable(target: Path, kind: Kind, reason: str | None) -> EtlError:
    return EtlError(f"cannot write the {kind.use}: {reason}", Where(str(target)))
