"""How a command ends: each end has its exit code and says what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from etl import ending
from tests.running import ROOT

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
        (MemoryError(), 1, "out of memory; take fewer rows a shard"),
        (ImportError("cannot open shared object", name="duckdb"), 1, "cannot import duckdb: cannot open shared object"),
        (BrokenPipeError(), 1, ""),
        (KeyboardInterrupt(), 130, ""),
        (ZeroDivisionError("x"), 3, "ZeroDivisionError: x\nThis is a bug in etl, not in your pipeline."),
        (ImportError("no such name", name="etl.tree"), 3, "This is a bug in etl"),
    ],
)
def test_every_end_has_its_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever ends a command has its exit code and says what to do."""
    assert ending.exit_code(raising(error)) == code
    assert message in capsys.readouterr().err


def test_bug_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--json`` a bug is told as JSON too, with the traceback on stderr."""
    monkeypatch.setattr(sys, "argv", ["etl", "run", "--json"])
    assert ending.exit_code(raising(ZeroDivisionError())) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["success"] is False
    assert "ZeroDivisionError" in captured.err


def test_signal_that_a_library_swallows_still_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """A library may turn the interruption into an error of its own; the exit code is the signal's all the same."""

    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except BaseException:  # noqa: BLE001 -- as a library does that must not let it through
            raise RuntimeError("Query interrupted") from None

    assert ending.exit_code(command) == 143
    assert "Traceback" not in capsys.readouterr().err


DEAF = """
import sys, time
from etl import ending

def deaf():
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

ending.GRACE = 0.3
sys.exit(ending.exit_code(deaf))
"""


@pytest.mark.fault("a signal that Python loses")
def test_signal_that_gets_lost_ends_the_command_all_the_same() -> None:
    """Python may lose what a signal raises, or hang on a lock; a moment later the command ends in any case."""
    with subprocess.Popen(
        [sys.executable, "-c", DEAF], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, complained = process.communicate(timeout=30)
    assert (process.returncode, complained) == (143, "Interrupted; the builds that were there are whole.\n")
