"""Logs the server's own failures to standard error."""

from __future__ import annotations

import sys
import traceback

#: Characters of an error's message, which may quote what a client sent.
MAX_MESSAGE_LENGTH = 300


def log_failure(error: BaseException) -> None:
    """Write a traceback with every message quoted on one line, so that clients cannot forge lines of the log."""
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        frames = "".join(traceback.format_tb(cause.__traceback__))
        parts.append(f"{frames}{type(cause).__name__}: {str(cause)[:MAX_MESSAGE_LENGTH]!a}\n")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    sys.stderr.write("the server failed, innermost error first:\n" + "".join(reversed(parts)))
    sys.stderr.flush()
