"""The manifest: what it says of a build, and how damage is found by it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from etl.build import manifest
from etl.build.run import make_build
from etl.config.source import load
from tests.support import small
from tests.support.running import ROOT, hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATABASE = "teacher-dashboard.db"


@pytest.fixture
def build(tiny_build: Path, tmp_path: Path) -> Path:
    """A copy of the tiny world's build, to damage."""
    return shutil.copytree(tiny_build, tmp_path / tiny_build.name)


def damage(build: Path) -> list[str]:
    """What is found to be wrong."""
    return list(manifest.damage(build))


def test_it_names_every_file(tiny_build: Path) -> None:
    """Every file but the manifest itself stands in it, with its size and SHA-256."""
    content = manifest.read(tiny_build)
    assert content is not None
    found = hashes(tiny_build)
    del found[manifest.NAME]
    assert {name: entry["sha256"] for name, entry in content["files"].items()} == found
    assert all((tiny_build / name).stat().st_size == entry["bytes"] for name, entry in content["files"].items())


def test_it_counts_the_rows(tiny_build: Path) -> None:
    """Every table of the database stands in it, in the schema's order, with its number of rows and a digest."""
    content = manifest.read(tiny_build)
    assert content is not None
    with sqlite3.connect(f"file:{tiny_build / DATABASE}?immutable=1", uri=True) as database:
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid"
        tables = [name for (name,) in database.execute(names)]
        counts = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608
    database.close()
    assert {name: entry["rows"] for name, entry in content["tables"].items()} == counts
    assert list(content["tables"]) == tables
    assert all(re.fullmatch("[0-9a-f]{32}", entry["digest"]) for entry in content["tables"].values())


def test_it_says_what_it_is_made_of(tiny_build: Path) -> None:
    """Build, seed, clock, notice, versions, inputs, checks and the effective pipeline are all there."""
    content = manifest.read(tiny_build)
    assert content is not None
    assert content["build"] == tiny_build.name
    assert "synthetic" in content["notice"].lower()
    assert content["seed"] == content["pipeline"]["seed"]
    assert content["as_of"] == "2025-08-01 00:00:00"
    assert {"python", "sqlite", "duckdb", "numpy", "generators"} <= set(content["versions"])
    assert "data/tests.csv" in content["inputs"]
    assert all(check["check"] and check["rule"].endswith(".") for check in content["checks"])
    assert "extends" not in content["pipeline"]
    assert not any(key.startswith("x-") for key in content["pipeline"])


def test_it_knows_no_time_and_no_place(tiny_build: Path) -> None:
    """No timing, no date of the build and no path of this machine stands in it, so it is the same each time."""
    text = (tiny_build / manifest.NAME).read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(tiny_build.parent) not in text

    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, child in value.items():
                yield key
                yield from keys(child)

    assert not re.search(
        "second|elapsed|duration|time|date|host|user|path", " ".join(keys(json.loads(text)["versions"]))
    )
    top = {
        "build",
        "name",
        "notice",
        "license",
        "seed",
        "as_of",
        "tables",
        "checks",
        "files",
        "versions",
        "inputs",
        "keys",
        "live",
    }
    assert set(json.loads(text)) == {*top, "pipeline", "manifest"}


def test_every_damaged_file_is_named(build: Path) -> None:
    """A flipped bit, a missing end, a missing file and a file too many: each is named, with what is wrong."""
    assert damage(build) == []
    database = build / DATABASE
    content = bytearray(database.read_bytes())
    content[len(content) // 2] ^= 1
    database.write_bytes(content)
    page = (build / "index.html").read_bytes()
    (build / "index.html").write_bytes(page[:-1])
    shutil.rmtree(build / "api/rosters")
    (build / "api/rosters").touch()
    (build / f"{DATABASE}-wal").touch()
    assert {
        f"{DATABASE} has changed since it was built",
        f"index.html has {len(page) - 1} bytes instead of {len(page)}",
        "api/rosters/1/scores.json is missing",
        f"{DATABASE}-wal is a file that does not belong to the build",
    } < {*damage(build)}


#: What can be in the place of a file: how it comes there, and what is said of it.
NO_FILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "dangling": (lambda path: path.symlink_to("gone"), "is a link, not a file"),
    "looping": (lambda path: path.symlink_to(path.name), "is a link, not a file"),
    "elsewhere": (lambda path: path.symlink_to(ROOT / "README.md"), "is a link, not a file"),
    "pipe": (os.mkfifo, "is a pipe, not a file"),
    "folder": (Path.mkdir, "is a folder, not a file"),
}


@pytest.mark.fault("a link, a pipe, a folder in the place of a file of a build")
@pytest.mark.parametrize("kind", NO_FILE)
def test_what_is_not_a_file_is_damage(build: Path, kind: str) -> None:
    """A link is not followed and a pipe is not opened: each is reported as what it is, as an additional file, too."""
    put, says = NO_FILE[kind]
    (build / "api/rosters.json").unlink()
    for name in ("api/rosters.json", "api/new"):
        put(build / name)
    found = says.removesuffix(", not a file")
    assert damage(build) == [f"api/rosters.json {says}", f"api/new {found} that does not belong to the build"]
    (build / manifest.NAME).unlink()
    put(build / manifest.NAME)
    assert damage(build) == [f"{manifest.NAME} is missing or damaged"]


def test_folder_that_is_a_link_is_damage(build: Path, tmp_path: Path) -> None:
    """A folder that was moved elsewhere, and is linked, is damage, though each file in it is as it was made."""
    (build / "api").rename(tmp_path / "elsewhere")
    (build / "api").symlink_to(tmp_path / "elsewhere")
    assert damage(build) == ["api is a link that does not belong to the build"]


@pytest.fixture
def seen_by_others() -> Iterator[Path]:
    """A build of two files where each user may look, seen by one who is not root, who may read all."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        folder = Path(place)
        (folder / "api").mkdir()
        entry = {"bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
        content = {"build": "b", "files": {"a": entry, "api/b": entry}}
        sealed = {**content, "manifest": manifest._hash(content)}
        (folder / manifest.NAME).write_bytes(manifest.render(sealed))
        for name in ("a", "api/b"):
            (folder / name).write_bytes(b"x")
        yield folder
        (folder / "api").chmod(0o755)


def as_nobody(build: Path) -> list[str]:
    """What one who is not root finds to be wrong."""
    user = os.geteuid()
    build.chmod(0o755)
    try:
        if user == 0:
            os.seteuid(65534)
        return damage(build)
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    ("closed", "says"),
    [
        ("a", ["a cannot be read: Permission denied"]),
        ("api", ["api/b cannot be read: Permission denied", "api cannot be read: Permission denied"]),
        (manifest.NAME, ["manifest.json is missing or damaged"]),
    ],
)
def test_what_cannot_be_read_is_damage(seen_by_others: Path, closed: str, says: list[str]) -> None:
    """A file, or a folder, without the right to read is damage, with the system's reason, and never a crash."""
    assert as_nobody(seen_by_others) == []
    (seen_by_others / closed).chmod(0)
    assert as_nobody(seen_by_others) == says


@pytest.mark.fault("a hidden file in a folder of Parquet files")
def test_hidden_files_are_damage(tmp_path: Path) -> None:
    """DuckDB's ``scores/*`` reads hidden files too; macOS may leave its own beside the report, but not there."""
    path = small.lending(tmp_path)
    build = make_build(load(path, changes=["outputs=[sqlite, parquet]"]), tmp_path / "build").folder
    (build / ".DS_Store").touch()
    assert damage(build) == []
    shutil.copy(build / "parquet/loans/part-00000.parquet", build / "parquet/loans/.hidden")
    assert duckdb.sql(f"FROM read_parquet('{build}/parquet/loans/*')").fetchall() == [(1, 7), (2, 7)] * 2
    (build / "parquet/loans/.DS_Store").touch()
    (build / ".old").mkdir()
    (build / ".old/loans.csv").touch()
    says = {".old": "a folder", "parquet/loans/.DS_Store": "a file", "parquet/loans/.hidden": "a file"}
    assert damage(build) == [f"{name} is {what} that does not belong to the build" for name, what in says.items()]


TEXTS = ["{", "[1]", "null", '{"manifest": 1}', '{"manifest": "0", "files": {}}', "\udcff\udcfe"]


def test_damaged_manifest_is_found(build: Path) -> None:
    """One changed value, another text, bytes that are not UTF-8, or no manifest: damage, never a crash."""
    path = build / manifest.NAME
    for text in [path.read_text(encoding="utf-8").replace('"bytes": 1', '"bytes": 2', 1), *TEXTS]:
        path.write_text(text, encoding="utf-8", errors="surrogateescape")
        assert manifest.read(build) is None
        assert damage(build) == ["manifest.json is missing or damaged"]
    path.unlink()
    assert damage(build) == ["manifest.json is missing or damaged"]


def test_write_then_read(tmp_path: Path) -> None:
    """What is written is read again, whatever letters are in it, with one newline at the end."""
    content = {"name": "Zoë 😀 \u2028", "numbers": [1, 0.1, None, True]}
    sealed = {**content, "manifest": manifest._hash(content)}
    (tmp_path / manifest.NAME).write_bytes(manifest.render(sealed))
    assert manifest.read(tmp_path) == content
    assert (tmp_path / manifest.NAME).read_bytes().endswith(b"}\n")
