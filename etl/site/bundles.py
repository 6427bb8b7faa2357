"""Bundles of CSV files beside the database: a folder of SQL files becomes a folder or a zip of CSV files.

Each file is a query whose header has a ``title`` and a ``description``; ``:as_of`` is the pipeline's clock. The CSV
files are as RFC 4180 has them. A zip has the same bytes whenever it is made.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import math
import sqlite3
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from etl.errors import EtlError, Mistakes, Where
from etl.site.query_file import Query, empty_tables, read_query
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from etl.pipeline.schema import Schema
    from etl.tables.files import Writer

#: The folder of a build that has them.
FOLDER = "exports"

_CHUNK = 1000  # rows
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # that a zip can express


@dataclass(frozen=True)
class Bundle:
    """The CSV files of one folder, or of one zip if the name ends in ``.zip``."""

    name: str
    files: dict[str, Query]  # by the name of the CSV file
    omit_empty: bool = False  # whether a file without rows is left out


def read_bundle(name: str, folder: Path, shown: str, schema: Schema, *, omit_empty: bool = False) -> Bundle:
    """Read the SQL files of a folder, which messages call ``shown``. Raises Mistakes."""
    files, mistakes = {}, []
    with contextlib.closing(empty_tables(schema)) as database:
        for path in sorted(folder.glob("*.sql")):
            try:
                files[f"{path.stem}.csv"] = read_query(path, f"{shown}/{path.name}", database)
            except EtlError as error:
                mistakes.append(error)
            except Mistakes as error:
                mistakes += error.mistakes
    if not (files or mistakes):
        mistakes.append(EtlError("has no .sql file", Where(shown)))
    if mistakes:
        raise Mistakes(mistakes)
    return Bundle(name, files, omit_empty)


class Download(NamedTuple):
    """A zip or a CSV file in a build."""

    path: str
    content: str  # in words


def write_bundle(bundle: Bundle, database: Path, as_of: str, files: Writer) -> list[Download]:
    """Write a bundle into a build. Memory does not depend on the number of rows. Raises EtlError."""
    path = files.folder / FOLDER / bundle.name
    path.parent.mkdir(exist_ok=True)
    with contextlib.closing(open_database(database)) as opened, contextlib.ExitStack() as stack:
        if path.suffix == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED))
        else:
            path.mkdir()
            archive = None
        written = {}
        for name, query in bundle.files.items():
            rows = _rows(opened, query, as_of)
            columns, first = next(rows), next(rows, None)
            if first is None and bundle.omit_empty:
                continue
            with _member(archive, name) if archive else (path / name).open("xb") as binary:
                text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
                writer = csv.writer(text, lineterminator="\r\n")
                writer.writerow(columns)
                writer.writerows(() if first is None else itertools.chain([first], rows))
                text.detach()
            written[name] = query
    home = f"{FOLDER}/{bundle.name}"
    downloads = [Download(f"{home}/{name}", query.description) for name, query in written.items()]
    if archive:
        downloads = [Download(home, ", ".join(query.title for query in written.values()))]
    for download in downloads:
        files.register(download.path)
    return downloads


def _rows(database: sqlite3.Connection, query: Query, as_of: str) -> Iterator[tuple[object, ...]]:
    """The names of the columns of a query, then its rows. Raises EtlError."""
    try:
        cursor = database.execute(query.sql, {"as_of": as_of})
        yield tuple(column[0] for column in cursor.description)
        while chunk := cursor.fetchmany(_CHUNK):
            values = itertools.chain.from_iterable(chunk)
            types = set(map(type, values))
            if bytes in types or (float in types and any(map(_is_infinite, itertools.chain.from_iterable(chunk)))):
                raise EtlError("CSV has no blobs and no infinity; write hex(x), or divide by nullif(x, 0)", query.where)
            yield from chunk
    except sqlite3.Error as error:
        raise EtlError(f"SQLite says: {error}", query.where) from error


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A new file in a zip, without the time and the system at which it was made."""
    info = zipfile.ZipInfo(name, _EARLIEST)
    info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
    return archive.open(info, "w", force_zip64=True)
