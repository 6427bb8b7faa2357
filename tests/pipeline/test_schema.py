"""The DDL: what it says of tables, and what is told of what it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.errors import Mistakes
from etl.pipeline.schema import Column, ForeignKey, Rule, Schema, Unique, read_schema

ROOT = Path(__file__).parents[2]


def read(folder: Path, text: str) -> Schema:
    """Read a DDL text."""
    file = folder / "schema.sql"
    file.write_text(text, encoding="utf-8")
    return read_schema(file, "s.sql")


def told(folder: Path, text: str) -> list[str]:
    """The mistakes of a DDL text."""
    with pytest.raises(Mistakes) as caught:
        read(folder, text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_our_own_schema() -> None:
    """The project's DDL has its fourteen tables, parents before children, each column described."""
    schema = read_schema(ROOT / "sql" / "schema.sql", "sql/schema.sql")
    names = list(schema.tables)
    assert len(names) == 14
    for table in schema.tables.values():
        assert table.description
        for column in table.columns.values():
            assert column.description, f"{table.name}.{column.name}"
        assert all(names.index(key.parent) < names.index(table.name) for key in table.foreign_keys)


def test_columns_are_read() -> None:
    """Types, keys, nulls, allowed values, references and descriptions come from the DDL."""
    assignments = read_schema(ROOT / "sql" / "schema.sql", "").tables["assignments"].columns
    platforms = ("ixl", "lexiacore5", "reflex", "khan_academy")
    assert assignments["id"].key
    assert assignments["platform"] == Column(
        "platform", "TEXT", nullable=False, description="The platform on which the work is done.", values=platforms
    )
    assert assignments["rc_id"].nullable


def test_unique_columns_are_read(tmp_path: Path) -> None:
    """The primary key comes first; partial indexes and indexes of expressions are no keys."""
    schema = read(
        tmp_path,
        "CREATE TABLE a (x TEXT, y INTEGER, z TEXT, UNIQUE (z, x), PRIMARY KEY (x, y));\n"
        "CREATE UNIQUE INDEX one ON a (z);\n"
        "CREATE UNIQUE INDEX two ON a (y) WHERE y > 5;\n"
        "CREATE UNIQUE INDEX three ON a (lower(z));\n",
    )
    assert [key.columns for key in schema.tables["a"].unique] == [("x", "y"), ("z",), ("z", "x")]
    assert not schema.tables["a"].columns["y"].key


def test_foreign_key_without_a_column_is_to_the_primary_key(tmp_path: Path) -> None:
    """REFERENCES table means its primary key, whatever that is called."""
    schema = read(tmp_path, "CREATE TABLE a (code TEXT PRIMARY KEY); CREATE TABLE b (a TEXT REFERENCES a);")
    assert schema.tables["b"].foreign_keys == (ForeignKey(("a",), "a", ("code",)),)


def test_statements_may_stand_anyhow(tmp_path: Path) -> None:
    """Comments, several statements in a line, and semicolons in texts and comments are no trouble."""
    schema = read(
        tmp_path,
        "/* a; b */ CREATE TABLE a (x TEXT DEFAULT ';--', y TEXT CHECK (y IN ('it''s', 'b')));CREATE TABLE b (\n"
        "  x TEXT -- one; two\n);; -- the end;\n",
    )
    assert list(schema.tables) == ["a", "b"]
    assert schema.tables["a"].columns["y"].values == ("it's", "b")
    assert schema.tables["b"].columns["x"].description == "one; two"
    assert len(schema.statements) == 2


def test_foreign_keys_of_several_columns_and_in_circles(tmp_path: Path) -> None:
    """They are read as SQLite has them: any order of tables and columns, any case, references to oneself too."""
    schema = read(
        tmp_path,
        "CREATE TABLE beds (id INTEGER PRIMARY KEY, no INTEGER, floor TEXT, next INTEGER REFERENCES BEDS,"
        " FOREIGN KEY (floor, no) REFERENCES Rooms (FLOOR, no));\n"
        "CREATE TABLE rooms (no INTEGER, floor TEXT, first INTEGER REFERENCES beds, PRIMARY KEY (no, floor));\n",
    )
    assert set(schema.tables["beds"].foreign_keys) == {
        ForeignKey(("next",), "beds", ("id",)),
        ForeignKey(("floor", "no"), "rooms", ("floor", "no")),
    }
    assert schema.tables["rooms"].foreign_keys == (ForeignKey(("first",), "beds", ("id",)),)


def test_rules_are_those_of_sqlite(tmp_path: Path) -> None:
    """A CHECK in a comment or a text is none; its columns, and how texts are compared, are what SQLite says."""
    schema = read(
        tmp_path,
        "CREATE TABLE a (\n"
        "  x TEXT DEFAULT 'CHECK (x)' CHECK (x IN ('b')), -- was CHECK (x IN ('c'))\n"
        "  y TEXT COLLATE NOCASE CHECK (y IN ('d', 'e')),\n"
        "  [z (] INTEGER, /* CHECK (y) */ CONSTRAINT order_ check([z (] > length(x || ')'))\n"
        ");\nCREATE UNIQUE INDEX i ON a (x COLLATE RTRIM, y);",
    )
    table = schema.tables["a"]
    assert table.rules == (
        Rule("x IN ('b')", ("x",)),
        Rule("y IN ('d', 'e')", ("y",)),
        Rule("[z (] > length(x || ')')", ("z (", "x")),
    )
    assert table.unique == (Unique(("x", "y"), ("RTRIM", "NOCASE")),)
    assert (table.columns["x"].values, table.columns["y"].values) == (("b",), ())


def test_comments_describe_and_are_not_stored(tmp_path: Path) -> None:
    """Descriptions are read from the file; the stored statements have none, and keep texts that look like one."""
    schema = read(
        tmp_path,
        "CREATE TABLE IF NOT EXISTS [a b] ( -- A table, by far the best.\n"
        "  -- of its own line\n"
        '  "it""s" INTEGER PRIMARY KEY AUTOINCREMENT, -- Number (dense, from 1).\n'
        "  x TEXT/* a, b */DEFAULT '-- /*' -- what, x\n"
        "  , y TEXT CHECK (1) -- Why.\n);",
    )
    (statement,) = schema.statements
    assert statement.splitlines() == [
        "CREATE TABLE IF NOT EXISTS [a b] (",
        '  "it""s" INTEGER PRIMARY KEY AUTOINCREMENT,',
        "  x TEXT DEFAULT '-- /*'",
        "  , y TEXT CHECK (1)",
        ");",
    ]
    table = schema.tables["a b"]
    assert table.description == "A table, by far the best."
    assert {name: column.description for name, column in table.columns.items()} == {
        'it"s': "Number (dense, from 1).",
        "x": "what, x",
        "y": "Why.",
    }
    assert table.rules == ()


def test_every_mistake_is_told_at_its_place(tmp_path: Path) -> None:
    """Each statement is tried; what only follows from another's mistake is not told."""
    text = "CREATE TABLE a (x TXT NOT NUL);\nCREATE INDEX i ON a (x); DROP TABLE a;\nCREATE TABLE b (x TEXT)\n"
    assert told(tmp_path, text) == [
        's.sql:1:27: SQLite says: near "NUL": syntax error',
        "s.sql:2:26: only CREATE TABLE, CREATE INDEX and CREATE VIEW are allowed here",
        "s.sql:3:1: the statement that begins here does not end; add ';'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.sql:1:1: the file creates no table"),
        (
            "CREATE TABLE a (x TEXT, y BLOB);",
            "s.sql:1:25: a.y must not be BLOB: JSON and CSV have no bytes; declare TEXT, and store base64",
        ),
        ("CREATE TABLE a (x);", "s.sql:1:17: a.x needs a type; known: BOOLEAN,"),
        (
            "CREATE TABLE a (x INTEGER REFERENCES bs (id));\nCREATE TABLE b (id INTEGER PRIMARY KEY);",
            "s.sql:1:17: a.x refers to the table 'bs', which does not exist; did you mean 'b'?",
        ),
        (
            "CREATE TABLE p (id INTEGER);\nCREATE TABLE a (x INTEGER REFERENCES p);",
            's.sql:2:38: SQLite says: foreign key mismatch - "a" referencing "p"; refer to all columns of its',
        ),
        (
            "CREATE TABLE p (k TEXT, n TEXT, PRIMARY KEY (k, n));\nCREATE TABLE a (x TEXT REFERENCES p);",
            's.sql:2:35: SQLite says: foreign key mismatch - "a" referencing "p"; refer to all columns',
        ),
        (
            "CREATE TABLE p(k TEXT);CREATE UNIQUE INDEX i ON p(k COLLATE RTRIM);CREATE TABLE a(k TEXT REFERENCES p);",
            's.sql:1:101: SQLite says: foreign key mismatch - "a" referencing "p"',
        ),
        (
            "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE a (x TEXT REFERENCES p (ID));",
            "s.sql:2:17: a.x is TEXT, but p.id is INTEGER; declare one type",
        ),
        (
            "CREATE TABLE a (x TEXT REFERENCES b (y));CREATE TABLE b (z TEXT);",
            's.sql:1:35: SQLite says: foreign key mismatch - "a" referencing "b"',
        ),
        ("CREATE TABLE a (x TEXT);CREATE VIEW v AS SELECT z FROM a;", "s.sql:1:25: SQLite says: no such column: z"),
        ("CREATE TABLE a (x TEXT);CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;", "only CREATE TABLE"),
        ("CREATE TABLE a (x TEXT);PRAGMA foreign_keys = off;", "only CREATE TABLE"),
        ("CREATE TEMP TABLE a (x TEXT);", "only CREATE TABLE"),
        ("CREATE TABLE a (x TEXT) ; ATTACH 'x.db' AS x;", "only CREATE TABLE"),
    ],
)
def test_what_cannot_be_loaded_is_told(tmp_path: Path, text: str, message: str) -> None:
    """Types, references and statements that the pipeline has no use for."""
    assert message in told(tmp_path, text)[0]
