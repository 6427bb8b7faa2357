"""The commands: their options and what they print."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl.cli import display
from etl.cli.diff import diff
from etl.cli.exit import finish
from etl.cli.options import (
    DEFAULT,
    FILE,
    Commands,
    Output,
    execution_options,
    json_option,
    load,
    out_option,
    pipeline_argument,
    print_json,
    quiet_option,
    request_options,
)
from etl.cli.pipelines import plan, schema, show, validate
from etl.cli.templates import TemplateName, start
from etl.errors import EtlError

if TYPE_CHECKING:
    from etl.run.job import Execution


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="teacher-dashboard-etl", prog_name="etl", version="0.1.0")
def commands() -> None:
    """Build a synthetic world from a pipeline file and publish it.

    All of its data is synthetic; none of it is about real people.
    """


@commands.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "template",
    type=TemplateName(),
    default="minimal",
    show_default=True,
    help="The template to copy.",
)
@click.pass_context
def init(ctx: click.Context, *, folder: Path, template: str) -> None:
    """Start a project in DIR, a new or empty folder."""
    start(template, folder)
    pipeline = shlex.quote(str(folder / DEFAULT))
    click.echo(f"{folder}: a copy of {template}. Next:")
    for command in ("run", "serve"):
        click.echo(f"  {ctx.find_root().info_name} {command} {pipeline}")


@commands.command()
@pipeline_argument
@click.option("--force", is_flag=True, help="Build again even if the build is up to date.")
@click.option("--no-report", is_flag=True, help="Do not write report.html (this is a different build).")
@click.option("--keep", type=click.IntRange(1), help="Keep this many builds [default: 3].")
@request_options
@out_option
@click.option("--copy-to", type=FILE, help="Write a writable copy of the database to this file.")
@click.option("--timings", type=FILE, help="Write the seconds of each phase to this file, as JSON.")
@execution_options
@quiet_option
@json_option
def run(  # noqa: PLR0913 -- one for each option
    *,
    pipeline: Path,
    force: bool,
    no_report: bool,
    keep: int | None,
    request: dict[str, Any],
    out: Path | None,
    copy_to: Path | None,
    timings: Path | None,
    execution: Execution,
    quiet: bool,
    as_json: bool,
) -> None:
    """Build the world of PIPELINE, the new current build."""
    from etl.build import copies, store  # noqa: PLC0415 -- each command imports what it needs
    from etl.build.run import make_build  # noqa: PLC0415
    from etl.run.progress import timings as measured  # noqa: PLC0415

    began = time.perf_counter()
    gc.set_threshold(100_000)  # with Python's default of 700, collection finds nothing and takes 5 % of a run
    with closing(display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())) as progress:
        without = ("report=false",) if no_report else ()
        source = load(pipeline, {**request, "changes": (*request["changes"], *without)})
        if copy_to and source.tree.plain().get("outputs") in ("parquet", ["parquet"]):
            raise EtlError("--copy-to: the build has no database; set outputs: [sqlite, parquet]")
        out = out or source.root / "build"
        written = [(copy_to, copies.COPY), (timings, copies.TIMINGS)]
        copies.check(source, out, *((path, kind) for path, kind in written if path))
        result = make_build(source, out, force=force, keep=keep or store.KEEP, progress=progress, execution=execution)
    if copy_to and result.database:
        with progress.phase("copy"):
            copies.copy(result.database, copy_to)
    seconds = time.perf_counter() - began
    if timings:
        copies.write(timings, copies.TIMINGS, lambda path: path.write_bytes(measured(progress, seconds)))
    if as_json:
        print_json({"success": True, **result.summary(), "seconds": round(seconds, 3)})
    elif not quiet:
        click.echo(display.summary(result, seconds))
        if copy_to:
            click.echo(f"{display.display_path(copy_to)} (a writable copy)")


@commands.command()
@click.argument("url")
@pipeline_argument
@request_options
@execution_options
@quiet_option
@json_option
def ship(  # noqa: PLR0913 -- one for each option
    *, url: str, pipeline: Path, request: dict[str, Any], execution: Execution, quiet: bool, as_json: bool
) -> None:
    """Write the tables to URL as Parquet.

    URL is a folder, or file://, s3://, gs:// and so on. The manifest is written last. PIPELINE must have outputs:
    [parquet]; otherwise pass --set outputs=[parquet].
    """
    from etl.build.ship import ship_tables  # noqa: PLC0415 -- as above

    with closing(display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())) as progress:
        place = ship_tables(load(pipeline, request), url, progress=progress, execution=execution)
    if as_json:
        print_json({"success": True, "url": place})
    elif not quiet:
        click.echo(f"built: {place}")


@commands.command()
@pipeline_argument
@click.option("--full", is_flag=True, help="Also run the slower checks that read every JSON document.")
@request_options
@out_option
@json_option
def check(*, pipeline: Path, full: bool, request: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Check the current build against its manifest and its rules.

    The build must be of PIPELINE, its files must match its manifest, and its data must pass PIPELINE's checks with
    the params it was built with.
    """
    from etl.build import verify  # noqa: PLC0415 -- as above

    source = load(pipeline, request)
    found = verify.verify(source, out or source.root / "build", full=full)
    if as_json:
        print_json({"success": True, **found._asdict()})
    else:
        click.echo(display.verified(found))


@commands.command("report")
@pipeline_argument
@click.option("--copy-to", type=FILE, help="Write the report to this file.")
@click.option("--open", "open_browser", is_flag=True, help="Open the report in a browser.")
@out_option
@json_option
def show_report(*, pipeline: Path, copy_to: Path | None, open_browser: bool, out: Path | None, as_json: bool) -> None:
    """Print the path of the current build's report, or copy it.

    With --copy-to, a report is also made for a build without one.
    """
    from etl.build import verify  # noqa: PLC0415 -- as above

    source = load(pipeline)
    path = verify.report_of(source, out or source.root / "build", copy_to)
    if as_json:
        print_json({"success": True, "report": str(path)})
    else:
        click.echo(display.display_path(path))
    if open_browser:
        click.launch(path.as_uri())


@commands.command()
@pipeline_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option(
    "--port",
    default=3000,
    type=click.IntRange(0, 65535),
    show_default=True,
    help="Listen on this port; 0 picks a free one.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the site in a browser.")
@click.option(
    "--base-url", default="/", help="Where a proxy shows the site: /some/prefix/ or https://host/some/prefix/."
)
@click.option("--explore", is_flag=True, help="Allow SQL, facets, CSV and downloads; only on a loopback address.")
@click.option("--watch", is_flag=True, help="Build when a source changes, and reload the pages; builds first.")
@click.option("--no-spare", is_flag=True, help="Keep no warm process for the next build (saves 130 MB).")
@out_option
def serve(  # noqa: PLR0913 -- as above
    *,
    pipeline: Path,
    host: str,
    port: int,
    open_browser: bool,
    base_url: str,
    explore: bool,
    watch: bool,
    no_spare: bool,
    out: Path | None,
) -> None:
    """Serve the current build, and switch to new builds at once.

    Serves the API, the build's pages, and below browse/ Datasette's pages of the tables.
    """
    from etl.server.listen import serve as run_server  # noqa: PLC0415 -- as above

    source = load(pipeline)
    run_server(
        pipeline.resolve(),
        out or source.root / "build",
        host=host,
        port=port,
        world=source.name,
        base_url=base_url,
        explore=explore,
        watch=watch,
        spare=not no_spare,
        open_browser=open_browser,
        say=lambda message: click.echo(message, err=True),
    )


@commands.command()
@pipeline_argument
@click.option("--keep", default=1, type=click.IntRange(1), show_default=True, help="Keep this many builds.")
@out_option
def clean(*, pipeline: Path, keep: int, out: Path | None) -> None:
    """Delete old builds of PIPELINE that are not in use."""
    from etl.build import verify  # noqa: PLC0415 -- as above

    source = load(pipeline)
    folder = out or source.root / "build"
    deleted, kept = verify.clean(source, folder, keep, lambda message: click.echo(message, err=True))
    counted = (
        f"deleted {deleted} of {deleted + kept} builds of {source.name}" if deleted + kept else "nothing to delete"
    )
    click.echo(f"{display.display_path(folder)}: {counted}")


for command in (plan, show, validate, schema, diff):
    commands.add_command(command)


def main() -> NoReturn:
    """Run the command line."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # the search takes 10 ms, and no build may depend on them
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start a thread per core; each spins for 70 ms
    output = Output()
    finish(lambda: commands.main(standalone_mode=False, obj=output), output)
