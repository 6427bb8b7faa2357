"""The folder of builds: its lock, its atomic steps, and what it never deletes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from etl.build import manifest
from etl.build import store as store_module
from etl.build.store import Store, check_world, in_use
from etl.errors import EtlError
from tests.support.running import PATIENCE, ROOT, litter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def no_wait(message: str) -> NoReturn:
    """Fail when the lock is not free."""
    pytest.fail(message)


def build_id(number: int) -> str:
    """Name a build as the identity does."""
    return f"{number:016x}"


def prove(folder: Path, number: int, *, world: str = "w") -> None:
    """Put a manifest in a folder that makes it a build."""
    content = {"build": build_id(number), "name": world, "files": {}}
    sealed = {**content, "manifest": manifest._hash(content)}
    (folder / manifest.NAME).write_bytes(manifest.render(sealed))


def make(store: Store, number: int, *, world: str = "w") -> Path:
    """Publish a build of two files and make it the current one."""
    with store.assembling(build_id(number)) as folder:
        prove(folder, number, world=world)
        (folder / "data.db").write_text(build_id(number))
        build = store.publish(folder, build_id(number))
    store.switch(build)
    os.utime(build, ns=(number, number))  # the order of use, also where the clock is coarse
    return build


KILLED = """
import os, pathlib, signal, sys
from etl.build.store import Store, in_use
store = Store(pathlib.Path(sys.argv[1]))
with store.locked(print), store.assembling("0" * 16) as half, in_use(store.current):
    (half / "half.db").write_text("half")
    store._temporary("current").symlink_to("x")
    store._temporary("old-x").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


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
    thread.join(timeout=PATIENCE)
    assert entered.is_set()
    assert said == [f"another run (process {os.getpid()}) has locked {store.folder}; waiting for it"]


@pytest.mark.fault("a stale lock of a dead process")
def test_nothing_of_a_killed_process_stays(store: Store) -> None:
    """Its locks end with the process; an unfinished build, switch or deletion is cleaned up under the next lock."""
    build = make(store, 1)
    subprocess.run([sys.executable, "-c", KILLED, store.folder], cwd=ROOT, check=False)
    assert len(litter(store.folder)) == 3
    with store.locked(no_wait):
        assert (store.folder / ".lock").read_text().split()[-1] == str(os.getpid())
        assert litter(store.folder) == []
        assert store.current == build
        assert store.remove(build)


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
            text = (build / "data.db").read_text()
            assert json.loads((build / manifest.NAME).read_text())["build"] == text
            seen.add(text)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(1, 30):
        make(store, number)
    stop.set()
    thread.join()
    assert len(seen) > 1
    assert store.current == store.folder / build_id(29)


def test_current_is_a_relative_link(store: Store, tmp_path: Path) -> None:
    """The whole folder can be moved, and ``current`` still leads to its build."""
    make(store, 1)
    moved = store.folder.rename(tmp_path / "moved")
    assert (moved / "current").readlink() == Path(build_id(1))
    assert Store(moved).current == moved / build_id(1)


def test_taken_name_gets_a_number(store: Store) -> None:
    """A damaged build of the same name stays beside its repair, which is found first, and so does a dangling link."""
    (store.folder / f"{build_id(1)}-2").symlink_to("nowhere")
    damaged = make(store, 1)
    (damaged / manifest.NAME).unlink()
    repaired = make(store, 1)
    os.utime(repaired, ns=(0, 0))
    assert repaired.name == f"{build_id(1)}-3"
    assert store.find(build_id(1)) == repaired
    assert store.builds() == [repaired]


def test_prune_keeps_the_last_used(store: Store) -> None:
    """The current build, however old, and the ones that were asked for last stay, the others go."""
    made = [make(store, number) for number in range(1, 7)]
    store.switch(made[0])
    os.utime(made[0], ns=(0, 0))
    assert sorted(store.prune()) == made[1:4]
    assert store.builds() == [made[5], made[4], made[0]]
    (store.folder / "current").unlink()
    assert store.prune(2) == [made[0]]


def test_prune_of_one_world_leaves_the_others(store: Store) -> None:
    """Builds of another pipeline are neither counted nor deleted, and the current one does not count among them."""
    made = [make(store, number, world=world) for number, world in enumerate("aabbab", 1)]
    assert store.prune(1, "a") == [made[1], made[0]]
    assert store.builds("a") == [made[4]]
    assert store.prune(1, "b") == [made[3], made[2]]
    assert store.builds() == [made[5], made[4]]


def test_world_of_another_pipeline_is_told(store: Store) -> None:
    """A build is held to be of the world that is meant; one without a manifest is another matter: damage."""
    build = make(store, 1, world="tiny")
    check_world(build, "tiny")
    with pytest.raises(EtlError, match="build: current is tiny, not default; name its pipeline file, or make that one"):
        check_world(build, "default")
    (build / manifest.NAME).unlink()
    check_world(build, "default")


@pytest.mark.fault("an old build that a server still has open")
def test_prune_spares_a_build_in_use(store: Store) -> None:
    """A build that a server has open is kept until the server closes it, and can then be deleted."""
    made = [make(store, number) for number in range(1, 6)]
    with in_use(made[0]):
        assert store.prune() == [made[1]]
    assert store.prune() == [made[0]]


def test_build_that_has_gone_cannot_be_marked(store: Store) -> None:
    """A server that comes too late is told so, and picks another build."""
    build = make(store, 1)
    assert store.remove(build)
    with pytest.raises(FileNotFoundError), in_use(build):
        pass


def files(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder: the bytes of each file, the target of each link."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


STRANGERS = ["photos/a", "deadbeefdeadbeef/a", ".tmp-old-photos/a", f".tmp-{build_id(1)}-4711/a", "note.txt", ".lock"]


@pytest.mark.parametrize("name", STRANGERS)
def test_folder_of_somebody_else_is_refused(tmp_path: Path, name: str) -> None:
    """A folder with anything in it that is not ours is refused, with its name, and left byte for byte as it is."""
    top = name.partition("/")[0]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("precious")
    before = files(tmp_path)
    with (
        pytest.raises(EtlError, match=rf"{tmp_path}: is not a folder of builds: {top} in it; name an"),
        Store(tmp_path).locked(no_wait),
    ):
        pass
    assert files(tmp_path) == before


def test_a_lock_that_another_run_just_makes_is_no_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs may begin in one new folder: the lock file that the other one makes meanwhile is not refused."""
    read = store_module._read_lock

    def late(path: Path) -> str | None:
        found = read(path)
        path.touch()  # the other run, a moment later
        return found

    monkeypatch.setattr(store_module, "_read_lock", late)
    with Store(tmp_path).locked(print):
        assert (tmp_path / ".lock").read_text()


@pytest.mark.parametrize("left", [[], [".DS_Store", ".gitkeep", "lost+found/"], [".gitignore", ".lock"]])
def test_empty_folder_becomes_ours(tmp_path: Path, left: list[str]) -> None:
    """An empty folder is taken, also with what systems put there, or with what a run leaves that is killed at once.

    A .gitignore is made in a new one.
    """
    for name in left:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
    for _ in range(2):
        with Store(tmp_path).locked(no_wait):
            pass
    assert (tmp_path / ".gitignore").exists() == (not left or ".gitignore" in left)


def test_nobody_elses_files_are_touched(store: Store) -> None:
    """What others put in a folder of ours is never counted, deleted or swept up, whatever its name is."""
    others = [name for name in STRANGERS if name != ".lock"] + [f"{build_id(3)}-7/a", ".tmp-current-1/a"]
    for name in others:
        (store.folder / name).parent.mkdir(exist_ok=True)
        (store.folder / name).write_text("precious")
    with store.locked(no_wait):
        made = [make(store, number) for number in range(1, 6)]
        assert store.prune() == made[1::-1]
    assert [name for name in others if (store.folder / name).read_text() != "precious"] == []
    assert store.builds() == made[:1:-1]


@pytest.mark.parametrize("kind", ["link", "text", "pipe", "folder"])
def test_lock_of_somebody_else_is_refused(store: Store, tmp_path: Path, kind: str) -> None:
    """A lock that is not ours is never opened through a link, waited for or truncated, also in a folder of ours."""
    make(store, 1)
    lock, precious = store.folder / ".lock", tmp_path / "precious"
    lock.unlink()
    precious.write_text("precious")
    make_it: dict[str, Callable[[], object]] = {
        "link": lambda: lock.symlink_to(precious),
        "text": lambda: lock.write_text("precious"),
        "pipe": lambda: os.mkfifo(lock),
        "folder": lock.mkdir,
    }
    make_it[kind]()
    with pytest.raises(EtlError, match=r"/\.lock: is not a lock file of etl; move it away"), store.locked(no_wait):
        pass
    assert precious.read_text() == "precious"
    assert kind != "text" or lock.read_text() == "precious"


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
    """A folder that may not be written is named, with the system's reason."""
    with pytest.raises(EtlError, match="cannot write there: Permission denied"), Store(read_only).locked(no_wait):
        pass


@pytest.mark.parametrize(
    ("kind", "says"),
    [("folder", "is a folder"), ("file", "is a file"), ("link", "leads to photos"), ("pipe", "is a pipe")],
)
def test_current_that_is_not_ours_is_said(store: Store, kind: str, says: str) -> None:
    """What is named ``current`` and is no link to a build is never replaced: the message says to move it away."""
    build = make(store, 1)
    current = store.folder / "current"
    current.unlink()
    make_it: dict[str, Callable[[], object]] = {
        "folder": current.mkdir,
        "file": lambda: current.write_text("precious"),
        "link": lambda: current.symlink_to("photos"),
        "pipe": lambda: os.mkfifo(current),
    }
    make_it[kind]()
    message = f"current: {says}, and is no link to a build; move it away"
    with pytest.raises(EtlError, match=message):
        store.switch(build)
    with pytest.raises(EtlError, match=message), store.locked(no_wait):
        pass
    assert store.current is None
    assert not list(store.folder.glob(".tmp-*"))
    assert kind != "file" or current.read_text() == "precious"


@pytest.fixture
def shared() -> Iterator[tuple[Path, list[Path]]]:
    """A folder that all may write to, with five builds that this process may not: root, who may, is nobody here."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        store = Store(Path(place, "build"))
        with store.locked(no_wait):
            made = [make(store, number) for number in range(1, 6)]
        Path(place).chmod(0o755)
        for path, mode in ((store.folder, 0o777), (store.folder / ".lock", 0o444), *((path, 0o555) for path in made)):
            path.chmod(mode)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        yield store.folder, made
        os.seteuid(user)
        for path in made:
            path.chmod(0o755)


def test_what_is_another_users_is_a_warning(shared: tuple[Path, list[Path]]) -> None:
    """Builds that cannot be deleted stay where they are, in sight, and each is told; the lock and ``current`` work."""
    folder, others = shared
    said: list[str] = []
    store = Store(folder, said.append)
    with store.locked(no_wait):
        mine = make(store, 9)
        assert store.prune() == []
        assert store.current == mine
    assert said == [f"{path}: cannot be deleted: Permission denied" for path in reversed(others[:3])]
    assert sorted(store.builds()) == sorted([*others, mine])
    assert litter(folder) == []


def test_what_cannot_be_touched_or_swept_is_a_warning(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run of another user left, and a build whose time of use is not ours to set, stop nobody."""
    build = make(store, 1)
    left = store._temporary("old-x")
    left.mkdir()
    said: list[str] = []

    def refuse(path: Path, *_: object, **__: object) -> NoReturn:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    monkeypatch.setattr(os, "utime", refuse)
    shared = Store(store.folder, said.append)
    with shared.locked(no_wait):
        shared.switch(build)
    assert said == [
        f"{left}: cannot be deleted: Operation not permitted",
        f"{build}: cannot update its time of use: Operation not permitted",
    ]
