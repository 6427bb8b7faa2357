"""Builds again whenever a source changes, beside the server: ``serve --watch``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from watchfiles import awatch

from etl.config.identity import places
from etl.config.source import load
from etl.errors import EtlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.server.builder import Builder

#: Inode, size and ctime of each source; None if it is missing.
State = dict["Path", tuple[int, int, int] | None]

#: Milliseconds without a further change after which a build starts: an editor may write several files.
QUIET = 25

#: Milliseconds after which the sources are looked at anyway, for a change before the first event can be seen.
RECHECK = 2000


class Watch:
    """Watches the sources of a pipeline. ``failure`` is what the last build printed if it failed, else empty."""

    def __init__(self, pipeline: Path, builder: Builder, say: Callable[[str], None]) -> None:
        """Start nothing yet; ``say`` gets what happened, for people."""
        self.failure = ""
        self._pipeline, self._builder, self._say = pipeline, builder, say
        self._files, self._folders = {pipeline}, {pipeline.parent}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Build, if the current build is not up to date, and watch."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop watching."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        built: State = {}
        while True:
            found = await asyncio.to_thread(self._look)
            if found != built:
                built = found
                await self._build()
                continue  # sources may have changed during the build, and it takes other files than before
            with contextlib.suppress(FileNotFoundError):  # a folder that has just been deleted
                await self._change(built)

    async def _change(self, built: State) -> None:
        """Wait for a change."""
        events = awatch(
            *self._folders,
            recursive=False,
            step=QUIET,
            watch_filter=None,
            rust_timeout=RECHECK,
            yield_on_timeout=True,
        )
        async for _ in events:
            if await asyncio.to_thread(self._look) != built:
                return

    def _look(self) -> State:
        """The sources as they are now; the files of the last readable pipeline while it cannot be read."""
        while True:
            before = self._stamps()
            with contextlib.suppress(EtlError, OSError):
                self._files, self._folders = places(load(self._pipeline))
            found = self._stamps()
            if all(found.get(path, stamp) == stamp for path, stamp in before.items()):
                return found  # else the pipeline may have changed while it was read

    def _stamps(self) -> State:
        return {path: _stamp(path) for path in self._files}

    async def _build(self) -> None:
        began = time.perf_counter()
        self.failure = await self._builder.build_quietly()
        if self.failure:
            self._say(f"{self.failure}\nthe last good build stays")
        else:
            self._say(f"built in {time.perf_counter() - began:.2f} s")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
