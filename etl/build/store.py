"""The folder of builds: immutable folders, and ``current``, a link that is switched in one step.

Only what is provably ours is ever replaced or deleted: a build by its manifest, what a killed run left by the token in
our ``.lock``, which is part of its name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING

from etl.build import manifest
from etl.config.files import kind_of, open_regular, sync
from etl.config.source import shown_name
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.config.source import Source

#: How many builds stay, the current one included.
KEEP = 3

_BUILD = re.compile(r"[0-9a-f]{16}(-[0-9]+)?")
_LOCK = re.compile(r"builds of teacher-dashboard-etl, token ([0-9a-f]{16})\n([0-9]+) *\n")

NO_LOCK = "is not a lock of ours; move it away"

#: What an empty folder may have in it: what keeps it in, or out of, git, what a Mac or a new disk puts there.
_EMPTY = {".gitignore", ".gitkeep", ".DS_Store", "lost+found"}


class Store:
    """A folder of builds, ``build/`` by default."""

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        """Name the folder; nothing is touched yet. ``warn`` is told what could not be deleted or touched."""
        self.folder = folder.resolve()
        self._warn = warn
        self._token = ""

    @property
    def current(self) -> Path | None:
        """The build that ``current`` points at, if there is one."""
        try:
            name = str((self.folder / "current").readlink())
        except OSError:
            return None
        build = self.folder / name
        return build if _BUILD.fullmatch(name) and _is_folder(build) else None

    def builds(self, world: str | None = None) -> list[Path]:
        """The builds, of one world or of all, the one that was asked for last first."""
        named = {path: world_of(path) for path in self._named()}
        return [path for path, found in named.items() if found and world in {None, found}]

    def find(self, build_id: str) -> Path | None:
        """The folder of a build; one that is damaged only if there is no other."""
        found = [path for path in self._named() if path.name.partition("-")[0] == build_id]
        return next(filter(world_of, found), found[0] if found else None)

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[str], None]) -> Iterator[bool]:
        """Hold the folder alone: yields whether another run had to be waited for. Sweeps up what a killed one left.

        The lock goes with the process, however it ends. Raises EtlError: the folder cannot be written, or is not ours.
        """
        path = self.folder / ".lock"
        waited = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._hold_ours()
            if not any(self.folder.iterdir()):
                (self.folder / ".gitignore").write_text("*\n")
            lock = _open_lock(path)
        except OSError as error:
            raise EtlError(f"cannot write there: {error.strerror}", Where(str(self.folder))) from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _LOCK.fullmatch(_text(lock))
                who = f"process {holder[2]}" if holder else "process unknown"
                waiting(f"another run ({who}) holds {self.folder}; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
                waited = True
            self._sign(lock)
            self._sweep()
            yield waited
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def assembling(self, build_id: str) -> Iterator[Path]:
        """Make a temporary folder on the same file system, taken away unless :meth:`publish` renamed it."""
        folder = self._temporary(build_id)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, assembled: Path, build_id: str) -> Path:
        """Give its name to a folder that the disk has. A damaged build of the same name stays until it is replaced."""
        names = [build_id, *(f"{build_id}-{number}" for number in range(2, 1000))]
        target = next(self.folder / name for name in names if not os.path.lexists(self.folder / name))
        assembled.rename(target)
        sync(self.folder)
        return target

    def switch(self, build: Path) -> None:
        """Point ``current`` at a build, in one atomic step. Raises EtlError when ``current`` is not a link of ours."""
        self._hold_link()
        if self.current != build:
            link = self._temporary("current")
            link.symlink_to(build.name)
            link.rename(self.folder / "current")
        try:
            os.utime(build)  # the order of use decides which builds stay
        except OSError as error:  # it is another user's
            self._warn(f"{build}: cannot note that it was used: {error.strerror}")
        sync(self.folder)

    def prune(self, keep: int = KEEP, world: str | None = None) -> list[Path]:
        """Delete old builds, of one world or of all, never the current one or one that a server has open: what went."""
        if len(self._named()) <= keep:
            return []  # without a look at their manifests
        builds, current = self.builds(world), self.current
        others = [path for path in builds if path != current]
        return [path for path in others[keep - (len(others) < len(builds)) :] if self.remove(path)]

    def remove(self, build: Path) -> bool:
        """Delete a build, unless it is in use; it goes out of sight in one step. Warns when it cannot be deleted."""
        try:
            with _alone(build):
                doomed = self._temporary(f"old-{build.name}")
                build.rename(doomed)
                shutil.rmtree(doomed)
        except BlockingIOError:
            return False
        except OSError as error:
            self._warn(f"{build}: cannot be deleted: {error.strerror}")
            return False
        return True

    def _named(self) -> list[Path]:
        """The folders that are named as builds are, the one that was used last first."""
        found = [path for path in self.folder.glob("*") if _BUILD.fullmatch(path.name) and _is_folder(path)]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)

    def _hold_ours(self) -> None:
        """Hold that the folder is ours, by its lock or by a build, or is empty. Raises EtlError that names what is."""
        lock = self.folder / ".lock"
        if not _LOCK.fullmatch(_read(lock)) and not self.builds():
            blank = {".lock"} if _is_blank(lock) else set()  # of a run that was killed as it began
            others = sorted(path.name for path in self.folder.iterdir() if path.name not in _EMPTY | blank)
            if others:
                named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
                message = f"is not a folder of builds: {named} in it; name an empty or a new folder"
                raise EtlError(message, Where(str(self.folder)))
        self._hold_link()

    def _hold_link(self) -> None:
        """Hold that ``current`` is a link to a build, or is not there. Raises EtlError."""
        link = self.folder / "current"
        with contextlib.suppress(FileNotFoundError):
            kind = kind_of(link.lstat().st_mode)
            if kind == "a link" and _BUILD.fullmatch(name := str(link.readlink())):
                return
            is_that = f"leads to {name}" if kind == "a link" else f"is {kind}"
            raise EtlError(f"{is_that}, and is no link to a build; move it away", Where(str(link)))

    def _sign(self, lock: int) -> None:
        """Put our mark and this process in the lock, unless they cannot be read there: nothing is ever truncated."""
        text = _text(lock)
        signed = _LOCK.fullmatch(text)
        if text and not signed and not re.fullmatch(r"[0-9]+\n", text):  # so did version 0.1
            raise EtlError(NO_LOCK, Where(str(self.folder / ".lock")))
        self._token = signed[1] if signed else os.urandom(8).hex()
        new = f"builds of teacher-dashboard-etl, token {self._token}\n{os.getpid():<10}\n"
        try:
            os.pwrite(lock, new.encode(), 0)
        except OSError:
            if not signed:
                raise

    def _temporary(self, what: str) -> Path:
        """The path of what is in the making or on its way out. The token in its name tells that it is ours."""
        return self.folder / f".tmp-{self._token}-{what}-{os.getpid()}"

    def _sweep(self) -> None:
        for path in self.folder.glob(f".tmp-{self._token}-*"):
            try:
                shutil.rmtree(path) if _is_folder(path) else path.unlink()
            except OSError as error:
                self._warn(f"{path}: cannot be deleted: {error.strerror}")


def world_of(build: Path) -> str | None:
    """The name of a build's pipeline; None for a folder that no manifest proves to be the build that its name says."""
    content = manifest.read(build)
    named = content is not None and content["build"] == build.name.partition("-")[0]
    return str(content["name"]) if content and named else None


def check_world(build: Path, world: str) -> None:
    """Hold that the current build, if its manifest can be read, is one of a pipeline. Raises EtlError."""
    if (found := world_of(build)) not in {None, world}:
        message = f"current is {found}, not {world}; name its pipeline file, or make that one with: python -m etl run"
        raise EtlError(message, Where(shown_name(build.parent)))


def current_of(source: Source, out: Path) -> Path:
    """The current build of a pipeline. Raises EtlError: there is none, or it is another pipeline's."""
    folder = Store(out).current
    if folder is None:
        raise EtlError("there is no build; make one with: python -m etl run", Where(shown_name(out)))
    check_world(folder, source.name)
    return folder


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


@contextlib.contextmanager
def _alone(build: Path) -> Iterator[None]:
    """Hold a build that nobody uses. Raises BlockingIOError when somebody does; PermissionError: another user's."""
    handle = os.open(build, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.access(build, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(build))
        yield
    finally:
        os.close(handle)


def _open_lock(path: Path) -> int:
    """Open a lock, made where there is none; one of another user can be locked, though not written. Raises EtlError."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise EtlError(NO_LOCK, Where(str(path)))
    careful = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | careful, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | careful)


def _text(lock: int) -> str:
    return os.pread(lock, 200, 0).decode(errors="replace")


def _read(path: Path) -> str:
    """The text of a lock; "" where there is none."""
    try:
        with open_regular(path) as file:
            return file.read(200).decode(errors="replace")
    except OSError:
        return ""


def _is_blank(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and not found.st_size


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
