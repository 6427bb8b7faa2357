"""Types of columns: the names that people write, and values that read back as they are from every format."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.pipeline.datatypes import data_type
from etl.pipeline.schema import Schema, read_schema
from etl.site.answers import answer, register_functions
from etl.site.column_types import json_schema
from etl.site.endpoint import Endpoint
from etl.tables import sqlite
from etl.tables.parquet import arrow_schema, open_target, write_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

#: A column of each type, and values of it.
COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "whole": ("BIGINT", st.integers(-(2**63), 2**63 - 1)),
    "number": ("DOUBLE PRECISION", st.floats(allow_nan=False, allow_infinity=False)),
    "any_number": ("NUMERIC", st.floats(allow_nan=False, allow_infinity=False)),
    "price": ("DECIMAL(15, 2)", st.decimals(min_value=-(10**12), max_value=10**12, places=2)),
    "tiny": ("NUMERIC(15,15)", st.decimals(min_value=Decimal("-.9"), max_value=Decimal(".9"), places=15)),
    "text": ("TEXT", st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    "short": ("VARCHAR(3)", st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)),
    "flag": ("BOOLEAN", st.booleans()),
    "day": ("DATE", st.dates()),
    "moment": ("TIMESTAMP", st.datetimes()),
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """A table with a column of each type."""
    path = tmp_path_factory.mktemp("types") / "schema.sql"
    columns = ", ".join(f"{name} {declared}" for name, (declared, _) in COLUMNS.items())
    path.write_text(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns});", encoding="utf-8")
    return read_schema(path, "schema.sql")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that can write SQLite files."""
    with contextlib.closing(sqlite.connect()) as opened:
        yield opened


rows = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()})


@settings(derandomize=True, max_examples=15, deadline=None)
@given(written=st.lists(rows, min_size=1, max_size=8))
def test_values_read_back_as_they_are(
    schema: Schema, connection: duckdb.DuckDBPyConnection, written: list[dict[str, Any]]
) -> None:
    """A value of each type is the same after Arrow -> SQLite, Parquet, JSON and CSV -> Arrow."""
    table = schema.tables["t"]
    written = [{"id": number, **row} for number, row in enumerate(written, 1)]
    arrow = pa.Table.from_pylist(written, arrow_schema(table)).replace_schema_metadata()
    with tempfile.TemporaryDirectory() as folder:
        part = write_part(open_target(folder), table, 0, arrow)
        assert pq.read_table(f"{folder}/{part.name}").to_pylist() == written
        with sqlite.Loader(Path(folder, "t.db"), schema, connection) as loader:
            loader.insert("t", arrow)
            loader.commit()
        with contextlib.closing(register_functions(sqlite3.connect(f"{folder}/t.db"))) as database:
            stored = database.execute("SELECT * FROM t ORDER BY id").fetchall()
            kinds = {name: json_schema(f"t.{name}", schema.tables) for name in table.columns}
            endpoint = Endpoint("x.sql", ("x",), "X", "Of x.", "SELECT * FROM t ORDER BY id", {}, columns=kinds)
            answered = json.loads(answer(database, endpoint, {}))
    for number, column in enumerate(table.columns.values()):
        values, kind = arrow[column.name].to_pylist(), column.data_type
        cells = [row[number] for row in stored]
        assert kind.array(None if cell is None else kind.read(cell) for cell in cells).to_pylist() == values
        assert [None if value is None else kind.read(value) for value in values] == cells
        assert kind.array(None if cell is None else kind.parse(str(cell)) for cell in cells).to_pylist() == values
        shown = [list(row.values())[number] for row in answered]
        assert kind.array(None if value is None else kind.read(value) for value in shown).to_pylist() == values


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("int", "INTEGER"),
        ("double  precision", "REAL"),
        ("character varying ( 20 )", "VARCHAR(20)"),
        ("Numeric", "REAL"),
        ("decimal(9)", "DECIMAL(9, 0)"),
        ("Timestamp", "DATETIME"),
    ],
)
def test_names_as_people_write_them(declared: str, name: str) -> None:
    """Case and spaces do not matter; several names mean the same type."""
    assert data_type(declared).name == name


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("", "needs a type; known: BOOLEAN, DATE, DATETIME, INTEGER, REAL, TEXT"),
        ("BLOB", "must not be BLOB: JSON and CSV have no bytes; declare TEXT, and store base64"),
        (
            "STRING",
            "has the unknown type 'STRING'; known: INTEGER, REAL, TEXT, BOOLEAN, DATE, DATETIME, VARCHAR(n) and",
        ),
        ("BOOLAEN", "has the unknown type 'BOOLAEN'; did you mean 'BOOLEAN'?"),
        ("INTEGER(11)", "has the type 'INTEGER(11)', but INTEGER takes no number"),
        ("VARCHAR(1, 2)", "has the type 'VARCHAR(1, 2)', but VARCHAR takes one number"),
        ("VARCHAR(0)", "needs room for a character"),
        ("DECIMAL(18, 2)", "must have 1 to 15 digits, and no more of them after the point: SQLite stores decimals as"),
        ("DECIMAL(2, 3)", "must have 1 to 15 digits"),
    ],
)
def test_types_that_no_column_can_have(declared: str, message: str) -> None:
    """The message is the end of a sentence about the column."""
    with pytest.raises(ValueError, match=re.escape(message)):
        data_type(declared)


@pytest.mark.parametrize(
    ("declared", "text", "cell"),
    [
        ("BOOLEAN", "True", 1),
        ("BOOLEAN", "0", 0),
        ("INTEGER", f"{-(2**63)}", -(2**63)),
        ("REAL", "1e-300", 1e-300),
        ("REAL", "-.5E+2", -50.0),
        ("REAL", "5.", 5.0),
        ("REAL", "0e-999", 0.0),
        ("REAL", "007", 7.0),
        ("DATETIME", "2025-08-15T10:00:00.50", "2025-08-15 10:00:00.5"),
        ("DATETIME", "2025-08-15 10:00:00", "2025-08-15 10:00:00"),
        ("DECIMAL(5, 2)", "-1e2", -100.0),
        ("DECIMAL(5, 2)", "12.500", 12.5),
        ("DECIMAL(5, 2)", "0e500", 0.0),
        ("VARCHAR(2)", "é😀", "é😀"),
    ],
)
def test_texts_of_values(declared: str, text: str, cell: object) -> None:
    """A text in a CSV file is one value, however it is written."""
    assert data_type(declared).parse(text) == cell


NAN = float("nan")


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ("BOOLEAN", 2, "2 is not true or false"),
        ("BOOLEAN", "yes", "'yes' is not true or false"),
        ("BIGINT", True, "true is not a whole number"),
        ("BIGINT", 3.0, "3.0 is not a whole number"),
        ("BIGINT", 2**63, f"{2**63} does not fit; whole numbers go from"),
        ("REAL", "1", "'1' is not a number"),
        ("REAL", NAN, "nan is not a finite number"),
        ("REAL", 10**400, "is not a finite number"),
        ("REAL", 2**53 + 1, "9007199254740993 has more digits than a REAL"),
        ("TEXT", 7, "7 is not text"),
        ("TEXT", "a\0b", "the text has a NUL character; remove it"),
        ("TEXT", "\ud800", "the text is not UTF-8"),
        ("VARCHAR(2)", "abc", "'abc' has 3 characters; at most 2 are allowed"),
        ("DATE", "2025-02-30", "'2025-02-30' is not a date; write YYYY-MM-DD"),
        ("DATE", "0000-01-01", "'0000-01-01' is not a date"),
        ("DATE", 20250815, "20250815 is not a date; write 'YYYY-MM-DD'"),
        ("DATE", datetime(2025, 1, 2), "2025-01-02 00:00:00 is not a date"),  # noqa: DTZ001 -- without a zone
        ("DATETIME", "2025-08-15T10:00:00Z", "'2025-08-15T10:00:00Z' is not a time written as YYYY-MM-DD HH:MM:SS; a"),
        ("DATETIME", "2025-08-15 24:00:01", "'2025-08-15 24:00:01' is not a time written as YYYY-MM-DD HH:MM:SS"),
        ("DATETIME", date(2025, 1, 2), "2025-01-02 is not a time"),
        ("DECIMAL(5, 2)", 0.125, "0.125 has more than 2 digits after the point"),
        ("DECIMAL(5, 2)", 1000, "1000 has more than 3 digits before the point"),
        ("DECIMAL(5, 2)", 1e300, "1e+300 has more than 3 digits before the point"),
        ("DECIMAL(5, 2)", NAN, "nan is not a finite number"),
        ("DECIMAL(5, 2)", "1", "'1' is not a number"),
    ],
)
def test_values_that_a_type_does_not_take(declared: str, value: object, message: str) -> None:
    """The message has the value and what is wrong with it."""
    with pytest.raises(ValueError, match=re.escape(message)):
        data_type(declared).read(value)
