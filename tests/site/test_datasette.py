"""Datasette over a build: what it says of the data, and that it lets nobody do more than read."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from datasette.app import Datasette

from etl.build import manifest
from etl.config.source import load
from etl.pipeline.validate import validate
from etl.server import plugin
from etl.server.plugin import make_datasette
from etl.site import datasette
from tests.server.test_api import endpoints_of
from tests.support.serving import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

NAME = "teacher-dashboard"


@pytest.fixture(scope="module")
def metadata(default_build: Path) -> dict[str, Any]:
    """What Datasette is told of the default world."""
    content: dict[str, Any] = json.loads((default_build / "metadata.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def hardened(default_build: Path) -> Iterator[Datasette]:
    """Datasette as strangers see it."""
    datasette = make_datasette(default_build, explore=False)
    yield datasette
    plugin.close(datasette)


def get(datasette: Datasette, url: str) -> httpx.Response:
    """Ask in process."""
    answer: httpx.Response = asyncio.run(datasette.client.get(url))
    return answer


def test_every_table_and_column_is_described(metadata: dict[str, Any]) -> None:
    """Every table of the schema, and every column of it, has a title or a description that a reader can use."""
    schema = validate(load(ROOT / "pipeline.yaml")).schema
    tables = metadata["databases"][NAME]["tables"]
    assert set(tables) == {*schema.tables, "sqlite_sequence"}
    for name, table in schema.tables.items():
        assert tables[name]["title"]
        assert len(tables[name]["description"]) > 10, name
        assert set(tables[name]["columns"]) == set(table.columns)
        assert [column for column, text in tables[name]["columns"].items() if len(text) < 5] == []


def test_labels_units_and_orders_are_the_pipelines(metadata: dict[str, Any]) -> None:
    """What ``site:`` says of labels, units and sort orders is what Datasette is told."""
    tables = metadata["databases"][NAME]["tables"]
    assert tables["rosters"]["label_column"] == "name"
    assert tables["standards"]["label_column"] == "code"
    assert tables["rosters"]["sort"] == "name"
    assert tables["scores"]["units"] == {"overall_score": "pts"}
    assert metadata["custom_units"] == ["scale_points = 1 = pts"]
    assert tables["sqlite_sequence"] == {"hidden": True}
    assert "synthetic" in metadata["about"]
    assert metadata["license"] == "CC0-1.0"


def test_canned_queries_are_the_endpoints(metadata: dict[str, Any], default_build: Path) -> None:
    """Each endpoint is a canned query with defaults for what is optional, and none hides a table by its name."""
    queries = metadata["databases"][NAME]["queries"]
    endpoints = endpoints_of(default_build)
    assert [query["sql"] for query in queries.values()] == [endpoint.sql_of_required for endpoint in endpoints]
    assert set(queries) & set(metadata["databases"][NAME]["tables"]) == set()
    assert queries["api-rosters-students"]["params"] == ["id"]


def test_inspected_data_is_true(default_build: Path) -> None:
    """What Datasette need not count is what the manifest says, size and hash of the file with it."""
    inspected = json.loads((default_build / "inspect-data.json").read_text(encoding="utf-8"))[NAME]
    content = manifest.read(default_build)
    assert content is not None
    database = content["files"][f"{NAME}.db"]
    assert (inspected["size"], inspected["hash"]) == (database["bytes"], database["sha256"])
    assert {name: {"count": table["rows"]} for name, table in content["tables"].items()} == inspected["tables"]


def test_settings_allow_nothing_but_reading(default_build: Path) -> None:
    """The settings beside the database are the hardened ones, so plain Datasette obeys them, too."""
    settings = json.loads((default_build / "settings.json").read_text(encoding="utf-8"))
    assert settings == datasette.HARDENED
    closed = ("default_allow_sql", "allow_facet", "suggest_facets", "allow_csv_stream", "allow_download")
    assert [name for name in closed if settings[name]] == []
    assert settings["default_cache_ttl"] == 0


def test_plain_datasette_is_hardened(default_build: Path) -> None:
    """``datasette build/current`` serves the build as immutable and without SQL, and leaves the folder as it was."""
    current = default_build.parent / "current"
    before = sorted(path.name for path in current.iterdir())
    plain = Datasette([], config_dir=current)
    try:
        databases = get(plain, "/-/databases.json").json()
        assert [(found["name"], found["is_mutable"]) for found in databases] == [(NAME, False)]
        assert get(plain, f"/{NAME}.json?sql=select+1").status_code == 403
    finally:
        plugin.close(plain)
    assert sorted(path.name for path in current.iterdir()) == before


def test_a_page_shows_what_the_metadata_says(hardened: Datasette) -> None:
    """A table's page has its description, its columns' ones, units, and names in the place of foreign keys."""
    page = get(hardened, f"/{NAME}/scores").text
    assert "One student&#39;s result on one test." in page
    assert "Scale score of the whole test." in page
    assert "pts" in page
    assert f'<a href="/{NAME}/tests/1">PM1</a>' in page
    assert '<span style="white-space: nowrap">1: ' in page
    assert "&#34;1&#34;:" not in page


def test_a_row_and_a_query_have_their_pages(hardened: Datasette) -> None:
    """A row, a canned query with its parameter, and the home page answer; a table is not hidden by a query."""
    assert get(hardened, f"/{NAME}/rosters/1").status_code == 200
    query = get(hardened, f"/{NAME}/api-rosters-scores?id=1")
    assert "Scores of a roster" in query.text
    assert len(get(hardened, f"/{NAME}/api-assignments.json?_shape=array").json()) == 8
    (students,) = get(hardened, f"/{NAME}/api-rosters-students.json?_shape=array&id=1").json()
    assert students["total"] >= 30
    assert "synthetic" in get(hardened, "/").text
    assert get(hardened, f"/{NAME}/rosters.json").json()["table"] == "rosters"


THROUGH = '_through={"table":"students","column":"%s","value":%s}'


@pytest.mark.parametrize(
    "query",
    [
        *(
            "_sort=nonexist",
            "_sort_desc=nonexist",
            "_sort=id&_sort_desc=name",
            "_through={",
            "_through=[]",
            "_through=1",
        ),
        *("_through={}", THROUGH % ("nonexist", 1), THROUGH % ("id", "{}"), THROUGH % ("id", "9" * 30)),
        *(f"id__gt={'9' * 30}", f"id__exact={'9' * 30}", "_size=-1", "_size=x", "_size=101", "_next=x&_sort=nonexist"),
        *("nonexist=1", "nonexist__gt=1", "id__in=[1", "_col=nonexist", "_nocol=nonexist", "_where=1", "_timelimit=x"),
        *("_filter_column=nonexist&_filter_op=gt&_filter_value=1", "_facet=id", "_shape=nonexist", "_next=,"),
    ],
)
def test_a_clients_mistake_is_told_and_not_logged(
    hardened: Datasette, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong in an address is answered as a mistake, or passed over, in every format; nothing is logged."""
    for kind in ("", ".json"):
        answer = get(hardened, f"/{NAME}/rosters{kind}?{query}")
        assert answer.status_code in {200, 302, 400, 403}, kind
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"/{NAME}/rosters.json?_sort=nonexist", 400),
        (f"/{NAME}/rosters.json?_through={{", 400),
        (f"/{NAME}/rosters.json?id__gt={'9' * 30}", 400),
        (f"/{NAME}/rosters.json?_col=%0AERROR:+forged", 400),
        (f"/{NAME}/assignment_standards/1", 400),
        (f"/{NAME}.csv", 400),
        (f"/{NAME}/rosters.csv?_timelimit=-1", 503),
        (f"/{NAME}/rosters/{'9' * 30}", 404),
    ],
)
def test_mistakes_have_their_status(
    hardened: Datasette, url: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the query, the row or the format is 400, what is not there 404, what takes too long 503."""
    assert get(hardened, url).status_code == status
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed")])
def test_a_failing_disk_is_no_clients_mistake(
    default_build: Path, error: sqlite3.Error, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the address says, a file that cannot be read is 500, and logged."""
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    datasette = make_datasette(default_build, explore=False)

    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasette, "get_canned_query", fail)
    try:
        assert get(datasette, f"/{NAME}/rosters?_size=1").status_code == 500
    finally:
        plugin.close(datasette)
    assert str(error) in capsys.readouterr().err


def test_a_failure_shows_nothing_of_our_insides(
    default_build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong inside is told to the log; the page says only that it did."""
    datasette = make_datasette(default_build, explore=False)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret of /the/machine: SELECT")

    monkeypatch.setattr(datasette, "get_canned_query", fail)
    try:
        answer = get(datasette, f"/{NAME}/rosters")
    finally:
        plugin.close(datasette)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "secret of /the/machine" in capsys.readouterr().err
