"""HTTP: entity tags, 304, gzip and HEAD as in RFC 9110; loopback hosts and local requests."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from etl.server.http import JSON, Body, accepts_gzip, is_local_request, is_loopback, respond_json

if TYPE_CHECKING:
    from etl.server.http import Message

LONG = Body(b"[" + b"1234567890," * 200 + b"0]", JSON, [(b"x-build", b"b1")])
SHORT = Body(b"[]", JSON)


def ask(body: Body, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content that a body answers with; a header with line ends comes on several lines."""
    lines = [(name.replace("_", "-"), line) for name, value in headers.items() for line in value.split("\n")]
    scope: dict[str, Any] = {
        "method": method,
        "headers": [(name.encode(), line.encode()) for name, line in lines],
    }
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(body.respond(scope, send))
    start, end = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"]


def test_a_body_says_all_about_itself() -> None:
    """Type, length, validator, caching, and what each answer carries for safety."""
    status, headers, content = ask(LONG)
    assert (status, content) == (200, LONG.content)
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["content-length"] == str(len(LONG.content))
    assert headers["cache-control"] == "no-cache"
    assert headers["vary"] == "Accept-Encoding"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-build"] == "b1"


def test_the_tag_is_strong_and_of_the_content() -> None:
    """Equal content has an equal tag, other content another one, and the gzip form its own; none is weak."""
    plain, zipped = ask(LONG)[1]["etag"], ask(LONG, accept_encoding="gzip")[1]["etag"]
    assert plain == ask(Body(LONG.content, JSON))[1]["etag"]
    assert len({plain, zipped, ask(SHORT)[1]["etag"]}) == 3
    assert all(tag.startswith('"') and tag.endswith('"') for tag in (plain, zipped))


@pytest.mark.parametrize(
    "form", ["{}", "W/{}", '"other", {}', '{} , "other"', "*", ' "other",W/{}', '{}\n"other"', '"other"\n{}']
)
@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_known_tag_is_answered_304(form: str, coding: str, method: str) -> None:
    """A tag that the client names alone, weakly, in a list or by a star: 304, no body, the same tag."""
    etag = ask(LONG, accept_encoding=coding)[1]["etag"]
    status, headers, content = ask(LONG, method, accept_encoding=coding, if_none_match=form.format(etag))
    assert (status, content) == (304, b"")
    assert headers["etag"] == etag
    assert headers["vary"] == "Accept-Encoding"
    assert "content-length" not in headers
    assert "content-encoding" not in headers


@pytest.mark.parametrize("tags", ['"other"', "", "nonsense", '""', "W/"])
def test_another_tag_is_answered_200(tags: str) -> None:
    """A tag of something else does not keep the content back."""
    assert ask(LONG, if_none_match=tags)[0] == 200


def test_the_tag_of_one_form_is_not_the_other_ones() -> None:
    """Who holds the gzip form and now asks for the plain one gets it, and the other way about."""
    plain, zipped = ask(LONG)[1]["etag"], ask(LONG, accept_encoding="gzip")[1]["etag"]
    assert ask(LONG, if_none_match=zipped)[0] == 200
    assert ask(LONG, if_none_match=plain, accept_encoding="gzip")[0] == 200


def test_gzip_is_the_content() -> None:
    """The gzip form unpacks to the content, says its own length, and has the same bytes each time."""
    _, headers, content = ask(LONG, accept_encoding="br, gzip")
    assert headers["content-encoding"] == "gzip"
    assert headers["content-length"] == str(len(content))
    assert gzip.decompress(content) == LONG.content
    assert ask(Body(LONG.content, JSON), accept_encoding="gzip")[2] == content
    assert len(content) < len(LONG.content)


def test_a_short_body_is_not_packed() -> None:
    """A body that gains nothing is sent as it is."""
    assert "content-encoding" not in ask(SHORT, accept_encoding="gzip")[1]


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("body", [LONG, SHORT])
def test_head_is_get_without_the_content(coding: str, body: Body) -> None:
    """HEAD has every header of GET, the length with them, and no body."""
    status, headers, content = ask(body, "HEAD", accept_encoding=coding)
    assert (status, headers) == ask(body, accept_encoding=coding)[:2]
    assert content == b""


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip;q=0.001", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("gzip ;q=0.000", False),
        ("gzip;Q=0", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("br, identity", False),
        ("identity;q=0", False),
        ("gzipped", False),
        ("x;gzip", False),
        (";;;,,,;q", False),
    ],
)
def test_gzip_is_sent_to_who_accepts_it(header: str, allowed: bool) -> None:  # noqa: FBT001 -- what the case expects
    """Accept-Encoding is read as RFC 9110 says: weights, zero, star, any case."""
    assert accepts_gzip(header.encode()) is allowed


def test_a_json_answer_is_kept_by_nobody() -> None:
    """An error is compact JSON with a length, and no cache keeps it."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(respond_json({"method": "GET"}, send, 404, {"error": "é"}, [(b"allow", b"GET")]))
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 404
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"allow"] == b"GET"
    assert sent[1]["body"] == '{"error":"é"}'.encode()
    assert headers[b"content-length"] == b"14"
    assert json.loads(sent[1]["body"]) == {"error": "é"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_this_machine(host: str) -> None:
    """The loopback addresses of both kinds, and the name for them, reach nobody else."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "", "localhost.example.org", "127.1"])  # noqa: S104 -- nothing listens
def test_everything_else_is_not(host: str) -> None:
    """Every other name or address may be reached by others, also those that listen everywhere."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "host", [b"localhost", b"LOCALHOST:3000", b"localhost.:3000", b"127.0.0.1:80", b"[::1]:3000", b"[::1]"]
)
def test_a_request_may_name_this_machine(host: bytes) -> None:
    """A Host header with a loopback name or address, with a port or without, is this machine's."""
    assert is_local_request([(b"accept", b"*/*"), (b"host", host)])


@pytest.mark.fault("DNS rebinding against --explore")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"host", b"")],
        [(b"host", b"evil.example")],
        [(b"host", b"evil.example:3000")],
        [(b"host", b"127.0.0.1.evil.example")],
        [(b"host", b"localhost@evil.example")],
        [(b"host", b"localhost"), (b"host", b"evil.example")],
        [(b"host", b"[::1")],
        [(b"host", b"::1")],
        [(b"host", b"\xff\xfe")],
        [(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")],
    ],
)
def test_a_request_may_not_name_another(headers: list[tuple[bytes, bytes]]) -> None:
    """No host, two hosts, another machine's, or a page of another site as the origin: not local."""
    assert not is_local_request(headers)
