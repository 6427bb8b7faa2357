"""Builds in child processes of the server, one at a time. A spare process waits for the next one, everything imported.

A child exits when its input is closed, so none outlives the server, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The environment variable with the token of ``POST /api/seed``, which a child must not see.
TOKEN_VARIABLE = "ETL_SEED_TOKEN"  # noqa: S105 -- the name of the variable, not a token

_ROOT = Path(__file__).parents[2]


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    output: bytes
    log: bytes


class _Child(NamedTuple):
    process: asyncio.subprocess.Process
    input: int  # the write end of a pipe

    async def run(self, arguments: Sequence[str]) -> Outcome:
        """Run a command."""
        with contextlib.suppress(BrokenPipeError):  # it has ended, and its exit code and its log say why
            os.write(self.input, json.dumps(arguments).encode() + b"\n")
        output, log = await self.process.communicate()
        return Outcome(self.process.returncode or 0, output, log)

    async def end(self) -> None:
        """Stop it, and wait until it has ended; a running command leaves the current build as it is."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            await self.process.wait()


class Builder:
    """Runs commands of etl on one pipeline."""

    def __init__(self, pipeline: Path, out: Path, *, spare: bool = True) -> None:
        """Start nothing yet. With ``spare`` a process waits for each next command, which takes memory."""
        self._command = [sys.executable, "-m", "etl.cli.spare", str(pipeline)]
        self._arguments = ["run", str(pipeline), "--out", str(out)]
        self._with_spare = spare
        self._spare: _Child | None = None
        self._running: _Child | None = None
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether a build is running."""
        return self._lock.locked()

    async def start(self) -> None:
        """Start the spare process."""
        if self._with_spare and not self._spare:
            self._spare = await self._start_child()

    async def build(self, *options: str) -> Outcome:
        """Build with further options of the command, after a build that is running."""
        async with self._lock:
            spare, self._spare = self._spare, None
            self._running = spare if spare and spare.process.returncode is None else await self._start_child()
            try:
                outcome = await self._running.run([*self._arguments, *options])
            finally:
                os.close(self._running.input)
                self._running = None
            await self.start()
            return outcome

    async def build_quietly(self) -> str:
        """Build unless the build is up to date: what the command printed if it failed, else empty."""
        code, _, log = await self.build("--quiet")
        return (log.decode(errors="replace").strip() or f"exit code {code}") if code else ""

    async def stop(self) -> None:
        """Stop a running build and the spare process."""
        self._with_spare = False
        if self._running:
            await self._running.end()
        if self._spare:
            await self._spare.end()
            os.close(self._spare.input)
            self._spare = None

    async def _start_child(self) -> _Child:
        environment = {key: value for key, value in os.environ.items() if key != TOKEN_VARIABLE}
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *environment.get("PYTHONPATH", "").split(os.pathsep)])
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env=environment,
                stdin=read_end,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except BaseException:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        return _Child(process, write_end)
