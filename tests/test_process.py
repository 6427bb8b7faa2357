"""What a process gets from whoever starts it; its streams are tested where commands end (tests/test_ending.py)."""

from __future__ import annotations

import signal

from etl.process import stop_signals


def test_a_hangup_stops_unless_nohup_says_otherwise() -> None:
    """SIGHUP stops a command as Ctrl-C and SIGTERM do; where it is ignored, it stays so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert stop_signals() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)
