"""What the server says of its own failures, on standard error."""

from __future__ import annotations

import sys
import traceback

#: Characters of an error's message; it may quote what a client sent.
LONGEST_MESSAGE = 300


def log_failure(error: BaseException) -> None:
    """Write a traceback in which every message is one quoted line: what strangers send begins no line of the log."""
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        frames = "".join(traceback.format_tb(cause.__traceback__))
        parts.append(f"{frames}{type(cause).__name__}: {str(cause)[:LONGEST_MESSAGE]!a}\n")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    sys.stderr.write("the server failed, innermost error first:\n" + "".join(reversed(parts)))
    sys.stderr.flush()
