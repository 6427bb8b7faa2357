"""The writer of a build's files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from etl.config.files import WAITING, Writer, sync

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_written_and_described(tmp_path: Path) -> None:
    """Many files, in folders that are made for them and empty or large ones among them, are as they were given."""
    given = {f"a/{n % 7}/{n}.json": bytes([n % 256]) * (n * 997) for n in range(3 * WAITING)}
    with Writer(tmp_path) as files:
        for name, content in given.items():
            files.write(name, content)
        entries = files.entries()
        files.finish()
    assert {name: (tmp_path / name).read_bytes() for name in given} == given
    assert entries == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in given.items()
    }


def test_a_file_that_is_there_is_taken_in(tmp_path: Path) -> None:
    """A file that something else made is described as those that were written, whatever its size."""
    for size in (0, 1, 99_999, 100_000, 100_001):
        content = b"x" * size
        (tmp_path / f"{size}").write_bytes(content)
        with Writer(tmp_path) as files:
            files.register(f"{size}")
            assert files.entry(f"{size}") == {"bytes": size, "sha256": hashlib.sha256(content).hexdigest()}


def test_a_fault_of_one_file_ends_the_work(tmp_path: Path) -> None:
    """What goes wrong in a thread is raised where the files are given, at the latest when they are finished."""
    (tmp_path / "a").write_text("no folder")
    with Writer(tmp_path) as files:
        files.write("a/b", b"")
        with pytest.raises(NotADirectoryError):
            files.finish()
    with Writer(tmp_path) as files:
        for number in range(WAITING):
            files.write(f"a/{number}", b"")
        with pytest.raises(NotADirectoryError):
            files.write("b", b"")


def test_a_fault_of_the_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync knows no file's name, so its errors get the one of the file, or of the folder, that it was asked for."""

    def fail(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with Writer(tmp_path) as files:
        files.write("a", b"1")
        with pytest.raises(OSError, match="Input/output error") as raised:
            files.finish()
    assert raised.value.filename == str(tmp_path / "a")
    with pytest.raises(OSError, match="Input/output error") as raised:
        sync(tmp_path)
    assert raised.value.filename == str(tmp_path)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Two files of one name are a mistake, not the second one."""
    with Writer(tmp_path) as files:
        files.write("a", b"1")
        files.write("a", b"2")
        with pytest.raises(FileExistsError):
            files.finish()
