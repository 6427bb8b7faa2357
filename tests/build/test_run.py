"""From a pipeline to a published build: what each run does, and what it leaves alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from etl.build import manifest
from etl.build.run import make_build
from etl.build.ship import ship_tables
from etl.build.store import Store, in_use
from etl.build.verify import verify
from etl.config.source import load
from etl.errors import Bug, CheckFailed, EtlError, Mistakes, Where
from etl.run.job import Execution
from etl.run.progress import Progress
from tests.support import small
from tests.support.running import ROOT, TINY, command, copy_of_project, edit, etl, hashes, litter

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source import Source

DATABASE = "teacher-dashboard.db"


class Recorder(Progress):
    """Remembers what was said."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        super().__init__()
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Remember it."""
        self.said.append(message)

    warn = say


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to be changed."""
    return copy_of_project(tmp_path / "project")


def test_first_run_builds(tiny: Source, tiny_build: Path, tmp_path: Path) -> None:
    """The first run builds, in process as by the command, and points ``current`` at the build."""
    result = make_build(tiny, tmp_path / "build")
    assert result.state == "built"
    assert result.folder == (tmp_path / "build/current").resolve()
    assert result.database == result.folder / DATABASE
    assert hashes(result.folder) == hashes(tiny_build)
    assert litter(tmp_path / "build") == []


def test_second_run_is_up_to_date(tiny: Source, out: Path) -> None:
    """The second run changes no byte and generates nothing."""
    before = hashes(out)
    progress = Progress()
    assert make_build(tiny, out, progress=progress).state == "up to date"
    assert hashes(out) == before
    assert progress.stages == {}
    assert set(progress.phases) == {"identify", "verify"}


def test_force_builds_again_the_same_bytes(tiny: Source, out: Path) -> None:
    """``force`` generates everything again, finds the same bytes, and discards the new folder."""
    before = hashes(out)
    progress = Progress()
    assert make_build(tiny, out, force=True, progress=progress).state == "built again, the same bytes"
    assert hashes(out) == before
    assert progress.stages["scores"].rows > 0
    assert [path.name for path in Store(out).builds()] == [(out / "current").resolve().name]
    assert litter(out) == []


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    """Cut a file's last byte off."""
    path.write_bytes(path.read_bytes()[:-1])


def link(path: Path) -> None:
    """Move a file elsewhere, and link it."""
    path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(path.parents[2] / "elsewhere")


def pipe(path: Path) -> None:
    """Put a pipe in the place of a file, which a reader would wait for."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.fault(
    "a damaged build: a flipped bit in the database, a truncated or missing file, a link, a pipe, a damaged manifest"
)
@pytest.mark.parametrize(
    ("file", "damage", "force"),
    [
        (DATABASE, flip, False),
        ("api/rosters/1/scores.json", truncate, False),
        ("api/rosters.json", Path.unlink, True),
        (DATABASE, link, False),
        (manifest.NAME, pipe, False),
        (manifest.NAME, Path.unlink, True),
    ],
)
def test_damaged_build_is_repaired(  # noqa: PLR0913, PLR0917 -- the cases and the fixtures
    tiny: Source,
    out: Path,
    tiny_build: Path,
    file: str,
    damage: Callable[[Path], None],
    force: bool,  # noqa: FBT001
) -> None:
    """A damaged build is found and its file named; it is built again under another name, and the damaged one goes."""
    damaged = (out / "current").resolve()
    damage(damaged / file)
    with pytest.raises(Mistakes, match=rf"{re.escape(file)} (is|has)"):
        verify(tiny, out, full=False)
    progress = Recorder()
    result = make_build(tiny, out, force=force, progress=progress)
    assert result.state == "repaired"
    assert result.folder.name == f"{damaged.name}-2"
    assert hashes(result.folder) == hashes(tiny_build)
    assert not damaged.exists()
    assert "is damaged" in progress.said[0]
    assert file in progress.said[0]
    assert litter(out) == []


def test_damaged_build_in_use_is_left_to_its_server(tiny: Source, out: Path) -> None:
    """A server goes on with the damaged build that it has open, while ``current`` leads to the repaired one."""
    damaged = (out / "current").resolve()
    (damaged / DATABASE).write_bytes(b"damaged")
    with in_use(damaged):
        repaired = make_build(tiny, out).folder
        assert damaged.is_dir()
        assert (out / "current").resolve() == repaired
        assert make_build(tiny, out).state == "up to date"


def test_folder_that_only_bears_the_name_of_a_build_stays(tiny: Source, out: Path) -> None:
    """Where nothing proves that a folder was a build, not even its files' names, the build is made beside it."""
    stranger = (out / "current").resolve()
    (stranger / manifest.NAME).unlink()
    (stranger / "photo.jpg").write_text("precious")
    progress = Recorder()
    for state in ("repaired", "up to date"):
        result = make_build(tiny, out, progress=progress)
        assert (result.state, result.folder.name) == (state, f"{stranger.name}-2")
    assert (stranger / "photo.jpg").read_text() == "precious"
    reason = "it has no manifest, and photo.jpg is a file that does not belong to the build"
    assert progress.said[1:] == [f"{stranger} is kept, as it may not be a build: {reason}"]


def test_damaged_build_stays_until_it_is_replaced(tiny: Source, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the repair fails, the damaged build is still there: it may be better than none."""
    damaged = (out / "current").resolve()
    (damaged / DATABASE).write_bytes(b"damaged")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "render", fail)
    with pytest.raises(OSError, match="No space left"):
        make_build(tiny, out)
    assert (out / "current").resolve() == damaged
    assert damaged.is_dir()
    assert litter(out) == []


@pytest.mark.fault("a dangling `current`")
def test_dangling_current_is_mended(tiny: Source, out: Path, tiny_build: Path) -> None:
    """A ``current`` that leads nowhere leads to the build again, whether that is still there or not."""
    (out / "current").unlink()
    (out / "current").symlink_to("0" * 16)
    assert make_build(tiny, out).state == "up to date"
    shutil.rmtree((out / "current").resolve())
    assert make_build(tiny, out).state == "built"
    assert (out / "current").resolve().name == tiny_build.name


def test_current_follows_the_build_that_is_asked_for(tiny: Source, out: Path, tiny_build: Path) -> None:
    """``current`` goes to another world and back to the first, which is still there."""
    other = make_build(load(ROOT / TINY, seed=7), out)
    assert other.state == "built"
    assert (out / "current").resolve() == other.folder
    assert make_build(tiny, out).state == "up to date"
    assert (out / "current").resolve().name == tiny_build.name


def test_broken_pipeline_leaves_everything(out: Path) -> None:
    """A pipeline with mistakes says them all, and the build that was there stays as it was."""
    before = hashes(out)
    with pytest.raises(Mistakes) as raised:
        make_build(load(ROOT / TINY, changes=["seed=-1", "stages.pm1.params.sd=none"]), out)
    assert len(raised.value.mistakes) == 2
    assert hashes(out) == before
    assert litter(out) == []


@pytest.mark.parametrize("file", ["sql/checks/nameless.sql", "sql/checks/file/nameless.sql"])
def test_failing_check_rolls_back(project: Path, out: Path, file: str) -> None:
    """A check that finds rows says its rule and the first of them; the build that was there stays as it was."""
    (project / file).write_text("-- No student has a name.\nSELECT id, roster_id FROM students ORDER BY id\n")
    before = hashes(out)
    with pytest.raises(CheckFailed) as raised:
        make_build(load(project / TINY), out)
    first, *rows = raised.value.message.splitlines()
    assert first.endswith(f"{file}: check nameless failed: No student has a name. The first rows that break it:")
    assert rows == [f"  id={number}, roster_id=1" for number in range(1, 6)]
    assert hashes(out) == before
    assert litter(out) == []


def test_failing_rule_on_numbers_rolls_back(project: Path, out: Path) -> None:
    """A check that is a stage fails the same way, before anything is encoded."""
    source = load(project / TINY, changes=["stages.broken_growth.params.growth.untouched=[0, 1]"])
    with pytest.raises(CheckFailed, match=r"check broken_growth failed: .*rows break it, the first of them:\n  "):
        make_build(source, out)
    assert litter(out) == []


BAD_JSON = "SELECT id, student_id, test_id, replace(rc_scores, '}', '') AS rc_scores, std_scores FROM scores"


def test_text_that_is_no_json_is_found_before_it_is_loaded(project: Path, tmp_path: Path) -> None:
    """The rule over the texts of a shard is held by DuckDB, row by row."""
    (project / "sql/stages/spoilt.sql").write_text(BAD_JSON)
    (project / "pipelines/spoilt.yaml").write_text(
        "extends: tiny.yaml\nstages:\n"
        "  spoilt: {sql: ../sql/stages/spoilt.sql, internal: true, inputs: [scores]}\n"
        "  broken_json: {inputs: {scores: spoilt}}\n"
    )
    source = load(project / "pipelines/spoilt.yaml")
    with pytest.raises(CheckFailed, match=r"check broken_json failed: .* are JSON\. \d+ rows break it") as raised:
        make_build(source, tmp_path / "out")
    assert 'id=1, student_id=1, test_id=1, rc_scores={"1":' in raised.value.message


NONDETERMINISTIC = '''
"""A generator that breaks the rule: it takes a value that is in no stream."""
import os

import pyarrow as pa


def subjects() -> pa.RecordBatch:
    return pa.record_batch({"name": [os.urandom(8).hex()]})
'''


def test_other_bytes_by_force_are_a_bug(project: Path, tmp_path: Path) -> None:
    """When building again gives other bytes, the command says so as a bug, and the build that was there stays."""
    (project / "mine.py").write_text(NONDETERMINISTIC)
    (project / "pipelines/mine.yaml").write_text(
        "extends: tiny.yaml\nstages: {subjects: {csv: null, python: 'mine:subjects'}}\n"
    )
    out = tmp_path / "out"
    first = etl("run", "pipelines/mine.yaml", "--out", out, "--quiet", cwd=project)
    assert first.returncode == 0, first.stderr
    before = hashes(out)
    again = etl("run", "pipelines/mine.yaml", "--out", out, "--quiet", "--force", cwd=project)
    assert again.returncode == 3
    assert "the same pipeline gave other bytes in " in again.stderr
    assert DATABASE in again.stderr
    assert hashes(out) == before
    assert litter(out) == []


def test_build_that_is_not_the_same_is_a_bug(tiny: Source, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``run`` raises Bug for other bytes, and names the files."""
    monkeypatch.setattr(manifest, "describe", lambda *_: {"files": {DATABASE: {}}, "manifest": ""})
    before = hashes(out)
    with pytest.raises(Bug, match=f"the same pipeline gave other bytes in .*{DATABASE}"):
        make_build(tiny, out, force=True)
    assert hashes(out) == before


def test_old_builds_go(out: Path) -> None:
    """Of many worlds the last three stay."""
    made = [make_build(load(ROOT / TINY, seed=seed), out).folder.name for seed in range(1, 4)]
    assert [path.name for path in Store(out).builds()] == made[::-1]


def test_as_many_builds_stay_as_are_asked_for(tiny: Source, out: Path, tiny_build: Path) -> None:
    """``keep`` says how many; without it three stay."""
    for number in range(2, 6):
        shutil.copytree(tiny_build, out / f"{tiny_build.name}-{number}")
    assert make_build(tiny, out, keep=4).state == "up to date"
    assert len(Store(out).builds()) == 4
    make_build(tiny, out)
    assert len(Store(out).builds()) == 3
    make_build(tiny, out, keep=1)
    assert [path.name for path in Store(out).builds()] == [(out / "current").readlink().name]


def test_what_cannot_be_deleted_is_a_warning(tiny: Source, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a build is made and switched the run has done its work: what then fails is told, and nothing more."""
    damaged = (out / "current").resolve()
    (damaged / DATABASE).write_bytes(b"damaged")

    def refuse(path: Path, _: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, new: (refuse if path == damaged else rename)(path, new))
    progress = Recorder()
    assert make_build(tiny, out, progress=progress).state == "repaired"
    assert progress.said[1:] == [f"{damaged}: cannot be deleted: Permission denied"]
    assert damaged.is_dir()
    assert litter(out) == []


def test_folder_that_cannot_be_made_is_said(tiny: Source, tmp_path: Path) -> None:
    """An output folder below a file is an error with the path and the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(EtlError, match="file/build: cannot write there: Not a directory"):
        make_build(tiny, tmp_path / "file" / "build")


class Meddler(Progress):
    """Does something once, when a run waits for another one, or when the first rows are there."""

    def __init__(self, *, waiting: Callable[[], object] = int, making: Callable[[], object] = int) -> None:
        """Begin with nothing done."""
        super().__init__()
        self.waiting, self.making = waiting, making

    def say(self, message: str) -> None:
        """Do it before the run begins to wait."""
        assert "waiting for it" in message
        self.waiting()

    def loaded(self, rows: int) -> None:
        """Do it in the middle of a run."""
        if rows:
            self.making()
            self.making = int


def test_sources_that_change_while_a_run_waits(tmp_path: Path) -> None:
    """A run that waited for another one makes what the files say when its turn comes, under the name of that."""
    path, out = small.library(tmp_path / "library"), tmp_path / "build"
    with contextlib.ExitStack() as other:
        other.enter_context(Store(out).locked(print))

        def edit_all() -> None:
            edit(path, "title: Library", "title: Another")
            edit(path.parent / "sql/loans.sql", "7", "14")
            other.close()

        waited = make_build(load(path), out, progress=Meddler(waiting=edit_all))
    assert waited.manifest["pipeline"]["site"]["title"] == "Another"
    assert pq.read_table(waited.folder / "parquet/loans")["days"].to_pylist() == [14, 14]
    assert make_build(load(path), out).state == "up to date"
    assert make_build(load(path), out, force=True).state == "built again, the same bytes"


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("books.csv", lambda path: path.write_text("id,title\n1,Emma\n")),
        ("sql/schema.sql", lambda path: path.write_bytes(path.read_bytes())),
        ("sql/checks/new.sql", lambda path: path.write_text("-- None.\nSELECT 1 WHERE 0\n")),
        ("sql/api/books.sql", Path.unlink),
        ("read/deep/new.txt", Path.touch),
        ("made_rows.py", Path.touch),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sources_that_change_in_the_middle_are_refused(
    tmp_path: Path, file: str, change: Callable[[Path], object]
) -> None:
    """A file that is written, be it with the same bytes, made or deleted while a build is made of it: none appears."""
    code = "import pyarrow as pa\ndef rows() -> pa.RecordBatch:\n    return pa.record_batch({'id': [1]})\n"
    path = small.library(tmp_path / "library", {"read/deep/x.txt": "", "made_rows.py": code})
    source = load(path, changes=["stages.made={python: 'made_rows:rows', reads: [read], internal: true}"])
    with pytest.raises(EtlError, match="nothing is published, run again") as raised:
        make_build(source, tmp_path / "build", progress=Meddler(making=lambda: change(path.parent / file)))
    assert raised.value.where == Where(str(path.parent / file))
    assert not Store(tmp_path / "build").builds()
    assert not litter(tmp_path / "build")


def test_sources_that_change_in_the_middle_of_force_and_ship(tmp_path: Path) -> None:
    """To build again is refused in the same words, as no bug of ours, and so is to ship, which writes no manifest."""
    path, out = small.library(tmp_path / "library"), tmp_path / "build"
    source = load(path)
    old = make_build(source, out).folder

    def meddle() -> None:
        edit(path.parent / "books.csv", "Emma", "Emma Woodhouse")
        edit(path.parent / "sql/loans.sql", "7", "14")

    with pytest.raises(EtlError, match="and so did 1 more; nothing is published, run again"):
        make_build(source, out, force=True, progress=Meddler(making=meddle))
    assert Store(out).builds() == [Store(out).current] == [old]
    small.library(path.parent)
    place = Path(ship_tables(source, str(tmp_path / "shipped"), progress=Progress(), execution=Execution()))
    assert (place / manifest.NAME).is_file()
    with pytest.raises(EtlError, match="and so did 1 more; nothing is published, run again"):
        ship_tables(source, str(tmp_path / "shipped"), progress=Meddler(making=meddle), execution=Execution())
    assert not (place / manifest.NAME).exists()


def test_what_lies_in_the_folder_is_not_published(tmp_path: Path) -> None:
    """What a killed worker leaves, or anybody, in the folder that is being filled is neither listed nor there."""
    out = tmp_path / "build"

    def litter_it() -> None:
        (folder,) = (out / name for name in litter(out))
        for name in (
            ".loans-part-00118.parquet.1-2.tmp",
            "loans/part-00118.parquet.1-2.tmp",
            "loans/part-00118.parquet",
        ):
            (folder / "parquet/loans").mkdir(parents=True, exist_ok=True)
            (folder / "parquet" / name).write_bytes(b"half")

    result = make_build(load(small.library(tmp_path / "library")), out, progress=Meddler(making=litter_it))
    assert list(result.manifest["files"]) == [f"parquet/{name}/part-00000.parquet" for name in ("books", "loans")]
    assert {*hashes(result.folder)} == {manifest.NAME, *result.manifest["files"]}


LOANS = """
from pathlib import Path
import pyarrow as pa

def loans(books: pa.Table) -> pa.RecordBatch:
    from helper import days
    more = int(Path(__file__).with_name("more.txt").read_text())
    return pa.record_batch({"id": books["id"].combine_chunks(), "days": [days() + more] * len(books)})
"""

SHELF = """
import pyarrow as pa

def books() -> pa.RecordBatch:
    return pa.record_batch({{"id": [1], "title": ["Emma {version}"]}})
"""


def install(site: Path, version: str) -> None:
    """Lay a package that makes books out as pip does, in place of another version."""
    shutil.rmtree(site, ignore_errors=True)
    note = site / f"shelf-{version}.dist-info"
    note.mkdir(parents=True)
    (note / "RECORD").write_text("shelf.py,,\n")
    (site / "shelf.py").write_text(SHELF.format(version=version))


def test_whatever_generators_are_made_of_makes_another_build(tmp_path: Path) -> None:
    """A module that a generator's imports, a file that it reads, a new version of an installed one: each is built."""
    files = {"library.py": LOANS, "helper.py": "from hours import *\ndays = lambda: 7", "hours.py": "", "more.txt": "0"}
    path = small.library(tmp_path / "project", files)
    edit(path, "{csv: books.csv}", "{python: 'shelf:books'}")
    edit(path, "{sql: sql/loans.sql, inputs: [books]}", "{python: 'library:loans', inputs: [books], reads: [more.txt]}")

    def made() -> tuple[str, str, int]:
        done = etl("run", path, "--json", env={"PYTHONPATH": str(tmp_path / "site")})
        assert done.returncode == 0, done.stderr
        tables = path.parent / "build/current/parquet"
        books, loans = (pq.read_table(tables / name) for name in ("books", "loans"))
        return json.loads(done.stdout)["state"], books["title"][0].as_py(), loans["days"][0].as_py()

    install(tmp_path / "site", "1.0")
    assert made() == ("built", "Emma 1.0", 7)
    assert made() == ("up to date", "Emma 1.0", 7)
    (path.parent / "hours.py").write_text("")
    (path.parent / "helper.py").write_text("days = lambda: 8")
    assert made() == ("built", "Emma 1.0", 8)
    (path.parent / "more.txt").write_text("1")
    assert made() == ("built", "Emma 1.0", 9)
    install(tmp_path / "site", "2.0")
    assert made() == ("built", "Emma 2.0", 9)


def test_a_source_that_is_edited_while_a_run_waits(tmp_path: Path) -> None:
    """The command builds what is there when the lock is free; building it again gives the same bytes, as no bug."""
    path = small.library(tmp_path)
    store = Store(tmp_path / "build")
    with store.locked(print):
        waiting = subprocess.Popen(command("run", path), cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "waiting for it" in waiting.stderr.readline()
        edit(tmp_path / "sql/loans.sql", "7", "14")
    waiting.communicate()
    assert waiting.returncode == 0
    assert store.current is not None
    assert pq.read_table(store.current / "parquet/loans")["days"].to_pylist() == [14, 14]
    again = etl("run", path, "--force", "--json")
    assert json.loads(again.stdout)["state"] == "built again, the same bytes"
