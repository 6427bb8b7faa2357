"""Bundles of CSV files."""

from __future__ import annotations

import csv
import sqlite3
import zipfile
from typing import TYPE_CHECKING

import pytest

from etl.build.run import make_build
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.schema import read_schema
from etl.site.bundles import read_bundle, write_bundle
from etl.tables.files import Writer
from tests.site.test_export import Links
from tests.support.small import lending

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, price REAL);"
HEAD = "-- title: Books\n-- description: Every book.\n"
BOOKS = {"books": "SELECT id, title, price FROM books ORDER BY id;"}


def made(tmp_path: Path, name: str, queries: dict[str, str], *, omit_empty: bool = False) -> Path:
    """The file or folder of a bundle over three books, written twice with the same bytes if it is a zip."""
    (tmp_path / "schema.sql").write_text(SCHEMA)
    folder = tmp_path / "queries"
    folder.mkdir(exist_ok=True)
    for file, text in queries.items():
        (folder / f"{file}.sql").write_text(text if text.startswith("--") else HEAD + text)
    bundle = read_bundle(
        name, folder, "queries", read_schema(tmp_path / "schema.sql", "schema.sql"), omit_empty=omit_empty
    )
    with sqlite3.connect(tmp_path / "books.db") as database:
        database.executescript(SCHEMA)
        rows = [(1, 'A "good", book\nof two lines', 0.1), (2, None, None), (3, "Ä", 1e300)]
        database.executemany("INSERT INTO books VALUES (?, ?, ?)", rows)
    database.close()
    contents = []
    for build in ("one", "two"):
        (tmp_path / build).mkdir()
        with Writer(tmp_path / build) as files:
            write_bundle(bundle, tmp_path / "books.db", "2025-08-01 00:00:00", files)
            contents.append(files.entries())
    assert contents[0] == contents[1]
    return tmp_path / "one" / "exports" / name


def test_a_folder_of_files(tmp_path: Path) -> None:
    """A query is a file as RFC 4180 has it: a header, quoted texts, lines that end in CRLF; null is empty."""
    text = (made(tmp_path, "books", BOOKS) / "books.csv").read_bytes()
    assert text == (b'id,title,price\r\n1,"A ""good"", book\nof two lines",0.1\r\n2,,\r\n3,\xc3\x84,1e+300\r\n')


def test_a_zip_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    """A zip has its files at the root, in the order of their names; files without rows are left out if asked."""
    nothing = "SELECT :as_of AS day FROM books WHERE id > 3"
    path = made(tmp_path, "books.zip", {**BOOKS, "none": nothing, "a": "SELECT :as_of AS day"}, omit_empty=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a.csv", "books.csv"]
        assert archive.read("a.csv") == b"day\r\n2025-08-01 00:00:00\r\n"
        rows = list(csv.reader(archive.read("books.csv").decode().splitlines(keepends=True)))
    assert [row[0] for row in rows] == ["id", "1", "2", "3"]


def test_a_file_without_rows_has_its_header(tmp_path: Path) -> None:
    """Unless they are to be left out, files without rows say which columns they have."""
    path = made(tmp_path, "books", {"none": "SELECT id FROM books WHERE id > 3"})
    assert (path / "none.csv").read_bytes() == b"id\r\n"


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ({}, "queries: has no .sql file"),
        ({"a": "--\nSELECT 1"}, "queries/a.sql:1:1: no header; begin the file with: -- title: ..., description"),
        ({"a": "-- title: A\nSELECT 1"}, "queries/a.sql:1:1: description: must be text"),
        ({"a": f"{HEAD}-- columns: x\nSELECT 1"}, "queries/a.sql:3:4: unknown key 'columns'"),
        ({"a": "SELECT random() AS x"}, "queries/a.sql:3:8: random() is not allowed: its value changes"),
        ({"a": "DELETE FROM books"}, "queries/a.sql:3:1: must be one read-only SELECT"),
        ({"a": "SELECT 1; SELECT 2"}, "queries/a.sql:3:1: must be one read-only SELECT"),
        ({"a": "SELECT idd FROM books"}, "queries/a.sql:3:8: SQLite says: no such column: idd"),
        ({"a": "SELECT id, price AS ID FROM books"}, "queries/a.sql:3:1: two columns have the same name"),
        ({"a": "SELECT 1e308 * id AS x FROM books"}, "queries/a.sql:3:1: CSV has no blobs and no infinity"),
        ({"a": "SELECT x'00' AS x FROM books"}, "queries/a.sql:3:1: CSV has no blobs and no infinity"),
        ({"a": "SELECT json(title) AS x FROM books"}, "queries/a.sql:3:1: SQLite says: malformed JSON"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, queries: dict[str, str], message: str) -> None:
    """What is wrong with a query is found before a run, or when a row shows it."""
    with pytest.raises(EtlError) as caught:
        made(tmp_path, "books", queries)
    assert str(caught.value).startswith(message)


def test_the_front_page_has_the_bundles(tmp_path: Path) -> None:
    """They are files of a build, and downloads with their size; the live server does not send them, and says so."""
    query = "-- title: Loans\n-- description: Days.\nSELECT * FROM loans"
    pipeline = lending(tmp_path, {"sql/exports/all loans.sql": query})
    text = pipeline.read_text(encoding="utf-8")
    text = text.replace("outputs: [parquet]", "exports: {loans: {csv: sql/exports}, loans.zip: {csv: sql/exports}}")
    pipeline.write_text(text, encoding="utf-8")
    result = make_build(load(pipeline), tmp_path / "build")
    names = {"exports/loans/all loans.csv", "exports/loans.zip"}
    assert names < set(result.manifest["files"])
    front, live = ((result.folder / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "live"))
    assert {"exports/loans/all%20loans.csv", "exports/loans.zip"} < set(Links(front).found)
    size = (result.folder / "exports/loans.zip").stat().st_size
    assert f'<td class="number size">{size / 1000:.1f} kB</td><td>Loans</td>' in front
    assert "<code>exports/loans.zip</code>" in live
    assert not any("exports" in link for link in Links(live).found)
