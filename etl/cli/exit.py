"""Exit codes and final messages: 0 success, 1 expected error, 2 usage, 3 a bug in etl, 128 + signal number."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl.cli.options import Output, print_json
from etl.errors import EtlError, Mistakes
from etl.run import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.errors import Where

OK, EXPECTED, BUG, STOPPED = 0, 1, 3, 128  # STOPPED: add the signal's number
INTERRUPTED = "Interrupted; existing builds are unchanged."
GRACE = 5.0  # seconds to clean up after a signal; the next run removes what is left


def finish(command: Callable[[], Any], output: Output) -> NoReturn:
    """Run a command and exit the process with its exit code; ``output`` is set once arguments are parsed."""
    process.prepare_streams()
    code = exit_code(command, output)
    with contextlib.suppress(OSError):  # already reported
        sys.stdout.flush()
    # An orderly shutdown of the libraries takes 40 ms, and after a signal a thread may still be in DuckDB or Arrow,
    # which crash during it.
    os._exit(code)


def exit_code(command: Callable[[], Any], output: Output) -> int:
    """Run a command, print its error if it fails, and return its exit code."""
    with _signals() as received:
        try:
            command()
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be reported
        except BaseException as error:  # noqa: BLE001 -- the one place where everything ends
            if received:
                click.echo(INTERRUPTED, err=True)
                return STOPPED + received[0]
            if isinstance(error, click.ClickException) and not output.json:
                error.show()
                return error.exit_code
            code, problem = _explain(error)
            if problem:
                _print(problem, as_json=output.json)
            return code
    return OK


def _explain(error: BaseException) -> tuple[int, EtlError | None]:  # noqa: C901, PLR0911 -- a case per kind of error
    """The exit code after an exception, and what to print."""
    message = None
    match error:
        case EtlError():
            return EXPECTED, error
        case click.ClickException():
            return error.exit_code, EtlError(error.format_message())
        case SystemExit():
            return error.code if isinstance(error.code, int) else EXPECTED, None
        case KeyboardInterrupt() | click.Abort():
            return STOPPED + signal.SIGINT, None
        case BrokenPipeError() if error.filename == process.STDOUT:  # the reader closed the pipe, as `head` does
            return EXPECTED, None
        case OSError():  # a full disk, no permission, too many open files
            message = f"{_place(error)}: {error.strerror or error}"
        case UnicodeEncodeError() if error.reason == "surrogates not allowed":  # a file name that is not UTF-8
            name = error.object[: error.start].rpartition("'")[2] + error.object[error.start :].partition("'")[0]
            message = f"{name.encode(errors='backslashreplace').decode()}: the name is not UTF-8; rename it"
        case MemoryError():
            message = "out of memory; use fewer rows per shard (shard: rows)"
        case ImportError() if not (error.name or "etl").startswith("etl"):
            fix = "fix it with: pip install --require-hashes -r requirements.lock"
            message = f"cannot import {error.name}: {error.msg.strip().splitlines()[-1]}; {fix}"
    if message:
        return EXPECTED, EtlError(message)
    click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    message = (
        "This is a bug in etl, not in your pipeline. Please report it, with the lines above and your pipeline file."
    )
    return BUG, EtlError(message)


def _place(error: OSError) -> str:
    names = (os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes))
    return " -> ".join(names) or "the system"


def _print(error: EtlError, *, as_json: bool) -> None:
    """Print an error, or several, to standard error; as JSON to standard output, if that can be written."""
    if as_json:
        found = error.mistakes if isinstance(error, Mistakes) else [error]
        mistakes = [{**(_parts(one.where) if one.where else {}), "message": one.message} for one in found]
        with contextlib.suppress(OSError):
            print_json({"success": False, "mistakes": mistakes})
            return
    click.echo(str(error), err=True)


def _parts(where: Where) -> dict[str, str | int]:
    if where.in_rows:
        return {"file": where.file, "row": where.line}
    return {"file": where.file, "line": where.line, "column": where.column}


class _Stopped(BaseException):
    """A signal was received. Not KeyboardInterrupt, after which Python may exit by SIGINT whatever the exit code."""


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Make SIGTERM and SIGHUP unwind a command as Ctrl-C does. Yields the list of signals received.

    The list is needed because a library may replace the exception. Python may also lose the exception, or leave a lock
    locked, when it is raised at a bad moment (a callback, an import), so a thread exits after a grace period.
    """
    received: list[int] = []
    over = threading.Event()

    def force_exit(number: int) -> None:
        time.sleep(GRACE)
        if not over.is_set():
            with contextlib.suppress(OSError):
                os.write(2, f"{INTERRUPTED}\n".encode())
            os._exit(STOPPED + number)

    def stop(number: int, _: object) -> NoReturn:
        received.append(number)
        _thread.start_new_thread(force_exit, (number,))  # threading.Thread takes locks that this thread may hold
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in process.stop_signals()}
    try:
        yield received
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)
