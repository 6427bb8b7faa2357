"""Standard streams that may be closed, full or unread, and the signals that stop a command."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: The file name in errors about standard output.
STDOUT = "standard output"


class _Output(io.FileIO):
    """Standard output: its write errors name it."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = STDOUT
            raise


class _Log(io.FileIO):
    """Standard error: write errors are ignored, so that logging never stops the work."""

    def write(self, data: ReadableBuffer, /) -> int:
        left = memoryview(data).cast("B")
        with contextlib.suppress(OSError):
            while left:
                left = left[super().write(left) or len(left) :]
        return memoryview(data).nbytes


def prepare_streams() -> None:
    """Open closed standard streams, so that no other file gets their number, and make write errors name the stream."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 -- it takes the lowest free number
    sys.stdout = _text(_Output(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _text(_Log(2, "wb", closefd=False), sys.stderr)


def _text(raw: io.FileIO, before: object) -> io.TextIOWrapper:
    """A text stream, line-buffered on a terminal; characters outside its encoding are escaped.

    The log has no byte buffer: a signal just after a write could make a buffer write the line twice.
    """
    return io.TextIOWrapper(
        raw if isinstance(raw, _Log) else io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None),
        errors="backslashreplace",
        line_buffering=isinstance(raw, _Log) or raw.isatty(),
    )


def stop_signals() -> list[signal.Signals]:
    """The signals that stop this process; SIGHUP only if nohup does not ignore it."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if ignored else [signal.SIGHUP])]
