"""Measures a whole process: wall time, CPU time and the peak memory of all processes that it starts."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Seconds between two looks at the memory, the least and the most; between these, so many times what a look takes.
#: To look at several large processes takes milliseconds, in which they wait: every 20 ms, that was 10 % of two cores.
INTERVAL, LONGEST, PAUSE = 0.02, 0.25, 100

#: Characters of a failed command's output that are told.
TOLD = 400


class MeasureError(Exception):
    """A command did not do its work: why."""


@dataclass(frozen=True)
class Sample:
    """One run of a command."""

    wall: float  # seconds
    cpu: float  # seconds of user and system, of the process and all that it waited for
    memory: int  # peak of all processes together, bytes
    phases: dict[str, float] = field(default_factory=dict)  # seconds of its parts, where it tells them


def measure(command: Sequence[str], folder: Path, *, log: Path, limit: float | None = None) -> Sample:
    """Run a command in a folder. Raises MeasureError when it fails, or when it is stopped after ``limit`` seconds."""
    os.sync()  # what was written before is not to be written during this
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        watch = Watch(process.pid, start + limit if limit else None)
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: no other process is in that group
            process.wait()
            raise
        finally:
            wall = time.perf_counter() - start
            watch.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if watch.stopped_it:
        raise MeasureError(f"stopped after {limit:.0f} s")
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise MeasureError(f"exit code {process.returncode}: {said[-TOLD:] or 'it said nothing'}")
    peak = max(watch.peak, _own_peak(usage.ru_maxrss))
    return Sample(wall, usage.ru_utime + usage.ru_stime, peak)


def _own_peak(peak: int) -> int:
    """The largest process's peak as the kernel counted it, or 0: until a child runs its program, it counts ours."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    return peak * unit if peak > ours else 0


class Watch(threading.Thread):
    """Looks at the memory of a process and its descendants again and again, and ends them after a deadline."""

    def __init__(self, root: int, deadline: float | None) -> None:
        """Watch a process that leads a session of its own."""
        super().__init__(daemon=True)
        self.peak, self.stopped_it = 0, False
        self._root, self._deadline = root, deadline
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while True:
            start = time.thread_time()
            self.peak = max(self.peak, memory(self._root))
            if self._ended.wait(min(max(INTERVAL, PAUSE * (time.thread_time() - start)), LONGEST)):
                return
            if self._deadline and time.perf_counter() > self._deadline and not self.stopped_it:
                self.stopped_it = True
                os.killpg(self._root, signal.SIGKILL)

    def stop(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()


def memory(root: int) -> int:
    """Bytes that a process and its descendants have in memory now.

    Of several, pages that they share are counted once where the system tells (PSS on Linux), or not at all (USS).
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(root)
        processes = [first, *first.children(recursive=True)]
        return sum(map(_held, processes)) if len(processes) > 1 else int(first.memory_info().rss)
    return 0


def _held(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):  # it has just ended
        held = process.memory_full_info()
        return int(getattr(held, "pss", held.uss))
    return 0
