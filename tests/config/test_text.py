"""Text files, and the errors of files that are not text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.config.text import after, read_text
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from pathlib import Path


def test_text_is_read_unchanged(tmp_path: Path) -> None:
    """Line ends and every other character stay; a byte order mark goes."""
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\n\xc3\xa9\xf0\x9f\x98\x80")
    assert read_text(file, "a.txt") == "one\r\né😀"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ab\nc\xff", "a.txt:2:2: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"\xef\xbb\xbf\xc3\xa9\xff", "a.txt:1:2: the byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"ab\n\0", "a.txt:2:1: a NUL character; delete it"),
    ],
)
def test_other_bytes_are_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    """Bytes that are not UTF-8, and NUL, are errors with line and column."""
    file = tmp_path / "a.txt"
    file.write_bytes(data)
    with pytest.raises(EtlError) as caught:
        read_text(file, "a.txt")
    assert str(caught.value) == message


def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """A folder, or a file that is not there, cannot be read."""
    with pytest.raises(EtlError, match=r"a\.txt: cannot read it: Is a directory"):
        read_text(tmp_path, "a.txt")
    with pytest.raises(EtlError, match=r"a\.txt: cannot read it: No such file"):
        read_text(tmp_path / "none", "a.txt")


def test_places_count_from_one() -> None:
    """The place after a text is its last line, and one column on, in characters."""
    assert after("", "f") == Where("f", 1, 1)
    assert after("é\nüö", "f") == Where("f", 2, 3)
