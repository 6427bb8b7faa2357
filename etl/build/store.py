"""The folder of builds: immutable folders, and ``current``, a link that is switched atomically.

Nothing is replaced or deleted unless it is proven to be etl's: a build by its manifest, leftovers of a killed run by
the token in ``.lock``, which is part of their names.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING, Any

from etl.build import manifest
from etl.config.source import display_path
from etl.errors import EtlError, Where
from etl.tables.files import file_type, open_regular_file, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.config.source import Source

#: How many builds are kept, including the current one.
KEEP = 3

_BUILD = re.compile(r"[0-9a-f]{16}(-[0-9]+)?")
_LOCK = re.compile(r"builds of teacher-dashboard-etl, token ([0-9a-f]{16})\n([0-9]+) *\n")
_LOCK_SIZE = 200  # bytes, more than any lock file has
_IGNORED = {".gitignore", ".gitkeep", ".DS_Store", "lost+found"}  # files of git, macOS or a new disk in an empty folder


class Store:
    """A folder of builds, ``build/`` by default."""

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda _: None) -> None:
        """Touch nothing yet. ``warn`` is called with failures that do not stop the run."""
        self.folder = folder.resolve()
        self._warn = warn
        self._token = ""

    @property
    def current(self) -> Path | None:
        """The build that ``current`` links to, if any."""
        try:
            name = str((self.folder / "current").readlink())
        except OSError:
            return None
        build = self.folder / name
        return build if _BUILD.fullmatch(name) and _is_folder(build) else None

    def builds(self, world: str | None = None) -> list[Path]:
        """The builds, of one world or of all, most recently used first."""
        worlds = {path: world_of(path) for path in self._candidates()}
        return [path for path, found in worlds.items() if found and world in {None, found}]

    def manifests(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The builds with their manifests, most recently used first."""
        for path in self._candidates():
            content = manifest.read(path)
            if content and content["build"] == path.name.partition("-")[0]:
                yield path, content

    def find(self, build_id: str) -> Path | None:
        """The folder of a build; a damaged one only if there is no other."""
        found = [path for path in self._candidates() if path.name.partition("-")[0] == build_id]
        return next(filter(world_of, found), found[0] if found else None)

    @contextlib.contextmanager
    def locked(self, say: Callable[[str], None]) -> Iterator[bool]:
        """Take an exclusive lock and remove leftovers of killed runs. Yields whether it had to wait for another run.

        The lock ends with the process. Raises EtlError: the folder is not writable or not a folder of builds.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check_ownership()
            if not any(self.folder.iterdir()):
                (self.folder / ".gitignore").write_text("*\n")
            lock = _open_lock(self.folder / ".lock")
        except OSError as error:
            raise EtlError(f"cannot write there: {error.strerror}", Where(str(self.folder))) from error
        try:
            waited = self._wait(lock, say)
            self._sign(lock)
            for path in self.folder.glob(f".tmp-{self._token}-*"):
                with self._warning(path, "be deleted"):
                    shutil.rmtree(path) if _is_folder(path) else path.unlink()
            yield waited
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def assembling(self, build_id: str) -> Iterator[Path]:
        """A temporary folder on the same file system, deleted unless :meth:`publish` renamed it."""
        folder = self._temporary(build_id)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, assembled: Path, build_id: str) -> Path:
        """Rename a synced folder to its final name, numbered if a damaged build has that name: its path."""
        names = [build_id, *(f"{build_id}-{number}" for number in range(2, 1000))]
        target = next(self.folder / name for name in names if not os.path.lexists(self.folder / name))
        assembled.rename(target)
        sync(self.folder)
        return target

    def switch(self, build: Path) -> None:
        """Point ``current`` at a build, atomically. Raises EtlError when ``current`` is not a link to a build."""
        self._check_link()
        if self.current != build:
            link = self._temporary("current")
            link.symlink_to(build.name)
            link.rename(self.folder / "current")
        with self._warning(build, "update its time of use"):  # another user's build
            os.utime(build)  # prune keeps the most recently used builds
        sync(self.folder)

    def prune(self, keep: int = KEEP, world: str | None = None) -> list[Path]:
        """Delete old builds, of one world or all, except the current one and those in use. Returns the deleted."""
        if len(self._candidates()) <= keep:
            return []  # without reading their manifests
        builds, current = self.builds(world), self.current
        others = [path for path in builds if path != current]
        return [path for path in others[keep - (len(others) < len(builds)) :] if self.remove(path)]

    def remove(self, build: Path) -> bool:
        """Delete a build unless it is in use. Returns whether it did. It is renamed first; failures are warnings."""
        with self._warning(build, "be deleted"), contextlib.suppress(BlockingIOError), _exclusive(build):
            doomed = self._temporary(f"old-{build.name}")
            build.rename(doomed)
            shutil.rmtree(doomed)
            return True
        return False

    @contextlib.contextmanager
    def _warning(self, path: Path, what: str) -> Iterator[None]:
        """Turn an OSError into a warning about what cannot be done."""
        try:
            yield
        except OSError as error:
            self._warn(f"{path}: cannot {what}: {error.strerror}")

    def _candidates(self) -> list[Path]:
        """The folders with names of builds, most recently used first."""
        found = [path for path in self.folder.glob("*") if _BUILD.fullmatch(path.name) and _is_folder(path)]
        return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)

    def _check_ownership(self) -> None:
        """Check that the folder has etl's lock file or a build, or is empty. Raises EtlError with what is in it."""
        names = sorted(path.name for path in self.folder.iterdir())  # before the lock, which another run may just make
        lock = _read_lock(self.folder / ".lock")
        if not _LOCK.fullmatch(lock or "") and not self.builds():
            ignored = _IGNORED | ({".lock"} if lock == "" else set())  # a run was killed before it signed its lock
            others = [name for name in names if name not in ignored]
            if others:
                found = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if others[3:] else "")
                message = f"is not a folder of builds: {found} in it; name an empty or a new folder"
                raise EtlError(message, Where(str(self.folder)))
        self._check_link()

    def _check_link(self) -> None:
        """Check that ``current`` is a link to a build or does not exist. Raises EtlError."""
        link = self.folder / "current"
        with contextlib.suppress(FileNotFoundError):
            kind = file_type(link.lstat().st_mode)
            if kind == "a link" and _BUILD.fullmatch(name := str(link.readlink())):
                return
            found = f"leads to {name}" if kind == "a link" else f"is {kind}"
            raise EtlError(f"{found}, and is no link to a build; move it away", Where(str(link)))

    def _wait(self, lock: int, say: Callable[[str], None]) -> bool:
        """Lock a file: whether another run had it."""
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        holder = _LOCK.fullmatch(_content(lock))
        say(f"another run (process {holder[2] if holder else 'unknown'}) has locked {self.folder}; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True

    def _sign(self, lock: int) -> None:
        """Write the token and this process's id into the lock file; a file with other content is never overwritten."""
        content = _content(lock)
        signed = _LOCK.fullmatch(content)
        if content and not signed:
            raise _not_a_lock(self.folder / ".lock")
        self._token = signed[1] if signed else os.urandom(8).hex()
        new = f"builds of teacher-dashboard-etl, token {self._token}\n{os.getpid():<10}\n"
        with contextlib.suppress(OSError) if signed else contextlib.nullcontext():  # another user's
            os.pwrite(lock, new.encode(), 0)

    def _temporary(self, what: str) -> Path:
        """A path for something unfinished or about to be deleted; the token in its name proves that it is etl's."""
        return self.folder / f".tmp-{self._token}-{what}-{os.getpid()}"


def world_of(build: Path) -> str | None:
    """The name of a build's pipeline; None unless its manifest proves that the folder is the build of its name."""
    content = manifest.read(build)
    return str(content["name"]) if content and content["build"] == build.name.partition("-")[0] else None


def check_world(build: Path, world: str) -> None:
    """Check that a build is one of a pipeline, if its manifest is readable. Raises EtlError."""
    if (found := world_of(build)) not in {None, world}:
        message = f"current is {found}, not {world}; name its pipeline file, or make that one with: python -m etl run"
        raise EtlError(message, Where(display_path(build.parent)))


def current_of(source: Source, out: Path) -> Path:
    """The current build of a pipeline. Raises EtlError when there is none, or it is another pipeline's."""
    folder = Store(out).current
    if folder is None:
        raise EtlError("there is no build; make one with: python -m etl run", Where(display_path(out)))
    check_world(folder, source.name)
    return folder


@contextlib.contextmanager
def in_use(build: Path) -> Iterator[None]:
    """Take a shared lock on a build, so that no run deletes it. Raises FileNotFoundError when one just has."""
    with _locked(build, fcntl.LOCK_SH):
        build.stat()  # it may have been deleted before the lock was taken
        yield


@contextlib.contextmanager
def _exclusive(build: Path) -> Iterator[None]:
    """Take an exclusive lock on a build. Raises BlockingIOError when it is in use; PermissionError: another user's."""
    with _locked(build, fcntl.LOCK_EX | fcntl.LOCK_NB):
        if not os.access(build, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(build))
        yield


@contextlib.contextmanager
def _locked(folder: Path, operation: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, operation)
        yield
    finally:
        os.close(handle)


def _open_lock(path: Path) -> int:
    """Open or create a lock file; another user's is opened read-only. Raises EtlError when it is not a file."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _not_a_lock(path)
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)
    except PermissionError:
        if not path.exists():
            raise
        return os.open(path, os.O_RDONLY | flags)


def _not_a_lock(path: Path) -> EtlError:
    return EtlError("is not a lock file of etl; move it away", Where(str(path)))


def _content(lock: int) -> str:
    return os.pread(lock, _LOCK_SIZE, 0).decode(errors="replace")


def _read_lock(path: Path) -> str | None:
    """The content of a lock file; None if there is no readable file."""
    try:
        with open_regular_file(path) as file:
            return _content(file.fileno())
    except OSError:
        return None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
