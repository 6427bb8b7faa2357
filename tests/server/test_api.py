"""The API in process: every contract of DESIGN.md, on the whole default world."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest

from etl.errors import EtlError
from etl.server import api as api_module
from etl.server.api import Api, Request
from etl.site import answers
from etl.site.answers import answer
from etl.site.endpoint import Endpoint, restore
from etl.site.parameters import Parameter
from etl.tables.sqlite import open_database
from tests.support.serving import PATIENCE, ROOT, typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "teacher-dashboard.db"
JSON = "application/json; charset=utf-8"


def endpoints_of(build: Path) -> list[Endpoint]:
    """The endpoints of a build."""
    return restore(json.loads((build / "endpoints.json").read_text(encoding="utf-8")))


@contextmanager
def opened(build: Path) -> Iterator[Api]:
    """The API of a build."""
    files = {name: (build / f"api/{name}.json").read_bytes() for name in ("index", "openapi")}
    api = Api(build / DATABASE, endpoints_of(build), build.name, files)
    try:
        yield api
    finally:
        api.close()


@pytest.fixture(scope="module")
def api(default_build: Path) -> Iterator[Api]:
    """The API over the default world."""
    with opened(default_build) as api:
        yield api


def ask(api: Api, url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Ask in process."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://etl") as client:
            return await client.request(method, url, headers={key.replace("_", "-"): headers[key] for key in headers})

    return asyncio.run(request())


def raw(api: Api, path: bytes, method: str = "GET") -> tuple[int, Any]:
    """Ask with a path that no client would send: status and JSON."""
    sent: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
        sent.append(message)

    async def receive() -> Any:  # noqa: ANN401 -- ASGI
        raise AssertionError

    scope = {"type": "http", "method": method, "raw_path": path, "path": "/api", "headers": []}
    asyncio.run(api(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_standards_and_scores_of_a_roster(api: Api, default_build: Path) -> None:
    """Every standard, and every test of each student of a roster, with ids as keys."""
    with closing(open_database(default_build / DATABASE)) as database:
        (students,) = database.execute("SELECT count(*) FROM students WHERE roster_id = 7").fetchone()
    assert len(ask(api, "/api/standards").json()) == 20
    scores = ask(api, "/api/rosters/7/scores").json()
    assert len(scores) == 6 * students
    assert [row["id"] for row in scores] == sorted(row["id"] for row in scores)
    assert list(scores[0]["rcScores"]) == ["1", "2", "3", "4"]
    assert list(scores[0]["stdScores"]) == [str(number) for number in range(1, 21)]


def test_every_url_has_a_json_twin(api: Api, default_build: Path) -> None:
    """Each URL with ``.json`` behind it gives the same bytes and the same tag, and so do all URLs of an endpoint."""
    for endpoint in endpoints_of(default_build):
        in_a_path = [each for route in endpoint.routes for each in route.in_path]
        found = set()
        for route in endpoint.routes:
            url = re.sub(r"\{\w+\}", "1", route.template)
            query = urlencode({each.json_name: 1 for each in route.in_query if each.required or each in in_a_path})
            for each in (ask(api, f"{url}?{query}"), ask(api, f"{url}.json?{query}")):
                assert each.status_code == 200
                found.add((each.headers["etag"], each.content))
        assert len(found) == 1, endpoint.template


def test_every_answer_carries_the_contract(api: Api, default_build: Path) -> None:
    """Type, tag, caching, CORS, build and length stand on each answer."""
    headers = ask(api, "/api/rosters", accept_encoding="identity").headers
    assert headers["content-type"] == JSON
    assert headers["etag"].startswith('"')
    assert headers["cache-control"] == "no-cache"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["access-control-expose-headers"] == "ETag, Link, X-Build, X-Total-Count"
    assert headers["x-build"] == default_build.name
    assert headers["x-content-type-options"] == "nosniff"
    assert int(headers["content-length"]) == len(ask(api, "/api/rosters").content)


def test_head_says_the_length(api: Api) -> None:
    """HEAD is GET without the content, errors too."""
    for url, status in (("/api/rosters", 200), ("/api/rosters/x/students", 400), ("/api/nothing", 404)):
        head, get = ask(api, url, "HEAD"), ask(api, url)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers == get.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_other_methods_are_405_with_allow(api: Api, method: str) -> None:
    """What would change something is refused, and Allow says what is possible."""
    found = ask(api, "/api/rosters", method)
    assert found.status_code == 405
    assert found.headers["allow"] == "GET, HEAD, OPTIONS"
    assert found.json() == {"error": "this API is read-only"}
    assert found.headers["access-control-allow-origin"] == "*"


def test_options_lets_a_browser_in(api: Api) -> None:
    """A preflight is answered 204 with what a page on another host may do."""
    found = ask(api, "/api/rosters", "OPTIONS", origin="https://example.org", access_control_request_method="GET")
    assert (found.status_code, found.content) == (204, b"")
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    allowed = found.headers["access-control-allow-headers"].lower().split(", ")
    usual = {"if-none-match", "content-type", "authorization", "x-requested-with", "cache-control", "traceparent", "*"}
    assert usual <= set(allowed)
    assert "access-control-allow-credentials" not in found.headers
    assert found.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.fault("an invalid id, in the API")
@pytest.mark.parametrize(
    "given", ["x", "0", "-1", "1.5", "01", "%20", "1%20", "1e1", "9" * 16, "9" * 400, "1%00", "%C2%B2"]
)
def test_what_is_no_id_is_400(api: Api, given: str) -> None:
    """A string that cannot be an id is a JSON 400 that names it, shortened."""
    status, error = raw(api, f"/api/rosters/{given}/students".encode())
    assert status == 400
    assert list(error) == ["error"]
    assert error["error"].startswith("not an id: ")
    assert len(error["error"]) < 70


@pytest.mark.parametrize(
    "path",
    [
        "/api//",
        "/api/nothing",
        "/api/rosters/",
        "/api/rosters.json/",
        "/api/rosters.json.json",
        "/api/rosters.jso",
        "/api/.json",
        "/api/Rosters",
        "/api/rosters/1",
        "/api/rosters/251/students",
        "/api/rosters/999999999999999/students",
        "/api/rosters/1/students/",
        "/api/rosters/1/",
        "/api/rosters//students",
        "/api/rosters/1%2Fstudents",
        "/api%2Frosters",
        "/api/rosters%00",
        "/api/%00",
        "/api/\xff",
        "/api/%ff%fe",
        "/api/..",
        "/api/../index.html",
        "/api/%2e%2e/manifest.json",
        "/api/..%2f..%2fetc/passwd",
        "/api/rosters/%2e%2e/students",
        "/api/seed",
        "/api/" + "x" * 10_000,
        "/api/rosters/" + "1" * 10_000 + "/students",
        "/api" + "/x" * 5_000,
        "/api/" + "%41" * 3_000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everything_else_is_a_json_404(api: Api, path: str, method: str) -> None:
    """Whatever is no URL of ours is a JSON 404: nothing is guessed, cut off or walked."""
    status, error = raw(api, path.encode("latin-1"), method)
    if "%2e%2e/students" in path or "//students" in path:
        assert (status, list(error)) == (400, ["error"])  # a text in the place of an id
    else:
        assert (status, error) == (404, {"error": "not found"})


@pytest.mark.parametrize("path", ["/api/%72osters", "/api/rosters%2ejson", "/api/rosters?"])
def test_an_encoded_character_is_the_character(api: Api, path: str) -> None:
    """A URL means the same with its characters encoded."""
    assert raw(api, path.encode())[0] == 200
    assert raw(api, b"/api/rosters/%31/students") == raw(api, b"/api/rosters/1/students")


@pytest.mark.parametrize(
    ("query", "name"),
    [("_limit=1", "_limit"), ("&a%62c", "abc"), ("=x", ""), ("%ff", "\ufffd"), ("x" * 900, "x" * 40)],
)
def test_an_unknown_query_parameter_is_400(api: Api, query: str, name: str) -> None:
    """No query parameter is ignored: the answer would look like one to the question."""
    for url in ("/api/assignments", "/api/rosters/1/students.json", "/api/openapi.json"):
        found = ask(api, f"{url}?{query}")
        assert found.status_code == 400
        assert found.json()["error"].startswith(f"unknown query parameter '{name}'")
        assert found.headers["access-control-allow-origin"] == "*"
    assert ask(api, f"/api/rosters/1/scores?{query}", "HEAD").status_code == 400


LEVELS = Endpoint(
    "sql/api/rosters/[id]/levels.sql",
    ("rosters", "[id]", "levels"),
    "Levels",
    "The students of one roster at a level of a test.",
    "SELECT :test_id AS test, count(*) AS students FROM scores JOIN students ON students.id = student_id "
    "WHERE roster_id = :id AND test_id = :test_id AND (:level IS NULL OR level = :level) "
    "AND (:search IS NULL OR instr(name, :search)) HAVING count(*)",
    {
        "id": Parameter("id", "SELECT id FROM rosters"),
        "test_id": Parameter("test_id", "SELECT id FROM tests"),
        "level": Parameter("level", "SELECT level FROM performance_levels", required=False),
        "search": Parameter("search", required=False),
    },
    typed({"test": "integer", "students": "integer"}),
    is_object=True,
    paths=(("rosters", "[id]", "tests", "[test_id]", "levels"),),
)


@pytest.fixture(scope="module")
def levels(default_build: Path) -> Iterator[Api]:
    """An API of one endpoint with all that a header can say."""
    with closing(Api(default_build / DATABASE, [LEVELS], default_build.name, {})) as api:
        yield api


def test_an_answer_that_takes_too_long_is_503(default_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no bug, and not the client's mistake: the whole list, and a page of it."""
    monkeypatch.setattr(answers, "TIMEOUT_SECONDS", 0)
    sql = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT max(n) AS n FROM n"
    endless = Endpoint("sql/api/endless.sql", ("endless",), "Endless", "No end.", sql, {}, typed({"n": "integer"}))
    with closing(Api(default_build / DATABASE, [endless], default_build.name, {})) as api:
        for url in ("/api/endless", "/api/endless?limit=1"):
            found = ask(api, url)
            assert (found.status_code, found.headers["retry-after"]) == (503, "2")
            assert found.json() == {"error": "the query of this answer takes too long; try again"}


def test_an_object_has_parameters_in_its_path_and_its_query(levels: Api) -> None:
    """A required parameter is in the query or in the path of the other URL; an object without a row is 404."""
    found = ask(levels, "/api/rosters/1/levels?testId=2").json()
    assert found == ask(levels, "/api/rosters/1/tests/2/levels.json").json() == {"test": 2, "students": 34}
    by_level = [ask(levels, f"/api/rosters/1/levels.json?level={level}&testId=2").json() for level in (1, 2, 3, 4)]
    assert sum(each["students"] for each in by_level) == 34
    assert 0 < ask(levels, "/api/rosters/1/tests/2/levels?search=A").json()["students"] < 34
    for url in ("/api/rosters/1/tests/2/levels?search=~", "/api/rosters/1/tests/7/levels", "/api/rosters/251/levels"):
        assert (ask(levels, url).status_code, ask(levels, url).json()) == (404, {"error": "not found"})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "missing query parameter 'testId'; allowed: 1, 2, 3, 4, 5, 6"),
        ("?testId=9", "testId: unknown value '9'; allowed: 1, 2, 3, 4, 5, 6"),
        ("?testId=x", "testId: unknown value 'x'; allowed: 1, 2, 3, 4, 5, 6"),
        ("?testId=1&testId=2", "testId: given twice"),
        ("?testid=1", "unknown query parameter 'testid'; did you mean 'testId'?"),
        ("?testId=1&level=5", "level: unknown value '5'; allowed: 1, 2, 3, 4"),
        ("?testId=1&limit=5", "unknown query parameter 'limit'; known: level, search, testId"),
        ("?testId=1&search=" + "x" * 201, f"search: '{'x' * 40}' is not a text of at most 200 characters without NUL"),
    ],
)
def test_a_wrong_parameter_names_what_is_allowed(levels: Api, query: str, error: str) -> None:
    """A parameter that is missing, unknown, wrong or given twice is 400, with its name and what is allowed."""
    found = ask(levels, f"/api/rosters/1/levels{query}")
    assert (found.status_code, found.json()) == (400, {"error": error})


def test_a_list_is_filtered_sorted_and_paged(api: Api) -> None:
    """The rows with the given values, in the given order, a page of them, their number and the other pages."""
    rows = ask(api, "/api/rosters/1/scores").json()
    found = ask(api, "/api/rosters/1/scores?level=1&sort=-overallScore,id&limit=20&offset=20")
    expected = sorted((row for row in rows if row["level"] == 1), key=lambda row: (-row["overallScore"], row["id"]))
    assert found.json() == expected[20:40]
    assert found.headers["x-total-count"] == str(len(expected))
    assert (
        ask(api, "/api/rosters/1/scores?level=1&sort=-overallScore&sort=id&limit=20&offset=20").json() == found.json()
    )
    links = {link["rel"]: httpx.URL(found.url).join(link["url"]).params["offset"] for link in found.links.values()}
    assert links == {"first": "0", "prev": "0", "next": "40", "last": str((len(expected) - 1) // 20 * 20)}
    assert ask(api, str(found.url.join(found.links["next"]["url"]))).json() == expected[40:60]
    assert ask(api, "/api/rosters/1/scores?id=3").status_code == 400  # the id of the path is the roster's


def test_the_example_in_the_readme_is_a_page_of_a_list(api: Api) -> None:
    """The README's address of a filtered, sorted page is answered."""
    (url,) = re.findall(r"^/api/.*[?].*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    found = ask(api, url)
    assert (found.status_code, found.links["first"]["rel"]) == (200, "first")


def test_filtered_lists_and_searches_are_not_cached(default_build: Path) -> None:
    """Only answers that can be counted are kept, however many different questions come."""
    with opened(default_build) as api:
        for number in range(1, 30):
            assert len(ask(api, f"/api/rosters?limit={number}").json()) == number
        assert not api._cache


def test_the_endpoints_are_listed(api: Api, default_build: Path) -> None:
    """``/api`` lists every URL; it is a file of a static host, too."""
    listed = ask(api, "/api").json()
    assert listed["build"] == default_build.name
    assert [each["url"] for each in listed["endpoints"]] == [
        f"{route.template}.json" for endpoint in endpoints_of(default_build) for route in endpoint.routes
    ]
    content = (default_build / "api/index.json").read_bytes()
    assert {ask(api, url).content for url in ("/api/", "/api/index.json")} == {content}


def test_the_openapi_document_is_served(api: Api, default_build: Path) -> None:
    """``/api/openapi.json`` is the build's own file."""
    found = ask(api, "/api/openapi.json")
    assert found.headers["content-type"] == JSON
    assert found.content == (default_build / "api/openapi.json").read_bytes()


def test_answers_are_made_once(default_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, SQL runs once; later requests are answered from bytes."""
    made: list[str] = []

    def counted(database: Any, endpoint: Endpoint, values: Any) -> bytes:  # noqa: ANN401 -- as the real one
        made.append(endpoint.name)
        return answer(database, endpoint, values)

    monkeypatch.setattr(api_module, "answer", counted)

    async def many(api: Api) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://etl") as client:
            for _ in range(2):
                answers = await asyncio.gather(
                    *(client.get(f"/api/rosters/1/scores{end}") for end in ["", ".json"] * 20)
                )
                assert {each.status_code for each in answers} == {200}

    with opened(default_build) as api:
        asyncio.run(many(api))
    assert made == ["rosters-scores"]


def test_what_is_not_declared_is_no_answer(default_build: Path) -> None:
    """An answer that no build has looked at is held to its types too; the server says of it that it failed."""
    (endpoint,) = (endpoint for endpoint in endpoints_of(default_build) if endpoint.name == "rosters")
    endpoint = replace(endpoint, columns={**endpoint.columns, **typed({"name": "integer"})})
    api = Api(default_build / DATABASE, [endpoint], default_build.name, {})
    with closing(api), pytest.raises(EtlError, match=r"^/api/rosters: columns\.name: '.*' where integer is declared"):
        ask(api, "/api/rosters")


def test_the_cache_is_bounded(default_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept bytes stay under the limit; what nobody asks for goes first; ids that do not exist keep nothing."""
    monkeypatch.setattr(api_module, "CACHE_BYTES", 100_000)
    with opened(default_build) as api:
        for number in range(1, 60):
            assert ask(api, f"/api/rosters/{number}/students").status_code == 200
            assert ask(api, "/api/test-groups").status_code == 200
            assert api._size == sum(body.size for body in api._cache.values()) <= 100_000
        assert Request(("test-groups",), ()) in api._cache
        assert Request(("rosters", "59", "students"), ()) in api._cache
        assert Request(("rosters", "1", "students"), ()) not in api._cache
        before = len(api._cache)
        for number in range(1000, 1050):
            assert ask(api, f"/api/rosters/{number}/students").status_code == 404
        assert len(api._cache) == before


def test_only_short_queries_are_remembered() -> None:
    """A URL is read once, but long queries, whose parts take much memory, are read each time."""
    api_module._read.cache_clear()
    for query, remembered in ((b"page=2", 1), (b"page=2", 1), (b"&".join(b"%d=" % each for each in range(90)), 1)):
        asked = api_module._request({"path": "/api/rosters/1", "query_string": query})
        assert asked.segments == ("rosters", "1")
        assert len(asked.query) == query.count(b"=")
        assert api_module._read.cache_info().currsize == remembered


def test_a_larger_answer_than_the_cache_is_served(default_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer larger than the whole cache is still an answer."""
    monkeypatch.setattr(api_module, "CACHE_BYTES", 10)
    with opened(default_build) as api:
        for _ in range(2):
            assert len(ask(api, "/api/rosters").json()) == 250
            assert len(ask(api, "/api/standards").json()) == 20


def test_datasette_is_imported_on_first_use() -> None:
    """Neither the API nor a build, nor the server before it starts, pays the second that Datasette's import takes."""
    code = "import sys, etl.server.listen, etl.site.export; sys.exit('datasette' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0


def test_datasette_does_not_import_dask(small_build: Path) -> None:
    """The first page of Datasette's does not import Dask and SciPy, though its units of measurement could use them."""
    code = f"""
import sys
from pathlib import Path
from etl.server.address import Address
from etl.server.open_build import OpenBuild
OpenBuild(Path({str(small_build)!r}), address=Address(), explore=False)._make_browser()
sys.exit(not {{"dask", "scipy"}}.isdisjoint(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE, check=False).returncode == 0
