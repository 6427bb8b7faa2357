"""How a run looks: tables, plain lines, a live bar, nothing."""

from __future__ import annotations

import contextlib
import os
import pty
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from etl.build.run import Result
from etl.cli import display

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from etl.run.progress import Progress


def run_through(progress: Progress) -> None:
    """Report what a small run reports."""
    progress.begin(300)
    progress.stage("students", 100, 0.25)
    progress.loaded(100)
    progress.stage("students", 100, 0.25)
    progress.say("a remark")
    progress.loaded(100)
    progress.stage("scores", 1_234, 0.125)
    progress.end()


def test_table_aligns_its_columns() -> None:
    """Texts are aligned left, numbers right with separators; None is a dash; no line ends in spaces."""
    rows = [("scores", 52_500, None), ("a", 1, "x")]
    assert display.table(("table", "rows", "note"), rows, right=(1,)).splitlines() == [
        "table     rows  note",
        "------  ------  ----",
        "scores  52,500  -",
        "a            1  x",
    ]


def test_table_aligns_wide_letters() -> None:
    """A letter that takes two columns of a terminal counts as two."""
    assert display.table(("a", "b"), [("日本", 1), ("xyz", 2)]).splitlines()[2:] == ["日本  1", "xyz   2"]


def test_table_without_rows_is_its_head() -> None:
    """A table without rows shows what its columns would be."""
    assert display.table(("id", "name"), []).splitlines() == ["id  name", "--  ----"]


def test_table_is_inert() -> None:
    """Line ends and control characters in a cell are shown, not sent to the terminal."""
    shown = display.table(("name",), [("a\nb\x1b[31m\u2028é😀",)])
    assert shown.splitlines()[2:] == [r"a\nb\x1b[31m\u2028é😀"]


def test_truth_values_are_no_numbers() -> None:
    """True is shown as a word."""
    assert display.table(("x",), [(True,)]).splitlines()[-1] == "True"


def test_lines_say_each_stage_once(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe a run is a line a stage on stderr, shards summed up, without control characters."""
    run_through(display.Lines())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "a remark",
        "students          200 rows    0.500 s",
        "scores          1,234 rows    0.125 s",
    ]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A quiet run collects its timings and prints nothing at all."""
    progress = display.progress_for(quiet=True, terminal=True)
    run_through(progress)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    assert progress.stages["students"].rows == 200


def test_display_fits_the_place() -> None:
    """A terminal gets the bar, everything else gets lines."""
    assert type(display.progress_for(quiet=False, terminal=True)) is display.Bar
    assert type(display.progress_for(quiet=False, terminal=False)) is display.Lines


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Replace stderr by a terminal; at the end the list has its output."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    reader, writer = pty.openpty()
    appeared: list[str] = []
    with os.fdopen(writer, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield appeared
    content = b""
    with contextlib.suppress(OSError):  # on Linux, the end of the stream
        while part := os.read(reader, 10_000):
            content += part
    os.close(reader)
    appeared.append(content.decode())


def test_bar_shows_rows_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar shows the rows done and the rows a second; it goes, and the lines of the stages stay."""
    with terminal(monkeypatch) as appeared:
        run_through(display.Bar())
    (text,) = appeared
    assert "200 rows," in text
    assert "a second" in text
    assert "\x1b[?25l" in text  # the cursor is hidden while the bar is there ...
    assert text.rindex("\x1b[?25h") > text.rindex("a second")  # ... and comes back
    assert text.splitlines()[-1].startswith("scores")
    assert "a remark" in text


def test_bar_goes_when_the_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails, before or while the bar is there, gives the terminal its cursor back."""
    bar = display.Bar()
    with terminal(monkeypatch) as before:
        bar.close()
    assert before == [""]
    with terminal(monkeypatch) as appeared:
        bar.begin(10)
        bar.loaded(5)
        bar.close()
    (text,) = appeared
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_summary_says_what_where_and_how_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary has each table's rows, their total, the size, the seconds, and the path as one types it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "build" / ("0" * 16)
    folder.mkdir(parents=True)
    (folder / "a.db").write_bytes(bytes(2_500_000))
    content = {
        "build": folder.name,
        "pipeline": {"database": "a.db"},
        "files": {"a.db": {"bytes": 2_500_000}},
        "tables": {"scores": {"rows": 52_500}, "tests": {"rows": 6}},
    }
    lines = display.summary(Result(folder, "built", content), 1.234).splitlines()
    assert lines[2:] == [
        "scores  52,500",
        "tests        6",
        "total   52,506",
        "",
        f"built: build {folder.name}, 2.5 MB, in 1.23 s",
        str(Path("build", folder.name, "a.db")),
    ]
