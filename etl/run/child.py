"""Starts a child process that exits with its parent.

``python -m etl.run.child MODULE ARGUMENTS`` runs a module, which must not read its input, until that is closed.
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
    """Start a module that exits at the end of its standard input, so it never outlives this process.

    It has this process's ``sys.path``.
    """
    return subprocess.Popen(  # noqa: S603 -- a module of etl
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,  # Ctrl-C is for the parent alone
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if it is still running."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # output that nobody reads any more
                pipe.close()


def end_with_input() -> None:
    """Kill this process when its standard input is closed: its parent has exited, for whatever reason."""

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
