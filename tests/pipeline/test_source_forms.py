"""Stages that read files: their forms, and a world of all kinds."""

from __future__ import annotations

import re
import sqlite3
import zipfile
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.config.identity import identify
from etl.config.source import load
from etl.errors import Mistakes
from etl.pipeline.source_forms import CsvFile, SourceFile, SqliteFile
from etl.pipeline.validate import validate
from tests.support.small import ROOT, gathered, project
from tests.support.sources import read_file, table_of, told

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE rooms (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, open BOOLEAN NOT NULL);
CREATE TABLE visits (id INTEGER PRIMARY KEY AUTOINCREMENT, room_id INT NOT NULL REFERENCES rooms, day DATE NOT NULL);
CREATE TABLE bills (visit_id INTEGER PRIMARY KEY REFERENCES visits, fee DECIMAL(5, 2), sent TIMESTAMP);
CREATE TABLE days (day DATE PRIMARY KEY, visits BIGINT NOT NULL, tags TEXT NOT NULL);
"""
STAGES = """
rooms: {csv: {file: rooms.zip, member: rooms.csv, delimiter: ;}}
visits: {parquet: visits.parquet}
bills: {sqlite: {file: bills.db, table: paid}}
notes: {json: notes.json, internal: true, references: {room: rooms.id}}
days: {sql: days.sql, inputs: [visits, notes]}
"""
DAYS = """
SELECT day, count(*) AS visits, any_value(array_to_string(tags, ' ')) AS tags
FROM visits JOIN notes ON notes.room = room_id GROUP BY day
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A world with a file of each kind: its pipeline file."""
    path = project(
        tmp_path,
        STAGES,
        {"schema.sql": SCHEMA, "days.sql": DAYS, "notes.json": '{"room": 1, "tags": ["a", "b"]}\n{"room": 2}'},
    )
    with zipfile.ZipFile(tmp_path / "rooms.zip", "w") as archive:
        archive.writestr("rooms.csv", "id;name;open\n1;A;true\n2;B;false\n")
    _write_visits(tmp_path, date(2025, 8, 15))
    with closing(sqlite3.connect(tmp_path / "bills.db")) as database:
        database.executescript("CREATE TABLE paid (visit_id, fee, sent); INSERT INTO paid VALUES (2, 1.5, NULL)")
    return path


def _write_visits(folder: Path, day: date) -> None:
    pq.write_table(pa.table({"room_id": pa.array([1, 1], pa.int32()), "day": [day, day]}), folder / "visits.parquet")


def test_a_world_of_all_kinds(world: Path) -> None:
    """Each file fills its table with the table's types; an internal one has its own; ids are numbered."""
    tables = {name: rows.to_pylist() for name, rows in gathered(validate(load(world))).items()}
    assert tables["rooms"] == [{"id": 1, "name": "A", "open": True}, {"id": 2, "name": "B", "open": False}]
    assert tables["visits"][1] == {"id": 2, "room_id": 1, "day": date(2025, 8, 15)}
    assert [str(value) for value in tables["bills"][0].values()] == ["2", "1.50", "None"]
    assert tables["days"] == [{"day": date(2025, 8, 15), "visits": 2, "tags": "a b"}]


def test_a_file_is_part_of_the_identity(world: Path) -> None:
    """Another file is another build, whatever its kind."""
    before = identify(load(world))
    assert {"rooms.zip", "visits.parquet", "bills.db", "notes.json"} <= before.inputs.keys()
    _write_visits(world.parent, date(2025, 8, 16))
    assert identify(load(world)).id != before.id


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("{parquet: visits}", "stages.visits.parquet: visits is a folder; name a file in it"),
        (
            "{parquet: visit.parquet}",
            "stages.visits.parquet: there is no file visit.parquet; did you mean 'visits.parq",
        ),
        ("{json: {fil: notes.json}}", "stages.visits.json.fil: unknown key; did you mean 'file'?"),
        ("{sqlite: bills.db}", "stages.visits.sqlite: must be a mapping, not 'bills.db'"),
        ("{sqlite: {file: bills.db}}", "stages.visits.sqlite.table: is missing"),
        ("{csv: {file: x.csv, delimiter: ', '}}", "stages.visits.csv.delimiter: must be one character, not ', '"),
        ("{csv: {file: x.csv, quote: ','}}", "stages.visits.csv: delimiter and quote must differ"),
        ("{csv: {file: x.csv, encoding: latn}}", "csv.encoding: unknown encoding 'latn'; did you mean 'latin-1'?"),
        ("{csv: {file: x.csv, encoding: hex}}", "stages.visits.csv.encoding: unknown encoding 'hex'"),
        (
            "{csv: [x.csv]}",
            "stages.visits.csv: must be the name of a file, or a mapping with 'file' and options, not a",
        ),
    ],
)
def test_wrong_forms(world: Path, stage: str, message: str) -> None:
    """The message has the place of the value."""
    (world.parent / "visits").mkdir()
    text = world.read_text(encoding="utf-8").replace("{parquet: visits.parquet}", stage)
    world.write_text(text, encoding="utf-8")
    with pytest.raises(Mistakes) as caught:
        validate(load(world))
    assert message in str(caught.value)


CSV, JSON, PARQUET, SQLITE = "csv", "json", "parquet", "sqlite"
BAD: tuple[tuple[str, object, str], ...] = (
    (CSV, b"id,due\n1,2025-03-01\n2,1.3.2025\n", ""),
    (JSON, b'{"id": 1, "due": null}\n{"id": 2, "due": 20250301}\n', ""),
    (SQLITE, "CREATE TABLE visits (id, due); INSERT INTO visits VALUES (1, NULL), (2, '');", "visits"),
    (PARQUET, pa.table({"id": [1], "due": [20250301]}), ""),
    (CSV, b"id,deu\n1,2025-03-01\n", ""),
    (PARQUET, pa.table({"id": [1], "due": [None], "Due": [None]}), ""),
    (CSV, "id,due\n1,é\n".encode("latin-1"), ""),
    (JSON, b'{"id": 1, "due": null}\n{"due": }\n', ""),
    (SQLITE, "CREATE TABLE visits (id, due);", "visit"),
    (SQLITE, b"id,due\n1,2025-03-01\n", "visits"),
)


def test_messages_of_the_page(tmp_path: Path) -> None:
    """docs/pipelines.md has a mistake of each kind with the message that it really has."""
    table = table_of(tmp_path, "id INTEGER PRIMARY KEY, due DATE", "visits")
    page = (ROOT / "docs/pipelines.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| [^|`]+ \| `(visits\..*)` \|$", page, re.MULTILINE)
    assert len(shown) == len(BAD)
    for message, (kind, content, name) in zip(shown, BAD, strict=True):
        path = tmp_path / "visits"
        path.unlink(missing_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, pa.Table):
            pq.write_table(content, path)
        else:
            with closing(sqlite3.connect(path)) as database:
                database.executescript(str(content))
        file = "visits.db" if kind == SQLITE else f"visits.{kind}"
        options = {CSV: CsvFile(file=file), SQLITE: SqliteFile(file=file, table=name or "visits")}.get(
            kind, SourceFile(file=file)
        )
        assert message in told(read_file(kind, path, options, table))
