"""The Drizzle example: its schema is ours, and an application can read and go on writing a build's database."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.running import npm

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "drizzle"


@pytest.fixture
def database(default_build: Path, tmp_path: Path) -> Path:
    """Copy the default build's database, to be written to."""
    copy = tmp_path / "copy.db"
    copy.write_bytes((default_build / "teacher-dashboard.db").read_bytes())
    return copy


def tables_of_database(path: Path) -> dict[str, int]:
    """Count the rows of each table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 -- a table's name
            for name in names
            if not name.startswith("sqlite_")
        }


def columns_of_sql() -> dict[str, list[str]]:
    """Read the tables and columns of sql/schema.sql."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript((ROOT / "sql" / "schema.sql").read_text(encoding="utf-8"))
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns "
            "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' ORDER BY tables.name, columns.cid"
        ):
            columns.setdefault(table, []).append(column)
        return columns


def columns_of_typescript() -> dict[str, list[tuple[str, str]]]:
    """Read the tables of schema.ts, and of each column the property and the name in SQL."""
    source = (EXAMPLE / "schema.ts").read_text(encoding="utf-8")
    tables = re.findall(r'sqliteTable\(\s*"(\w+)",\s*\{\n(.*?)\n\s*\}[,)]', source, flags=re.DOTALL)
    column = re.compile(r'^\s*(\w+): (?:integer|real|text)\("(\w+)"', flags=re.MULTILINE)
    return {table: column.findall(body) for table, body in tables}


def test_schema_names_every_table_and_column() -> None:
    """schema.ts has the tables of sql/schema.sql, and their columns in the same order."""
    typescript = {table: [name for _, name in columns] for table, columns in columns_of_typescript().items()}
    assert typescript == columns_of_sql()


def test_properties_are_the_columns_in_camel_case() -> None:
    """Each property of schema.ts is its column's name in camelCase, as in the JSON API."""
    for table, columns in columns_of_typescript().items():
        for prop, name in columns:
            first, *rest = name.split("_")
            assert prop == first + "".join(word.capitalize() for word in rest), table


def test_schema_names_every_index() -> None:
    """schema.ts names the indexes that sql/schema.sql creates."""
    sql = re.findall(r"CREATE INDEX (\w+)", (ROOT / "sql" / "schema.sql").read_text(encoding="utf-8"))
    typescript = re.findall(r'\bindex\("(\w+)"\)', (EXAMPLE / "schema.ts").read_text(encoding="utf-8"))
    assert sorted(typescript) == sorted(sql)


def test_types_check() -> None:
    """The example passes TypeScript's strict checks."""
    done = npm(EXAMPLE, "run", "--silent", "typecheck")
    assert done.returncode == 0, done.stdout + done.stderr


def test_application_reads_and_writes(database: Path) -> None:
    """Drizzle reads every row, continues ids after the last one, sees bad rows refused, and can delete."""
    before = tables_of_database(database)
    done = npm(EXAMPLE, "run", "--silent", "check", "--", database)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["tables"] == len(columns_of_sql())
    assert found["rows"] == before
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        score = connection.execute(
            "SELECT student_id, rc_scores, std_scores FROM scores WHERE id = ?", (found["inserted"]["scores"],)
        ).fetchone()
    assert score == (found["inserted"]["students"], "{}", "{}")
    assert found["inserted"]["rosters"] == before["rosters"] + 1
    assert found["inserted"]["students"] == before["students"] + 1
    assert found["refused"] == {
        "orphan": "FOREIGN KEY constraint failed",
        "unknownLevel": "FOREIGN KEY constraint failed",
        "badPlatform": "CHECK constraint failed",
        "badStatus": "CHECK constraint failed",
        "secondScore": "UNIQUE constraint failed",
        "nameless": "NOT NULL constraint failed",
    }
    added = {table: rows - before[table] for table, rows in tables_of_database(database).items()}
    two_each = {"rosters", "students", "scores", "assignment_students"}
    gone = found["deleted"]
    own = {"assignment_standards", "assignment_students", "planted_effects", "impact_means", "impact_estimates"}
    assert gone.keys() == {"assignments", *own}
    assert all(gone.values())
    assert added == {table: 2 * (table in two_each) - gone.get(table, 0) for table in before}


def test_mismatch_is_reported(database: Path) -> None:
    """A database that differs from schema.ts gives an error that names the place."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE rosters ADD COLUMN room TEXT")
        connection.commit()
    done = npm(EXAMPLE, "run", "--silent", "check", "--", database)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "check.ts: columns of rosters: found" in done.stderr
