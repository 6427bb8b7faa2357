"""The server as a newcomer, a stranger and the holder of the token meet it, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from etl.errors import EtlError
from etl.server import protocol
from etl.server.app import Server
from etl.server.builder import Builder
from etl.server.listen import listen
from etl.server.listen import serve as run_server
from etl.server.seed import Seed
from tests.site.test_export import Links
from tests.support.serving import (
    PATIENCE,
    ROOT,
    TOKEN,
    Serving,
    copy_of,
    in_process,
    point,
    serving,
    small_project,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "teacher-dashboard"
TABLES = f"/browse/{NAME}"
CLIENT = httpx.Timeout(PATIENCE)


@pytest.fixture
def server(default_server: Serving) -> Serving:
    """The server over the default world."""
    return default_server


@pytest.fixture(scope="module")
def client(default_server: Serving) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=default_server.url, timeout=CLIENT) as client:
        yield client


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, small_build: Path) -> Path:
    """A small project of its own, its world built: its pipeline file."""
    pipeline = small_project(tmp_path_factory.mktemp("project"))
    copy_of(small_build, pipeline.parent / "build")
    return pipeline


@pytest.fixture(scope="module")
def seeding(project: Path) -> Iterator[Serving]:
    """The server over the small project, with a token; its ``--out`` is relative, and the rebuild's is the same."""
    out = Path(os.path.relpath(project.parent / "build", ROOT))
    with serving(out, pipeline=project, env={"ETL_SEED_TOKEN": TOKEN}) as server:
        yield server


def raw(port: int, request: bytes) -> bytes:
    """Send bytes and read all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# What a newcomer sees


def test_home_and_the_builds_own_pages(client: httpx.Client, default_build: Path) -> None:
    """``/`` is the front page, the build's own files have their names, with a validator; no other file is served."""
    files = {"": "live.html", "index.html": "live.html"}
    for name in ("", "index.html", "report.html", "manifest.json", "robots.txt"):
        answer = client.get(f"/{name}")
        assert answer.content == (default_build / files.get(name, name)).read_bytes()
        assert client.get(f"/{name}", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    for name in ("endpoints.json", "live.html", f"{NAME}.db", f"{NAME}/rosters"):
        assert client.get(f"/{name}").status_code == 404


def test_every_link_of_the_site_answers(client: httpx.Client) -> None:
    """Each link of the live pages leads to a page: no download that is refused, nothing that is absent."""
    for url in ("/", "/report.html", TABLES, f"{TABLES}/api-rosters-students?id=1", "/nothing"):
        links = {str(httpx.URL(client.base_url).join(url).join(link)) for link in Links(client.get(url).text).found}
        here = sorted(link for link in links if link.startswith(str(client.base_url)))
        here = [link for link in here if "/api-" not in link]  # Datasette ends a query that takes too long: when busy
        assert len(here) > 3, url
        assert [link for link in here if client.get(link, follow_redirects=True).status_code != 200] == [], url


def test_datasette_has_no_home_of_its_own(client: httpx.Client) -> None:
    """A build has one database, so Datasette's home is its page; a query string stays."""
    for url in ("/browse", "/browse/"):
        assert client.get(url).headers["location"] == TABLES
    assert client.get("/browse/?_show_hidden=1").headers["location"] == f"{TABLES}?_show_hidden=1"


def test_every_answer_names_its_build_and_is_safe(client: httpx.Client, default_build: Path) -> None:
    """Build, nosniff and referrer policy stand once on API, pages and Datasette alike; pages stand in no frame."""
    for url in (
        "/api/rosters",
        "/index.html",
        "/",
        f"{TABLES}/rosters",
        f"{TABLES}/rosters/1",
        "/nothing",
        "/api/nothing",
    ):
        answer = client.get(url)
        assert answer.headers.get_list("x-build") == [default_build.name], url
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"], url
        assert answer.headers.get_list("referrer-policy") == ["no-referrer"], url
        if answer.headers["content-type"].startswith("text/html"):
            assert answer.headers.get_list("x-frame-options") == ["DENY"], url
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


def test_own_pages_run_nothing_but_their_style(client: httpx.Client) -> None:
    """The front page's policy names its one style by hash, and allows no script and no other host."""
    answer = client.get("/index.html")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_datasette_pages_load_from_here_only(client: httpx.Client) -> None:
    """Datasette's pages may load from this server alone, and send forms nowhere else."""
    policy = client.get(TABLES).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    "url",
    [
        "/",
        TABLES,
        f"{TABLES}/scores?_ttl=9999",
        f"{TABLES}/tests.json",
        "/nothing",
        f"{TABLES}.db",
    ],
)
def test_nobody_keeps_a_page_over_a_switch(client: httpx.Client, url: str) -> None:
    """Datasette's pages are asked for again each time, whatever the client wishes: none is stale after a switch."""
    assert client.get(url).headers.get_list("cache-control") == ["no-cache"]


@pytest.mark.parametrize("url", [f"{TABLES}/rosters", f"{TABLES}/rosters.json", "/nothing", "/browse/-/static/app.css"])
def test_head_of_a_page_says_its_length(server: Serving, client: httpx.Client, url: str) -> None:
    """HEAD of Datasette's pages has GET's status and length and no body; the connection can be used again."""
    head, get = client.head(url), client.get(url)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert get.headers["content-length"] == str(len(get.content))
    assert abs(int(head.headers["content-length"]) - len(get.content)) < 20  # a page says how long its query took
    two = f"HEAD {url} HTTP/1.1\r\nhost: x\r\n\r\nGET /api/test-groups HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert raw(server.port, two.encode()).endswith(b'[{"id":1,"name":"Progress Monitoring (PM)"}]')


@pytest.mark.parametrize("url", ["/", "/api/rosters", f"{TABLES}/rosters", "/nothing"])
def test_old_http_is_understood(server: Serving, client: httpx.Client, url: str) -> None:
    """HTTP/1.0 gets a whole body of a stated length, not in chunks, and the connection ends."""
    head, _, body = raw(server.port, f"GET {url} HTTP/1.0\r\n\r\n".encode()).partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert b"connection: close" in head.lower()
    whole = client.get(url, headers={"accept-encoding": "identity"}).content
    assert abs(len(body) - len(whole)) < 50  # Datasette's pages name their host, and how long a query took


@pytest.mark.parametrize(
    "url",
    [
        "/nothing",
        f"{TABLES}/nothing",
        f"{TABLES}/rosters/0",
        "/browse/-/nothing",
        "/browse/-/static/x",
        "/%00",
    ],
)
def test_what_is_not_there_has_a_way_home(client: httpx.Client, url: str) -> None:
    """The page for what is not there is the site's, wherever it is asked for, and leads home; programs get JSON."""
    answer = client.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Page not found</h1>" in answer.text
    assert '<a href="/">' in answer.text
    assert client.head(url).headers["content-length"] == str(len(answer.content))
    assert client.get(f"{url}.json").json().get("error")


def test_links_in_headers_have_brackets(client: httpx.Client) -> None:
    """A Link header is one that programs can read, as httpx can: its target is between < and >."""
    answer = client.get(f"{TABLES}/rosters")
    assert answer.headers["link"].startswith("<http")
    assert answer.links["alternate"]["url"].endswith(f"{TABLES}/rosters.json")


# What a stranger may not


@pytest.mark.fault("SQL, facets, downloads and `/-/` asked for by strangers")
@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"{TABLES}?sql=select+1", 403),
        (f"{TABLES}.json?sql=select+1", 403),
        (f"{TABLES}/scores?_facet=level", 400),
        (f"{TABLES}/scores.csv?_stream=1", 400),
        (f"{TABLES}.db", 403),
        ("/browse/-/", 404),
        ("/browse/-/versions", 404),
        ("/browse/-/versions.json", 404),
        ("/browse/-/databases.json", 404),
        ("/browse/-/settings", 404),
        ("/browse/-/plugins", 404),
        ("/browse/-/threads", 404),
        ("/browse/-/metadata.json", 404),
        ("/browse/-/actor.json", 404),
        ("/browse/-/allow-debug", 404),
        ("/browse/-/permissions", 404),
        ("/browse/-/logout", 404),
        ("/browse/-/messages", 404),
        ("/browse/_memory", 404),
        ("/browse/_internal", 403),
        ("/browse/-/static/../app.py", 404),
        ("/api/seed", 404),
    ],
)
def test_strangers_find_it_closed(client: httpx.Client, url: str, status: int) -> None:
    """No SQL, no facets, no CSV stream, no download, nothing below ``/-/`` but static files, no seed."""
    answer = client.get(url)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    assert str(ROOT) not in answer.text


def test_static_files_of_datasette_are_open(client: httpx.Client) -> None:
    """Its pages need their styles and scripts."""
    assert client.get("/browse/-/static/app.css").status_code == 200


def test_any_page_may_read_json(client: httpx.Client) -> None:
    """Pages of other sites may read all JSON, Datasette's and errors too, and preflights for GET are answered."""
    origin = {"origin": "https://example.org"}
    for url in ("/api", "/api/openapi.json", "/manifest.json", f"{TABLES}/tests.json", "/health", "/nothing.json"):
        found = client.get(url, headers=origin)
        assert found.headers["content-type"].startswith("application/json")
        assert found.headers.get_list("access-control-allow-origin") == ["*"], url
        asked = {**origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}
        preflight = client.options(url, headers=asked)
        assert preflight.status_code == 204
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in {*found.headers, *preflight.headers}
    assert "access-control-allow-origin" not in client.get("/").headers


def test_health_names_the_build(client: httpx.Client, default_build: Path) -> None:
    """``/health`` answers while a build is served, and is not cached."""
    found = client.get("/health")
    assert (found.status_code, found.json()) == (200, {"ok": True, "build": default_build.name})
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.fault("methods that would write")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("url", ["/", "/index.html", f"{TABLES}/rosters", "/browse/-/messages"])
def test_the_site_is_read_only(client: httpx.Client, method: str, url: str) -> None:
    """Requests that would change something are refused outside of the API, too."""
    answer = client.request(method, url)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_an_address_has_a_length(client: httpx.Client) -> None:
    """A path or a query without end is refused before anyone reads it."""
    assert client.get("/" + "x" * 10_000).status_code == 414
    assert client.get(f"{TABLES}/rosters?name=" + "x" * 10_000).status_code == 414
    assert client.get(f"{TABLES}/rosters.json?name=" + "x" * 1_000).status_code == 200


def test_without_a_token_there_is_no_seed(client: httpx.Client) -> None:
    """``/api/seed`` is a 404 as any other address that is not there."""
    for method in ("GET", "POST", "DELETE"):
        answer = client.request(method, "/api/seed", headers={"authorization": "Bearer x"})
        assert (answer.status_code, answer.json()) == (404, {"error": "not found"})


def test_ordinary_requests_leave_no_word(server: Serving) -> None:
    """After all of the above the log holds the one line that it began with."""
    assert raw(server.port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(server.port, b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n")
    assert re.fullmatch(r"serving build \w+ at http://127.0.0.1:\d+/ \(Ctrl-C stops\)\n", server.log.read_text())


# Starting, stopping


def test_exploring_opens_what_is_closed(small_build: Path) -> None:
    """``--explore`` allows SQL, facets, CSV, downloads and ``/-/`` to a person at this machine, and to no website."""
    with (
        serving(small_build.parent, "--explore") as server,
        httpx.Client(base_url=server.url, timeout=CLIENT) as client,
    ):
        assert client.get(f"{TABLES}.json?sql=select+1+as+one&_shape=array").json() == [{"one": 1}]
        assert client.get("/browse/-/versions.json").status_code == 200
        assert client.get(f"{TABLES}/scores.json?_facet=level&_size=1").status_code == 200
        assert client.get(f"{TABLES}/tests.csv?_stream=1").text.count("\n") == 7
        download = client.get(f"{TABLES}.db")
        assert download.content == (small_build / f"{NAME}.db").read_bytes()
        for headers in (
            {"host": "evil.example"},
            {"host": f"evil.example:{server.port}"},
            {"sec-fetch-site": "cross-site"},
        ):
            for path in (
                f"{TABLES}.json?sql=select+1",
                f"{TABLES}.db",
                "/",
                "/browse/-/versions.json",
                "/index.html",
            ):
                refused = client.get(path, headers=headers)
                assert refused.status_code == 403
                assert "--explore serves only this machine" in refused.json()["error"]
            assert client.get("/api/rosters", headers=headers).status_code == 200  # which anyone may read
        assert client.get("/", headers={"host": f"localhost:{server.port}"}).status_code == 200
        server.process.send_signal(signal.SIGINT)  # the client's connection is open
        assert server.process.wait(timeout=PATIENCE) == 0
        assert server.log.read_text().count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104 -- that is what is refused
def test_exploring_is_refused_off_loopback(small_build: Path, host: str) -> None:
    """``--explore`` on an address that others can reach is refused before anything is served."""
    with pytest.raises(EtlError) as raised:
        run_server(
            ROOT / "pipeline.yaml",
            small_build.parent,
            host=host,
            port=0,
            world=NAME,
            explore=True,
            open_browser=False,
            say=pytest.fail,
        )
    assert str(raised.value) == f"--explore lets anyone run SQL; it is refused on {host}, use it on 127.0.0.1"


def test_without_a_build_it_says_what_to_run(tmp_path: Path) -> None:
    """No build, an empty folder, a dangling link: an error with the command to run."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling/current").symlink_to("gone")
    for name in ("absent", "empty", "dangling"):
        with pytest.raises(EtlError, match=f"{name}/current: there is no build to serve; make one with: python -m etl"):
            Server(tmp_path / name)


def test_a_damaged_build_is_told(small_build: Path, tmp_path: Path) -> None:
    """A build without its manifest, or with half a file, is an error with the command to run."""
    out = copy_of(small_build, tmp_path / "build")
    for name, content in (("endpoints.json", "[{"), ("endpoints.json", '[{"sql": 1}]'), ("manifest.json", "")):
        (out / small_build.name / name).write_text(content)
        with pytest.raises(EtlError, match=r"it is damaged, or made by another version; .* python -m etl run"):
            Server(out)


def test_a_port_in_use_is_told() -> None:
    """A port that another program has is told with the address, and with one that is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(EtlError) as raised:
        listen("127.0.0.1", port := taken.getsockname()[1])
    says = rf"cannot listen on 127.0.0.1:{port}: Address already in use; port (\d+) is free: --port \1"
    found = re.fullmatch(says, str(raised.value))
    assert found
    listen("127.0.0.1", int(found[1])).close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "x" * 70])
def test_a_host_that_is_none_is_told(host: str) -> None:
    """A name that is no address, or not one of this machine, is told with what to change: not the port."""
    with pytest.raises(EtlError, match=re.escape(f"cannot listen on {host}:3000: ")) as raised:
        listen(host, 3000)
    assert raised.value.message.endswith("; try another --host")


@pytest.mark.fault("a server whose log is gone")
def test_it_outlives_its_log_and_ends_with_a_hangup(small_build: Path, tmp_path: Path) -> None:
    """A server that cannot log responds as before, also about a damaged build or a bad request; SIGHUP stops it."""
    out = copy_of(small_build, tmp_path / "build")
    (out / "0123456789abcdef").mkdir()
    command = [sys.executable, "-m", "etl", "serve", "--out", str(out), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r" at (http\S+) ", process.stderr.readline())
            process.stderr.close()
            assert found
            with httpx.Client(base_url=found[1], timeout=CLIENT) as client:
                point(out, out / "0123456789abcdef")
                assert client.get("/api/test-groups").headers["x-build"] == small_build.name
                assert client.get("/api/rosters/x/students").status_code == 400
            process.send_signal(signal.SIGHUP)
            assert process.wait(timeout=PATIENCE) == 0
        finally:
            process.kill()


@pytest.mark.fault("a damaged build under a running server")
def test_a_build_that_cannot_be_opened_is_not_served(small_build: Path, tmp_path: Path) -> None:
    """A damaged build is logged once a second while the previous one is served; the next good build is served."""
    out = copy_of(small_build, tmp_path / "build")
    damaged, good = out / "0123456789abcdef", out / f"{small_build.name}-2"
    for folder in (damaged, good):
        shutil.copytree(small_build, folder)
    (damaged / "endpoints.json").write_text("[{")
    with serving(out) as server, httpx.Client(base_url=server.url, timeout=CLIENT) as client:
        before, start = server.open_files, time.monotonic()
        for _ in range(100):
            point(out, damaged)
            assert client.get("/api/test-groups").status_code == 200
        assert "Traceback" not in server.log.read_text()
        assert 1 <= server.log.read_text().count("still serving") <= 2 + time.monotonic() - start
        assert server.open_files <= before + 1
        point(out, good)
        database = good / "teacher-dashboard.db"
        assert wait_for(lambda: bool(client.get("/api/test-groups")) and server.has_open(database))
        server.process.terminate()
        assert server.process.wait(timeout=PATIENCE) == 0


# The seed


def get(server: Serving, path: str) -> httpx.Response:
    """Ask for something else."""
    return httpx.get(server.url + path, timeout=CLIENT)


def post(server: Serving, content: bytes = b"", token: str = TOKEN, scheme: str = "Bearer") -> httpx.Response:
    """Ask for a rebuild."""
    headers = {"authorization": f"{scheme} {token}"}
    return httpx.post(f"{server.url}/api/seed", content=content, headers=headers, timeout=CLIENT)


def test_seed_is_for_post_alone(seeding: Serving) -> None:
    """Other methods are 405 with Allow, whether or not they carry the token."""
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = httpx.request(method, f"{seeding.url}/api/seed", timeout=CLIENT)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"


@pytest.mark.fault("a wrong token, or none")
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"])
def test_seed_is_for_the_holder_of_the_token(seeding: Serving, given: str) -> None:
    """Without the token, or with a wrong one, the response is 401 and says how to send it."""
    headers = [(b"authorization", given.encode())] if given else []
    answer = httpx.post(f"{seeding.url}/api/seed", headers=headers, content=b'{"seed": "x"}', timeout=CLIENT)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert TOKEN not in str(answer.headers)


@pytest.mark.fault("an invalid body of /api/seed")
@pytest.mark.parametrize(
    "content",
    [
        *(
            b"x",
            b"[7]",
            b'"7"',
            b"7",
            b"null",
            b'{"sed": 7}',
            b'{"seed": 7, "x": 1}',
            b'{"seed": 1, "seed": 2}',
            b'{"seed": 1, "seed": 1}',
            b'{"seed": {"seed": 1}}',
            b'{"seed": "7"}',
            b'{"seed": -1}',
        ),
        *(
            b'{"seed": 1.5}',
            b'{"seed": true}',
            b'{"seed": null}',
            b'{"seed": 9223372036854775808}',
            b"\xff",
            b"[" * 900,
        ),
    ],
)
def test_a_body_that_says_nothing_useful_is_400(seeding: Serving, content: bytes) -> None:
    """Any body but an empty one, ``{}`` or one seed is refused, and nothing is built."""
    answer = post(seeding, content)
    assert (answer.status_code, answer.json()) == (400, {"error": 'the body must be empty, or like {"seed": 7}'})


def test_a_seed_in_the_address_is_400(seeding: Serving) -> None:
    """A seed that stands where nobody reads it is refused, and nothing is built with another one."""
    answer = httpx.post(f"{seeding.url}/api/seed?seed=7", headers={"authorization": f"Bearer {TOKEN}"}, timeout=CLIENT)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": 'no query parameters here; send {"seed": 7} as the body'},
    )


def test_a_body_has_a_length(seeding: Serving) -> None:
    """A long body is refused, however it is sent; one without end is cut off."""
    assert post(seeding, b" " * 1001).status_code == 413
    assert post(seeding, b" " * 60_000).status_code == 413
    chunks = (b" " * 999 for _ in range(10))
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{seeding.url}/api/seed", content=chunks, headers=headers, timeout=CLIENT).status_code == 413


@pytest.mark.fault("a rebuild over HTTP that fails")
def test_a_broken_pipeline_leaves_the_current_build(seeding: Serving, project: Path) -> None:
    """A rebuild that fails is 500 with the reason, without paths of the machine; the previous build is served."""
    text = project.read_text(encoding="utf-8")
    before, linked = get(seeding, "/api/rosters"), (project.parent / "build/current").readlink()
    try:
        project.write_text(text.replace("schema: sql/schema.sql", "schema: sql/scheme.sql"), encoding="utf-8")
        answer = post(seeding)
    finally:
        project.write_text(text, encoding="utf-8")
    assert answer.status_code == 500
    assert answer.json()["success"] is False
    assert "scheme.sql" in answer.json()["error"]
    assert str(project.parent) not in answer.text
    assert (project.parent / "build/current").readlink() == linked
    after = get(seeding, "/api/rosters")
    assert (after.content, after.headers["x-build"]) == (before.content, before.headers["x-build"])
    assert "pipeline.yaml" in seeding.log.read_text()


@pytest.mark.fault("two rebuilds over HTTP at once")
def test_a_rebuild_is_served_at_once(seeding: Serving, project: Path) -> None:
    """A seed builds its world, without one it is the pipeline's own again; meanwhile another rebuild is 409.

    Its client may disconnect, and it is served anyway.
    """
    first = get(seeding, "/api/rosters")
    answer = post(seeding, b'{"seed": 7}', scheme="bearer")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["success", "elapsed"]
    assert answer.json()["success"] is True
    assert re.fullmatch(r"\d+ms", answer.json()["elapsed"])
    second = get(seeding, "/api/rosters")
    assert second.content != first.content
    assert second.headers["x-build"] == (project.parent / "build/current").readlink().name != first.headers["x-build"]
    during = get(seeding, "/api/rosters").headers["x-build"]
    head = f"POST /api/seed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: 2\r\n\r\n"
    with socket.create_connection(("127.0.0.1", seeding.port)) as connection:
        connection.sendall(head.encode() + b"{}")
        assert get(seeding, "/api/test-groups").status_code == 200  # the server has read what came before
        assert post(seeding, b"{}").status_code == 409
    assert wait_for(lambda: get(seeding, "/api/rosters").headers["x-build"] != during)
    assert get(seeding, "/api/rosters").content == first.content


def test_the_token_is_never_logged(seeding: Serving) -> None:
    """After all of the above the log does not know the token, and holds no traceback."""
    log = seeding.log.read_text()
    assert TOKEN not in log
    assert "Traceback" not in log


def ask(seed: Seed, body: bytes = b"") -> tuple[int, Any]:
    """Ask in process: status and JSON."""
    sent: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401 -- ASGI
        sent.append(message)

    async def receive() -> Any:  # noqa: ANN401 -- ASGI
        return {"type": "http.request", "body": body}

    scope = {"type": "http", "method": "POST", "headers": [(b"authorization", f"Bearer {TOKEN}".encode())]}
    asyncio.run(seed(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def child(code: str) -> Seed:
    """A seed whose command is a program of ours."""
    builder = Builder(Path("pipeline.yaml"), Path("build"), spare=False)
    builder._command = [sys.executable, "-c", code]
    return Seed(builder, TOKEN)


TELL = "import json, os, sys; print(json.dumps({'mistakes': [{'message': %s}]})); sys.exit(1)"


def test_the_child_does_not_get_the_token(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The process that builds sees the environment without the token."""
    monkeypatch.setenv("ETL_SEED_TOKEN", TOKEN)
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    told = "os.environ.get('ETL_SEED_TOKEN', 'no token') + ' ' + os.environ['SOMETHING_ELSE']"
    assert ask(child(TELL % told)) == (500, {"success": False, "error": "no token kept"})
    assert TOKEN not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("/srv/secret/build/x.db: no space left", "x.db: no space left"),
        ("cannot read '/srv/a b/c'; see \\\"/etc/passwd\\\"", "cannot read 'a b/c'; see \"passwd\""),
        ("a share of 3/4, stages.pm1, 1 / 2", "a share of 3/4, stages.pm1, 1 / 2"),
    ],
)
def test_places_of_this_machine_stay_here(told: str, error: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders are taken out of what a client reads of a failure; the log keeps them."""
    assert ask(child(TELL % f'"{told}"')) == (500, {"success": False, "error": error})
    assert capsys.readouterr().err.startswith("a rebuild failed:\n")


@pytest.mark.parametrize(
    "code", ["import sys; print('x'); sys.exit(1)", "import os; os.abort()", "import sys; sys.exit(3)"]
)
def test_a_child_that_dies_is_a_500(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A build that ends without a word, or is killed, is a 500 that sends people to the log."""
    status, answer = ask(child(code))
    assert (status, answer) == (500, {"success": False, "error": "the build failed; see the server's log"})
    assert "a rebuild failed" in capsys.readouterr().err


def test_a_long_rebuild_is_not_cut_off(small_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience that clients are met with is no limit for a rebuild, its body sent apart from its head."""
    monkeypatch.setattr(protocol, "TIMEOUT_SECONDS", 2.0)
    monkeypatch.setattr(protocol, "POLL_SECONDS", 0.05)
    app = Server(small_build.parent, seed=child("import time; time.sleep(2.5)"))
    with in_process(app) as url, socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as connection:
        connection.sendall(f"POST /api/seed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n".encode())
        connection.sendall(b"content-length: 2\r\nconnection: close\r\n\r\n")
        wait_for(lambda: False, 0.1)
        connection.sendall(b"{}")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'{"success":true,"elapsed":"' in answer
