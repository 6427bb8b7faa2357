"""Output of a run, all on stderr: lines in a pipe, a progress bar on a terminal, nothing when quiet."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from etl.run.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from etl.build.run import Result
    from etl.build.verify import Verification
    from etl.run.plan import Plan


class Silent(Progress):
    """Collects timings and prints only warnings."""

    def warn(self, message: str) -> None:
        """Print a line."""
        print(f"warning: {message}", file=sys.stderr, flush=True)  # noqa: T201 -- the display is what prints


class Lines(Silent):
    """Prints one line per stage at the end."""

    def say(self, message: str) -> None:
        """Print a line."""
        print(message, file=sys.stderr, flush=True)  # noqa: T201 -- the display is what prints

    def end(self) -> None:
        """Print the rows and seconds of each stage."""
        width = max(map(len, self.stages), default=0)
        for name, tally in self.stages.items():
            self.say(f"{name:{width}}  {tally.rows:>11,} rows  {tally.seconds:7.3f} s")


class Bar(Lines):
    """A progress bar with rows and rows per second, then one line per stage."""

    def begin(self, expected_rows: int) -> None:
        """Show the bar."""
        from rich.console import Console  # noqa: PLC0415 -- only a terminal needs it
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        self._bar = RichProgress(
            TextColumn("loading"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} rows, {task.fields[speed]:,.0f} a second"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("load", total=max(expected_rows, 1), speed=0)
        self._start, self._rows = time.perf_counter(), 0
        self._bar.start()

    def loaded(self, rows: int) -> None:
        """Advance the bar."""
        self._rows += rows
        speed = self._rows / max(time.perf_counter() - self._start, 1e-9)
        self._bar.update(self._task, advance=rows, speed=speed)

    def end(self) -> None:
        """Remove the bar."""
        self._bar.stop()
        super().end()

    def close(self) -> None:
        """Remove the bar after a failed run."""
        if hasattr(self, "_bar"):
            self._bar.stop()


def progress_for(*, quiet: bool, terminal: bool) -> Progress:
    """Return the display for these settings."""
    return Silent() if quiet else Bar() if terminal else Lines()


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Collection[int] = ()) -> str:
    """Format rows as aligned columns; ``right`` are the indexes of right-aligned columns."""
    columns = []
    for index, column in enumerate(zip(headers, *rows, strict=True)):
        cells = [_cell(cell) for cell in column]
        width = max(map(_width, cells))
        pads = [" " * (width - _width(cell)) for cell in cells]
        aligned = [pad + cell if index in right else cell + pad for cell, pad in zip(cells, pads, strict=True)]
        columns.append([aligned[0], "-" * width, *aligned[1:]])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def drawing(plan: Plan) -> str:
    """Format a plan as tables: stages that run once, once per shard, and once after all shards."""
    headers = ("stage", "kind", "source", "inputs", "fills", "rows, about")
    described = {stage["stage"]: stage for stage in plan.describe()}
    groups = {
        "once": plan.once,
        f"once per shard of {plan.rows:,} rows of {plan.by}": plan.per_shard,
        "once, after all shards": plan.after_shards,
    }
    parts = []
    for title, group in groups.items():
        rows = []
        for stage in (described[made.name] for made in group):
            fills, rows_of_it = ("a check", "none") if stage["check"] else (stage["fills"], stage["expected_rows"])
            inputs = ", ".join(stage["inputs"]) or None
            rows.append((stage["stage"], stage["kind"], stage["source"], inputs, fills, rows_of_it))
        if rows:
            parts.append(f"{title}:\n{table(headers, rows, right=(5,))}\n")
    return "\n".join(parts)


def mermaid(plan: Plan) -> str:
    """Format a plan as a Mermaid flowchart: stages that fill a table are boxes, others rounded, checks rhombi."""
    number = {stage.name: f"s{index}" for index, stage in enumerate(plan.stages)}
    lines = ["flowchart TD"]
    for stage in plan.stages:
        left, right = ("[", "]") if stage.table else ("{{", "}}") if stage.check else ("(", ")")
        quoted = stage.name.replace('"', "#quot;")
        lines.append(f'    {number[stage.name]}{left}"{quoted}"{right}')
    for stage in plan.stages:
        lines += [f"    {number[source]} --> {number[stage.name]}" for source in dict.fromkeys(stage.inputs.values())]
    return "\n".join(lines)


def summary(result: Result, seconds: float) -> str:
    """Return the summary printed at the end of a run."""
    size = sum(int(file["bytes"]) for file in result.manifest["files"].values())
    counts = [(name, content["rows"]) for name, content in result.manifest["tables"].items()]
    total = sum(rows for _, rows in counts)
    tables = table(("table", "rows"), [*counts, ("total", total)], right=(1,))
    built = f"{result.state}: build {result.manifest['build']}, {size / 1e6:,.1f} MB, in {seconds:.2f} s"
    return f"{tables}\n\n{built}\n{display_path(result.database or result.folder)}"


def verified(found: Verification) -> str:
    """Describe a build that passed verification."""
    checks = "no checks (the build has no database)" if found.checks is None else f"{found.checks} checks passed"
    more = f" and {len(found.differs) - 3} more" if len(found.differs) > 3 else ""  # noqa: PLR2004 -- as many as fit
    differs = f"\nbuilt and checked with {', '.join(found.differs[:3])}{more}" if found.differs else ""
    return f"build {found.build} of {found.name}: {found.files} files unchanged, {checks}{differs}"


def display_path(path: Any) -> str:  # noqa: ANN401 -- a path
    """Return a path as a user would type it."""
    from etl.config.source import display_path  # noqa: PLC0415 -- the display imports little

    return display_path(path)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 -- slow to import

    return cell_len(text)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(value))
