"""What the server's log says of failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.server.log import MAX_MESSAGE_LENGTH, log_failure

if TYPE_CHECKING:
    import pytest


def fail(message: str) -> None:
    """Fail because of something else that failed."""
    try:
        int(message)
    except ValueError as error:
        raise KeyError(message * 1000) from error


def test_strangers_write_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and escape sequences of a message are shown, not written, and it is cut; its causes come before it."""
    try:
        fail("x\r\nERROR: forged \x1b[2J\u2028")
    except KeyError as error:
        log_failure(error)
    log = capsys.readouterr().err
    assert "\nERROR" not in log
    assert all(sign.isprintable() or sign == "\n" for sign in log)
    assert log.index("ValueError: ") < log.index("KeyError: ")
    assert "in fail" in log
    assert len(log) < MAX_MESSAGE_LENGTH * 10
