"""Measures the pipeline and its peers side by side, and writes the results: ``make bench``; see README.md."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ROOT, ROSTERS, machine, serve, timeline, waits
from benchmarks.contenders import (
    AGAIN,
    BUILDS,
    BUILT,
    CONTENDERS,
    DATABASE_ONLY,
    FINISHED,
    MILLION_STUDENTS,
    SEED,
    TIMINGS,
    WRITER,
    Contender,
    compile_writer,
)
from benchmarks.goals import GOALS
from benchmarks.measure import MeasureError, Sample, measure
from benchmarks.plot import figure
from benchmarks.results import ALL_STAGES, MIB, TABLES, Entry, Results, report, spread
from benchmarks.verify import problems, rows_of, told

#: From this scale on what a run made is deleted at once. What smaller ones made is deleted at the end: where many files
#: were deleted, some file systems are slow to make new ones for half a minute.
LARGE = 100

if TYPE_CHECKING:
    from collections.abc import Callable

#: With these all takes about 45 minutes on two cores.
SCALES, RUNS = [1, 10, 20, 100, MILLION_STUDENTS], [9, 5, 3, 2, 1]

GENERATION, WAITS, SERVING, TIMELINE = OTHERS = ("generation", "waits", "serving", "timeline")
GENERATION_ROSTERS = 2500
GENERATION_RUNS = 3
SERVING_ROUNDS, SERVING_SECONDS = 3, 2.0


@dataclass(frozen=True)
class Session:
    """One run of the benchmarks."""

    contenders: list[Contender]
    own: Path  # a temporary folder
    limit: float  # seconds that a run of a peer may take
    results: Results = field(default_factory=Results)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write the results after every scale."""
    options = _parser().parse_args(arguments)
    contenders = [each for each in CONTENDERS if not options.only or each.name in options.only]
    about = [f"{datetime.now(UTC):%Y-%m-%d}", *machine.describe()]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as own:
        session = Session(contenders, Path(own), options.limit)
        for index, scale in enumerate(options.scales):
            runs = options.runs[min(index, len(options.runs) - 1)]
            measure_scale(session, scale, runs)
            write(session.results, contenders, about, options.out)
        others: dict[str, Callable[[], object]] = {
            GENERATION: lambda: measure_generation(session.results.others),
            WAITS: lambda: waits.measure_all(session.results.others, options.scales, Path(own), say),
            SERVING: lambda: measure_serving(session.results.others),
            TIMELINE: lambda: say(timeline.write()),
        }
        for name, measure_other in others.items():
            if not options.only or name in options.only:
                measure_other()
                write(session.results, contenders, about, options.out)
    say(f"written: {options.out}")


def _parser() -> argparse.ArgumentParser:
    names = [*(each.name for each in CONTENDERS), *OTHERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scales", type=_numbers, default=SCALES, help="multiples of 250 rosters [1,10,20,100,115]")
    parser.add_argument("--runs", type=_numbers, default=RUNS, help="runs at each scale, after a warm-up [9,5,3,2,1]")
    parser.add_argument("--only", action="append", choices=names, help="measure only this one; may be repeated")
    parser.add_argument("--limit", type=float, default=90, help="seconds that a run of a peer may take [90]")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results.md", help="[benchmarks/results.md]")
    return parser


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if min(numbers) < 1:
        raise ValueError
    return numbers


def say(text: str) -> None:
    """Tell the person who waits."""
    print(text, file=sys.stderr, flush=True)


def measure_scale(session: Session, scale: int, runs: int) -> None:
    """Run everybody in turns, A B C A B C: what disturbs the machine for a while disturbs all of them.

    The first round warms up and is not counted; the databases that it makes are looked at.
    """
    contenders = [each for each in session.contenders if each.measured_at(scale)]
    entries = {each.name: session.results.entry(scale, each.name) for each in contenders}
    for each in contenders:
        entries[each.name].why_not = why_not(each, scale, session.results, session.limit)
    active = [each for each in contenders if not entries[each.name].why_not]
    _prepare({each.needs for each in active}, scale, session.own)
    for number in range(runs + 1):
        for each in list(active):
            entry = entries[each.name]
            try:
                sample = run_once(each, scale, session, entry if number == 0 else None)
            except MeasureError as error:
                say(f"{scale}x, {each.name}: {error}")
                entry.why_not = " ".join(str(error).split())
                entry.samples.clear()
                active.remove(each)
                continue
            which = f"run {number}" if number else "warm-up"
            say(f"{scale}x, {which}, {each.name}: {sample.wall:.2f} s, {sample.memory / MIB:.0f} MiB")
            if number:
                entry.samples.append(sample)


def why_not(contender: Contender, scale: int, results: Results, limit: float) -> str:
    """Why a contender is not measured at a scale; nothing if it is."""
    if lacks := contender.lacks():
        return f"skipped: {lacks}"
    if contender.ours:
        return ""
    for smaller in sorted((known for known in results.entries if known < scale), reverse=True):
        seconds = results.wall(smaller, contender.name)
        if seconds is not None and (expected := seconds * scale / smaller) > limit:
            return f"skipped: would take about {expected:.0f} s, more than {limit:.0f} s, by its time at {smaller}x"
        if seconds is not None:
            break
    return ""


def _prepare(needs: set[str], scale: int, own: Path) -> None:
    if WRITER in needs and not (own / WRITER).exists():
        compile_writer(own)
    if BUILT in needs:
        again = next(each for each in CONTENDERS if each.name == AGAIN)
        measure(again.command(scale * ROSTERS, own, own), ROOT, log=own / "log")
    if FINISHED in needs:
        folder = own / "finishing"
        folder.mkdir()
        ours = next(each for each in CONTENDERS if each.name == DATABASE_ONLY)
        measure(ours.command(scale * ROSTERS, folder, own), ROOT, log=own / "log")
        (folder / ours.database).replace(own / FINISHED)
        shutil.rmtree(folder)


def run_once(contender: Contender, scale: int, session: Session, entry: Entry | None) -> Sample:
    """Measure one run in a folder of its own; with an entry, look at the database and count its rows.

    Raises MeasureError, also for a database that is not what was asked for.
    """
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=session.own))
    home = contender.home(folder, session.own)
    try:
        command = contender.command(scale * ROSTERS, folder, session.own)
        sample = measure(command, ROOT, log=session.own / "log", limit=None if contender.ours else session.limit)
        if entry is not None and not contender.database:
            entry.rows, entry.size = told(home / BUILDS / "current")
        elif entry is not None:
            database = home / contender.database
            if wrong := list(problems(database, scale * ROSTERS)):
                raise MeasureError(f"its database is wrong: {wrong[0]} ({len(wrong)} in all)")
            entry.rows, entry.size = rows_of(database), database.stat().st_size
        timings = home / TIMINGS
        phases = json.loads(timings.read_text(encoding="utf-8"))["phases"] if timings.exists() else {}
        return Sample(sample.wall, sample.cpu, sample.memory, phases)
    finally:
        if scale >= LARGE:
            shutil.rmtree(folder)


def measure_generation(found: dict[str, list[float]]) -> None:
    """Measure generation alone: million score rows a second of CPU time, for each run."""
    command = [sys.executable, "-m", "benchmarks.generation", str(GENERATION_ROSTERS), str(SEED)]
    for _ in range(GENERATION_RUNS):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{GENERATION}: {done.stderr.strip()}")
            return
        answer = json.loads(done.stdout)
        for what, seconds in ((TABLES, answer["cpu"]), (ALL_STAGES, answer["cpu"] + answer["rules"])):
            found.setdefault(what, []).append(answer["score_rows"] / seconds / 1e6)
            say(f"{what}: {found[what][-1]:.2f}")


def measure_serving(found: dict[str, list[float]]) -> None:
    """Measure requests a second, against those of the trivial application."""
    contenders = (serve.OURS, serve.TRIVIAL)
    for url, speeds in serve.compare(SERVING_ROUNDS, SERVING_SECONDS, contenders).items():
        ours, trivial = (speeds[name] for name in contenders)
        what = serve.share_of_trivial(url)
        found[what] = [one / other for one, other in zip(ours, trivial, strict=True)]
        say(f"{what}: {spread(found[what], 2)}")


def write(results: Results, contenders: list[Contender], about: list[str], out: Path) -> None:
    """Write the report, and its picture beside it."""
    times: dict[str, list[tuple[float, float]]] = {}
    memories: dict[str, list[tuple[float, float]]] = {}
    for scale, entries in results.entries.items():
        for name, entry in entries.items():
            wall, memory = results.wall(scale, name), results.memory(scale, name)
            if wall is not None and memory is not None:
                times.setdefault(name, []).append((entry.rows, wall))
                memories.setdefault(name, []).append((entry.rows, memory))
    picture = out.with_suffix(".svg")
    picture.write_text(figure({"wall time, seconds": times, "peak memory, MiB": memories}), encoding="utf-8")
    out.write_text(
        report(results, [goal.row(results) for goal in GOALS], contenders, about, picture.name), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
