"""Measures a whole process: wall time, CPU time and the peak memory of all processes that it starts (Linux)."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Seconds between two looks at the memory, the least and the most; between these, so many times what a look takes.
#: To look at several large processes takes milliseconds, in which they wait: every 20 ms, that was 10 % of two cores.
INTERVAL, LONGEST, PAUSE = 0.02, 0.25, 100

#: Characters of a failed command's output that are told.
TOLD = 400

PROC = Path("/proc")


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
    peak = max(watch.peak, _own_peak(usage.ru_maxrss * 1024))
    return Sample(wall, usage.ru_utime + usage.ru_stime, peak)


def _own_peak(peak: int) -> int:
    """The peak of a child as the kernel counted it, or 0: until it runs its own program, it counts ours."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return peak if peak > ours else 0


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
    """Bytes that a process and its descendants hold in memory.

    One process: the most that it ever held. Several: the sum of what they hold now, pages that they share counted
    once (PSS), or the most that one of them ever held, if that is more.
    """
    processes = list(_descendants(root))
    alone = max((_kilobytes(PROC / str(pid) / "status", "VmHWM:") for pid in processes), default=0)
    together = 0
    if len(processes) > 1:
        together = sum(_kilobytes(PROC / str(pid) / "smaps_rollup", "Pss:") for pid in processes)
    return max(alone, together) * 1024


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    try:
        for children in (PROC / str(pid) / "task").glob("*/children"):
            for child in children.read_text(encoding="ascii").split():
                yield from _descendants(int(child))
    except OSError:
        return  # it has just ended


def _kilobytes(path: Path, key: str) -> int:
    try:
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:  # it has just ended
        pass
    return 0
