"""The writer of a build's files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from etl.tables.files import WAITING, Writer, sync

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_written_and_described(tmp_path: Path) -> None:
    """Many files, empty and large ones, are written in new folders."""
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


def test_files_are_described_and_not_written(tmp_path: Path) -> None:
    """With ``hash_only`` the entries are the same, and nothing is on disk."""
    with Writer(tmp_path, hash_only=True) as files:
        files.write("a/1.json", b"[", b"1", b"]")
        assert files.entry("a/1.json") == {"bytes": 3, "sha256": hashlib.sha256(b"[1]").hexdigest()}
        files.finish()
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_registered(tmp_path: Path) -> None:
    """A file written by something else gets the same kind of entry, whatever its size."""
    for size in (0, 1, 99_999, 100_000, 100_001):
        content = b"x" * size
        (tmp_path / f"{size}").write_bytes(content)
        with Writer(tmp_path) as files:
            files.register(f"{size}")
            assert files.entry(f"{size}") == {"bytes": size, "sha256": hashlib.sha256(content).hexdigest()}


def test_an_error_of_one_file_is_raised(tmp_path: Path) -> None:
    """An error in a thread is raised by a later write, at the latest by finish."""
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
    """Errors of a sync name the file or the folder."""

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


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second file of the same name is an error."""
    with Writer(tmp_path) as files:
        files.write("a", b"1")
        files.write("a", b"2")
        with pytest.raises(FileExistsError):
            files.finish()
