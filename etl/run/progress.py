"""Progress and timings of a run: its phases and stages, with rows and seconds."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Tally:
    """Rows and seconds of a stage, summed over its shards."""

    rows: int = 0
    seconds: float = 0.0


class Span(NamedTuple):
    """A phase of one thread: its begin and end on the clock of ``time.perf_counter``, and its CPU, in seconds."""

    thread: str
    phase: str
    begin: float
    end: float
    cpu: float


@dataclass
class Progress:
    """Collects the timings of a run. The displays of the command line extend it; this base is silent."""

    spans: list[Span] = field(default_factory=list)
    stages: dict[str, Tally] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase of the run, or of another thread. It also decorates a function, whose calls are then phases."""
        begin, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            end = time.perf_counter()
            self.spans.append(Span(threading.current_thread().name, name, begin, end, time.thread_time() - cpu))

    @property
    def phases(self) -> dict[str, float]:
        """The seconds of the main thread in each phase; the times of one phase add up."""
        found: dict[str, float] = {}
        for span in self.spans:
            if span.thread == threading.main_thread().name:
                found[span.phase] = found.get(span.phase, 0.0) + span.end - span.begin
        return found

    def begin(self, expected_rows: int) -> None:
        """Report the expected number of rows."""

    def stage(self, name: str, rows: int, seconds: float) -> None:
        """Report the rows and seconds of a stage (of one shard, if it is sharded)."""
        tally = self.stages.setdefault(name, Tally())
        tally.rows += rows
        tally.seconds += seconds

    def loaded(self, rows: int) -> None:
        """Report rows that were loaded."""

    def say(self, message: str) -> None:
        """Print an informational message."""

    def warn(self, message: str) -> None:
        """Print a warning about a failure that does not stop the run, even with --quiet."""

    def end(self) -> None:
        """Report that all rows are loaded."""

    def close(self) -> None:
        """Clear the display, also after a failure."""


def timings(progress: Progress, seconds: float) -> bytes:
    """The seconds of a run, of its phases and of its stages, as JSON, and what each thread did when."""
    content = {
        "seconds": round(seconds, 4),
        "phases": {name: round(value, 4) for name, value in progress.phases.items()},
        "stages": {
            name: {"rows": tally.rows, "seconds": round(tally.seconds, 4)} for name, tally in progress.stages.items()
        },
        "spans": [[thread, phase, *(round(value, 5) for value in rest)] for thread, phase, *rest in progress.spans],
    }
    return f"{json.dumps(content, indent=1)}\n".encode()
