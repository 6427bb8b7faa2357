"""Files that the command line asks for, outside of the folder of builds: what they may replace, and how they get there.

Only a file of the same kind is replaced, in one step: never an input, a link, a device, or a part of a build.
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
from etl.config.files import kind_of, open_regular, sync
from etl.config.identity import identify
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source import Source


class Kind(NamedTuple):
    """What a file is for, what it is, and how every such file begins."""

    use: str
    name: str
    begins: bytes


COPY = Kind("copy", "SQLite database", b"SQLite format 3\0")
TIMINGS = Kind("timings", "file of timings", b'{\n "seconds": ')
REPORT = Kind(
    "report",
    "report of ours",
    b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    b'<meta name="generator" content="teacher-dashboard-etl">\n',
)


def check(source: Source, out: Path, *targets: tuple[Path, Kind]) -> None:
    """Hold that files may be written, before there is anything to write. Raises EtlError that says why not."""
    if not targets:
        return
    taken = {*map(Path, identify(source).stamps), *source.files.values()}
    builds = out.resolve()
    for target, kind in targets:
        place = _place(target)
        if place in taken:
            message = f"is an input of the pipeline, or asked for twice; name another file for the {kind.use}"
            raise EtlError(message, Where(str(target)))
        if place.is_relative_to(builds) or builds.is_relative_to(place) or any(map(manifest.read, place.parents)):
            message = f"a folder of builds is for builds alone; name a place outside of it for the {kind.use}"
            raise EtlError(message, Where(str(target)))
        try:
            _hold_writable(target, kind)
            _hold_kind(target, kind)
        except OSError as error:
            raise _unwritable(target, kind, error.strerror) from error
        taken.add(place)


def write(target: Path, kind: Kind, fill: Callable[[Path], object]) -> None:
    """Have a file filled, and put it in its place in one step, the folders above it made. Raises EtlError."""
    try:
        _hold_kind(target, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target, kind)
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
    """Give an application its own writable copy of a database. Raises EtlError."""
    write(target, COPY, lambda path: shutil.copyfile(database, path))


def _hold_kind(target: Path, kind: Kind) -> None:
    """Hold that what is there, if anything is, is a file of the same kind, and that nobody has it open."""
    where = Where(str(target))
    with contextlib.suppress(FileNotFoundError):
        found = target.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise EtlError(f"is a link to {target.readlink()}; name the file itself", where)
        if not stat.S_ISREG(found.st_mode):
            raise EtlError(f"is {kind_of(found.st_mode)}; name a file for the {kind.use}", where)
        if _start(target, kind) not in {b"", kind.begins}:
            raise EtlError(f"is there, and is no {kind.name}; nothing else is replaced, so name another file", where)
    for log in ("-wal", "-journal") if kind is COPY else ():
        if os.path.lexists(target.with_name(target.name + log)):
            message = f"an application has it open, or left its {log} file; stop it, or delete that file, and retry"
            raise EtlError(message, where)


def _hold_writable(target: Path, kind: Kind) -> None:
    """Hold that a file can be made: in its folder, or in the nearest one above it that is there."""
    home = next(parent for parent in _place(target).parents if os.path.lexists(parent))
    if not home.is_dir():
        raise _unwritable(target, kind, "Not a directory")
    if not os.access(home, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _unwritable(target, kind, "Permission denied")


def _start(path: Path, kind: Kind) -> bytes:
    """The first bytes of a file, as many as tell its kind."""
    with open_regular(path) as file:
        return file.read(len(kind.begins))


def _place(target: Path) -> Path:
    """Where a file would be written: its folder may be reached by links, the file itself is what is named."""
    return target.parent.resolve() / target.name


def _sweep(target: Path, kind: Kind) -> None:
    """Take away what killed runs left beside a file."""
    for path in target.parent.glob(f".tmp-{glob.escape(target.name)}-*"):
        with contextlib.suppress(OSError, ValueError):  # no number, another user's run, which goes on, or no file
            living = _lives(int(path.name.rpartition("-")[2]))
            if not living and kind.begins.startswith(_start(path, kind)):
                path.unlink()


def _lives(process: int) -> bool:
    """Whether another process is there. Raises PermissionError when it is another user's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return process != os.getpid()


def _unwritable(target: Path, kind: Kind, reason: str | None) -> EtlError:
    return EtlError(f"cannot write the {kind.use}: {reason}", Where(str(target)))
