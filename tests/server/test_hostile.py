"""Hostile clients: each costs a bounded time and memory, learns nothing, and its neighbour is served meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from etl.server import protocol
from etl.server.app import Server
from tests.support.serving import PATIENCE, Serving, in_process, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Record = Callable[[str, object], None]  # pytest's record_property

NAME = "teacher-dashboard"
ENDLESS = "with recursive n(n) as (select 1 union all select n+1 from n) select max(n) from n".replace(" ", "%20")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def server(default_build: Path) -> Iterator[Serving]:
    """The server over the default world, warm.

    After all that is tried on it here, it runs, and its log has only its first line: refusals are no news.
    """
    with serving(default_build.parent) as server:
        for url in ("/", f"/browse/{NAME}/scores", "/api/rosters", f"/browse/{NAME}/scores.json"):
            httpx.get(server.url + url, timeout=PATIENCE)
        yield server
        assert server.process.poll() is None
        assert server.log.read_text().count("\n") == 1, server.log.read_text()


@contextlib.contextmanager
def neighbour(server: Serving) -> Iterator[None]:
    """During the block another client asks for rosters; each answer is right and comes soon. Memory hardly grows.

    Soon is in seconds of the server's CPU time, which do not depend on what else the machine does.
    """
    memory, cpu, stop, slowest, count = server.memory, server.cpu, threading.Event(), 0.0, 0
    failures: list[str] = []

    def ask() -> None:
        nonlocal slowest, count
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
            while not stop.is_set():
                start = server.cpu
                try:
                    connection.request("GET", "/api/rosters")
                    answer = connection.getresponse()
                    if answer.status != 200 or not answer.read().startswith(b'[{"id":'):
                        failures.append(f"status {answer.status}")
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                    return
                slowest, count = max(slowest, server.cpu - start), count + 1
                stop.wait(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert count > 0
    assert slowest < 3
    assert server.cpu - cpu < 15
    assert server.memory - memory < 60 * MEGABYTE


def raw(server: Serving, request: bytes) -> bytes:
    """Send bytes, and read what comes back until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have heard enough
            connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def get(server: Serving, path: str | bytes, *headers: bytes) -> tuple[int, bytes]:
    """Ask with a path that no client would send: status and body; 0 when the connection was ended without a word."""
    target = path.encode() if isinstance(path, str) else path
    lines = [b"GET " + target + b" HTTP/1.1", b"host: x", b"connection: close", *headers, b"", b""]
    head, _, body = raw(server, b"\r\n".join(lines)).partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, body


@pytest.mark.fault("endless SQL, huge blobs, facets, CSV streams and downloads over HTTP")
@pytest.mark.parametrize(
    "query",
    [
        f"{NAME}.json?sql={ENDLESS}",
        f"{NAME}?sql={ENDLESS}",
        f"{NAME}.csv?sql={ENDLESS}",
        f"{NAME}.json?sql=select+hex(zeroblob(100000000))",
        f"{NAME}.json?sql=select+randomblob(1000000000)",
        f"{NAME}/scores.json?_where=1+in+(select+hex(zeroblob(100000000)))",
        f"{NAME}/scores?_facet=student_id&_facet=overall_score&_facet=std_scores",
        f"{NAME}/scores.json?_facet_array=rc_scores&_facet_date=std_scores",
        f"{NAME}/scores.csv?_stream=1",
        f"{NAME}/scores.csv?_stream=on&_size=max",
        f"{NAME}/scores.json?_size=1000000",
        f"{NAME}.db",
    ],
)
def test_strangers_cannot_make_it_work(server: Serving, query: str, record_property: Record) -> None:
    """Recursion, huge blobs, facets and streams are refused, each at once, however often they are asked for."""
    record_property("tried", 3)
    with neighbour(server), httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for _ in range(3):
            assert client.get(f"/browse/{query}").status_code in {400, 403}


@pytest.mark.fault("costly filters and sorts over HTTP")
@pytest.mark.parametrize(
    "query",
    [
        f"{NAME}/scores.json?std_scores__contains=5&_sort_desc=std_scores&_size=100",
        f"{NAME}/scores.json?std_scores__like={'%255' * 40}x",
        f"{NAME}/scores.json?std_scores__glob={'*5' * 40}x",
        f"{NAME}/scores.json?{'&'.join(f'std_scores__contains={n}' for n in range(100))}",
        f"{NAME}/students.json?_labels=on&_size=100",
    ],
)
def test_costly_filters_are_bounded(server: Serving, query: str, record_property: Record) -> None:
    """A filter or sort ends at Datasette's time limit; no other client waits for it."""
    record_property("tried", 1)
    with neighbour(server):
        assert httpx.get(f"{server.url}/browse/{query}", timeout=PATIENCE).status_code in {200, 503}


TRAVERSAL = [
    "/../../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/browse/-/static/../../app.py",
    "/browse/-/static/%2e%2e/%2e%2e/app.py",
    "/browse/-/static/..%2fapp.py",
    "/browse/-/static/..%5capp.py",
    "/browse/-/static/%252e%252e/app.py",
    "/browse/-/static//etc/passwd",
    "/browse/-/static/%2fetc/passwd",
    "//etc/passwd",
    "/./index.html/../../endpoints.json",
    "/api/../endpoints.json",
    "/api/%2e%2e/settings.json",
    "/api/rosters/..%2f..%2f..%2fsettings/students.json",
    "/teacher-dashboard.db/../settings.json",
    "/inspect-data.json",
    "/metadata.json",
    "/settings.json",
    "/endpoints.json",
    "/.nojekyll",
    "/current/manifest.json",
    "file:///etc/passwd",
    "http://example.org/../../etc/passwd",
]


@pytest.mark.fault("a path that would lead out of the build")
@pytest.mark.parametrize("path", TRAVERSAL)
def test_no_path_leads_outside(server: Serving, path: str) -> None:
    """However a path is written, only published files are read."""
    status, body = get(server, path)
    assert status in {302, 400, 403, 404}
    assert b"root:" not in body
    assert b"import " not in body
    assert b'"allow_facet"' not in body


@pytest.mark.fault("NUL, control and undecodable bytes in a URL")
@pytest.mark.parametrize(
    "path",
    [
        b"/api/rosters%00",
        b"/api/rosters/1%00/students",
        b"/api/rosters\x00",
        b"/teacher-dashboard/rosters%00.json",
        b"/teacher-dashboard/rosters/1%00",
        b"/browse/-/static/app.css%00",
        b"/%00",
        b"/index.html%00",
        b"/\xff\xfe",
        b"/teacher-dashboard/\xc3\xa9",
        b"/teacher-dashboard/rosters/%ff",
        b"/%0d%0ax-evil:%201",
        b"/teacher-dashboard/rosters?name=%00",
    ],
)
def test_null_bytes_and_odd_ones_are_no_names(server: Serving, path: bytes) -> None:
    """NUL, raw or encoded, undecodable bytes and line ends are refused; nothing is cut off at them."""
    status, body = get(server, path)
    assert status in {302, 400, 404} or b"?" in path
    assert b"Traceback" not in body
    assert b"x-evil: 1\r\n" not in body


@pytest.mark.fault("a path of up to a megabyte")
@pytest.mark.parametrize("length", [10_000, 100_000, 1_000_000])
def test_long_paths_are_refused(server: Serving, length: int, record_property: Record) -> None:
    """A path of 10 kB is 414; a path over the limit of a request closes the connection."""
    record_property("tried", 20)
    with neighbour(server):
        for prefix in ("/", "/api/", "/api/rosters/", f"/browse/{NAME}/", "/x?"):
            for _ in range(4):
                assert get(server, prefix + "x" * length)[0] in ({414} if length < 60_000 else {400, 431, 0})


@pytest.mark.fault("headers of up to three megabytes, up to five thousand of them")
@pytest.mark.parametrize(("count", "length"), [(1, 10_000), (100, 100), (1, 100_000), (5_000, 100), (1, 3_000_000)])
def test_headers_are_bounded(server: Serving, count: int, length: int, record_property: Record) -> None:
    """A header of 10 kB is accepted; headers over the limit close the connection."""
    record_property("tried", 4)
    with neighbour(server):
        for _ in range(4):
            status = get(server, "/api/test-groups", *(b"x-%d: %s" % (n, b"y" * length) for n in range(count)))[0]
            assert status == 200 if count * length < 60_000 else status in {400, 431, 0}


@pytest.mark.fault("an invalid id, or a huge one")
@pytest.mark.parametrize(
    "number", ["9" * 15, "9" * 16, "9" * 19, "9" * 20, "9" * 400, "-" + "9" * 30, "1e308", "0x1", "NaN"]
)
def test_huge_ids_are_no_ids(server: Serving, number: str) -> None:
    """An invalid id, or one larger than any, is 404 or 400, in the API and on Datasette's pages."""
    assert get(server, f"/api/rosters/{number}/students")[0] == (404 if number == "9" * 15 else 400)
    assert get(server, f"/browse/{NAME}/rosters/{number}")[0] in {404, 400}
    assert get(server, f"/browse/{NAME}/rosters.json?id={number}")[0] in {200, 400}
    assert get(server, f"/browse/{NAME}/api-rosters-students.json?id={number}")[0] in {200, 400}


@pytest.mark.fault("invalid and smuggled HTTP requests")
@pytest.mark.parametrize(
    "request_",
    [
        b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: \x00\r\n\r\n",
        b"POST /api/rosters HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/rosters HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/rosters HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(server: Serving, request_: bytes) -> None:
    """Bytes that are not HTTP get an error or no response, and the connection is closed."""
    with neighbour(server):
        answer = raw(server, request_)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in answer[:20]


@pytest.mark.fault("a thousand connections at once")
def test_a_thousand_connections(server: Serving) -> None:
    """A thousand idle clients do not delay another one; then each of them gets its response."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with contextlib.ExitStack() as stack, neighbour(server):
            address = ("127.0.0.1", server.port)
            clients = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(1000)]
            assert wait_for(lambda: server.open_files > 1000)
            for client in clients:
                client.sendall(b"GET /api/test-groups HTTP/1.1\r\nhost: x\r\n\r\n")
            for client in clients:
                assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert wait_for(lambda: server.open_files < 100)


@pytest.mark.fault("a hundred thousand requests whose responses nobody reads")
def test_many_requests_at_once_that_nobody_reads(server: Serving) -> None:
    """Thousands of pipelined requests with unread responses do not fill memory."""
    request = b"GET /api/rosters/1/scores HTTP/1.1\r\nhost: x\r\n\r\n"
    with neighbour(server), contextlib.ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=1))
            with contextlib.suppress(TimeoutError):
                client.sendall(request * 20_000)


# Slow clients, met with less patience than usual so that the test need not wait


@pytest.fixture
def impatient(small_build: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server in this process that waits half a second: host and port."""
    monkeypatch.setattr(protocol, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(protocol, "POLL_SECONDS", 0.05)
    with in_process(Server(small_build.parent)) as url:
        yield "127.0.0.1", httpx.URL(url).port or 0


def ends(client: socket.socket, piece: bytes) -> bool:
    """Send a piece every 0.1 s until the connection ends: whether it did."""
    start = time.monotonic()
    client.settimeout(0.1)
    while time.monotonic() - start < PATIENCE:
        try:
            if piece:
                client.sendall(piece)
            if client.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.fault("a request that trickles in (slowloris)")
@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"G", b""),
        (b"GET / HTTP/1.1\r\nhost: x\r\n", b"x: y\r\n"),
        (b"GET / HTTP/1.1\r\nx: ", b"y"),
        (b"POST /api/rosters HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n", b"y"),
        (b"POST /api/rosters HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\ny\r\n"),
        (b"GET /api/test-groups HTTP/1.1\r\nhost: x\r\n\r\nGET / HT", b""),
    ],
)
def test_who_dawdles_is_cut_off(impatient: tuple[str, int], begin: bytes, piece: bytes) -> None:
    """A request whose head or body trickles in, or never comes, times out."""
    start = time.monotonic()  # before the server's own clock starts
    with socket.create_connection(impatient) as client:
        client.sendall(begin)
        assert ends(client, piece)
        assert time.monotonic() - start > 0.5


@pytest.mark.fault("a client that reads nothing")
def test_who_does_not_read_is_cut_off(impatient: tuple[str, int]) -> None:
    """A client that does not read is disconnected, and nothing is kept for it."""
    request = b"GET /api/rosters/1/scores HTTP/1.1\r\nhost: x\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(impatient)
        client.sendall(request * 1000)
        client.settimeout(PATIENCE)
        own, taken = client.getsockname(), len(client.recv(1))  # the server has it, and answers
        assert wait_for(lambda: own not in {each.raddr for each in psutil.Process().net_connections("tcp")})
        with contextlib.suppress(ConnectionResetError):
            while piece := client.recv(1 << 20):
                taken += len(piece)
        answer = len(httpx.get(f"http://{impatient[0]}:{impatient[1]}/api/rosters/1/scores", timeout=PATIENCE).content)
        assert taken < 900 * answer


def test_who_reads_slowly_gets_it_all(impatient: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes its time, but takes, is served to the end, however long that lasts."""
    monkeypatch.setattr(protocol, "TIMEOUT_SECONDS", 2.0)  # no busy machine holds this client up for so long
    request = b"GET /api/rosters/1/scores HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /api/test-groups HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(impatient)
        client.settimeout(PATIENCE)
        client.sendall(request * 100 + last)
        answer = b""
        start = time.monotonic()
        while piece := client.recv(1 << 19):
            answer += piece
            time.sleep(0.1 if time.monotonic() - start < 2.5 else 0)
        assert answer.count(b"HTTP/1.1 200 OK") == 101
        assert time.monotonic() - start > 2


def test_an_idle_connection_may_wait(impatient: tuple[str, int]) -> None:
    """Between two requests a client may take longer than over one."""
    with contextlib.closing(http.client.HTTPConnection(*impatient, timeout=PATIENCE)) as client:
        for _ in range(2):
            client.request("GET", "/api/test-groups")
            assert client.getresponse().read().startswith(b"[")
            time.sleep(1)
