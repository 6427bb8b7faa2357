"""Read text files; errors have their place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path, shown: str) -> str:
    """Read a UTF-8 file without its byte order mark; ``shown`` is its name in messages. Raises EtlError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EtlError(f"cannot read it: {error.strerror}", Where(shown)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the byte {error.object[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise EtlError(message, after(error.object[: error.start].decode(), shown)) from error
    before, nul, _ = text.partition("\0")
    if nul:
        raise EtlError("a NUL character; delete it", after(before, shown))
    return text


def after(before: str, shown: str) -> Where:
    """The place after the given start of a file."""
    return Where(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))
