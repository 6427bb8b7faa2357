"""Reference data: CSV files, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from etl.pipeline.datatypes import TYPES
from etl.pipeline.reference_data import Reference, check_references, lacks
from etl.pipeline.schema import Column, Rule, Table, Unique
from etl.pipeline.source_forms import CsvFile
from tests.support.sources import cells, read_file, told

if TYPE_CHECKING:
    from pathlib import Path

TABLE = Table(
    "things",
    "",
    {
        "id": Column("id", "INTEGER", nullable=False, description="", key=True),
        "name": Column("name", "TEXT", nullable=False, description=""),
        "kind": Column("kind", "TEXT", nullable=True, description="", values=("big", "small")),
        "size": Column("size", "REAL", nullable=True, description=""),
    },
    (Unique(("id",), ("BINARY",)), Unique(("name", "kind"), ("BINARY", "BINARY"))),
    rules=(Rule("kind IN ('big', 'small')", ("kind",)),),
)
HEADER = "id,name,kind,size\n"


def read(folder: Path, text: str | bytes, table: Table | None = TABLE, *, fills_table: bool = True) -> Reference:
    """Read a CSV text."""
    file = folder / "things.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_file("csv", file, CsvFile(file="t.csv"), table, fills_table=fills_table)


def test_cells_have_the_types_of_their_columns(tmp_path: Path) -> None:
    """Whole numbers, numbers, texts and nulls, in the order of the file, whatever the order of its columns."""
    reference = read(tmp_path, "size,id,kind,name\n1.5,1,big,a\n-2e3,2,,b\n,3,small,c\n")
    assert told(reference) == []
    assert cells(reference) == {
        "size": [1.5, -2000.0, None],
        "id": [1, 2, 3],
        "kind": ["big", None, "small"],
        "name": ["a", "b", "c"],
    }
    assert reference.types["id"].name == "INTEGER"
    assert reference.lines == [2, 3, 4]


ROOMS = Table(
    "rooms",
    "",
    {
        "floor": Column("floor", "TEXT", nullable=False, description="", collation="NOCASE"),
        "no": Column("no", "INTEGER", nullable=True, description=""),
    },
    (Unique(("floor", "no"), ("NOCASE", "BINARY")),),
    rules=(Rule("no > 0 OR floor = 'CELLAR'", ("no", "floor")),),
)


def test_rules_are_sqlites(tmp_path: Path) -> None:
    """CHECKs of any form and keys under any collation are held as SQLite holds them; a null breaks none."""
    assert told(read(tmp_path, "floor,no\na,1\nb,0\ncellar,-1\nA,1\na,\nA,\n", ROOMS)) == [
        "t.csv:3:1: floor: no 0, floor 'b' violate CHECK (no > 0 OR floor = 'CELLAR')",
        "t.csv:5:2: no: duplicate A, 1 (first on line 2, as a, 1)",
    ]


def test_quoted_empty_cell_is_a_text(tmp_path: Path) -> None:
    """Two quotes are an empty text, nothing at all is null."""
    text = Table("t", "", {name: Column(name, "TEXT", nullable=True, description="") for name in "ab"})
    assert cells(read(tmp_path, 'a,b\n"",\n,""\n', text)) == {"a": ["", None], "b": [None, ""]}


def test_blank_line_in_one_column_is_told(tmp_path: Path) -> None:
    """It may be a text that got lost; in a file of several columns it is no row."""
    names = read(tmp_path, 'name\na\n\n""\n', None, fills_table=False)
    assert told(names) == ['t.csv:3:1: name: a blank line; remove it, or write "" for an empty string']
    assert cells(names) == {"name": ["a", None, ""]}


@pytest.mark.fault("any text in a CSV cell")
@pytest.mark.parametrize(
    "name",
    [
        "O'Brien",
        '"quoted"',
        "a,b",
        "two\nlines",
        "two\r\nlines",
        "é",
        "日本",
        "😀",
        "\u202eabc",
        "<script>",
        "=cmd()",
        " x ",
        "x" * 10_000,
    ],
)
def test_any_text_survives(tmp_path: Path, name: str) -> None:
    """Any string is read as it was written."""
    quoted = name.replace('"', '""')
    reference = read(tmp_path, f'{HEADER}1,"{quoted}",,\n2,b,,\n')
    assert told(reference) == []
    assert reference.cells("name") == [name, "b"]
    assert reference.lines[1] == 3 + name.count("\n")


def test_byte_order_mark_line_ends_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    """A file that a spreadsheet wrote is read like any other."""
    reference = read(tmp_path, b"\xef\xbb\xbfid,name,kind,size\r\n1,a,,\r\n\r\n2,b,,\r\n")
    assert told(reference) == []
    assert (reference.cells("id"), reference.lines) == ([1, 2], [2, 4])


def test_columns_of_an_internal_file_are_text(tmp_path: Path) -> None:
    """A file that fills no table has texts, and no empty cell; columns of a table that it is like obey its rules."""
    reference = read(tmp_path, "name,extra\n7,\n", None, fills_table=False)
    assert cells(reference) == {"name": ["7"], "extra": [None]}
    assert told(reference) == ["t.csv:2:2: extra: the cell is empty; enter a value"]
    like = read(tmp_path, "extra,kind\na,bigg\nb,\n", TABLE, fills_table=False)
    assert told(like) == ["t.csv:2:2: kind: 'bigg' is not allowed; did you mean 'big'?"]


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        ("1.0,a,,\n", ["2:1: id: '1.0' is not a whole number"]),
        ("0,a,,\n", ["2:1: id: ids are whole numbers from 1 to 10,000,000, not 0"]),
        ("99999999,a,,\n", ["2:1: id: ids are whole numbers from 1 to 10,000,000, not 99999999"]),
        (
            f"{'9' * 30},a,,\n",
            [f"2:1: id: '{'9' * 30}' does not fit; whole numbers go from -9223372036854775808 to 9223372036854775807"],
        ),
        ('"",a,,\n', ["2:1: id: '' is not a whole number"]),
        ("1,a,,wide\n", ["2:4: size: 'wide' is not a number"]),
        ("1,a,,nan\n", ["2:4: size: 'nan' is not a number"]),
        ("1,a,,inf\n", ["2:4: size: 'inf' is not a number"]),
        ("1,a,,.\n", ["2:4: size: '.' is not a number"]),
        ("1,a,,1e999\n", ["2:4: size: '1e999' is too large for a REAL"]),
        ("1,a,,-1e-999\n", ["2:4: size: '-1e-999' is too small for a REAL"]),
        ("1,a,big,\n2,a,big,\n3,a,,\n4,a,,\n", ["3:3: kind: duplicate a, big (first on line 2)"]),
        (
            "x,,,y\n",
            [
                "2:1: id: 'x' is not a whole number",
                "2:2: name: the cell is empty; enter a value",
                "2:4: size: 'y' is not a number",
            ],
        ),
    ],
)
def test_wrong_cells_are_told(tmp_path: Path, rows: str, messages: list[str]) -> None:
    """Every cell that does not fit its column is told with the line and the number of the cell."""
    assert told(read(tmp_path, HEADER + rows)) == [f"t.csv:{message}" for message in messages]


def test_references_are_checked_by_value(tmp_path: Path) -> None:
    """A cell must stand in the other file's column; an empty one refers to nothing."""
    things = read(tmp_path, f"{HEADER}1,apple,,\n2,pear,,\n")
    source = read(tmp_path, f"{HEADER}1,a,big,2\n2,b,,3\n")
    check_references(source, ("size",), things, ("id",))
    check_references(source, ("kind",), things, ("name",))
    assert told(source) == [
        "t.csv:3:4: size: t.csv has no id 3.0; known: 1, 2",
        "t.csv:2:3: kind: t.csv has no name 'big'; known: apple, pear",
    ]


def test_references_of_several_columns(tmp_path: Path) -> None:
    """The cells must stand in one row together, compared as the other file's columns are; an empty one is no key."""
    rooms = read(tmp_path, "floor,no\nA,1\nB,2\n", ROOMS)
    beds = read(tmp_path, "floor,no\na,1\nA,2\n,7\n", None, fills_table=False)
    beds.arrays["no"] = pa.chunked_array([[1, 2, 7]])
    beds.types["no"] = TYPES["INTEGER"]
    beds.mistakes = []
    check_references(beds, ("floor", "no"), rooms, ("floor", "no"))
    assert told(beds) == ["t.csv:3:2: no: t.csv has no row with floor 'A', no 2"]


def test_many_mistakes_of_one_rule_are_few_lines(tmp_path: Path) -> None:
    """Ten cells of a column are told, then how many more; only for those is the nearest of the keys sought."""
    numbers = range(500)
    things = read(tmp_path, HEADER + "".join(f"{n + 1},key {n},,\n" for n in numbers))
    source = read(tmp_path, "key\n" + "".join(f"kez {n}\n" for n in numbers[:300]), None, fills_table=False)
    check_references(source, ("key",), things, ("name",))
    assert len(told(source)) == 11
    assert told(source)[0] == "t.csv:2:1: key: t.csv has no name 'kez 0'; did you mean 'key 0'?"
    assert told(source)[10] == "t.csv:12:1: key: and 290 more like those above"
    wrong = read(tmp_path, HEADER + "x,,large,\n" * 20 + "1,a\n" * 12)
    assert [line.rpartition(": ")[2] for line in told(wrong) if "more" in line] == [
        "and 2 more rows do not have as many cells as the header",
        "and 10 more like those above",
        "and 10 more like those above",
        "and 10 more like those above",
    ]


@pytest.mark.parametrize("rows", ["1,apple,,\n2,,,\n", "1,apple,,\n2,pear\n"])
def test_what_cannot_be_known_is_not_told(tmp_path: Path, rows: str) -> None:
    """A column with a wrong cell, or a file with a wrong row, may lack a value for that reason alone."""
    reference = read(tmp_path, HEADER + rows)
    assert reference.mistakes
    assert not reference.is_complete("name")
    assert lacks(reference, "name", "pear") is None
    assert lacks(None, "name", "pear") is None
    assert (
        lacks(read(tmp_path, f"{HEADER}1,apple,,\n"), "name", "appel")
        == "t.csv has no name 'appel'; did you mean 'apple'?"
    )


def test_unknown_table_has_no_rules(tmp_path: Path) -> None:
    """When the schema could not be read, nothing is told of the cells, and nothing is known of them."""
    reference = read(tmp_path, "id,name\n,\n", None)
    assert told(reference) == []
    assert not reference.is_complete("id")
