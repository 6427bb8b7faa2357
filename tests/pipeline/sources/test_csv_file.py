"""Options of CSV files."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from etl.errors import EtlError
from etl.pipeline.source_forms import CsvFile
from tests.support.sources import cells, read_file, table_of, told

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.reference_data import Reference


def read(folder: Path, content: bytes, **options: Any) -> Reference:  # noqa: ANN401 -- of any type
    """The rows of a file of an internal stage."""
    path = folder / "t.csv"
    path.write_bytes(content)
    return read_file("csv", path, CsvFile(file="t.csv", **options), fills_table=False)


@pytest.mark.parametrize(
    ("content", "options", "columns"),
    [
        (b"a;b\n1,5;'x;''y'\n", {"delimiter": ";", "quote": "'"}, {"a": ["1,5"], "b": ["x;'y"]}),
        (b"a\tb\n1\t2\n", {"delimiter": "\t"}, {"a": ["1"], "b": ["2"]}),
        (b"a|b\n1|2\n", {"delimiter": "|"}, {"a": ["1"], "b": ["2"]}),
        ("a,b\né,1\n".encode("latin-1"), {"encoding": "latin-1"}, {"a": ["é"], "b": ["1"]}),
        ("a,b\n日,1\n".encode("utf-16"), {"encoding": "UTF-16"}, {"a": ["日"], "b": ["1"]}),
        (b'a,b\n"NA",1\n', {"nulls": ["NA", "-"]}, {"a": ["NA"], "b": ["1"]}),
    ],
)
def test_options(tmp_path: Path, content: bytes, options: dict[str, Any], columns: dict[str, list[str]]) -> None:
    """Delimiter, quote, encoding and nulls are those of the file; a quoted cell is never null."""
    reference = read(tmp_path, content, **options)
    assert told(reference) == []
    assert cells(reference) == columns


def test_nulls_are_null(tmp_path: Path) -> None:
    """An unquoted cell with such a text is as an empty one."""
    assert told(read(tmp_path, b"a,b\nNA,1\n", nulls=["NA"])) == ["t.csv:2:1: a: the cell is empty; enter a value"]
    named = read(tmp_path, b'\nNA\nx\n\n"NA"\n', nulls=["NA"])
    assert told(named) == ['t.csv:4:1: NA: a blank line; remove it, or write "" for an empty string']
    assert cells(named) == {"NA": ["x", None, "NA"]}
    path, table = tmp_path / "t.csv", table_of(tmp_path, "size INTEGER")
    path.write_text("size\n1\nNA\n")
    assert cells(read_file("csv", path, CsvFile(file="t.csv", nulls=["NA"]), table)) == {"size": [1, None]}


def test_bytes_of_another_encoding(tmp_path: Path) -> None:
    """The place is that of the byte, whatever the encoding."""
    assert told(read(tmp_path, b"a,b\n1,\x81\n", encoding="windows-1252")) == [
        "t.csv:2:3: the byte 0x81 is not WINDOWS-1252; save the file as WINDOWS-1252"
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_mistakes_in_a_large_file(tmp_path: Path, end: bytes) -> None:
    """Its rows are read at once, and the lines of its mistakes are right; so are its values."""
    path, table = tmp_path / "t.csv", table_of(tmp_path, "id INTEGER PRIMARY KEY, due DATE NOT NULL, note VARCHAR(10)")
    rows = [b'%d,2025-08-15,"two%slines"%s' % (row, end, end) for row in range(1, 1001)]
    path.write_bytes(b"\xef\xbb\xbfid,due,note" + end + end + b"".join(rows))
    reference = read_file("csv", path, CsvFile(file="t.csv"), table)
    assert told(reference) == []
    assert (reference.rows.count, reference.lines[999], reference.cells("due")[999]) == (1000, 2001, "2025-08-15")
    rows[499:501] = [b"7,2025-02-30," + end, b"0,,12345678901" + end]
    path.write_bytes(b"id,due,note" + end + b"".join(rows))
    assert told(read_file("csv", path, CsvFile(file="t.csv"), table)) == [
        "t.csv:1001:1: id: ids are whole numbers from 1 to 10,000,000, not 0",
        "t.csv:1000:2: due: '2025-02-30' is not a date; write YYYY-MM-DD",
        "t.csv:1001:2: due: the cell is empty; enter a value",
        "t.csv:1001:3: note: '12345678901' has 11 characters; at most 10 are allowed",
        "t.csv:1000:1: id: duplicate 7 (first on line 14)",
    ]


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """The line of a mistake that is found later cannot be known then."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 3000)
    reference = read_file("csv", path, CsvFile(file="t.csv"), fills_table=False)
    path.write_text("a,b\n")
    with pytest.raises(EtlError, match=r"t\.csv: the file changed while it was read; try again"):
        reference.report("wrong", 7, "a")


def test_a_member_of_a_zip(tmp_path: Path) -> None:
    """A zip has files, each named after it in messages."""
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/classes.csv", "a,b\n1,\n")
    assert told(read_file("csv", path, CsvFile(file="t.zip", member="in/classes.csv"), fills_table=False)) == [
        "t.zip/in/classes.csv:2:2: b: the cell is empty; enter a value"
    ]
    assert told(read_file("csv", path, CsvFile(file="t.zip", member="in/clases.csv"), fills_table=False)) == [
        "t.zip: it has no member 'in/clases.csv'; did you mean 'in/classes.csv'?"
    ]
    assert told(read(tmp_path, b"a,b\n", member="x.csv")) == ["t.csv: cannot read it as a zip: File is not a zip file"]


def test_rules_of_a_numbered_key(tmp_path: Path) -> None:
    """A rule over a key that the file does not have is checked, too; its place is the line."""
    path, table = tmp_path / "t.csv", table_of(tmp_path, "id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id < 2), a TEXT")
    path.write_text("a\nx\ny\n")
    assert told(read_file("csv", path, CsvFile(file="t.csv"), table)) == ["t.csv:3: id: 2 violates CHECK (id < 2)"]
