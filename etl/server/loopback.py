"""Addresses that only this machine can reach."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etl.server.http import Headers

_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\[\]:]+))(?::[0-9]{1,5})?\Z")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host, by its name or its address."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def asked_at_home(headers: Headers) -> bool:
    """Whether a request names this machine as its host, and no page of another site made a browser send it.

    A page of another site can have its own name resolve to 127.0.0.1 and read what this machine serves there as if it
    were its own (DNS rebinding); its requests still carry that name (RFC 9110, section 7.2). A page that asks for
    127.0.0.1 as it is may not read the answer, but could keep this machine busy; browsers say so in Sec-Fetch-Site.
    """
    hosts = [value.decode("latin-1").lower() for name, value in headers if name == b"host"]
    found = _HOST.match(hosts[0]) if len(hosts) == 1 else None
    if found is None or not is_loopback(found["v6"] or found["name"].removesuffix(".")):
        return False
    return (b"sec-fetch-site", b"cross-site") not in headers
