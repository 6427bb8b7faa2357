"""The site below a prefix, with a proxy in front that passes the prefix on, and one that removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from etl.errors import EtlError
from etl.server.address import Address, parse_address
from etl.server.app import Server
from tests.site.test_export import Links
from tests.support.serving import PATIENCE, in_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "/some/prefix/"
NAME = "teacher-dashboard"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/", Address()),
        ("/a", Address("/a/")),
        ("/a/b.c/", Address("/a/b.c/")),
        ("https://host.example", Address("/", "https", "host.example")),
        ("http://host.example:8080/a/", Address("/a/", "http", "host.example:8080")),
    ],
)
def test_addresses_are_parsed(text: str, address: Address) -> None:
    """A base URL is a path, or a URL with a host; the slash at its end may be left out."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["a", "//host/", "/a b/", "/../", "/a//b/", "https://", "ftp://host/", "/a?b/"])
def test_other_texts_are_refused(text: str) -> None:
    """What is no base URL is an error that shows what one looks like."""
    with pytest.raises(EtlError, match=r"is not a base URL; use https://host/some/prefix/ or /some/prefix/"):
        parse_address(text)


@pytest.fixture(scope="module")
def url(small_build: Path) -> Iterator[str]:
    """The server below a prefix of a host that a proxy has."""
    address = parse_address(f"https://host.example{PREFIX}")
    with in_process(Server(small_build.parent, address=address)) as url:
        yield url


def test_every_link_stays_below_the_prefix(url: str) -> None:
    """Each link of each kind of page begins with the prefix and answers, and those with a host name the public one."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        home = client.get(PREFIX)
        for page in ("", f"browse/{NAME}", f"browse/{NAME}/rosters", f"browse/{NAME}/rosters/1", "nothing"):
            shown = PREFIX + page
            found = [httpx.URL(shown).join(link) for link in Links(client.get(shown).text).found]
            links = {
                link.raw_path.decode() for link in found if link.host in {"", "host.example"} and link.scheme != "data"
            }
            assert len(links) >= 2  # the front page and the tables
            assert [link for link in links if not link.startswith(PREFIX)] == [], page
            assert [link for link in links if client.get(link, follow_redirects=True).status_code != 200] == [], page
        assert client.get("/").content == home.content  # a proxy that removes the prefix
        assert client.get("/api/rosters").content == client.get(f"{PREFIX}api/rosters").content
        rows = client.get(f"{PREFIX}browse/{NAME}/students.json?_size=1").json()
        assert rows["next_url"].startswith(f"https://host.example{PREFIX}browse/{NAME}/students.json?")


def test_redirects_stay_below_the_prefix(url: str) -> None:
    """The prefix without its slash, Datasette's home and a filter's form lead to pages below the prefix."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        assert client.get(PREFIX.rstrip("/")).headers["location"] == PREFIX
        assert client.get(f"{PREFIX}browse").headers["location"] == f"{PREFIX}browse/{NAME}"
        form = f"{PREFIX}browse/{NAME}/rosters?_filter_column=id&_filter_op=exact&_filter_value=1"
        assert client.get(form).headers["location"] == f"{PREFIX}browse/{NAME}/rosters?id__exact=1"
