"""A validator of OneRoster 1.2 CSV bundles, driven by the columns that the specification lists.

The columns, what is required, and their formats are those of ``oneroster12_columns.json``, which names its source.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from etl.pipeline.schema import read_schema
from etl.site.bundles import read_bundle, write_bundle
from etl.tables.files import Writer
from tests.support.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS: dict[str, list[dict[str, str]]] = json.loads(
    Path(__file__).with_name("oneroster12_columns.json").read_text(encoding="utf-8")
)["files"]

SOURCED_ID = re.compile(r"[A-Za-z0-9.\-_/@]{1,255}\Z")
YEAR = re.compile(r"\d{4}\Z")

#: The words of enumerations, by file and column; `ext:` starts a word of one's own where the specification allows it.
WORDS = {
    ("academicSessions", "type"): {"gradingPeriod", "semester", "schoolYear", "term"},
    ("classes", "classType"): {"homeroom", "scheduled"},
    ("enrollments", "role"): {"administrator", "proctor", "student", "teacher"},
    ("enrollments", "primary"): {"true", "false"},
    ("lineItemLearningObjectiveIds", "source"): {"case", "unknown"},
    ("orgs", "type"): {"department", "district", "local", "national", "school", "state"},
    ("resultLearningObjectiveIds", "source"): {"case", "unknown"},
    ("results", "scoreStatus"): {"exempt", "fully graded", "not submitted", "partially graded", "submitted"},
    ("roles", "roleType"): {"primary", "secondary"},
    ("roles", "role"): {
        "aide",
        "counselor",
        "districtAdministrator",
        "guardian",
        "parent",
        "principal",
        "proctor",
        "relative",
        "siteAdministrator",
        "student",
        "systemAdministrator",
        "teacher",
    },
}

#: The file that a reference leads to, by the column's name, or by file and column where that is not enough.
REFERENCES = {
    "academicSessionSourcedId": "academicSessions",
    "categorySourcedId": "categories",
    "classSourcedId": "classes",
    "courseSourcedId": "courses",
    "lineItemSourcedId": "lineItems",
    "orgSourcedId": "orgs",
    "primaryOrgSourcedId": "orgs",
    "resultSourcedId": "results",
    "schoolSourcedId": "orgs",
    "schoolYearSourcedId": "academicSessions",
    "scoreScaleSourcedId": "scoreScales",
    "studentSourcedId": "users",
    "termSourcedIds": "academicSessions",
    "userSourcedId": "users",
}
PARENTS = {"academicSessions", "orgs"}

Rows = list[dict[str, str]]


def make(database: Path, folder: Path) -> Path:
    """Write the bundle of a school's database into a folder: the zip."""
    schema = read_schema(ROOT / "sql/schema.sql", "sql/schema.sql")
    bundle = read_bundle("oneroster.zip", ROOT / "sql/exports/oneroster", "oneroster", schema, omit_empty=True)
    with Writer(folder) as files:
        write_bundle(bundle, database, "2025-08-01 00:00:00", files)
    return folder / "exports/oneroster.zip"


def read(bundle: Path) -> dict[str, Rows]:
    """The rows of each file of a bundle, by the file's name without ``.csv``."""
    with zipfile.ZipFile(bundle) as archive:
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8", newline="")))
            for name in archive.namelist()
        }


def faults(bundle: Path) -> list[str]:
    """What is wrong with a bundle, a line each; the first of each kind a file."""
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    wrong = [f"{name}: not a file of OneRoster at the root of the zip" for name in names if name not in COLUMNS]
    files = read(bundle)
    ids = {name: {row.get("sourcedId", "") for row in rows} for name, rows in files.items()}
    found = {(fault.partition(" row ")[0], fault.rpartition(": ")[2]): fault for fault in _manifest(files)}
    for name, rows in files.items():
        if f"{name}.csv" in COLUMNS and name != "manifest":
            for fault in _file(name, rows, ids):
                found.setdefault((name, fault.partition(": ")[2]), fault)
    return [*wrong, *found.values()]


def _manifest(files: dict[str, Rows]) -> Iterator[str]:
    values = {row.get("propertyName"): row.get("value") for row in files.get("manifest", [])}
    if list(values) != [column["name"] for column in COLUMNS["manifest.csv"]]:
        yield "manifest: not the properties of the specification, in its order"
    if (values.get("manifest.version"), values.get("oneroster.version")) != ("1.0", "1.2"):
        yield "manifest: not version 1.2"
    for key, value in values.items():
        name = str(key).removeprefix("file.")
        if str(key).startswith("file.") and (value, name in files) not in {("bulk", True), ("absent", False)}:
            yield f"manifest: {name} is {value}, and the file is {'there' if name in files else 'not there'}"


def _file(name: str, rows: Rows, ids: dict[str, set[str]]) -> Iterator[str]:
    columns = COLUMNS[f"{name}.csv"]
    if not rows:
        yield f"{name}: has no rows"
        return
    if list(rows[0]) != [column["name"] for column in columns]:
        yield f"{name}: not the columns of the specification, in its order"
        return
    if len(ids[name]) != len(rows):
        yield f"{name}: a sourcedId is used twice"
    for number, row in enumerate(rows, 1):
        for column in columns:
            for fault in _cell(name, column, row[column["name"]], ids):
                yield f"{name} row {number}: {column['name']} {fault}"
        if "endDate" in row and row.get("startDate", "") >= row["endDate"] != "":
            yield f"{name} row {number}: endDate is exclusive, so it is after startDate"


def _cell(  # noqa: C901 -- a case per kind of column
    name: str, column: dict[str, str], text: str, ids: dict[str, set[str]]
) -> Iterator[str]:
    key, kind = column["name"], column["format"]
    if key in {"status", "dateLastModified"}:
        if text:
            yield "is not blank, as it is in bulk"
    elif not text:
        if column["required"] == "Yes":
            yield "is required"
    elif words := WORDS.get((name, key)):
        if text not in words and not (kind == "Enumeration" and text.startswith("ext:")):
            yield "is not a word of its vocabulary"
    elif kind == "GUID" and not SOURCED_ID.match(text):
        yield "is not a sourcedId"
    elif "GUID Reference" in kind:
        target = name if key == "parentSourcedId" and name in PARENTS else REFERENCES.get(key, "")
        if any(each not in ids.get(target, ()) for each in (text.split(",") if "List" in kind else [text])):
            yield "leads to nothing in the bundle"
    elif not _is(kind, text):
        yield f"is not a {kind.lower()}"


def _is(kind: str, text: str) -> bool:
    """Whether a text is written as its format asks."""
    if kind == "Date":
        try:
            return dt.date.fromisoformat(text).isoformat() == text
        except ValueError:
            return False
    if kind in {"Float", "Integer"}:
        try:
            return float(text) == (int(text) if kind == "Integer" else float(text))
        except ValueError:
            return False
    if kind == "Boolean":
        return text in {"true", "false"}
    return bool(YEAR.match(text)) if kind == "Year" else True
