"""The folder of builds: its lock, its atomic steps, and what it never deletes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from etl.errors import EtlError
from etl.store import KEEP, Store, copy_to, in_use, remove
from tests.running import ROOT, litter

if TYPE_CHECKING:
    from collections.abc import Iterator


def no_wait(message: str) -> NoReturn:
    """Fail when the lock is not free."""
    pytest.fail(message)


def build_id(number: int) -> str:
    """Name a build as the identity does."""
    return f"{number:016x}"


def make(store: Store, number: int, *, text: str = "") -> Path:
    """Publish a build with a manifest of any text and make it the current one."""
    with store.assembling(build_id(number)) as folder:
        for name in ("manifest.json", "data.db"):
            (folder / name).write_text(text or str(number))
        build = store.publish(folder, build_id(number))
    store.switch(build)
    os.utime(build, ns=(number, number))  # the order of use, also where the clock is coarse
    return build


def killed(folder: Path, body: str) -> None:
    """Run a few lines in another process that holds the store, and kill it there."""
    lines = [
        "import pathlib, sys, time",
        "from etl.store import Store, in_use",
        "store = Store(pathlib.Path(sys.argv[1]))",
        "with store.locked(print):",
        *(f"    {line}" for line in body.splitlines()),
        "    print('ready', flush=True)",
        "    time.sleep(60)",
    ]
    code = "\n".join(lines)
    with subprocess.Popen([sys.executable, "-c", code, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty folder of builds, locked before."""
    made = Store(tmp_path / "build")
    with made.locked(no_wait):
        return made


def test_second_waits_and_says_for_whom(store: Store) -> None:
    """Whoever comes second says which process it waits for, and goes on as soon as that one is done."""
    said: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with Store(store.folder).locked(said.append):
            entered.set()

    thread = threading.Thread(target=second)
    with store.locked(no_wait):
        thread.start()
        assert not entered.wait(0.2)
    thread.join(timeout=10)
    assert entered.is_set()
    assert said == [f"another run (process {os.getpid()}) holds {store.folder}; waiting for it"]


@pytest.mark.fault("a stale lock of a dead process")
def test_lock_of_a_dead_process_is_none(store: Store) -> None:
    """A killed process leaves its lock file, which nobody waits for."""
    killed(store.folder, "pass")
    with store.locked(no_wait):
        assert (store.folder / ".lock").read_text() == f"{os.getpid()}\n"


def test_lock_is_let_go_after_an_error(store: Store) -> None:
    """A run that fails lets the next one in."""
    with pytest.raises(ZeroDivisionError), store.locked(no_wait):
        raise ZeroDivisionError
    with store.locked(no_wait):
        pass


def test_next_one_sweeps_up_what_a_killed_one_left(store: Store) -> None:
    """Half a build and half a switch of a killed process are gone when the next one holds the lock."""
    make(store, 1)
    body = "block = store.assembling('0' * 16)\n(block.__enter__() / 'half.db').write_text('half')\n"
    killed(store.folder, f"{body}(store.folder / '.tmp-current-1').symlink_to('x')")
    assert len(litter(store.folder)) == 2
    with store.locked(no_wait):
        assert litter(store.folder) == []
    assert store.current == store.folder / build_id(1)


def test_error_while_assembling_leaves_nothing(store: Store) -> None:
    """Half a build goes with the error that ended it."""
    with pytest.raises(FileNotFoundError), store.assembling(build_id(1)) as folder:
        (folder / "half.db").write_bytes((folder / "missing").read_bytes())
    assert litter(store.folder) == []
    assert store.builds() == []


def test_reader_never_sees_a_mix(store: Store) -> None:
    """While builds are published and switched, ``current`` is always there and always one whole build."""
    make(store, 0)
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            build = (store.folder / "current").resolve(strict=True)
            texts = {(build / name).read_text() for name in ("manifest.json", "data.db")}
            assert len(texts) == 1
            seen.update(texts)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 60):
        make(store, number)
    stop.set()
    thread.join()
    assert len(seen) > 1
    assert store.current == store.folder / build_id(59)


def test_current_is_a_relative_link(store: Store, tmp_path: Path) -> None:
    """The whole folder can be moved, and ``current`` still leads to its build."""
    make(store, 1)
    moved = store.folder.rename(tmp_path / "moved")
    assert (moved / "current").readlink() == Path(build_id(1))
    assert Store(moved).current == moved / build_id(1)


def test_taken_name_gets_a_number(store: Store) -> None:
    """A damaged build of the same name stays beside its repair, and the repair is found first."""
    make(store, 1, text="damaged")
    with store.assembling(build_id(1)) as folder:
        (folder / "manifest.json").write_text("whole")
        repaired = store.publish(folder, build_id(1))
    store.switch(repaired)
    assert repaired.name == f"{build_id(1)}-2"
    assert store.find(build_id(1)) == repaired
    assert len(store.builds()) == 2


def test_prune_keeps_the_last_used(store: Store) -> None:
    """The current build and the ones that were asked for last stay, the others go."""
    made = [make(store, number) for number in range(1, 7)]
    store.switch(made[0])
    assert sorted(store.prune()) == made[1:4]
    assert store.builds() == [made[0], made[5], made[4]]
    assert len(store.builds()) == KEEP


def test_prune_spares_the_current_one_however_old(store: Store) -> None:
    """The current build stays also when it is the oldest and only one may stay."""
    made = [make(store, number) for number in range(1, 4)]
    store.switch(made[0])
    os.utime(made[0], ns=(0, 0))
    assert sorted(store.prune(1)) == made[1:]
    assert store.builds() == [made[0]]


def test_prune_without_a_current_one_keeps_as_many(store: Store) -> None:
    """When ``current`` leads nowhere, the builds that were used last stay all the same."""
    made = [make(store, number) for number in range(1, 4)]
    (store.folder / "current").unlink()
    assert store.prune(1) == made[1::-1]
    assert store.builds() == made[2:]


@pytest.mark.fault("an old build that a server still has open")
def test_prune_spares_a_build_in_use(store: Store) -> None:
    """A build that a server has open stays until the server lets it go, and dies with no mark on it."""
    made = [make(store, number) for number in range(1, 6)]
    with in_use(made[0]):
        assert store.prune() == [made[1]]
    assert store.prune() == [made[0]]


def test_mark_of_a_dead_process_is_none(store: Store) -> None:
    """A killed server protects no build any longer."""
    build = make(store, 1)
    killed(store.folder, f"block = in_use(store.folder / {build.name!r})\nblock.__enter__()")
    assert remove(build)


def test_build_that_has_gone_cannot_be_marked(store: Store) -> None:
    """A server that comes too late is told so, and picks another build."""
    build = make(store, 1)
    assert remove(build)
    with pytest.raises(FileNotFoundError), in_use(build):
        pass


def test_nobody_elses_files_are_touched(tmp_path: Path) -> None:
    """In a folder that holds other things, only builds are counted, deleted or swept up."""
    for name in ("photos", "letters", "2024", ".tmp-mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").touch()
    store = Store(tmp_path)
    with store.locked(no_wait):
        made = [make(store, number) for number in range(1, 6)]
        assert len(store.prune()) == 2
    assert sorted(path.parent.name for path in tmp_path.glob("*/precious")) == [
        ".tmp-mine",
        "2024",
        "letters",
        "photos",
    ]
    assert store.builds() == made[:1:-1]
    assert not (tmp_path / ".gitignore").exists()


def test_new_folder_keeps_itself_out_of_git(store: Store) -> None:
    """A folder of builds that we make is never committed by accident."""
    assert (store.folder / ".gitignore").read_text() == "*\n"


def test_unwritable_place_is_said(tmp_path: Path) -> None:
    """Where no folder can be made, the message names it and the system's reason."""
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "build"
    with pytest.raises(EtlError, match=rf"{out}: cannot write there: Not a directory"), Store(out).locked(no_wait):
        pass


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that this process may not write to; root, who may, is nobody for the test."""
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(user)


@pytest.mark.fault("a read-only folder")
def test_read_only_folder_is_said(read_only: Path) -> None:
    """A folder without the right to write is named, with the system's reason."""
    with pytest.raises(EtlError, match="cannot write there: Permission denied"), Store(read_only).locked(no_wait):
        pass


def test_current_that_is_a_folder_is_said(store: Store) -> None:
    """A folder named ``current`` is never replaced: the message says to move it away."""
    build = make(store, 1)
    (store.folder / "current").unlink()
    (store.folder / "current").mkdir()
    with pytest.raises(EtlError, match="current: is a folder, not a link to a build; move it away"):
        store.switch(build)
    assert store.current is None
    assert not list(store.folder.glob(".tmp-*"))


def database(path: Path, word: str) -> Path:
    """Make a small SQLite file."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE {word} (id INTEGER)")
    connection.close()
    return path


def test_copy_replaces_the_old_one(tmp_path: Path) -> None:
    """The copy is the database byte for byte, writable, in a folder made for it, with nothing beside it."""
    source = database(tmp_path / "new.db", "new")
    source.chmod(0o444)
    target = tmp_path / "app" / "data" / "app.db"
    copy_to(source, target)
    database(target, "own")
    copy_to(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert os.access(target, os.W_OK)
    assert target.stat().st_mode & 0o200
    assert [path.name for path in target.parent.iterdir()] == ["app.db"]


def test_copy_leaves_open_readers_their_file(tmp_path: Path) -> None:
    """An application that has the old copy open goes on reading it whole."""
    target = database(tmp_path / "app.db", "old")
    connection = sqlite3.connect(target)
    copy_to(database(tmp_path / "new.db", "new"), target)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("old",)]
    connection.close()


@pytest.mark.parametrize("log", ["-wal", "-journal"])
def test_copy_is_refused_beside_a_log(tmp_path: Path, log: str) -> None:
    """A log of the old copy would damage the new one, so the copy is refused and the old one stays."""
    source, target = database(tmp_path / "new.db", "new"), database(tmp_path / "app.db", "old")
    before = target.read_bytes()
    (tmp_path / f"app.db{log}").touch()
    with pytest.raises(EtlError, match=rf"app\.db: an application has it open, or left its {log} file; stop it"):
        copy_to(source, target)
    assert target.read_bytes() == before


def test_copy_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """When the database can't be read, the old copy stays and nothing lies beside it."""
    target = database(tmp_path / "app.db", "old")
    with pytest.raises(EtlError, match=r"app\.db: cannot write the copy: No such file"):
        copy_to(tmp_path / "missing.db", target)
    assert [path.name for path in tmp_path.iterdir()] == ["app.db"]


def test_copy_sweeps_up_what_a_killed_one_left(tmp_path: Path) -> None:
    """Half a copy of a dead process goes with the next copy; one of a living process stays."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (tmp_path / f".tmp-app.db-{process}").touch()
    copy_to(database(tmp_path / "new.db", "new"), tmp_path / "app.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".tmp-app.db-{os.getppid()}", "app.db", "new.db"]
