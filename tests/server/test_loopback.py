"""Which addresses only this machine can reach, and who asks for them."""

from __future__ import annotations

import pytest

from etl.server.loopback import asked_at_home, is_loopback


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
    assert asked_at_home([(b"accept", b"*/*"), (b"host", host)])


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
    """No host, two of them, one that is not this machine, or a page of another site behind it: not asked at home."""
    assert not asked_at_home(headers)
