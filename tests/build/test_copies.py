"""Files that the command line asks for: what they may replace, and how they get there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etl.build.copies import COPY, REPORT, TIMINGS, Kind, check, copy, write
from etl.errors import EtlError
from etl.run.progress import Progress, timings
from etl.site.pages import page
from tests.support.running import ROOT, TINY

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source import Source


def database(path: Path, word: str) -> Path:
    """Make a small SQLite file."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {word} (id INTEGER)")
    connection.close()
    return path


def put(target: Path, kind: Kind, content: bytes) -> None:
    """Write a file."""
    write(target, kind, lambda path: path.write_bytes(content))


def test_copy_replaces_the_old_one(tmp_path: Path) -> None:
    """The copy is the database byte for byte, writable, in a folder made for it, with nothing beside it."""
    source = database(tmp_path / "new.db", "new")
    source.chmod(0o444)
    target = tmp_path / "app" / "data" / "app.db"
    copy(source, target)
    database(target, "own")
    copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert os.access(target, os.W_OK)
    assert target.stat().st_mode & 0o200
    assert [path.name for path in target.parent.iterdir()] == ["app.db"]


@pytest.mark.parametrize("log", ["-wal", "-journal"])
def test_copy_is_refused_beside_a_log(tmp_path: Path, log: str) -> None:
    """A log of the old copy would damage the new one, so the copy is refused and the old one stays."""
    source, target = database(tmp_path / "new.db", "new"), database(tmp_path / "app.db", "old")
    before = target.read_bytes()
    (tmp_path / f"app.db{log}").touch()
    with pytest.raises(EtlError, match=rf"app\.db: an application has it open, or left its {log} file; stop it"):
        copy(source, target)
    assert target.read_bytes() == before


def test_copy_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """When the database can't be read, the old copy stays and nothing lies beside it."""
    target = database(tmp_path / "app.db", "old")
    with pytest.raises(EtlError, match=r"app\.db: cannot write the copy: No such file"):
        copy(tmp_path / "missing.db", target)
    assert [path.name for path in tmp_path.iterdir()] == ["app.db"]


def test_copy_sweeps_up_what_a_killed_one_left(tmp_path: Path) -> None:
    """Half a copy of a dead process goes with the next copy; one of a living process stays, and what is no copy."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (tmp_path / f".tmp-app.db-{process}").write_bytes(b"SQLite fo")
    (tmp_path / f".tmp-app.db-0{dead.pid}").write_text("precious")
    copy(database(tmp_path / "new.db", "new"), tmp_path / "app.db")
    left = {f".tmp-app.db-{os.getppid()}", f".tmp-app.db-0{dead.pid}", "app.db", "new.db"}
    assert {path.name for path in tmp_path.iterdir()} == left


CONTENT = {
    COPY: b"SQLite format 3\0...",
    TIMINGS: timings(Progress(), 1.5),
    REPORT: page("A report", "<h1>A report</h1>").encode(),
}
KINDS = pytest.mark.parametrize("kind", CONTENT, ids=lambda kind: kind.use)


@KINDS
def test_only_its_own_kind_is_replaced(tmp_path: Path, tiny: Source, kind: Kind) -> None:
    """A file of the same kind is replaced, and an empty one; any other is refused and stays."""
    target = tmp_path / "target"
    for before in (b"", CONTENT[kind]):
        target.write_bytes(before)
        check(tiny, tmp_path / "build", (target, kind))
        put(target, kind, CONTENT[kind])
        assert target.read_bytes() == CONTENT[kind]
    for other in ({*CONTENT.values()} - {CONTENT[kind]}) | {
        b"precious",
        b'{"seconds": "precious"}',
        b"\0",
        b"<!doctype",
    }:
        target.write_bytes(other)
        message = f"target: exists and is not a {kind.name}; name another file"
        with pytest.raises(EtlError, match=message):
            check(tiny, tmp_path / "build", (target, kind))
        with pytest.raises(EtlError, match=message):
            put(target, kind, b"new")
        assert target.read_bytes() == other


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.symlink_to("precious"), "is a link to precious; name the file itself"),
        (lambda path: path.symlink_to("target"), "is a link to target; name the file itself"),
        (os.mkfifo, "is a pipe; name a file for the copy"),
        (Path.mkdir, "is a folder; name a file for the copy"),
    ],
    ids=["link", "loop", "pipe", "folder"],
)
def test_what_is_no_file_is_never_replaced(
    tmp_path: Path, tiny: Source, make: Callable[[Path], None], says: str
) -> None:
    """A link is not followed, nothing waits for a pipe, and all of them stay."""
    target, precious = tmp_path / "target", database(tmp_path / "precious", "old")
    before = precious.read_bytes()
    make(target)
    mode = target.lstat().st_mode
    with pytest.raises(EtlError, match=f"target: {says}"):
        check(tiny, tmp_path / "build", (target, COPY))
    with pytest.raises(EtlError, match=f"target: {says}"):
        copy(database(tmp_path / "new.db", "new"), target)
    assert (precious.read_bytes(), target.lstat().st_mode) == (before, mode)


def test_a_device_is_never_replaced(tmp_path: Path, tiny: Source) -> None:
    """A device is refused, whatever could be written to it."""
    with pytest.raises(EtlError, match="/dev/null: is a device; name a file for the timings"):
        check(tiny, tmp_path / "build", (Path("/dev/null"), TIMINGS))


@pytest.mark.parametrize("name", ["pipeline.yaml", TINY, "sql/stages/../checks/full/first_test.sql"])
def test_an_input_is_never_replaced(tiny: Source, tmp_path: Path, name: str) -> None:
    """A file that the pipeline is made of is refused, whatever it is, however its path is written."""
    (ROOT / name).resolve(strict=True)
    for kind in CONTENT:
        with pytest.raises(EtlError, match=f"{Path(name).name}: is an input of the pipeline, or given twice"):
            check(tiny, tmp_path / "build", (ROOT / name, kind))


def test_two_files_have_two_names(tiny: Source, tmp_path: Path) -> None:
    """A copy and timings of one name would replace each other."""
    twice = (tmp_path / "x", COPY), (tmp_path / "." / "x", TIMINGS)
    with pytest.raises(EtlError, match=r"x: is an input of the pipeline, or given twice; .* for the timings"):
        check(tiny, tmp_path / "build", *twice)


def test_a_folder_of_builds_is_for_builds(tiny: Source, out: Path) -> None:
    """No part of the folder of builds, reached as it may be, takes a file, and neither does a build elsewhere."""
    (out.parent / "link").symlink_to(out / "current")
    for name, builds in (
        ("build", "build"),
        ("build/new/x.db", "build"),
        ("build/current/x.db", "build"),
        ("build/current/x.db", "another"),
        ("link/x.db", "another"),
        (".", "build"),
    ):
        with pytest.raises(EtlError, match="is in a folder of builds; name a file outside of it"):
            check(tiny, out.parent / builds, (out.parent / name, COPY))


def test_a_place_that_cannot_be_written_is_told_at_once(
    tiny: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be made below a file, or in a folder of another user: an error before there is anything to write."""
    (tmp_path / "file").touch()
    with pytest.raises(EtlError, match=r"copy\.db: cannot write the copy: Not a directory"):
        check(tiny, tmp_path / "build", (tmp_path / "file" / "a" / "copy.db", COPY))
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # as for any user but root, whom nothing stops
    with pytest.raises(EtlError, match=r"t\.json: cannot write the timings: Permission denied"):
        check(tiny, tmp_path / "build", (tmp_path / "new" / "t.json", TIMINGS))
