"""JSON files: arrays and lines of objects, with a table or without, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.pipeline.source_forms import SourceFile
from tests.support.sources import cells, read_file, table_of, told

if TYPE_CHECKING:
    from pathlib import Path

    from etl.pipeline.reference_data import Reference

LOANS = "id INTEGER PRIMARY KEY, due DATE NOT NULL, back BOOLEAN, fee DECIMAL(5, 2), note VARCHAR(4)"


def read(folder: Path, text: str, columns: str | None = None) -> Reference:
    """The rows of a file, of an internal stage if there are no columns of a table."""
    path = folder / "t.json"
    path.write_text(text, encoding="utf-8")
    table = table_of(folder, columns) if columns else None
    return read_file("json", path, SourceFile(file="t.json"), table, fills_table=bool(table))


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1, "due": "2025-08-15", "back": true, "fee": 1.5, "note": "é"}\n\n{"due":"2025-08-16","id":2}\n',
        '[{"id": 1, "due": "2025-08-15", "back": true, "fee": 1.5, "note": "é"}\n,{"due":"2025-08-16",\n"id":2}\n]',
    ],
)
def test_an_array_is_as_lines(tmp_path: Path, text: str) -> None:
    """Keys may have any order; one that is missing is null."""
    reference = read(tmp_path, text, LOANS)
    assert told(reference) == []
    assert cells(reference) == {
        "id": [1, 2],
        "due": ["2025-08-15", "2025-08-16"],
        "back": [1, None],
        "fee": [1.5, None],
        "note": ["é", None],
    }
    assert reference.lines[0] == 1


def test_columns_of_no_table(tmp_path: Path) -> None:
    """Types are those of the values; lists and objects become those of Arrow."""
    reference = read(
        tmp_path,
        '[{"i": 1, "n": 1, "t": "x", "b": true, "l": [1], "o": {"a": 1}, "z": null},'
        '{"i": 2, "n": 0.5, "t": null, "b": false, "l": [], "o": {"b": "x"}}]',
    )
    assert told(reference) == []
    types = {field.name: str(field.type) for field in reference.arrow_schema()}
    assert types == {
        "i": "int64",
        "n": "double",
        "t": "string",
        "b": "bool",
        "l": "list<item: int64>",
        "o": "struct<a: int64, b: string>",
        "z": "string",
    }
    assert reference.to_table().to_pylist()[1]["o"] == {"a": None, "b": "x"}


@pytest.mark.fault("a broken JSON file")
@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('{"id": 1}\n{"id": }\n', ["t.json:2:8: not JSON: expecting value"]),
        ('[{"id": 1}\n {"id": 2}]', ["t.json:2:2: not JSON: a comma or ']' is missing after a row"]),
        ('[{"id": 1},', ["t.json:1:12: not JSON: the array is not closed; add ']'"]),
        ('[{"id": 1}] x', ["t.json:1:13: not JSON: text after the array; remove it"]),
        ('{"id": 1}\n[1, 2]\n', ["t.json:2:1: not JSON: a row must be an object, not a list of 2"]),
        ('{"id": 1}\n{"id": 1, "id": 2}', ["t.json:2:1: not JSON: duplicate key 'id'"]),
        ('{"\\ud800": 1}', ["t.json:1:1: not JSON: a key is not UTF-8"]),
        ('{"id": 1}\n{"id": "\\ud800"}', ["t.json:2: id: '\\ud800' is not a whole number"]),
        ('{"id": NaN}', ["t.json:1:1: not JSON: NaN is not a number; write null"]),
        ("[" * 100_000, ["t.json:1:2: not JSON: nested too deeply"]),
        ('{"id": 1}\n{"id": 2, "ID": 3}', ["t.json: the columns 'id' and 'ID' differ in case only, which SQL ignores"]),
        ('{"id": 1}\n{"id": "x"}', ["t.json:2: id: 'x' is not a whole number"]),
        ('{"l": [1]}\n{"l": ["x"]}', ["t.json:2: l: a list of 1 is not list<item: int64>, as others in this column"]),
    ],
)
def test_broken_files(tmp_path: Path, text: str, messages: list[str]) -> None:
    """The message has the line and, for what is not JSON, the column."""
    assert told(read(tmp_path, text)) == messages


def test_rows_that_do_not_fit_their_table(tmp_path: Path) -> None:
    """Each value that does not have its column's type has a message with its line; so have keys that do not fit."""
    rows = (
        '{"id": 1, "due": "2025-02-30", "back": 1, "fee": 1.125}',
        '{"id": 1, "due": null, "back": "no", "note": "12345"}',
        '{"id": 0, "dew": "2025-01-01"}',
    )
    assert told(read(tmp_path, "\n".join(rows), LOANS)) == [
        "t.json: the table things has no column 'dew'; remove it",
        "t.json:3: id: ids are whole numbers from 1 to 10,000,000, not 0",
        "t.json:1: due: '2025-02-30' is not a date; write YYYY-MM-DD",
        "t.json:2: due: the value is null; enter a value",
        "t.json:3: due: the value is null; enter a value",
        "t.json:2: back: 'no' is not true or false",
        "t.json:1: fee: 1.125 has more than 2 digits after the point",
        "t.json:2: note: '12345' has 5 characters; at most 4 are allowed",
        "t.json:2: id: duplicate 1 (first on line 1)",
    ]


def test_no_rows(tmp_path: Path) -> None:
    """An array without rows fills no row of a table; without a table its columns are unknown."""
    assert told(read(tmp_path, "[]", LOANS)) == []
    assert told(read(tmp_path, "[]")) == ["t.json: the file has no rows, so its columns are not known"]


def test_many_rows(tmp_path: Path) -> None:
    """Rows are read in blocks: a key may appear late, and a wrong value is found in any block."""
    lines = [f'{{"id": {number}, "due": "2025-08-15"}}' for number in range(1, 5001)]
    lines[4500] = '{"id": 4501, "due": "2025-08-15", "note": "late"}'
    reference = read(tmp_path, "\n".join(lines), LOANS.replace(", back BOOLEAN, fee DECIMAL(5, 2)", ""))
    assert told(reference) == []
    assert (reference.cells("note")[4499:4502], reference.cells("id")[4999]) == ([None, "late", None], 5000)
    lines[4999] = '{"id": 1, "due": 7, "extra": [1]}'
    assert told(read(tmp_path, "\n".join(lines))) == ["t.json:5000: due: 7 is not text"]
