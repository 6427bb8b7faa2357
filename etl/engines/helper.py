"""A process that makes shards beside this one; Python's lock lets threads of one process do little more than one.

It is asked by lines on its standard input: what to make (JSON), then numbers of shards. It answers with a pickle that
says it is ready, and one for each shard, whose files it has written. Where it fails, whyever, it ends without a word:
a shard is a pure function, so who asked makes that one, and meets the same mistake with all that there is to say of it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import signal
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from etl import child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

    from etl.job import Job
    from etl.shards import Made

#: How many shards there must be for each process, this one too: with twenty, two processes overtake two threads, for
#: one is ready after 0.4 s, in which another makes five.
SHARDS = 10


class Helper:
    """A process that makes shards of one build."""

    def __init__(self, job: Job, target: str) -> None:
        """Start it; it gets ready by itself."""
        self._process = child.start("etl.engines.helper")
        source, request = job.source, job.source.request
        self._ask([str(source.path), request.changes, request.seed, request.scale, job.identity.id, target])

    def ready(self) -> bool:
        """Wait until it can make shards; False when it has ended instead."""
        return self._answer() is not None

    def make(self, number: int) -> Made | None:
        """Have a shard made and written; None when the process has ended."""
        self._ask(number)
        made: Made | None = self._answer()
        return made

    def close(self) -> None:
        """End the process."""
        child.end(self._process)

    def _ask(self, what: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 -- for mypy
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()

    def _answer(self) -> Any:  # noqa: ANN401 -- a pickle
        assert self._process.stdout is not None  # noqa: S101 -- for mypy
        try:
            return pickle.load(self._process.stdout)  # noqa: S301 -- from our own process
        except (EOFError, pickle.UnpicklingError):  # nothing, or the beginning of an answer
            return None


@contextlib.contextmanager
def helping(job: Job, target: str, workers: int) -> Iterator[list[Helper]]:
    """As many processes as are worth their start, for so many workers; none is left in the end, whatever happens."""
    plan, helpers = job.plan, list[Helper]()
    shards = job.plan.expected()[plan.by].rows / plan.rows if plan.by else 0
    try:
        while len(helpers) < min(workers - 1, shards // SHARDS - 1):
            helpers.append(Helper(job, target))
        yield helpers
    finally:
        for helper in helpers:
            helper.close()


def main() -> None:
    """Make the shards that are asked for."""
    asked = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 -- standard input, free of Python's locks
    with contextlib.suppress(Exception), os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a generator prints is no answer
        path, changes, seed, scale, build, target = json.loads(asked.readline())
        numbers: SimpleQueue[int] = SimpleQueue()
        threading.Thread(target=_listen, args=(asked, numbers), daemon=True).start()

        from etl.bundle import prepare  # noqa: PLC0415 -- now that somebody listens
        from etl.config import Request  # noqa: PLC0415
        from etl.parquet import open_target  # noqa: PLC0415
        from etl.shards import make_shard  # noqa: PLC0415

        gc.set_threshold(100_000)  # as in a run
        plan, whole = prepare(Path(path), Request(tuple(changes), seed, scale), build)
        opened = open_target(target)
        made: Made | bool = True  # ready
        while True:
            pickle.dump(made, answers)
            answers.flush()
            made = make_shard(plan, whole, numbers.get(), opened).written()


def _listen(asked: FileIO, numbers: SimpleQueue[int]) -> None:
    """Take in what is asked; once nobody can ask any more, end at once: the folder that is written to may be swept."""
    for line in asked:
        numbers.put(int(line))
    signal.raise_signal(signal.SIGKILL)


if __name__ == "__main__":
    main()
