"""What a run reports while it goes on: phases and stages, with rows and seconds."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Tally:
    """Rows and seconds of a stage, over all its shards."""

    rows: int = 0
    seconds: float = 0.0


@dataclass
class Progress:
    """Collects the timings of a run. The command line's displays extend it; a bare one is silent."""

    phases: dict[str, float] = field(default_factory=dict)
    stages: dict[str, Tally] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the run; a phase may come in several parts."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - start

    def begin(self, expected_rows: int) -> None:
        """Say about how many rows will be loaded."""

    def stage(self, name: str, rows: int, seconds: float) -> None:
        """Say that a stage yielded rows (of one shard, if it is sharded)."""
        tally = self.stages.setdefault(name, Tally())
        tally.rows += rows
        tally.seconds += seconds

    def loaded(self, rows: int) -> None:
        """Say that rows are in the database."""

    def say(self, message: str) -> None:
        """Say something that a person should know, without stopping."""

    def warn(self, message: str) -> None:
        """Say what failed beside the work, which is done all the same: said whatever else is silent."""

    def end(self) -> None:
        """Say that all is loaded."""

    def close(self) -> None:
        """Leave nothing on the screen, also when the run failed."""


def timings(progress: Progress, seconds: float) -> bytes:
    """The seconds of a run, of its phases and of its stages, as JSON."""
    content = {
        "seconds": round(seconds, 4),
        "phases": {name: round(value, 4) for name, value in progress.phases.items()},
        "stages": {
            name: {"rows": tally.rows, "seconds": round(tally.seconds, 4)} for name, tally in progress.stages.items()
        },
    }
    return f"{json.dumps(content, indent=1)}\n".encode()
