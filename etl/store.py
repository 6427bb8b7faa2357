"""The folder of builds: immutable folders, and ``current``, a link that is switched in one step."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import re
import shutil
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where
from etl.writer import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: How many builds stay, the current one included.
KEEP = 3

_TEMPORARY = ".tmp-"
_BUILD = re.compile(r"[0-9a-f]{16}(-[0-9]+)?")  # what is named otherwise is not ours: nobody's folder is ever deleted
_OURS = re.compile(rf"\.tmp-({_BUILD.pattern}|old|current)-.*")


class Store:
    """A folder of builds, ``build/`` by default."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is touched yet."""
        self.folder = folder.resolve()

    @property
    def current(self) -> Path | None:
        """The build that ``current`` points at, if there is one."""
        link = self.folder / "current"
        return link.resolve() if link.is_symlink() and link.is_dir() else None

    def builds(self) -> list[Path]:
        """All builds, the one that was asked for last first."""
        named = (path for path in self.folder.glob("*") if _BUILD.fullmatch(path.name))
        found = [path for path in named if path.is_dir() and not path.is_symlink()]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)

    def find(self, build_id: str) -> Path | None:
        """The folder of a build."""
        return next((path for path in self.builds() if path.name.partition("-")[0] == build_id), None)

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[bool]:
        """Hold the folder alone: yields whether another run had to be waited for. Sweeps up what a killed one left.

        The lock goes with the process, however it ends.
        """
        waited = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not any(self.folder.iterdir()):
                (self.folder / ".gitignore").write_text("*\n")
            lock = (self.folder / ".lock").open("a+")
        except OSError as error:
            raise EtlError(f"cannot write there: {error.strerror}", Where(str(self.folder))) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                waiting(f"another run (process {lock.read().strip() or 'unknown'}) holds {self.folder}; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
                waited = True
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            self._sweep()
            yield waited

    @contextlib.contextmanager
    def assembling(self, build_id: str) -> Iterator[Path]:
        """Make a temporary folder on the same file system, taken away unless :meth:`publish` renamed it."""
        folder = self.folder / f"{_TEMPORARY}{build_id}-{os.getpid()}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, assembled: Path, build_id: str) -> Path:
        """Give its name to a folder that the disk has. A damaged build of the same name stays until it is replaced."""
        names = [build_id, *(f"{build_id}-{number}" for number in range(2, 1000))]
        target = next(self.folder / name for name in names if not (self.folder / name).exists())
        assembled.rename(target)
        sync(self.folder)
        return target

    def switch(self, build: Path) -> None:
        """Point ``current`` at a build, in one atomic step."""
        link = self.folder / f"{_TEMPORARY}current-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(build.name)
        try:
            link.rename(self.folder / "current")
        except IsADirectoryError:
            link.unlink()
            raise EtlError(
                "is a folder, not a link to a build; move it away", Where(str(self.folder / "current"))
            ) from None
        os.utime(build)  # the order of use decides which builds stay
        sync(self.folder)

    def prune(self, keep: int = KEEP) -> list[Path]:
        """Delete old builds, never the current one or one that a server has open: those that went."""
        current = self.current
        others = [path for path in self.builds() if path != current]
        return [path for path in others[keep - (current is not None) :] if remove(path)]

    def _sweep(self) -> None:
        for path in self.folder.glob(f"{_TEMPORARY}*"):
            if not _OURS.fullmatch(path.name):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def in_use(build: Path) -> Iterator[None]:
    """Mark a build as served, so that no run deletes it; the mark goes with the process.

    Raises FileNotFoundError when a run has just deleted it.
    """
    handle = os.open(build, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        build.stat()  # it may have gone between the two
        yield
    finally:
        os.close(handle)


def remove(build: Path) -> bool:
    """Delete a build, unless it is in use; it goes out of sight in one step."""
    handle = os.open(build, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        doomed = build.with_name(f"{_TEMPORARY}old-{build.name}")
        build.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        return True
    finally:
        os.close(handle)


def copy_to(database: Path, target: Path) -> None:
    """Give an application its own writable copy of the database, in one atomic step.

    Refused while the old copy has a log: a log of another database would damage the new one.
    """
    for log in ("-wal", "-journal"):
        if target.with_name(target.name + log).exists():
            message = f"an application has it open, or left its {log} file; stop it, or delete that file, and retry"
            raise EtlError(message, Where(str(target)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep_copies(target)
        temporary = target.with_name(f"{_TEMPORARY}{target.name}-{os.getpid()}")
        try:
            shutil.copyfile(database, temporary)
            sync(temporary)
            temporary.rename(target)
            sync(target.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise EtlError(f"cannot write the copy: {error.strerror}", Where(str(target))) from error


def _sweep_copies(target: Path) -> None:
    """Take away what killed runs left beside a copy."""
    for path in target.parent.glob(f"{_TEMPORARY}{glob.escape(target.name)}-*"):
        try:
            os.kill(int(path.name.rpartition("-")[2]), 0)
        except (ValueError, ProcessLookupError):
            path.unlink(missing_ok=True)
        except PermissionError:
            continue  # another user's run, which goes on
