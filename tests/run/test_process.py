"""What a process gets from whoever starts it; its streams are tested where commands end (tests/cli/test_exit.py)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from etl.run import process
from etl.run.process import stop_signals

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer


def test_a_hangup_stops_unless_nohup_says_otherwise() -> None:
    """SIGHUP stops a command as Ctrl-C and SIGTERM do; where it is ignored, it stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_makes_nobody_say_it_twice(tmp_path: Path) -> None:
    """What was written when a signal came upon it is not written again with the next line."""

    class Interrupted(process._Log):
        def write(self, data: ReadableBuffer, /) -> int:
            super().write(data)
            raise KeyboardInterrupt

    with (tmp_path / "log").open("wb") as file:
        log = process._text(Interrupted(file.fileno(), "wb", closefd=False), None)
        for line in ("waiting\n", "stopped\n"):
            with pytest.raises(KeyboardInterrupt):
                log.write(line)
    assert (tmp_path / "log").read_text() == "waiting\nstopped\n"
