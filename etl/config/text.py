"""Read text files; errors have their place in the file."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from etl.errors import EtlError, Where, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path, shown: str) -> str:
    """Read a text file, which messages call ``shown``, without its byte order mark. Raises EtlError."""
    return decode(read_bytes(path, shown), shown)


def decode(data: bytes, shown: str, encoding: str = "utf-8") -> str:
    """The text of a file without its byte order mark. Raises EtlError."""
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        name = encoding.upper()
        message = f"the byte {error.object[error.start]:#04x} is not {name}; save the file as {name}"
        before = error.object[: error.start].decode(encoding, "replace").removeprefix("\ufeff")
        raise EtlError(message, after(before, shown)) from error
    before, nul, _ = text.partition("\0")
    if nul:
        raise EtlError("a NUL character; delete it", after(before, shown))
    return text


def read_bytes(path: Path, shown: str, member: str | None = None) -> bytes:
    """Read a file, or a ``member`` of it if it is a zip. Raises EtlError."""
    if member is not None:
        return _read_member(path, shown, member)
    try:
        return path.read_bytes()
    except OSError as error:
        raise EtlError(f"cannot read it: {error.strerror}", Where(shown)) from error


def _read_member(path: Path, shown: str, member: str) -> bytes:
    import zipfile  # noqa: PLC0415 -- few files are zips

    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if member not in names:
                raise EtlError(f"it has no member '{member}'{did_you_mean(member, names)}", Where(shown))
            return archive.read(member)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise EtlError(f"cannot read it as a zip: {error}", Where(shown)) from error


def after(before: str, shown: str) -> Where:
    """The place after the given start of a file."""
    return Where(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))
