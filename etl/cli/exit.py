"""How a command ends: by itself, by a mistake, a bug or a signal; what is said then, and the only exit codes.

0 done, 1 something to mend, 2 usage, 3 a bug of ours, 128 and its number when a signal stopped it.
"""

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

OK, EXPECTED, BUG, STOPPED = 0, 1, 3, 128  # stopped by a signal: 128 and its number
INTERRUPTED = "Interrupted; the builds that were there are whole."
GRACE = 5.0  # seconds to clean up in, after a signal; what is left then, the next run sweeps up


def finish(command: Callable[[], Any], output: Output) -> NoReturn:
    """Run a command, and end the process with its exit code. ``output``: how it is told to answer, once it knows."""
    process.prepare_streams()
    code = exit_code(command, output)
    with contextlib.suppress(OSError):  # it has been said
        sys.stdout.flush()
    # Nothing is left to do, and taking all libraries down in order would take 40 ms; after a signal a thread may even
    # still be in DuckDB or Arrow, which crash when Python ends under them.
    os._exit(code)


def exit_code(command: Callable[[], Any], output: Output) -> int:
    """Run a command and map what happens to an exit code."""
    with _signals() as came:
        try:
            command()
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be told
        except BaseException as error:  # noqa: BLE001 -- the one place where everything ends
            if came:
                click.echo(INTERRUPTED, err=True)
                return STOPPED + came[0]
            return _code_of(error, output)
    return OK


def _code_of(error: BaseException, output: Output) -> int:  # noqa: C901, PLR0911 -- one for each kind of end
    match error:
        case click.ClickException() if not output.json:
            error.show()
            return error.exit_code
        case click.ClickException():
            return _fail(EtlError(error.format_message()), output, error.exit_code)
        case EtlError():
            return _fail(error, output)
        case BrokenPipeError() if error.filename == process.STDOUT:  # its reader has gone, as `head` does
            return EXPECTED
        case OSError():  # a full disk, no permission, too many open files
            return _fail(EtlError(f"{_place(error)}: {error.strerror or error}"), output)
        case UnicodeEncodeError() if error.reason == "surrogates not allowed":  # a name that Python could not decode
            name = error.object[: error.start].rpartition("'")[2] + error.object[error.start :].partition("'")[0]
            shown = name.encode(errors="backslashreplace").decode()
            return _fail(EtlError(f"{shown}: a name that is not UTF-8; rename it"), output)
        case MemoryError():
            return _fail(EtlError("out of memory; take fewer rows a shard (shard: rows)"), output)
        case ImportError() if not (error.name or "etl").startswith("etl"):
            mend = "fix it with: pip install --require-hashes -r requirements.lock"
            return _fail(EtlError(f"cannot import {error.name}: {error.msg.strip().splitlines()[-1]}; {mend}"), output)
        case SystemExit():
            return error.code if isinstance(error.code, int) else EXPECTED
        case KeyboardInterrupt() | click.Abort():
            return STOPPED + signal.SIGINT
    return _report(error, output)


def _place(error: OSError) -> str:
    names = (os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes))
    return " -> ".join(names) or "the system"


def _problem(error: EtlError) -> dict[str, Any]:
    where = error.where
    place = {"file": where.file, "line": where.line, "column": where.column} if where else {}
    return {**place, "message": error.message}


def _fail(error: EtlError, output: Output, code: int = EXPECTED) -> int:
    try:
        if output.json:
            found = error.mistakes if isinstance(error, Mistakes) else [error]
            print_json({"success": False, "mistakes": [_problem(mistake) for mistake in found]})
            return code
    except OSError:  # then a person may see it at least
        pass
    click.echo(str(error), err=True)
    return code


def _report(error: BaseException, output: Output) -> int:
    click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    message = (
        "This is a bug in etl, not in your pipeline. Please report it, with the lines above and your pipeline file."
    )
    return _fail(EtlError(message), output, BUG)


class _Stopped(BaseException):
    """A signal came. Not KeyboardInterrupt: Python, having seen one, may end by SIGINT whatever code it is given."""


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: what is half done is cleaned up. Yields what came.

    It is noted because a library may turn the exception into one of its own. And Python may lose the exception, or
    leave a lock locked for ever, when it is raised at a bad moment (a callback, an import), so somebody insists.
    """
    came: list[int] = []
    over = threading.Event()

    def insist(number: int) -> None:
        time.sleep(GRACE)
        if not over.is_set():
            with contextlib.suppress(OSError):
                os.write(2, f"{INTERRUPTED}\n".encode())
            os._exit(STOPPED + number)

    def stop(number: int, _: object) -> NoReturn:
        came.append(number)
        _thread.start_new_thread(insist, (number,))  # threading.Thread takes locks that may be held here
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in process.stop_signals()}
    try:
        yield came
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)
