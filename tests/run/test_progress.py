"""Progress: what a run reports while it goes on."""

from __future__ import annotations

import json
import threading
import time

import pytest

from etl.run.progress import Progress, Tally, timings


def test_stages_add_up() -> None:
    """A stage's rows and seconds are summed over its shards."""
    progress = Progress()
    for name, rows, seconds in (("scores", 10, 0.5), ("students", 2, 0.25), ("scores", 5, 0.25)):
        progress.stage(name, rows, seconds)
    assert progress.stages == {"scores": Tally(15, 0.75), "students": Tally(2, 0.25)}


def test_phases_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phase that comes in several parts is the sum of them, also when one fails."""
    clock = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    progress = Progress()
    with progress.phase("load"):
        pass
    with progress.phase("check"):
        pass
    with pytest.raises(KeyError), progress.phase("load"):
        raise KeyError
    assert progress.phases == {"load": 5.0, "check": 2.0}


def test_threads_have_spans_of_their_own() -> None:
    """A function that a phase decorates is timed in the thread that calls it, and adds nothing to the run's phases."""
    progress = Progress()
    thread = threading.Thread(target=progress.phase("digest")(lambda: None), name="beside")
    thread.start()
    thread.join()
    assert [(span.thread, span.phase) for span in progress.spans] == [("beside", "digest")]
    assert progress.phases == {}
    assert [span[:2] for span in json.loads(timings(progress, 1.0))["spans"]] == [["beside", "digest"]]


def test_a_bare_one_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a display nothing is written."""
    progress = Progress()
    progress.begin(100)
    progress.stage("scores", 10, 0.5)
    progress.loaded(10)
    progress.say("a note")
    progress.end()
    assert capfd.readouterr() == ("", "")


def test_runs_do_not_share() -> None:
    """Each run collects its own."""
    Progress().stage("scores", 10, 0.5)
    assert Progress().stages == {}
