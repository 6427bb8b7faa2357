"""Draws what each thread of a default run does, in milliseconds: ``python -m benchmarks.timeline``.

The run in the middle of several, each into a new folder, is drawn from what ``run --timings`` tells. Another one tells
what its imports take (``-X importtime``, which itself takes some of the time).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ROOT
from benchmarks.lanes import Run, draw
from etl.run.progress import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PICTURE = ROOT / "docs" / "timeline.svg"
MAIN = "MainThread"
#: A span of the main thread in which it computes for less than this share waits for another thread or for the disk.
WORKING = 0.5
#: Spans of the same phase that are closer than this are drawn as one: seconds.
CLOSE = 0.002
#: A wait ends with another thread's phase that ends in this last part of it.
NEAR = 0.1
#: Phases that are shorter are not drawn.
SHORT = 0.0005
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


def main() -> None:
    """Measure, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="how many, after a warm-up [9]")
    parser.add_argument("--out", type=Path, default=PICTURE, help="[docs/timeline.svg]")
    parser.add_argument("options", nargs="*", help="more options of run, after --")
    options = parser.parse_args()
    print(write(options.out, options.runs, options.options))


def write(out: Path = PICTURE, count: int = 9, options: Iterable[str] = ()) -> str:
    """Measure some runs, and write the picture: what it shows, in a line."""
    with tempfile.TemporaryDirectory(prefix="timeline-") as name:
        folder = Path(name)
        runs = [run_once(folder / str(number), options) for number in range(count + 1)][1:]
        imported = imports(_run(folder / "imports", options, "-X", "importtime")[1])
    middle = sorted(runs, key=lambda run: run.wall)[len(runs) // 2]
    out.write_text(draw(middle, critical_path(middle), imported), encoding="utf-8")
    return f"{out}: {middle.wall * 1000:.0f} ms, {middle.cpu * 1000:.0f} ms of CPU"


def run_once(folder: Path, options: Iterable[str]) -> Run:
    """Run the default pipeline into a new folder."""
    start = time.perf_counter()
    usage, _ = _run(folder, options)
    wall = time.perf_counter() - start
    told = json.loads((folder / "timings.json").read_text(encoding="utf-8"))["spans"]
    spans = [Span(thread, phase, begin - start, end - start, cpu) for thread, phase, begin, end, cpu in told]
    long = [span for span in merged(sorted(spans, key=lambda span: span.begin)) if span.end - span.begin >= SHORT]
    return Run(list(named(long, wall)), wall, usage)


def _run(folder: Path, options: Iterable[str], *python: str) -> tuple[float, str]:
    """Run it: the seconds of CPU, and what it printed. Raises CalledProcessError."""
    folder.mkdir()
    command = [sys.executable, *python, "-m", "etl", "run", "pipeline.yaml", "--quiet", "--no-report"]
    to = [f"--out={folder / 'build'}", f"--timings={folder / 'timings.json'}"]
    os.sync()
    before = os.times()
    done = subprocess.run([*command, *to, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, done.stderr


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans, given by their begin, with those of one thread and phase that follow each other as one."""
    last: dict[str, Span] = {}
    found: list[Span] = []
    for span in spans:
        before = last.get(span.thread)
        if before and before.phase == span.phase and span.begin - before.end < CLOSE:
            found.remove(before)
            span = before._replace(end=span.end, cpu=before.cpu + span.cpu)  # noqa: PLW2901 -- the two are one
        found.append(span)
        last[span.thread] = span
    return found


def named(spans: list[Span], wall: float) -> Iterator[Span]:
    """The spans, and what the main thread does before the first of its own, taken for work, and after the last."""
    own = [span for span in spans if span.thread == MAIN]
    first, last = min(span.begin for span in own), max(span.end for span in own)
    yield Span(MAIN, "start", 0, first, first)
    yield from spans
    yield Span(MAIN, "end", last, wall, 0)


def critical_path(run: Run) -> list[Span]:
    """What a run waits for: the main thread and, where it waits, the thread whose end lets it go on."""
    path = []
    for span in (span for span in run.spans if span.thread == MAIN):
        seconds = span.end - span.begin
        near = max(CLOSE, NEAR * seconds)
        ends = [each for each in run.spans if each.thread != MAIN and span.end - near <= each.end <= span.end + CLOSE]
        if span.cpu >= WORKING * seconds or not ends:
            path.append(span)
            continue
        last = max(ends, key=lambda each: each.end)
        begin = max(last.begin, span.begin)
        share = (last.end - begin) / (last.end - last.begin)
        path += [span._replace(end=begin, cpu=0), last._replace(begin=begin, cpu=last.cpu * share)]
    return path


def imports(text: str) -> dict[str, float]:
    """Seconds by package, from what ``-X importtime`` prints; all of Python's own modules are one."""
    found = defaultdict[str, float](float)
    for microseconds, name in _IMPORT.findall(text):
        package = name.partition(".")[0].lstrip("_") or name
        own = {package, name} & sys.stdlib_module_names
        found["Python's own" if own else package] += int(microseconds) / 1e6
    return found


if __name__ == "__main__":
    main()
