"""From samples to numbers that can be compared, and to Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import ROSTERS
from benchmarks.contenders import BASELINE, DATABASE_ONLY, FLOOR, PARQUET, RUN, RUN_ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.contenders import Contender
    from benchmarks.measure import Sample

MIB = 1024 * 1024
MILLION_STUDENTS = 115  # the scale with about a million of them


@dataclass
class Entry:
    """What is known of one contender at one scale."""

    samples: list[Sample] = field(default_factory=list)
    rows: int = 0
    size: int = 0  # bytes of the database
    why_not: str = ""  # why there are no samples


@dataclass
class Results:
    """All that was measured, by scale and by the contender's name."""

    entries: dict[int, dict[str, Entry]] = field(default_factory=dict)
    generation: list[float] = field(default_factory=list)  # score rows a second a core

    def entry(self, scale: int, name: str) -> Entry:
        """What is known of a contender at a scale, made when it is not there."""
        return self.entries.setdefault(scale, {}).setdefault(name, Entry())

    def median(self, scale: int, name: str, what: Callable[[Sample], float | None]) -> float | None:
        """A median over the samples; None when there are none that tell it."""
        values = [what(sample) for sample in self.entries.get(scale, {}).get(name, Entry()).samples]
        known = [value for value in values if value is not None]
        return median(known) if known else None

    def wall(self, scale: int, name: str) -> float | None:
        """Median wall time in seconds."""
        return self.median(scale, name, lambda sample: sample.wall)

    def memory(self, scale: int, name: str) -> float | None:
        """Median peak memory in MiB."""
        return self.median(scale, name, lambda sample: sample.memory / MIB)


def ratio(value: float | None, of: float | None) -> float | None:
    """A quotient, where both are known."""
    return value / of if value is not None and of else None


@dataclass(frozen=True)
class Goal:
    """What has to be shown, and how it is read from the results."""

    what: str
    bound: float
    at_least: bool
    unit: str
    value: Callable[[Results], float | None]

    def row(self, results: Results) -> list[str]:
        """The goal as a row of the table."""
        value = self.value(results)
        asked = f"{'at least' if self.at_least else 'at most'} {self.bound:g}{self.unit}"
        if value is None:
            return [self.what, asked, "not measured", ""]
        met = value >= self.bound if self.at_least else value <= self.bound
        return [self.what, asked, f"{value:.3g}{self.unit}", "pass" if met else "**fail**"]


def _against(name: str, scale: int, base: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.wall(scale, name), results.wall(scale, base))


def _faster(base: str, name: str, scale: int) -> Callable[[Results], float | None]:
    return _against(base, scale, name)


def _a_row(results: Results) -> float | None:
    """Wall time a row at 100x, against 10x."""
    rates = [
        ratio(results.wall(scale, DATABASE_ONLY), results.entries.get(scale, {}).get(DATABASE_ONLY, Entry()).rows)
        for scale in (100, 10)
    ]
    return ratio(rates[0], rates[1])


def _checks(results: Results) -> float | None:
    return results.median(100, RUN_ALONE, lambda sample: ratio(sample.phases.get("checks"), sample.phases.get("load")))


GOALS = (
    Goal("1×: the whole run, against better-sqlite3 seeding the database alone", 1.5, False, "×", _against(RUN, 1, BASELINE)),
    Goal("1×: database alone, against better-sqlite3", 1, False, "×", _against(DATABASE_ONLY, 1, BASELINE)),
    Goal("10×: database alone, times faster than better-sqlite3", 3, True, "×", _faster(BASELINE, DATABASE_ONLY, 10)),
    Goal("100×: database alone, times faster than better-sqlite3", 4.5, True, "×", _faster(BASELINE, DATABASE_ONLY, 100)),
    Goal("100×: database alone, against the C writer", 2, False, "×", _against(DATABASE_ONLY, 100, FLOOR)),
    Goal("100×: checks, against the load, one worker", 0.5, False, "×", _checks),
    Goal("100×: peak memory of the whole run, one worker", 300, False, " MiB", lambda results: results.memory(100, RUN_ALONE)),
    Goal(
        "1,000,000 students: peak memory of the whole run, one worker",
        300,
        False,
        " MiB",
        lambda results: results.memory(MILLION_STUDENTS, RUN_ALONE),
    ),
    Goal("database alone: time a row at 100×, against 10×", 1.1, False, "×", _a_row),
    Goal(
        "generation alone, million score rows a second a core",
        3,
        True,
        "",
        lambda results: median(results.generation) / 1e6 if results.generation else None,
    ),
    Goal("100×: Parquet with 2 workers, times faster than with one", 1.8, True, "×", _faster(PARQUET[0], PARQUET[1], 100)),
)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: int) -> str:
    """A Markdown table; columns from the index ``right`` on are numbers."""
    rule = ["---:" if index >= right else "---" for index in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def spread(values: Sequence[float], digits: int) -> str:
    """Median and, where there are several values, the least and the greatest."""
    middle = f"{median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})" if len(values) > 1 else middle


def scale_table(results: Results, scale: int) -> str:
    """What was measured at one scale."""
    header = ["", "wall, s", "CPU, s", "memory, MiB", f"× {BASELINE}", "µs a row", "MB"]
    base = results.wall(scale, BASELINE)
    rows = []
    for name, entry in results.entries[scale].items():
        if not entry.samples:
            rows.append([name, entry.why_not, *[""] * (len(header) - 2)])
            continue
        walls = [sample.wall for sample in entry.samples]
        against = ratio(median(walls), base)
        rows.append(
            [
                name,
                spread(walls, 2),
                spread([sample.cpu for sample in entry.samples], 2),
                spread([sample.memory / MIB for sample in entry.samples], 0),
                f"{against:.2f}" if against else "",
                f"{median(walls) / entry.rows * 1e6:.2f}",
                f"{entry.size / 1e6:,.0f}",
            ]
        )
    return table(header, rows, 1)


def phase_table(results: Results, name: str) -> str:
    """Where the time of a contender goes, by scale: medians of the phases that it tells."""
    scales = [scale for scale in results.entries if results.wall(scale, name) is not None]
    phases = dict.fromkeys(
        phase for scale in scales for sample in results.entry(scale, name).samples for phase in sample.phases
    )
    rows = []
    for phase in phases:
        medians = [results.median(scale, name, lambda sample, phase=phase: sample.phases.get(phase)) for scale in scales]
        rows.append([phase, *(f"{value:.2f}" if value is not None else "" for value in medians)])
    return table(["seconds", *(f"{scale}×" for scale in scales)], rows, 1) if rows else ""


def report(results: Results, contenders: Sequence[Contender], machine: Sequence[str], picture: str) -> str:
    """The whole of results.md."""
    parts = [
        "# What it costs",
        "Written by `make bench`; what is measured, and how, stands in [README.md](README.md). Wall time, CPU time "
        "and peak memory are those of whole processes: the median, and the least and the greatest in brackets.",
        "\n".join(f"- {line}" for line in machine),
        "## Goals",
        table(["", "goal", "measured", ""], [goal.row(results) for goal in GOALS], 4),
        f"![Time and memory over rows]({picture})",
    ]
    for scale in results.entries:
        rows = max(entry.rows for entry in results.entries[scale].values())
        parts += [f"## {scale}×: {scale * ROSTERS:,} rosters, {rows:,} rows", scale_table(results, scale)]
    if phases := phase_table(results, RUN):
        parts += [f"## Where the time of a run goes ({RUN})", phases]
    rows = [[each.name, each.what, each.lacks() or each.versions()] for each in contenders]
    parts += ["## Who is who", table(["", "what it does", "versions"], rows, 3)]
    return "\n\n".join(parts) + "\n"
