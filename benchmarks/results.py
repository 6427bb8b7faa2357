"""From samples to numbers that can be compared, and to Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import ROSTERS
from benchmarks.contenders import BASELINE, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.contenders import Contender
    from benchmarks.measure import Sample

MIB = 1024 * 1024


#: Generation alone.
TABLES = "generation of tables, million score rows a second a core"
ALL_STAGES = "the same with the checks of their numbers"


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
    others: dict[str, list[float]] = field(default_factory=dict)  # by what was measured, beside the contenders

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

    def other(self, what: str) -> float | None:
        """The median of something else that was measured."""
        return median(self.others[what]) if self.others.get(what) else None

    def rows(self, scale: int, name: str) -> int | None:
        """Rows of the database; None when there was none."""
        return self.entries.get(scale, {}).get(name, Entry()).rows or None

    def memory(self, scale: int, name: str) -> float | None:
        """Median peak memory in MiB."""
        return self.median(scale, name, lambda sample: sample.memory / MIB)


def ratio(value: float | None, of: float | None) -> float | None:
    """A quotient, where both are known."""
    return value / of if value is not None and of else None


PREFACE = """\
Written by `make bench`; what is measured, and how, stands in [README.md](README.md). Wall time, CPU time and peak
memory are those of whole processes: the median, and the least and the greatest in brackets."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: int) -> str:
    """A Markdown table; columns from the index ``right`` on are numbers."""
    rule = ["---:" if index >= right else "---" for index in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def spread(values: Sequence[float], digits: int) -> str:
    """Median and, where there are several values, the least and the greatest."""
    middle = f"{median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})" if len(values) > 1 else middle


def scale_table(results: Results, scale: int) -> str:
    """What was measured at one scale."""
    header = ["", "wall, s", "CPU, s", "memory, MiB", f"x {BASELINE}", "µs a row", "MB"]
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
        medians = [results.median(scale, name, _phase(phase)) for scale in scales]
        rows.append([phase, *(f"{value:.2f}" if value is not None else "" for value in medians)])
    return table(["seconds", *(f"{scale}x" for scale in scales)], rows, 1) if rows else ""


def _phase(name: str) -> Callable[[Sample], float | None]:
    return lambda sample: sample.phases.get(name)


def report(
    results: Results,
    goals: Iterable[Sequence[str]],
    contenders: Sequence[Contender],
    machine: Sequence[str],
    picture: str,
) -> str:
    """The whole of results.md; ``goals`` are rows of its first table."""
    parts = [
        "# What it costs",
        PREFACE,
        "\n".join(f"- {line}" for line in machine),
        "## Goals",
        table(["", "goal", "measured", ""], goals, 4),
        f"![Time and memory over rows]({picture})",
    ]
    for scale in results.entries:
        most = max(entry.rows for entry in results.entries[scale].values())
        parts += [f"## {scale}x: {scale * ROSTERS:,} rosters, {most:,} rows", scale_table(results, scale)]
    if results.others:
        rows = [[what, spread(values, 2)] for what, values in results.others.items()]
        parts += ["## Other measurements", table(["", "measured"], rows, 1)]
    if phases := phase_table(results, RUN):
        parts += [f"## Where the time of a run goes ({RUN})", phases]
    rows = [[each.name, each.what, each.lacks() or each.versions()] for each in contenders]
    parts += ["## Who is who", table(["", "what it does", "versions"], rows, 3)]
    return "\n\n".join(parts) + "\n"
