"""From a pipeline to a published build: what each run does, and what it leaves alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
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
from tests.support.running import Heard, edit, etl, hashes, litter

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.config.source import Source

DATABASE = "library.db"
CHANGES = ("outputs=[sqlite, parquet]", "report=false")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Source, Path]:
    """A library's pipeline and its build."""
    folder = tmp_path_factory.mktemp("library")
    source = load(small.lending(folder), changes=CHANGES)
    return source, make_build(source, folder / "build").folder


@pytest.fixture
def source(finished: tuple[Source, Path]) -> Source:
    """The library's pipeline."""
    return finished[0]


@pytest.fixture
def out(finished: tuple[Source, Path], tmp_path: Path) -> Path:
    """A copy of the library's folder of builds."""
    return shutil.copytree(finished[1].parent, tmp_path / "build", symlinks=True)


@pytest.fixture
def current(out: Path) -> Path:
    """The build in it."""
    return (out / "current").resolve()


def test_first_run_builds(tiny: Source, tiny_build: Path, tmp_path: Path) -> None:
    """The first run builds, in process as by the command, and points ``current`` at the build."""
    result = make_build(tiny, tmp_path / "build")
    assert result.state == "built"
    assert result.folder == (tmp_path / "build/current").resolve()
    assert result.database == result.folder / "teacher-dashboard.db"
    assert hashes(result.folder) == hashes(tiny_build)
    assert litter(tmp_path / "build") == []


def test_second_run_is_up_to_date_unless_forced(source: Source, out: Path, current: Path) -> None:
    """The second run generates nothing; ``force`` generates everything, finds the same bytes, and keeps the build."""
    before = hashes(out)
    for force, state in ((False, "up to date"), (True, "built again, the same bytes")):
        progress = Progress()
        assert make_build(source, out, force=force, progress=progress).state == state
        assert hashes(out) == before
        assert bool(progress.stages) is force
    assert Store(out).builds() == [current]
    assert litter(out) == []


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link(path: Path) -> None:
    """Move a file elsewhere, and link it."""
    path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(path.parents[2] / "elsewhere")


@pytest.mark.fault("a damaged build: a flipped bit in the database, a missing file, a link, a hidden file")
@pytest.mark.parametrize(
    ("file", "damage", "force"),
    [
        (DATABASE, flip, False),
        ("api/books.json", Path.unlink, True),
        (DATABASE, link, False),
        ("parquet/loans/.part-00001.parquet", Path.touch, False),
    ],
)
def test_damaged_build_is_repaired(  # noqa: PLR0913, PLR0917 -- the cases and the fixtures
    source: Source,
    out: Path,
    current: Path,
    file: str,
    damage: Callable[[Path], None],
    force: bool,  # noqa: FBT001
) -> None:
    """A damaged build is found and its file named; it is built again, and the damaged one is deleted."""
    before = hashes(current)
    damage(current / file)
    with pytest.raises(Mistakes, match=rf"{re.escape(file)} (is|has)"):
        verify(source, out, full=False)
    progress = Heard()
    result = make_build(source, out, force=force, progress=progress)
    assert (result.state, result.folder.name) == ("repaired", f"{current.name}-2")
    assert hashes(result.folder) == before
    assert not current.exists()
    assert re.search(rf"is damaged \({re.escape(file)} ", progress.said[0])
    assert litter(out) == []


def test_damaged_build_in_use_is_left_to_its_server(source: Source, out: Path, current: Path) -> None:
    """A server goes on with the damaged build that it has open, while ``current`` leads to the repaired one."""
    (current / DATABASE).write_bytes(b"damaged")
    with in_use(current):
        repaired = make_build(source, out).folder
        assert current.is_dir()
        assert (out / "current").resolve() == repaired
        assert make_build(source, out).state == "up to date"


def pipe(path: Path) -> None:
    """Put a pipe in the place of a file, which a reader would wait for."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.fault("a missing manifest, or a pipe in its place")
@pytest.mark.parametrize("damage", [Path.unlink, pipe])
def test_folder_without_a_manifest_stays(
    source: Source, out: Path, current: Path, damage: Callable[[Path], object]
) -> None:
    """If nothing proves that a folder is a build, the build is made beside it, and a warning names the folder."""
    damage(current / manifest.NAME)
    progress = Heard()
    for state in ("repaired", "up to date"):
        result = make_build(source, out, progress=progress)
        assert (result.state, result.folder.name) == (state, f"{current.name}-2")
    assert (current / DATABASE).is_file()
    assert progress.said[1:] == [
        f"{current} is kept: without its manifest nothing proves that it is a build; delete it yourself"
    ]


def test_damaged_build_stays_until_it_is_replaced(
    source: Source, out: Path, current: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the repair fails, the damaged build is still there: it may be better than none."""
    (current / DATABASE).write_bytes(b"damaged")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "render", fail)
    with pytest.raises(OSError, match="No space left"):
        make_build(source, out)
    assert (out / "current").resolve() == current
    assert current.is_dir()
    assert litter(out) == []


@pytest.mark.fault("a dangling `current`")
def test_dangling_current_is_repaired(source: Source, out: Path, current: Path) -> None:
    """A dangling ``current`` links to the build again, whether that still exists or not."""
    (out / "current").unlink()
    (out / "current").symlink_to("0" * 16)
    assert make_build(source, out).state == "up to date"
    shutil.rmtree(current)
    assert make_build(source, out).state == "built"
    assert (out / "current").resolve() == current


def test_current_and_the_last_builds_stay(tmp_path: Path) -> None:
    """``current`` goes to another build and back; three are kept, or as many as are asked for."""
    path, out = small.lending(tmp_path), tmp_path / "build"
    made = [make_build(load(path, seed=seed), out).folder for seed in range(1, 6)]
    assert Store(out).builds() == made[:1:-1]
    again = make_build(load(path, seed=3), out, keep=2)
    assert (again.state, Store(out).current) == ("up to date", made[2])
    assert Store(out).builds() == [made[2], made[4]]


def test_broken_pipeline_leaves_everything(source: Source, out: Path) -> None:
    """All mistakes of a pipeline are reported, and the existing build is unchanged."""
    before = hashes(out)
    with pytest.raises(Mistakes) as raised:
        make_build(load(source.path, changes=["seed=-1", "stages.loans.sql=none.sql"]), out)
    assert len(raised.value.mistakes) == 2
    assert hashes(out) == before
    assert litter(out) == []


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("sql/checks/none.sql", ()),
        ("sql/checks/below/none.sql", ()),
        ("none.sql", ("stages.none={sql: none.sql, inputs: [books], check: There are no books.}",)),
    ],
)
def test_failing_check_rolls_back(tmp_path: Path, out: Path, file: str, change: tuple[str, ...]) -> None:
    """A check, or a stage with one, reports its rule and the first rows; the existing build is unchanged."""
    text = "-- There are no books.\nSELECT id FROM books ORDER BY id\n"
    path, before = small.lending(tmp_path / "library", {file: text}), hashes(out)
    with pytest.raises(CheckFailed) as raised:
        make_build(load(path, changes=[*CHANGES, *change]), out)
    first, *rows = raised.value.message.splitlines()
    assert "check none failed: There are no books. " in first
    assert first.endswith("break it, the first of them:" if change else "The first rows that break it:")
    assert rows == ["  id=1", "  id=2"]
    assert hashes(out) == before
    assert litter(out) == []


NONDETERMINISTIC = """
import os
import pyarrow as pa

def books() -> pa.RecordBatch:
    return pa.record_batch({"id": [1], "title": [os.urandom(8).hex()]})
"""


def test_other_bytes_are_a_bug(tmp_path: Path) -> None:
    """When building again gives other bytes, that is a bug, which names the files; the build is unchanged."""
    path = small.lending(tmp_path, {"random_books.py": NONDETERMINISTIC})
    source = load(path, changes=["stages.books={csv: null, python: 'random_books:books'}"])
    make_build(source, tmp_path / "build")
    before = hashes(tmp_path / "build")
    with pytest.raises(Bug, match=r"the same pipeline gave other bytes in parquet/books/part-00000\.parquet than in"):
        make_build(source, tmp_path / "build", force=True)
    assert hashes(tmp_path / "build") == before
    assert litter(tmp_path / "build") == []


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
    path, out = small.lending(tmp_path / "library"), tmp_path / "build"
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
    path = small.lending(tmp_path / "library", {"read/deep/x.txt": "", "made_rows.py": code})
    source = load(path, changes=["stages.made={python: 'made_rows:rows', reads: [read], internal: true}"])
    with pytest.raises(EtlError, match="nothing is published, run again") as raised:
        make_build(source, tmp_path / "build", progress=Meddler(making=lambda: change(path.parent / file)))
    assert raised.value.where == Where(str(path.parent / file))
    assert not Store(tmp_path / "build").builds()
    assert not litter(tmp_path / "build")


def test_sources_that_change_in_the_middle_of_force_and_ship(tmp_path: Path) -> None:
    """To build again is refused in the same words, as no bug of ours, and so is to ship, which writes no manifest."""
    path, out = small.lending(tmp_path / "library"), tmp_path / "build"
    source = load(path)
    old = make_build(source, out).folder

    def meddle() -> None:
        edit(path.parent / "books.csv", "Emma", "Emma Woodhouse")
        edit(path.parent / "sql/loans.sql", "7", "14")

    with pytest.raises(EtlError, match="and so did 1 more; nothing is published, run again"):
        make_build(source, out, force=True, progress=Meddler(making=meddle))
    assert Store(out).builds() == [Store(out).current] == [old]
    small.lending(path.parent)
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

    result = make_build(load(small.lending(tmp_path / "library")), out, progress=Meddler(making=litter_it))
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
    (note / "METADATA").write_text(f"Name: shelf\nVersion: {version}\n")
    (site / "shelf.py").write_text(SHELF.format(version=version))


def test_whatever_generators_are_made_of_makes_another_build(tmp_path: Path) -> None:
    """A module that a generator's imports, a file that it reads, a new version of an installed one: each is built."""
    files = {"library.py": LOANS, "helper.py": "from hours import *\ndays = lambda: 7", "hours.py": "", "more.txt": "0"}
    path = small.lending(tmp_path / "project", files)
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
    (path.parent / "helper.py").write_text("days = lambda: 8")
    assert made() == ("built", "Emma 1.0", 8)
    (path.parent / "more.txt").write_text("1")
    install(tmp_path / "site", "2.0")
    assert made() == ("built", "Emma 2.0", 9)
