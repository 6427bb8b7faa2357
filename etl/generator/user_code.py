"""User code: its output goes to standard error, its exceptions have a place."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from etl.config.source import display_path
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The most characters of an exception's text that a message repeats.
_MAX_TEXT = 500

_lock = threading.Lock()
_saved: list[TextIO] = []  # the real standard output, once for each running stage


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Redirect standard output, which is for results, to standard error: for all threads until the last block ends."""
    with _lock:
        _saved.append(_saved[0] if _saved else sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _lock:
            before = _saved.pop()
            if not _saved:
                sys.stdout = before


def describe(error: BaseException) -> str:
    """The type and the text of an exception."""
    text = str(error).strip()
    if isinstance(error, SystemExit):
        return f"SystemExit({text}); raise an error instead of exiting"
    return f"{type(error).__name__}: {text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + '…'}".rstrip(": ")


def user_line(error: BaseException, root: Path, own: str = "") -> Where | None:
    """The last line of user code in an exception's traceback: of the project, or of a file ``own``.

    None if there is none, or if etl raised the exception to report bad input.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, EtlError | ValueError) and frames:  # other exceptions in etl are bugs: show their line
        last = frames[-1]
        if Path(last.filename).is_relative_to(_ETL) and (last.line or "").startswith("raise "):
            return None
    places = [(frame.filename, frame.lineno or 0) for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno or 0))
    for name, line in reversed(places):
        path = Path(name)
        if name == own or (path.is_relative_to(root) and not _installed(path)):
            return Where(display_path(path), line)
    return None


_ETL = Path(sys.modules["etl"].__path__[0])


def _installed(path: Path) -> bool:
    """Whether a file is part of etl or of an installed package; an environment can be inside the project."""
    return path.is_relative_to(_ETL) or "site-packages" in path.parts
