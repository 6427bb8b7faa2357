"""Exit codes and final messages of commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from etl.cli.commands import commands
from etl.cli.exit import exit_code
from etl.cli.options import Output
from etl.run import process
from tests.support.running import PATIENCE, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable


def raising(error: BaseException) -> Callable[[], Any]:
    """A command that ends with an error."""

    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(24, "Too many open files", "x.db"), 1, "x.db: Too many open files"),
        (OSError(28, "No space left on device"), 1, "the system: No space left on device"),
        (MemoryError(), 1, "out of memory; use fewer rows per shard"),
        (ImportError("cannot open shared object", name="duckdb"), 1, "cannot import duckdb: cannot open shared object"),
        (BrokenPipeError(32, "Broken pipe", process.STDOUT), 1, ""),
        (BrokenPipeError(32, "Broken pipe"), 1, "the system: Broken pipe"),
        (OSError(36, "File name too long", "a", None, "b"), 1, "a -> b: File name too long"),
        (OSError(5, "Input/output error", b"x.db"), 1, "x.db: Input/output error"),
        (
            UnicodeEncodeError("utf-8", "ATTACH '/x\udcff/y' AS z", 9, 10, "surrogates not allowed"),
            1,
            "/x\\udcff/y: the name",
        ),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("x"), 3, "ZeroDivisionError: x\nThis is a bug in etl, not in your pipeline."),
        (ImportError("no such name", name="etl.config.node"), 3, "This is a bug in etl"),
    ],
)
def test_every_end_has_its_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of exception has its exit code and a message."""
    assert exit_code(raising(error), Output()) == code
    assert message in capsys.readouterr().err


def test_bug_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` a bug is JSON too, with the traceback on stderr."""
    assert exit_code(raising(ZeroDivisionError()), Output(json=True)) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["success"] is False
    assert "ZeroDivisionError" in captured.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_that_a_library_swallows_still_counts(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library may turn the interruption into an error of its own; the exit code is the signal's all the same."""

    def command() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except BaseException:  # noqa: BLE001 -- as a library does that must not let it through
            raise RuntimeError("Query interrupted") from None

    assert exit_code(command, Output()) == 128 + number
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["validate", "--json", "--bogus"], 2, "No such option '--bogus'."),
        (["plan", "--seed", "x", "--json"], 2, "Invalid value for '--seed'"),
        (["bogus", "--json"], 2, "No such command 'bogus'."),
        (["validate", "--json", "--seed"], 2, "Option '--seed' requires an argument."),
        (["validate", "--out", "--json"], 2, "No such option '--out'."),
        (["run", "--out", "--json", "--bogus"], 2, None),
        (["validate", "--", "--json"], 2, None),
        (["clean", "--json"], 2, None),
        (["--bogus"], 2, None),
    ],
)
def test_wrong_usage_as_json(
    arguments: list[str], code: int, message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage is JSON where ``--json`` is an option of the command, and not the value of another one."""
    output = Output()
    assert exit_code(lambda: commands.main(arguments, standalone_mode=False, obj=output), output) == code
    captured = capsys.readouterr()
    if message is None:
        assert (captured.out, captured.err[:6]) == ("", "Usage:")
    else:
        (mistake,) = json.loads(captured.out)["mistakes"]
        assert message in mistake["message"]
        assert captured.err == ""


#: For a command that is run in another folder.
ELSEWHERE = {**os.environ, "PYTHONPATH": str(ROOT)}

STREAMS = """
import sys
from etl.cli.exit import finish
from etl.cli.options import Output

def command():
    print("working", file=sys.stderr)
    if "bug" in sys.argv:
        raise ValueError
    print("done", "-" * 9000)
    open("work", "x").write("whole")

finish(command, Output())
"""


@pytest.mark.fault("standard output or error closed, full, or read by nobody")
@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        (">&-", 0, "working\n"),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 1, "working\nstandard output: No space left on device\n"),
        (">/dev/full 2>&1", 1, ""),
        ("bug >&- 2>&-", 3, ""),
    ],
)
def test_streams_that_cannot_be_written(tmp_path: Path, redirected: str, code: int, told: str) -> None:
    """With a closed output the work is done; output that is lost is exit code 1; lost stderr is ignored."""
    if "/dev/full" in redirected and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    shell = ["bash", "-c", f'"$0" -c "$1" {redirected}', sys.executable, STREAMS]
    done = subprocess.run(
        shell, cwd=tmp_path, env=ELSEWHERE, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (code, told)
    if code == 0:
        assert (tmp_path / "work").read_text() == "whole"


def test_any_letter_fits_any_terminal(tmp_path: Path) -> None:
    """Letters that the encoding of the output lacks are escaped."""
    code = (
        "from etl.cli.exit import finish; from etl.cli.options import Output; finish(lambda: print('Ж 😀'), Output())"
    )
    env = {**ELSEWHERE, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"\\u0416 \\U0001f600\n")


@pytest.mark.parametrize(("stream", "code"), [("stdout", 1), ("stderr", 0)])
def test_a_pipe_that_nobody_reads(tmp_path: Path, stream: str, code: int) -> None:
    """A reader of the output that has gone is exit code 1 without a word, as with ``head``; of the log, nothing."""
    read, write = os.pipe()
    os.close(read)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: write}
    with subprocess.Popen([sys.executable, "-c", STREAMS], cwd=tmp_path, env=ELSEWHERE, **pipes) as process:
        os.close(write)
        printed = b"".join(filter(None, process.communicate(timeout=PATIENCE)))
    assert (process.returncode, printed) == (
        code,
        b"working\n" if stream == "stdout" else f"done {'-' * 9000}\n".encode(),
    )


DEAF = """
import sys, time
from etl.cli import exit
from etl.cli.options import Output

def deaf():
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

exit.GRACE = 0.3
sys.exit(exit.exit_code(deaf, Output()))
"""


@pytest.mark.fault("a signal that Python loses")
def test_signal_that_gets_lost_ends_the_command_all_the_same() -> None:
    """If Python loses a signal's exception, or hangs on a lock, the command still ends a moment later."""
    with subprocess.Popen(
        [sys.executable, "-c", DEAF], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=PATIENCE)
    assert (process.returncode, complained) == (143, "Interrupted; existing builds are unchanged.\n")
