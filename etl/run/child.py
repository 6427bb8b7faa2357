"""Starts a module of ours in a process of its own, which is gone when this one is.

``python -m etl.run.child MODULE ARGUMENTS`` runs a module that does not read its standard input, and ends with it.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading


def start(module: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start a module that reads its standard input, and ends when that does: so it never outlives this process.

    It finds modules where this process does.
    """
    return subprocess.Popen(  # noqa: S603 -- a module of ours
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,  # Ctrl-C is for us
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process, if it still runs."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # nobody reads what was still to be written
                pipe.close()


def end_with_input() -> None:
    """End this process at once when its standard input ends: whoever started it has gone, however that came."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        signal.raise_signal(signal.SIGKILL)

    threading.Thread(target=wait, name="parent", daemon=True).start()


if __name__ == "__main__":
    end_with_input()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
