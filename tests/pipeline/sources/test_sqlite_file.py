"""Tables of SQLite files, and what is wrong with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etl.pipeline.source_forms import SqliteFile
from tests.support.sources import cells, read_file, table_of, told

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.reference_data import Reference

FILE = """
CREATE TABLE loans (id INTEGER PRIMARY KEY, due DATE, back BOOLEAN, fee NUMERIC, "any", twice AS (id * 2));
INSERT INTO loans VALUES (2, '2025-08-16', 0, 2, NULL), (1, '2025-08-15', 1, 1.5, 'x');
CREATE INDEX every ON loans (due, back, fee, "any", twice);
CREATE VIEW late AS SELECT * FROM loans;
"""


def read(folder: Path, table: str, script: str = FILE, columns: str | None = None) -> Reference:
    """The rows of a table, of an internal stage if there are no columns of a table to fill."""
    path = folder / "t.db"
    if not path.exists():
        with closing(sqlite3.connect(path)) as database:
            database.executescript(script)
    fills = table_of(folder, columns) if columns else None
    return read_file("sqlite", path, SqliteFile(file="t.db", table=table), fills, fills_table=bool(fills))


def test_types_are_those_that_the_file_declares(tmp_path: Path) -> None:
    """Rows are in the order of the table; a column without a type has that of its values."""
    reference = read(tmp_path, "Loans")
    assert told(reference) == []
    assert cells(reference) == {
        "id": [1, 2],
        "due": ["2025-08-15", "2025-08-16"],
        "back": [1, 0],
        "fee": [1.5, 2.0],
        "any": ["x", None],
        "twice": [2, 4],
    }
    assert [str(kind) for kind in reference.arrow_schema().types] == [
        "int64",
        "date32[day]",
        "bool",
        "double",
        "string",
        "int64",
    ]


def test_values_that_do_not_fit(tmp_path: Path) -> None:
    """SQLite stores a value of any type in any column; the message has the number of the row."""
    script = """
        CREATE TABLE loans (id, due, fee);
        INSERT INTO loans VALUES (1, 20250815, 1), ('x', '2025-08-15', x'00'), (1, CAST(x'ff' AS TEXT), NULL);
    """
    assert told(read(tmp_path, "loans", script, "id INTEGER UNIQUE, due DATE, fee DECIMAL(5, 2) NOT NULL")) == [
        "t.db, row 2: id: 'x' is not a whole number",
        "t.db, row 1: due: 20250815 is not a date; write 'YYYY-MM-DD'",
        "t.db, row 3: due: a BLOB, or text that is not UTF-8; store text",
        "t.db, row 2: fee: a BLOB, or text that is not UTF-8; store text",
        "t.db, row 3: fee: the value is null; enter a value",
        "t.db, row 3: id: duplicate 1 (first in row 1)",
    ]


def test_many_rows(tmp_path: Path) -> None:
    """Rows are read in blocks: a wrong value is found in any of them."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
    script = f"CREATE TABLE loans (id, any); {numbers} INSERT INTO loans SELECT i, iif(i = 4999, 0.5, i) FROM n"  # noqa: S608
    reference = read(tmp_path, "loans", script)
    assert told(reference) == []
    assert (reference.cells("id")[4999], reference.cells("any")[4997:]) == (5000, [4998.0, 0.5, 5000.0])
    assert told(read(tmp_path, "loans", columns="id INTEGER PRIMARY KEY, any INTEGER")) == [
        "t.db, row 4999: any: 0.5 is not a whole number"
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("lones", "t.db: it has no table 'lones'; did you mean 'loans'?"),
        ("late", "t.db: 'late' is a view; name a table, and write its query as a sql stage"),
    ],
)
def test_no_such_table(tmp_path: Path, table: str, message: str) -> None:
    """The message names a similar table."""
    assert told(read(tmp_path, table)) == [message]


@pytest.mark.fault("a SQLite file that is broken, or being written")
def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Another format; a file whose last changes are in another one."""
    path = tmp_path / "t.db"
    path.write_text("id,name\n1,a\n")
    assert told(read(tmp_path, "loans")) == ["t.db: SQLite cannot read it: file is not a database"]
    path.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE loans (id)")
        database.commit()
        (message,) = told(read(tmp_path, "loans"))
    assert message.startswith("t.db: its last changes are in t.db-wal; close the application that writes it, or ")
