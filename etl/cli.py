"""The commands, and the only exit codes.

0 done, 1 something to mend, 2 usage, 3 a bug of ours, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import _thread
import contextlib
import gc
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl.errors import EtlError, Mistakes
from etl.options import asks, json_option, out_option, pipeline_argument, works

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from etl.config import Source
    from etl.job import How
    from etl.plan import Plan

OK, EXPECTED, BUG, STOPPED = 0, 1, 3, 128  # stopped by a signal: 128 and its number
INTERRUPTED = "Interrupted; the builds that were there are whole."
GRACE = 5.0  # seconds to clean up in, after a signal; what is left then, the next run sweeps up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="teacher-dashboard-etl", prog_name="etl", version="0.1.0")
def commands() -> None:
    """Make a synthetic school year from a pipeline file, and publish it.

    Everything that it prints is about synthetic data: no real person is in it.
    """


@commands.command()
@pipeline_argument
@click.option("--force", is_flag=True, help="Build again, also when the build is there.")
@click.option("--no-report", is_flag=True, help="Leave report.html out; that is another build.")
@asks
@out_option
@click.option("--copy-to", type=click.Path(path_type=Path, dir_okay=False), help="Copy the database there, writable.")
@click.option(
    "--timings", type=click.Path(path_type=Path, dir_okay=False), help="Write the seconds of each phase there."
)
@works
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@json_option
def run(  # noqa: PLR0913 -- one for each option
    *,
    pipeline: Path,
    force: bool,
    no_report: bool,
    asked: dict[str, Any],
    out: Path | None,
    copy_to: Path | None,
    timings: Path | None,
    how: How,
    quiet: bool,
    as_json: bool,
) -> None:
    """Make the world of PIPELINE, and point build/current at it."""
    from etl import build, display, store  # noqa: PLC0415 -- each command imports what it needs

    start = time.perf_counter()
    gc.set_threshold(100_000)  # with Python's own 700, looking for garbage, in vain, takes 5 % of a run
    progress = display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())
    try:
        without = ("report=false",) if no_report else ()
        source = _load(pipeline, {**asked, "changes": (*asked["changes"], *without)})
        result = build.run(source, out or source.root / "build", force=force, progress=progress, how=how)
    finally:
        progress.close()
    if copy_to:
        if result.database is None:
            raise EtlError("--copy-to: the build has no database; say outputs: [sqlite, parquet]")
        with progress.phase("copy"):
            store.copy_to(result.database, copy_to)
    seconds = time.perf_counter() - start
    if timings:
        _write_timings(timings, progress, seconds)
    if as_json:
        _print_json({"success": True, **result.summary(), "seconds": round(seconds, 3)})
    elif not quiet:
        click.echo(display.summary(result, seconds))
        if copy_to:
            click.echo(f"{display.shown(copy_to)} (a copy of its own, writable)")


@commands.command()
@click.argument("url")
@pipeline_argument
@asks
@works
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@json_option
def ship(  # noqa: PLR0913 -- one for each option
    *, url: str, pipeline: Path, asked: dict[str, Any], how: How, quiet: bool, as_json: bool
) -> None:
    """Write the tables to URL as Parquet.

    URL is a folder, file://, s3://, gs:// and the like; the manifest comes last. PIPELINE says outputs: [parquet], or
    --set outputs=[parquet] does.
    """
    from etl import display, remote  # noqa: PLC0415 -- as above

    progress = display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())
    try:
        place = remote.run(_load(pipeline, asked), url, progress=progress, how=how)
    finally:
        progress.close()
    if as_json:
        _print_json({"success": True, "url": place})
    elif not quiet:
        click.echo(f"built: {place}")


@commands.command()
@pipeline_argument
@asks
@json_option
def plan(*, pipeline: Path, asked: dict[str, Any], as_json: bool) -> None:
    """Show the stages in order, with the rows to expect; runs nothing."""
    from etl import display, space  # noqa: PLC0415 -- as above

    made = _plan(pipeline, asked)
    if as_json:
        shard = {"by": made.by, "rows": made.rows} if made.by else None
        _print_json({"stages": display.stages(made), "shard": shard, "expected_bytes": space.estimate(made)})
    else:
        click.echo(f"{display.drawing(made)}\nabout {space.shown(space.estimate(made))} on disk")


@commands.command()
@click.argument("stage")
@click.option(
    "--pipeline",
    default="pipeline.yaml",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    show_default=True,
    help="The pipeline file.",
)
@click.option("--limit", default=5, type=click.IntRange(1, 10_000), show_default=True, help="How many rows.")
@asks
@json_option
def show(*, stage: str, pipeline: Path, limit: int, asked: dict[str, Any], as_json: bool) -> None:
    """Show the first rows of STAGE; nothing is built."""
    from etl import display, shards  # noqa: PLC0415 -- as above
    from etl.errors import did_you_mean  # noqa: PLC0415

    made = _plan(pipeline, asked)
    if stage not in made.pipeline.stages:
        hint = did_you_mean(stage, made.pipeline.stages) or "; see them all with: python -m etl plan"
        raise EtlError(f"there is no stage '{stage}'{hint}")
    rows = shards.run_until(made, stage).slice(0, limit)
    if as_json:
        _print_json(json.loads(json.dumps(rows.to_pylist(), default=str)))
        return
    numbers = [index for index, field in enumerate(rows.schema) if str(field.type).startswith(("int", "double"))]
    click.echo(display.table(rows.column_names, [list(row.values()) for row in rows.to_pylist()], right=numbers))


@commands.command()
@pipeline_argument
@asks
@json_option
def validate(*, pipeline: Path, asked: dict[str, Any], as_json: bool) -> None:
    """Find every mistake in PIPELINE and its files; runs nothing."""
    from etl.assemble import read  # noqa: PLC0415 -- as above

    found = read(_load(pipeline, asked), full=True)
    counts = {
        "stages": len(found.pipeline.stages),
        "checks": len(found.checks),
        "endpoints": len(found.endpoints),
    }
    if as_json:
        _print_json({"success": True, **counts})
    else:
        click.echo(f"{pipeline}: {', '.join(f'{count} {what}' for what, count in counts.items())}, no mistakes")


@commands.command()
@pipeline_argument
@click.option("--full", is_flag=True, help="Also the checks that open every JSON document.")
@out_option
@json_option
def check(*, pipeline: Path, full: bool, out: Path | None, as_json: bool) -> None:
    """Check the current build against its manifest and its rules.

    Its files must be those of its manifest, and its data must keep the checks of PIPELINE.
    """
    from etl import inspection  # noqa: PLC0415 -- as above

    source = _load(pipeline)
    found = inspection.inspect(source, out or source.root / "build", full=full)
    if as_json:
        _print_json({"success": True, **found._asdict()})
    else:
        click.echo(
            f"build {found.build} of {found.name}: {found.files} files as they were made, {found.checks} checks passed"
        )


@commands.command("report")
@pipeline_argument
@click.option("--copy-to", type=click.Path(path_type=Path, dir_okay=False), help="Write the report there.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in a browser.")
@out_option
@json_option
def show_report(*, pipeline: Path, copy_to: Path | None, open_browser: bool, out: Path | None, as_json: bool) -> None:
    """Show where the current build's report is, or copy it.

    --copy-to also makes one for a build that has none.
    """
    from etl import display, inspection  # noqa: PLC0415 -- as above

    source = _load(pipeline)
    path = inspection.report_of(out or source.root / "build", copy_to)
    if as_json:
        _print_json({"success": True, "report": str(path)})
    else:
        click.echo(display.shown(path))
    if open_browser:
        click.launch(path.as_uri())


@commands.command()
def schema() -> None:
    """Print the JSON Schema of a pipeline file, for editors."""
    from etl.contract import contract_of  # noqa: PLC0415 -- as above
    from etl.generators import GENERATORS  # noqa: PLC0415
    from etl.models import json_schema  # noqa: PLC0415

    _print_json(json_schema({name: contract_of(made.function, name).params for name, made in GENERATORS.items()}))


@commands.command()
@pipeline_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=3000, type=click.IntRange(0, 65535), show_default=True, help="Port; 0 for any free one."
)
@click.option("--open", "open_browser", is_flag=True, help="Open a browser.")
@click.option("--explore", is_flag=True, help="Allow SQL, facets, CSV and downloads, on this machine only.")
@out_option
def serve(  # noqa: PLR0913 -- as above
    *, pipeline: Path, host: str, port: int, open_browser: bool, explore: bool, out: Path | None
) -> None:
    """Serve the current build, and each new one at once.

    It answers with the API, the build's own pages, and Datasette's pages of the tables.
    """
    from etl.publish.serve import serve as run_server  # noqa: PLC0415 -- as above

    source = _load(pipeline)
    run_server(
        pipeline.resolve(),
        out or source.root / "build",
        host=host,
        port=port,
        explore=explore,
        open_browser=open_browser,
        say=lambda message: click.echo(message, err=True),
    )


@commands.command()
@click.option("--keep", default=1, type=click.IntRange(1), show_default=True, help="How many builds stay.")
@click.option(
    "--out",
    default=Path("build"),
    type=click.Path(path_type=Path, file_okay=False),
    show_default=True,
    help="Folder of builds.",
)
def clean(*, keep: int, out: Path) -> None:
    """Delete old builds, never one that is current or served."""
    from etl.store import Store  # noqa: PLC0415 -- as above

    if not out.is_dir():
        click.echo(f"{out}: nothing to delete")
        return
    store = Store(out)
    with store.locked(lambda message: click.echo(message, err=True)):
        gone = store.prune(keep)
    click.echo(f"{out}: deleted {len(gone)} of {len(gone) + len(store.builds())} builds")


def _load(pipeline: Path, asked: Mapping[str, Any] | None = None) -> Source:
    from etl import config  # noqa: PLC0415 -- as above

    return config.load(pipeline, **(asked or {}))


def _plan(pipeline: Path, asked: Mapping[str, Any]) -> Plan:
    from etl.config import validate as validated  # noqa: PLC0415 -- as above
    from etl.plan import make_plan  # noqa: PLC0415

    return make_plan(validated(_load(pipeline, asked)))


def _write_timings(path: Path, progress: Any, seconds: float) -> None:  # noqa: ANN401 -- a Progress
    content = {
        "seconds": round(seconds, 4),
        "phases": {name: round(value, 4) for name, value in progress.phases.items()},
        "stages": {
            name: {"rows": tally.rows, "seconds": round(tally.seconds, 4)} for name, tally in progress.stages.items()
        },
    }
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise EtlError(f"{path}: cannot write the timings: {error.strerror}") from error


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1))  # ASCII, so that any terminal and any pipe can carry it


def _problem(error: EtlError) -> dict[str, Any]:
    where = error.where
    place = {"file": where.file, "line": where.line, "column": where.column} if where else {}
    return {**place, "message": error.message}


def _fail(error: EtlError, code: int = EXPECTED) -> int:
    if "--json" in sys.argv:
        found = error.mistakes if isinstance(error, Mistakes) else [error]
        _print_json({"success": False, "mistakes": [_problem(mistake) for mistake in found]})
    else:
        click.echo(str(error), err=True)
    return code


def _report(error: BaseException) -> int:
    click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    message = (
        "This is a bug in etl, not in your pipeline. Please report it, with the lines above and your pipeline file."
    )
    return _fail(EtlError(message), BUG)


class _Stopped(BaseException):
    """A signal came. Not KeyboardInterrupt: Python, having seen one, may end by SIGINT whatever code it is given."""


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Let SIGTERM end a command as Ctrl-C does: what is half done is cleaned up on the way out. Yields what came.

    It is noted because a library may turn the exception into one of its own. And Python may lose the exception, or
    leave a lock locked for ever, when it is raised at a bad moment (a callback, an import), so somebody insists.
    """
    came: list[int] = []
    over = threading.Event()

    def insist(number: int) -> None:
        time.sleep(GRACE)
        if not over.is_set():
            os.write(2, f"{INTERRUPTED}\n".encode())
            os._exit(STOPPED + number)

    def stop(number: int, _: object) -> NoReturn:
        came.append(number)
        _thread.start_new_thread(insist, (number,))  # threading.Thread takes locks that may be held here
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(command: Callable[[], Any]) -> int:
    """Run a command and map what happens to an exit code."""
    with _signals() as came:
        try:
            command()
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be told
        except BaseException as error:  # noqa: BLE001 -- the one place where everything ends
            if came:
                click.echo(INTERRUPTED, err=True)
                return STOPPED + came[0]
            with contextlib.suppress(OSError):  # nobody is there to be told
                return _code_of(error)
            return EXPECTED
    return OK


def _code_of(error: BaseException) -> int:  # noqa: PLR0911 -- one for each kind of end
    match error:
        case click.ClickException():
            error.show()
            return error.exit_code
        case EtlError():
            return _fail(error)
        case BrokenPipeError():  # the reader of our output has gone, as `head` does
            return EXPECTED
        case OSError():  # a full disk, no permission, too many open files
            return _fail(EtlError(f"{error.filename or 'the system'}: {error.strerror or error}"))
        case MemoryError():
            return _fail(EtlError("out of memory; take fewer rows a shard (shard: rows)"))
        case ImportError() if not (error.name or "etl").startswith("etl"):
            mend = "mend it with: pip install --require-hashes -r requirements.lock"
            return _fail(EtlError(f"cannot import {error.name}: {error.msg.strip().splitlines()[-1]}; {mend}"))
        case SystemExit():
            return error.code if isinstance(error.code, int) else EXPECTED
        case KeyboardInterrupt() | click.Abort():
            return STOPPED + signal.SIGINT
    return _report(error)


def main() -> NoReturn:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter shows its number
    code = exit_code(lambda: commands.main(standalone_mode=False))
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # it has been said
            stream.flush()
    # Nothing is left to do, and taking all libraries down in order would take 40 ms; after a signal a thread may even
    # still be in DuckDB or Arrow, which crash when Python ends under them.
    os._exit(code)
