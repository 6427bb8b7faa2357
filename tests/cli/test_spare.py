"""A process that waits for a command with everything imported."""

from __future__ import annotations

import gc
import io
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from etl.cli import spare
from tests.support.running import ROOT, TINY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The commands that run, in this process or (with an interpreter before them) in a new one."""
    found: list[list[str]] = []
    monkeypatch.setattr(sys, "argv", ["etl"])
    monkeypatch.setattr(spare, "main", lambda: found.append(sys.argv[1:]))
    monkeypatch.setattr(spare, "end_with_input", lambda: None)

    def replace(_: str, command: list[str]) -> None:
        found.append(command)
        raise SystemExit

    monkeypatch.setattr("os.execv", replace)
    yield found
    gc.unfreeze()


def say(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a text be the input of the process."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_runs_what_it_is_told(ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments run as a command, with what it needs imported, the generators of etl too; without any it ends."""
    say('["run", "pipeline.yaml"]\n', monkeypatch)
    spare.wait(ROOT / TINY)
    assert ran == [["run", "pipeline.yaml"]]
    assert {"duckdb", "etl.build.assemble", "etl.school.scores"} <= sys.modules.keys()
    say("", monkeypatch)
    spare.wait(ROOT / "nothing.yaml")
    assert len(ran) == 1


def test_changed_code_runs_in_a_new_interpreter(ran: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A build is never named after code that did not make it: after a change of etl, what is imported is not used."""
    states = iter([1, 2])
    monkeypatch.setattr(spare, "code_stamps", lambda: next(states))
    say('["run"]\n', monkeypatch)
    with pytest.raises(SystemExit):
        spare.wait(ROOT / TINY)
    assert ran == [[sys.executable, "-m", "etl.run.child", "etl", "run"]]
