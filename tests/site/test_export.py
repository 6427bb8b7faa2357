"""The static export: the same bytes as the live answers, on any host that serves files."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.validate import validate
from etl.site import export as export_files
from etl.site.answers import combinations, lists_of, parameter_lists
from etl.site.endpoint import Endpoint, restore
from etl.site.export import _Answers, export
from etl.site.parameters import Parameter
from etl.site.read_endpoints import read_endpoints
from etl.tables.files import Writer
from etl.tables.sqlite import open_database
from tests.support.running import PATIENCE, ROOT
from tests.support.serving import typed
from tests.support.small import TWELVE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.serving import Serving

DATABASE = "teacher-dashboard.db"
PAGES = ("index.html", "404.html", "robots.txt", "manifest.json", "api/openapi.json")


def every_file(build: Path) -> list[str]:
    """The files of the API that a build must have, worked out from its database."""
    endpoints = restore(json.loads((build / "endpoints.json").read_text(encoding="utf-8")))
    with closing(open_database(build / DATABASE)) as database:
        found = [
            [
                route.path(values)
                for values in combinations(parameter_lists(endpoint, lists_of(database), route.in_path))
            ]
            for endpoint in endpoints
            for route in endpoint.routes
            if route.is_static
        ]
    return [file for files in found if len(files) <= 1000 for file in files]  # site.static_limit


@contextlib.contextmanager
def static_host(folder: Path) -> Iterator[str]:
    """Python's own file server over a folder: its URL."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"port (\d+)", process.stdout.readline())
            assert found
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()


class Links(HTMLParser):
    """The addresses that a page points at."""

    def __init__(self, html: str) -> None:
        """Read the page."""
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag points at."""
        del tag
        self.found += [value for name, value in attrs if name in {"href", "src"} and value]


def test_every_static_file_is_the_live_answer(default_build: Path, default_server: Serving) -> None:
    """Over the whole default world each file is, byte for byte, the live answer."""
    files = every_file(default_build)
    assert len(files) == 9 + 1 + 250 + 250 + 4 * 8
    with httpx.Client(base_url=default_server.url, timeout=PATIENCE) as client:
        for file in files:
            assert client.get(f"/{file}").content == (default_build / file).read_bytes(), file


def test_there_is_no_other_file(default_build: Path) -> None:
    """Every file of the API belongs to an endpoint and a value, besides the OpenAPI document."""
    there = {path.relative_to(default_build).as_posix() for path in (default_build / "api").rglob("*.*")}
    assert there == {*every_file(default_build), "api/index.json", "api/openapi.json"}


def test_any_static_host_will_do(default_build: Path) -> None:
    """Python's file server answers pages and ``.json`` URLs with their types."""
    kinds = {".json": "application/json", ".html": "text/html", ".txt": "text/plain"}
    with static_host(default_build.parent / "current") as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        for file in [*every_file(default_build)[::20], *PAGES, ""]:
            answer = client.get(f"/{file}")
            assert answer.status_code == 200, file
            assert answer.headers["content-type"] == kinds[Path(file or "index.html").suffix]
            assert answer.content == (default_build / (file or "index.html")).read_bytes()
        assert client.get("/api/rosters/251/students.json").status_code == 404


def test_the_front_page_points_at_what_is_there(default_build: Path) -> None:
    """Every link of the pages is relative and leads to a file of the build or a part of it, but for the licence."""
    content = json.loads((default_build / "manifest.json").read_text(encoding="utf-8"))
    for page in ("index.html", "report.html"):
        html = (default_build / page).read_text(encoding="utf-8")
        links = [link for link in Links(html).found if not link.startswith(("https://creativecommons.org/", "data:,"))]
        for file, _, part in (link.partition("#") for link in links):
            target = (default_build / (file or page)).read_text(encoding="utf-8") if part else ""
            assert (default_build / (file or page)).is_file()
            assert not part or f'id="{part}"' in target
        assert "index.html" in links
    links = Links((default_build / "index.html").read_text(encoding="utf-8")).found
    assert {"manifest.json", "api/openapi.json", "api/rosters.json", "report.html", DATABASE} <= set(links)
    live = Links((default_build / "live.html").read_text(encoding="utf-8")).found
    assert DATABASE not in live
    assert {"browse/teacher-dashboard", "browse/teacher-dashboard/rosters", "api/rosters/1/students.json"} <= set(live)
    assert Links((default_build / "404.html").read_text(encoding="utf-8")).found == ["data:,"]
    assert (default_build / "live.html").read_text(encoding="utf-8").count('<figure class="picture">') == 1
    for page in ("index.html", "404.html"):
        assert content["notice"] in (default_build / page).read_text(encoding="utf-8")


def test_a_static_host_finds_its_helpers(default_build: Path) -> None:
    """GitHub Pages serves the files as they are, and robots are welcome."""
    assert (default_build / ".nojekyll").read_bytes() == b""
    assert (default_build / "robots.txt").read_text() == "User-agent: *\nAllow: /\n"


def expected(message: str) -> None:
    """Allow no message but that there are too many answers for files."""
    assert "live only" in message


def exported(
    small_build: Path,
    folder: Path,
    *changes: str,
    endpoints: list[Endpoint] | None = None,
    say: Callable[[str], None] = expected,
) -> Path:
    """Export a small world's database again, somewhere else."""
    folder.mkdir()
    shutil.copyfile(small_build / DATABASE, folder / DATABASE)
    pipeline = validate(load(ROOT / "pipeline.yaml", changes=(*TWELVE, *changes)))
    found = endpoints or read_endpoints(ROOT / "sql/api", "sql/api", pipeline.schema)
    with Writer(folder) as files:
        files.register(DATABASE)
        export(pipeline, found, files, build="x", rows=dict.fromkeys(pipeline.schema.tables, 1), say=say)
        files.finish()
    return folder


def test_too_many_answers_are_served_live_only(small_build: Path, tmp_path: Path) -> None:
    """An endpoint with more answers than ``site.static_limit`` writes none, and the front page and the log say so."""
    said: list[str] = []
    folder = exported(small_build, tmp_path / "few", "site.static_limit=10", say=said.append)
    checked = "live only; checked 12 of 12 answers"
    assert {f"sql/api/rosters/[id]/{name}.sql: {checked}" for name in ("scores", "students")} < set(said)
    assert not (folder / "api/rosters").exists()  # twelve of them
    assert len(list((folder / "api/assignments").rglob("*.json"))) == 4 * 8
    front = (folder / "index.html").read_text(encoding="utf-8")
    assert "<code>/api/rosters/{id}/students</code> <small>only on the live server</small>" in front
    assert '<a href="api/assignments/1/students.json">' in front
    assert '<a href="api/rosters/1/students.json">' in (folder / "live.html").read_text(encoding="utf-8")
    assert "/api/rosters/{id}/students.json" in json.loads((folder / "api/openapi.json").read_bytes())["paths"]


def by_name(*values: Any) -> tuple[sqlite3.Connection, Endpoint]:  # noqa: ANN401 -- what a query may list
    """A database, and an endpoint whose parameter has the given values."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (name)")
    database.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    sql = "SELECT name FROM t WHERE name = :name"
    return database, Endpoint(
        "sql/api/x/[name].sql",
        ("x", "[name]"),
        "X",
        "Of x.",
        sql,
        {"name": Parameter("name", "SELECT name FROM t")},
        typed({"name": "text"}),
    )


def test_an_object_is_a_file_where_its_parameters_are_in_the_path(tmp_path: Path) -> None:
    """A URL that needs a query string is no file; an object without a row has none; more than one row is an error."""
    database, endpoint = by_name("a", "b")
    endpoint = replace(endpoint, segments=("x",), paths=(("names", "[name]"),), is_object=True)
    endpoint = replace(endpoint, sql="SELECT name FROM t WHERE name = :name AND name <> 'b'")
    said: list[str] = []
    with closing(database), Writer(tmp_path) as files:
        answers = _Answers(database, files, 2, said.append)
        answers.write(endpoint)
        assert answers.links == {"/api/x": "api/x.json?name=a", "/api/names/{name}": "api/names/a.json"}
        assert (answers.written, answers.live, said) == ({"/api/names/{name}"}, {}, [])
        few = _Answers(database, files, 1, said.append)
        few.write(endpoint)
        assert few.live == {"/api/x": {"answers": 2, "checked": 2}}
        with pytest.raises(EtlError, match=r"2 rows where one object is declared, in /api/x\.json\?name=a$"):
            few.write(replace(endpoint, sql="SELECT name FROM t WHERE :name IS NOT NULL"))
        files.finish()
    assert (tmp_path / "api/names/a.json").read_bytes() == b'{"name":"a"}'
    assert not (tmp_path / "api/names/b.json").exists()


def test_live_answers_are_checked_up_to_a_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more rows than a build checks, the log and the manifest say how many answers were checked."""
    monkeypatch.setattr(export_files, "CHECKED_ROWS", 2)
    said: list[str] = []
    database, endpoint = by_name("a", "b", "c")
    with closing(database), Writer(tmp_path) as files:
        answers = _Answers(database, files, 1, said.append)
        answers.write(endpoint)
    assert answers.links == {"/api/x/{name}": "api/x/a.json"}
    assert answers.live == {"/api/x/{name}": {"answers": 3, "checked": 2}}
    assert said == ["sql/api/x/[name].sql: live only; checked 2 of 3 answers; check --full checks the others"]


@pytest.mark.parametrize("value", ["O'Brien", "é", "日本", "a b", "50%", "a#b", "a&b=c", "x.json", "-", "~"])
def test_a_text_can_be_a_file(tmp_path: Path, value: str) -> None:
    """A text that can be a file's name is one, and its URL, encoded, finds it on a static host."""
    database, endpoint = by_name(value)
    with closing(database), Writer(tmp_path) as files:
        answers = _Answers(database, files, 10, print)
        answers.write(endpoint)
        files.finish()
    expected = json.dumps([{"name": value}], ensure_ascii=False, separators=(",", ":")).encode()
    with static_host(tmp_path) as url:
        assert httpx.get(f"{url}/{answers.links['/api/x/{name}']}", timeout=PATIENCE).content == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "../../x",
        "a\\b",
        "\x00",
        "a\nb",
        "x" * 51,
        "C:",
        "what?",
        0,
        -1,
        10**15,
        1.5,
        None,
    ],
)
def test_what_can_be_no_file_is_refused(tmp_path: Path, value: Any) -> None:  # noqa: ANN401 -- as above
    """A value that can be no file's name, or no id, ends the build with the endpoint's file in the message."""
    database, endpoint = by_name("good", value)
    with (
        closing(database),
        Writer(tmp_path) as files,
        pytest.raises(EtlError, match=r"^sql/api/x/\[name\]\.sql: the name .* choose another parameter"),
    ):
        _Answers(database, files, 10, print).write(endpoint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("values", [("a", "A"), ("é", "e\u0301"), ("straße", "STRASSE")])
def test_two_values_of_one_file_are_refused(tmp_path: Path, values: tuple[str, str]) -> None:
    """Values that some file system takes for the same name are refused: one would overwrite the other."""
    database, endpoint = by_name(*values)
    with closing(database), Writer(tmp_path) as files, pytest.raises(EtlError, match="would be written twice"):
        _Answers(database, files, 10, print).write(endpoint)


def test_an_answer_that_is_not_what_is_declared_ends_the_build(small_build: Path, tmp_path: Path) -> None:
    """The first answer of another type, or with null, is told with its address, whether or not it would be written."""
    path = ROOT / "sql/api/rosters/[id]/scores.sql"
    schema = validate(load(ROOT / "pipeline.yaml")).schema
    text = path.read_text(encoding="utf-8").replace(
        "SELECT scores.id,", "SELECT nullif(scores.id, (SELECT max(id) FROM scores)) AS id,"
    )
    (tmp_path / "api/r").mkdir(parents=True)
    (tmp_path / "api/r/[id].sql").write_text(text, encoding="utf-8")
    endpoints = read_endpoints(tmp_path / "api", "sql/api", schema)
    for change in ("site.static_limit=12", "site.static_limit=11"):
        expected = r"^sql/api/r/\[id\]\.sql:6:10: columns\.id: null where integer is declared; .*, in /api/r/12\.json$"
        with pytest.raises(EtlError, match=expected):
            exported(small_build, tmp_path / change, change, endpoints=endpoints, say=lambda _: None)


def test_an_endpoint_that_fails_is_told_by_its_file(small_build: Path, tmp_path: Path) -> None:
    """What SQLite finds wrong only with rows at hand is told with the endpoint's file, not as a bug of ours."""
    good = Endpoint(
        "sql/api/x.sql", ("x",), "X", "Of x.", "SELECT json(name) AS name FROM rosters", {}, typed({"name": "text"})
    )
    with pytest.raises(EtlError, match=r"^sql/api/x\.sql: SQLite says: malformed JSON$"):
        exported(small_build, tmp_path / "broken", endpoints=[good])
    with pytest.raises(EtlError, match=r"^sql/api/x\.sql: columns\.name: b'.* where text is declared"):
        exported(small_build, tmp_path / "blob", endpoints=[replace(good, sql="SELECT zeroblob(9) AS name")])
