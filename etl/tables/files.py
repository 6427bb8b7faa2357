"""Write the files of a build in background threads: hashed, and synced to disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Entry = dict[str, int | str]

#: Syncing files one by one takes up to 20 times as long.
THREADS = 8

#: Limits of the queue, in files and in bytes: they bound memory.
WAITING, WAITING_BYTES = 64, 8_000_000

_SMALL = 100_000  # bytes; such a file is read at once


class Writer(contextlib.AbstractContextManager["Writer"]):
    """Writes the files of one folder. An OSError is raised by a later call."""

    def __init__(self, folder: Path, *, hash_only: bool = False) -> None:
        """Start with no files. ``hash_only``: describe what would be written, and write nothing."""
        self.folder = folder
        self._hash_only = hash_only
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="write")
        self._waiting: deque[tuple[str, int, Future[Entry]]] = deque()
        self._bytes = 0
        self._entries: dict[str, Entry] = {}

    def write(self, name: str, *content: bytes) -> None:
        """Write a file from pieces; missing folders are created."""
        if self._hash_only:
            self._entries[name] = _entry(content)
        else:
            self._submit(name, sum(map(len, content)), self._pool.submit(_write, self.folder / name, content))

    def register(self, name: str) -> None:
        """Register an existing file: fsync and hash it."""
        self._submit(name, 0, self._pool.submit(_register, self.folder / name, self._hash_only))

    def take(self, name: str, home: Path, entry: Mapping[str, int | str]) -> bool:
        """Take a file from another folder: a hard link, or a copy where there can be none.

        Returns False, and leaves nothing, if it is not the file of the entry.
        """
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _link(home / name, target)
            if sha256(target) == entry["sha256"]:
                self._entries[name] = dict(entry)
                return True
        except OSError:  # missing, not a file, not readable
            pass
        target.unlink(missing_ok=True)
        return False

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
        """Wait for all files and sync the folders."""
        self.entries()
        if self._hash_only:
            return
        for _ in self._pool.map(sync, [home for home, _, _ in os.walk(self.folder)]):
            pass

    def __exit__(self, *_: object) -> None:
        """Cancel what is not written yet."""
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


def file_type(mode: int) -> str:
    """The type of a path from the mode that ``lstat`` gives: a file, a folder, a link, a pipe, or a device."""
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def open_regular_file(path: Path) -> FileIO:
    """Open a regular file for reading. Raises OSError for a link, a folder, a pipe or a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a file", str(path))
    return FileIO(handle)


def sha256(path: Path) -> str:
    """SHA-256 of a regular file. Raises OSError."""
    with open_regular_file(path) as file:
        head = file.read(_SMALL)
        if len(head) < _SMALL:
            return hashlib.sha256(head).hexdigest()
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path | str) -> None:
    """Sync a file or a folder to disk."""
    with _named(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _named(path: Path | str) -> Iterator[None]:
    """Add the file's name to errors of calls on its handle."""
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
    with _named(path), file:
        for piece in content:
            view = memoryview(piece)
            while view:  # a nearly full disk may write only a part
                view = view[file.write(view) :]
        os.fsync(file)
    return _entry(content)


def _entry(content: tuple[bytes, ...]) -> Entry:
    hashed = hashlib.sha256()
    for piece in content:
        hashed.update(piece)
    return {"bytes": sum(map(len, content)), "sha256": hashed.hexdigest()}


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another owner's, too many links, or a file system without them
        shutil.copyfile(source, target, follow_symlinks=False)
        sync(target)


def _register(path: Path, hash_only: bool) -> Entry:  # noqa: FBT001
    if not hash_only:
        sync(path)
    with _named(path):
        return {"bytes": path.stat().st_size, "sha256": sha256(path)}
