"""What a command gets from whoever starts it: its streams (open, closed, full, read by nobody) and signals to stop."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: What an error of standard output has as its file's name.
STDOUT = "standard output"


class _Output(io.FileIO):
    """Standard output: what it cannot take is an error that names it."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = STDOUT
            raise


class _Log(io.FileIO):
    """Standard error: what it cannot take is lost, and nothing else. No work depends on what is said about it."""

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            while left:
                left = left[super().write(left) or len(left) :]
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Open what is closed, so that no file of ours takes its number, and let output say what becomes of it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 -- it takes the lowest free number
    sys.stdout = _text(_Output(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _text(_Log(2, "wb", closefd=False), sys.stderr)


def _text(raw: io.FileIO, before: object) -> io.TextIOWrapper:
    """A stream that writes line by line to a person; a letter that it lacks is shown as its number.

    The log has no buffer of bytes: it would say a line again that a signal came upon just after it was written.
    """
    return io.TextIOWrapper(
        raw if isinstance(raw, _Log) else io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None),
        errors="backslashreplace",
        line_buffering=isinstance(raw, _Log) or raw.isatty(),
    )


def stop_signals() -> list[signal.Signals]:
    """The signals that ask this process to stop; a hangup is none where nohup has it ignored."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if ignored else [signal.SIGHUP])]
