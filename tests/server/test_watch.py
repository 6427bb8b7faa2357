"""A pipeline whose builds follow its sources; test_browser has the pages that follow them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from etl.server.builder import Builder
from etl.server.watch import Watch
from tests.support import small
from tests.support.running import edit, write
from tests.support.serving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path


class Fake(Builder):
    """Fails while the pipeline names a seed of 13, and remembers its builds."""

    def __init__(self, pipeline: Path) -> None:
        """Start nothing."""
        super().__init__(pipeline, pipeline.parent / "build", spare=False)
        self.pipeline, self.builds = pipeline, 0

    async def build_quietly(self) -> str:
        """Count."""
        self.builds += 1
        return "seed 13 is refused" if "seed: 13" in self.pipeline.read_text() else ""


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a function says yes."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 -- what is waited for knows of no event
            await asyncio.sleep(0.01)


def watching(pipeline: Path, story: Callable[[Watch, Fake, list[str]], Coroutine[None, None, None]]) -> None:
    """Tell a story while a pipeline is watched."""

    async def tell() -> None:
        said: list[str] = []
        builder = Fake(pipeline)
        watch = Watch(pipeline, builder, said.append)
        await watch.start()
        await until(lambda: bool(said))  # the first build
        await story(watch, builder, said)
        await watch.stop()

    asyncio.run(tell())


def test_it_builds_when_a_source_changes(tmp_path: Path) -> None:
    """A changed, a new and a missing source each start a build; any other file does not."""
    pipeline = small.lending(tmp_path)
    changes: tuple[Callable[[], object], ...] = (
        lambda: write(tmp_path / "sql/api/new.sql", "SELECT 1"),
        lambda: edit(tmp_path / "books.csv", "Emma", "Persuasion"),
        lambda: edit(pipeline, "csv: books.csv", "csv: more.csv"),
        lambda: write(tmp_path / "more.csv", "id,title\n1,Emma\n"),
    )

    async def story(_: Watch, builder: Fake, said: list[str]) -> None:
        for change in changes:
            before = builder.builds
            (tmp_path / "notes.txt").write_text(str(before))
            await asyncio.sleep(0.1)  # long enough for a build that must not begin
            assert builder.builds == before
            change()
            await until(lambda before=before: len(said) > before)  # type: ignore[misc]

    watching(pipeline, story)


def test_it_remembers_a_failure_until_a_build_succeeds(tmp_path: Path) -> None:
    """What a failed build printed is kept, also while the pipeline cannot be parsed; the next good build clears it."""
    pipeline = small.lending(tmp_path)

    async def story(watch: Watch, _: Fake, said: list[str]) -> None:
        edit(pipeline, "seed: 1", "seed: 13")
        await until(lambda: len(said) == 2)
        assert said[1] == "seed 13 is refused\nthe last good build stays"
        edit(pipeline, "name: library", "name: [library")
        await until(lambda: len(said) == 3)
        assert watch.failure == "seed 13 is refused"
        write(pipeline, small.LIBRARY["pipeline.yaml"])
        await until(lambda: len(said) == 4)
        assert watch.failure == ""

    watching(pipeline, story)
