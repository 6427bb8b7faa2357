"""Writes the files of a build beside the work that makes their contents, hashed on the way, for the disk to keep."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Entry = dict[str, int | str]

#: Disks take many files at once: one by one they take up to 20 times as long.
THREADS = 8

#: What waits to be written at most, in files and in bytes, so memory stays flat.
WAITING, WAITING_BYTES = 64, 8_000_000

_SMALL = 100_000  # bytes; most files are, and need no buffer of their own


class Writer(contextlib.AbstractContextManager["Writer"]):
    """The files of one folder. What goes wrong with one is raised by a later call: OSError."""

    def __init__(self, folder: Path) -> None:
        """Start with no files."""
        self.folder = folder
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self._waiting: deque[tuple[str, int, Future[Entry]]] = deque()
        self._bytes = 0
        self._entries: dict[str, Entry] = {}

    def write(self, name: str, *content: bytes) -> None:
        """Write a file of some bytes, one after the other; the folders above it are made."""
        self._submit(name, sum(map(len, content)), self._pool.submit(_write, self.folder / name, content))

    def take(self, name: str) -> None:
        """Take in a file that is there, finished."""
        self._submit(name, 0, self._pool.submit(_take, self.folder / name))

    def entries(self) -> dict[str, Entry]:
        """Size in bytes and SHA-256 of every file so far, by its name in the folder; waits for them."""
        while self._waiting:
            self._finish_one()
        return dict(self._entries)

    def entry(self, name: str) -> Entry:
        """Size in bytes and SHA-256 of one file; waits for it."""
        while name not in self._entries:
            self._finish_one()
        return self._entries[name]

    def finish(self) -> None:
        """Wait until the disk has all files and their folders."""
        self.entries()
        for _ in self._pool.map(sync, [home for home, _, _ in os.walk(self.folder)]):
            pass

    def __exit__(self, *_: object) -> None:
        """Give up what is not finished."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, name: str, size: int, future: Future[Entry]) -> None:
        self._waiting.append((name, size, future))
        self._bytes += size
        while len(self._waiting) > WAITING or self._bytes > WAITING_BYTES:
            self._finish_one()

    def _finish_one(self) -> None:
        name, size, future = self._waiting.popleft()
        self._bytes -= size
        self._entries[name] = future.result()


_KINDS = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe"}


def kind_of(mode: int) -> str:
    """What a path names, by the mode that ``lstat`` gives: a file, a folder, a link, a pipe, or a device."""
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def open_regular(path: Path) -> FileIO:
    """Open a file for reading. Raises OSError for what is no file: a link is not followed, a pipe not waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a file", str(path))
    return FileIO(handle)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises OSError, also for what is no file."""
    with open_regular(path) as file:
        head = file.read(_SMALL)
        if len(head) < _SMALL:
            return hashlib.sha256(head).hexdigest()
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path | str) -> None:
    """Have the disk keep a file, or the names in a folder."""
    with _named(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _named(path: Path | str) -> Iterator[None]:
    """Name the file in errors of calls that know its handle alone."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _write(path: Path, content: tuple[bytes, ...]) -> Entry:
    try:
        file = path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb", buffering=0)
    hashed = hashlib.sha256()
    with _named(path), file:
        for piece in content:
            hashed.update(piece)
            view = memoryview(piece)
            while view:  # a disk that is nearly full takes a part
                view = view[file.write(view) :]
        os.fsync(file)
    return {"bytes": sum(map(len, content)), "sha256": hashed.hexdigest()}


def _take(path: Path) -> Entry:
    sync(path)
    with _named(path):
        return {"bytes": path.stat().st_size, "sha256": sha256(path)}
