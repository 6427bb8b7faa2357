"""Runs code that is not ours: what it prints is no output of ours, and what it raises is told by its place."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.pipeline.model import Stage

#: How long an exception's text may be that a message repeats.
_SHOWN = 500

_lock = threading.Lock()
_inside: list[TextIO] = []  # what standard output was, once for each stage that runs now


@contextlib.contextmanager
def printing_aside() -> Iterator[None]:
    """Print to standard error inside of the block, and in all threads while one is inside: output is for results."""
    with _lock:
        _inside.append(_inside[0] if _inside else sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _lock:
            before = _inside.pop()
            if not _inside:
                sys.stdout = before


@contextlib.contextmanager
def running(stage: Stage, root: Path, failed: str) -> Iterator[None]:
    """Run a function of a stage's generator; what it raises is an EtlError that says what ``failed``, and where."""
    try:
        with printing_aside():
            yield
    except MemoryError:
        raise  # the machine's, not the generator's
    except (Exception, SystemExit) as error:
        where = place_of(error, root, stage.contract.function.__code__.co_filename if stage.contract else "")
        says = f"{failed}: {described(error)}" if where else str(error)
        raise EtlError(says, where or stage.where, f"stages.{stage.name}") from error


def described(error: BaseException) -> str:
    """What kind of exception it is, and what it says."""
    says = str(error).strip()
    if isinstance(error, SystemExit):
        return f"SystemExit({says}); let it raise an error, not end the process"
    return f"{type(error).__name__}: {says if len(says) <= _SHOWN else says[:_SHOWN] + '…'}".rstrip(": ")


def place_of(error: BaseException, root: Path, own: str = "") -> Where | None:
    """The last line of a stage's own file, or of the project's code, that an exception came through.

    None when it came through no such line, and when our own code raised it to say what is wrong with the pipeline,
    which it says by EtlError or ValueError; any other of ours is a bug, whose line is wanted.
    """
    frames = traceback.extract_tb(error.__traceback__)
    said = isinstance(error, EtlError | ValueError)
    if (
        said
        and frames
        and Path(frames[-1].filename).is_relative_to(_OURS)
        and (frames[-1].line or "").startswith("raise ")
    ):
        return None
    places = [(frame.filename, frame.lineno or 0) for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno or 0))
    for name, line in reversed(places):
        path = Path(name)
        if name == own or (path.is_relative_to(root) and not _installed(path)):
            return Where(_shown(path), line)
    return None


_OURS = Path(sys.modules["etl"].__path__[0])


def _installed(path: Path) -> bool:
    """Whether a file is ours, or belongs to a package in an environment, which may lie inside of the project."""
    return path.is_relative_to(_OURS) or "site-packages" in path.parts


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
