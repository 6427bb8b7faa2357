"""A new build under a running server: no failed answer, no stale one, no mix, and nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import shutil
import threading
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from etl.errors import EtlError
from etl.server.address import Address
from etl.server.api import Request
from etl.server.app import Server
from etl.server.open_build import OpenBuild
from tests.support.serving import PATIENCE, clean, copy_of, point, run, serving, small_project, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.serving import Serving

NAME = "teacher-dashboard"
FILES = ("/api/rosters.json", "/api/rosters/3/scores.json", "/api/test-groups/1/tests.json", "/manifest.json")
TABLE = f"/browse/{NAME}/rosters.json?_shape=array"


@dataclass
class Seen:
    """What one client saw."""

    answers: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def has_seen(self, build: str) -> bool:
        """Whether the last answer came from a build."""
        return bool(self.answers) and self.answers[-1][2] == build


def client(server: Serving, current: Path, stop: threading.Event, seen: Seen) -> None:
    """Ask over one connection until told to stop; note what ``current`` said before and after each answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        while not stop.is_set():
            for url in (*FILES, TABLE):
                stop.wait(0.05)  # eight clients that never rest would take the processor from the rebuild
                before = str(current.readlink())
                try:
                    connection.request("GET", url)
                    answer = connection.getresponse()
                    content = answer.read()
                except (OSError, http.client.HTTPException) as error:
                    seen.failures.append(f"{url}: {error!r}")
                    return
                if answer.status != 200:
                    seen.failures.append(f"{url}: {answer.status} {content[:200]!r}")
                digest = names(content) if url == TABLE else hashlib.sha256(content).hexdigest()
                seen.answers.append((url, before, answer.headers["x-build"], str(current.readlink()), digest))


def names(content: bytes) -> str:
    """The rosters of an answer."""
    return json.dumps(sorted((row["id"], row["name"]) for row in json.loads(content)))


def expected(build: Path) -> dict[str, str]:
    """What each address says while a build is served."""
    digests = {url: hashlib.sha256((build / url[1:]).read_bytes()).hexdigest() for url in FILES}
    return {**digests, TABLE: names((build / "api/rosters.json").read_bytes())}


@pytest.mark.fault("rebuilds under eight clients")
def test_a_switch_is_seen_by_all_at_once(small_build: Path, tmp_path: Path) -> None:
    """Eight clients over a rebuild of another seed: none fails, none is stale, none mixes two builds."""
    pipeline = small_project(tmp_path / "project")
    out = copy_of(small_build, tmp_path / "build")
    order, truth = [small_build.name], {small_build.name: expected(small_build)}
    stop, seen = threading.Event(), [Seen() for _ in range(8)]
    with serving(out) as server:
        threads = [threading.Thread(target=client, args=(server, out / "current", stop, each)) for each in seen]
        for thread in threads:
            thread.start()
        assert wait_for(lambda: all(each.has_seen(small_build.name) or each.failures for each in seen))
        build = run(pipeline, out, "--seed", "11")
        order.append(build.name)
        truth[build.name] = expected(build)
        assert wait_for(lambda: all(each.has_seen(build.name) or each.failures for each in seen))
        stop.set()
        for thread in threads:
            thread.join()
        assert server.log.read_text().count("\n") == 1
    assert [failure for each in seen for failure in each.failures] == []
    answers = [answer for each in seen for answer in each.answers]
    assert {shown for _, _, shown, _, _ in answers} == set(order)
    for url, before, shown, after, digest in answers:
        assert order.index(before) <= order.index(shown) <= order.index(after), "stale, or too early"
        assert digest == truth[shown][url], f"{url} is not what {shown} says"


def test_nothing_grows_with_rebuilds(small_build: Path, tmp_path: Path) -> None:
    """Over many switches, each with a page of Datasette's, open files, threads and memory stay where they are."""
    out = copy_of(small_build, tmp_path / "build")
    builds = [out / small_build.name, out / f"{small_build.name}-2"]
    shutil.copytree(small_build, builds[1])
    files = threads = memory = 0
    with serving(out) as server, httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for number in range(1, 11):
            point(out, builds[number % 2])
            assert client.get(f"/browse/{NAME}/rosters").status_code == 200
            assert client.get("/api/rosters/1/scores").status_code == 200
            if number == 4:
                files, threads, memory = server.open_files, server.threads, server.memory
        # What was told to end does so a moment later.
        assert wait_for(lambda: server.open_files <= files + 1 and server.threads <= threads + 1)
        assert server.memory - memory < 6 * 2_000_000


@pytest.mark.fault("`clean` while `serve` runs")
def test_the_served_build_is_never_deleted(small_build: Path, tmp_path: Path) -> None:
    """``clean`` keeps a build that a server has open, also when ``current`` links to another; later it deletes it."""
    out = copy_of(small_build, tmp_path / "build")
    served, other = out / small_build.name, out / f"{small_build.name}-2"
    shutil.copytree(small_build, other)
    with serving(out) as server:
        point(out, other)  # nobody asked since, so the server still holds the first one
        clean(out)
        assert served.is_dir()
        assert httpx.get(f"{server.url}/api/rosters", timeout=PATIENCE).status_code == 200  # now it holds the second
        assert wait_for(lambda: clean(out) and not served.exists())
        assert other.is_dir()
        assert httpx.get(f"{server.url}/browse/{NAME}/rosters", timeout=PATIENCE).status_code == 200
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == sorted(
        [other.name, "current"]
    )


def test_a_build_of_another_pipeline_is_not_switched_to(
    small_build: Path, tiny_build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever serves one pipeline goes on with its build while ``current`` is another's, and says so; back it goes."""
    out = copy_of(small_build, tmp_path / "build")
    shutil.copytree(tiny_build, out / tiny_build.name)
    says = f"{out}: current is tiny, not {NAME}; "

    async def check() -> None:
        app = Server(out, world=NAME)
        point(out, tiny_build)
        assert app._current().id == small_build.name
        assert capsys.readouterr().err.startswith(says)
        with pytest.raises(EtlError, match=says):
            Server(out, world=NAME)
        assert Server(out, world="tiny").build.id == tiny_build.name
        point(out, small_build)
        assert app._current().id == small_build.name

    asyncio.run(check())


def test_a_retired_build_stays_open_for_its_last_request(small_build: Path) -> None:
    """A replaced build closes after the requests that use it, not before, and releases its folder."""

    async def check() -> None:
        opened = OpenBuild(small_build, address=Address(), explore=False)
        await opened.browser()
        with opened:
            with opened:
                opened.retire()
            assert opened.api._database.execute("SELECT count(*) FROM rosters").fetchone() == (12,)
            body = await opened.api._find(Request(("rosters",), ()))
            assert body is not None
        opened.api._thread.shutdown(wait=True)
        with pytest.raises(Exception, match="closed database"):
            opened.api._database.execute("SELECT 1")

    asyncio.run(check())
