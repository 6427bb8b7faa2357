"""The commands: what each is told, and what it prints."""

from __future__ import annotations

import gc
import json
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from etl.cli.exit import finish
from etl.cli.options import (
    DEFAULT,
    Commands,
    Output,
    PipelineFile,
    asks,
    json_option,
    load,
    out_option,
    pipeline_argument,
    print_json,
    works,
)
from etl.cli.templates import named, start
from etl.errors import EtlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.run.job import Execution
    from etl.run.plan import Plan


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="teacher-dashboard-etl", prog_name="etl", version="0.1.0")
def commands() -> None:
    """Make a synthetic world from a pipeline file, and publish it.

    Everything that it prints is about synthetic data: no real person is in it.
    """


@commands.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "template", metavar="NAME", callback=named, help="What to copy; without it, lists the names.")
@click.pass_context
def init(ctx: click.Context, *, folder: Path, template: str) -> None:
    """Start a project in DIR, a new or an empty folder, with a copy of one that comes with etl."""
    start(template, folder)
    pipeline = shlex.quote(str(folder / DEFAULT))
    click.echo(f"{folder}: a copy of {template}. Next:")
    for command in ("run", "serve"):
        click.echo(f"  {ctx.find_root().info_name} {command} {pipeline}")


@commands.command()
@pipeline_argument
@click.option("--force", is_flag=True, help="Build again, also when the build is there.")
@click.option("--no-report", is_flag=True, help="Leave report.html out; that is another build.")
@click.option("--keep", type=click.IntRange(1), help="How many builds stay [3].")
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
    keep: int | None,
    asked: dict[str, Any],
    out: Path | None,
    copy_to: Path | None,
    timings: Path | None,
    execution: Execution,
    quiet: bool,
    as_json: bool,
) -> None:
    """Make the world of PIPELINE, and point build/current at it."""
    from etl.build import store, targets  # noqa: PLC0415 -- each command imports what it needs
    from etl.build.run import make_build  # noqa: PLC0415
    from etl.cli import display  # noqa: PLC0415
    from etl.run.progress import timings as measured  # noqa: PLC0415

    began = time.perf_counter()
    gc.set_threshold(100_000)  # with Python's own 700, looking for garbage, in vain, takes 5 % of a run
    progress = display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())
    try:
        without = ("report=false",) if no_report else ()
        source = load(pipeline, {**asked, "changes": (*asked["changes"], *without)})
        if copy_to and source.tree.plain().get("outputs") in ("parquet", ["parquet"]):
            raise EtlError("--copy-to: the build has no database; say outputs: [sqlite, parquet]")
        out = out or source.root / "build"
        asked_for = [(copy_to, targets.COPY), (timings, targets.TIMINGS)]
        targets.check(source, out, *((path, kind) for path, kind in asked_for if path))
        result = make_build(source, out, force=force, keep=keep or store.KEEP, progress=progress, execution=execution)
    finally:
        progress.close()
    if copy_to and result.database:
        with progress.phase("copy"):
            targets.copy(result.database, copy_to)
    seconds = time.perf_counter() - began
    if timings:
        targets.write(timings, targets.TIMINGS, lambda path: path.write_bytes(measured(progress, seconds)))
    if as_json:
        print_json({"success": True, **result.summary(), "seconds": round(seconds, 3)})
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
    *, url: str, pipeline: Path, asked: dict[str, Any], execution: Execution, quiet: bool, as_json: bool
) -> None:
    """Write the tables to URL as Parquet.

    URL is a folder, file://, s3://, gs:// and the like; the manifest comes last. PIPELINE says outputs: [parquet], or
    --set outputs=[parquet] does.
    """
    from etl.build.ship import ship_tables  # noqa: PLC0415 -- as above
    from etl.cli import display  # noqa: PLC0415

    progress = display.progress_for(quiet=quiet or as_json, terminal=sys.stderr.isatty())
    try:
        place = ship_tables(load(pipeline, asked), url, progress=progress, execution=execution)
    finally:
        progress.close()
    if as_json:
        print_json({"success": True, "url": place})
    elif not quiet:
        click.echo(f"built: {place}")


@commands.command()
@pipeline_argument
@asks
@json_option
def plan(*, pipeline: Path, asked: dict[str, Any], as_json: bool) -> None:
    """Show the stages in order, with the rows to expect; runs nothing."""
    from etl.build import space  # noqa: PLC0415 -- as above
    from etl.cli import display  # noqa: PLC0415 -- as above

    made = _plan(pipeline, asked)
    if as_json:
        shard = {"by": made.by, "rows": made.rows} if made.by else None
        print_json({"stages": made.describe(), "shard": shard, "expected_bytes": space.estimate(made)})
    else:
        click.echo(f"{display.drawing(made)}\nabout {space.format_size(space.estimate(made))} on disk")


@commands.command()
@click.argument("stage")
@click.option(
    "--pipeline",
    default=DEFAULT,
    type=PipelineFile(),
    show_default=True,
    help="The pipeline file.",
)
@click.option("--limit", default=5, type=click.IntRange(1, 10_000), show_default=True, help="How many rows.")
@asks
@json_option
def show(*, stage: str, pipeline: Path, limit: int, asked: dict[str, Any], as_json: bool) -> None:
    """Show the first rows of STAGE; nothing is built."""
    from etl.cli import display  # noqa: PLC0415 -- as above
    from etl.errors import did_you_mean  # noqa: PLC0415
    from etl.run import shards  # noqa: PLC0415 -- as above

    made = _plan(pipeline, asked)
    if stage not in made.pipeline.stages:
        hint = did_you_mean(stage, made.pipeline.stages) or "; see them all with: python -m etl plan"
        raise EtlError(f"there is no stage '{stage}'{hint}")
    rows = shards.run_until(made, stage).slice(0, limit)
    if as_json:
        print_json(json.loads(json.dumps(rows.to_pylist(), default=str)))
        return
    numbers = [index for index, field in enumerate(rows.schema) if str(field.type).startswith(("int", "double"))]
    click.echo(display.table(rows.column_names, [list(row.values()) for row in rows.to_pylist()], right=numbers))


@commands.command()
@pipeline_argument
@asks
@json_option
def validate(*, pipeline: Path, asked: dict[str, Any], as_json: bool) -> None:
    """Find every mistake in PIPELINE and its files; runs nothing."""
    from etl.build.assemble import read_project  # noqa: PLC0415 -- as above

    found = read_project(load(pipeline, asked), full=True)
    counts = {
        "stages": len(found.pipeline.stages),
        "checks": len(found.checks),
        "endpoints": len(found.endpoints),
    }
    if as_json:
        print_json({"success": True, **counts})
    else:
        click.echo(f"{pipeline}: {', '.join(f'{count} {what}' for what, count in counts.items())}, no mistakes")


@commands.command()
@pipeline_argument
@click.option("--full", is_flag=True, help="Also the checks that open every JSON document.")
@asks
@out_option
@json_option
def check(*, pipeline: Path, full: bool, asked: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Check the current build against its manifest and its rules.

    It must be a build of PIPELINE, its files must be those of its manifest, and its data must keep the checks of
    PIPELINE, by the numbers that it was made with.
    """
    from etl.build import verify  # noqa: PLC0415 -- as above
    from etl.cli import display  # noqa: PLC0415 -- as above

    source = load(pipeline, asked)
    found = verify.verify(source, out or source.root / "build", full=full)
    if as_json:
        print_json({"success": True, **found._asdict()})
    else:
        click.echo(display.verified(found))


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
    from etl.build import verify  # noqa: PLC0415 -- as above
    from etl.cli import display  # noqa: PLC0415 -- as above

    source = load(pipeline)
    path = verify.report_of(source, out or source.root / "build", copy_to)
    if as_json:
        print_json({"success": True, "report": str(path)})
    else:
        click.echo(display.shown(path))
    if open_browser:
        click.launch(path.as_uri())


@commands.command()
@click.argument("pipeline", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def schema(*, pipeline: Path | None) -> None:
    """Print the JSON Schema of a pipeline file, for editors.

    It knows the generators that PIPELINE has short names for; without one, those of pipeline.yaml, if it is there.
    """
    from etl.pipeline.editor import json_schema  # noqa: PLC0415
    from etl.pipeline.validate import generators_of  # noqa: PLC0415 -- as above

    path = pipeline or (Path(DEFAULT) if Path(DEFAULT).is_file() else None)
    print_json(json_schema(generators_of(load(path)) if path else {}))


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
    from etl.server.listen import serve as run_server  # noqa: PLC0415 -- as above

    source = load(pipeline)
    run_server(
        pipeline.resolve(),
        out or source.root / "build",
        host=host,
        port=port,
        world=source.name,
        explore=explore,
        open_browser=open_browser,
        say=lambda message: click.echo(message, err=True),
    )


@commands.command()
@pipeline_argument
@click.option("--keep", default=1, type=click.IntRange(1), show_default=True, help="How many builds stay.")
@out_option
def clean(*, pipeline: Path, keep: int, out: Path | None) -> None:
    """Delete old builds of PIPELINE, but for those in use."""
    from etl.build import verify  # noqa: PLC0415 -- as above
    from etl.cli import display  # noqa: PLC0415 -- as above

    source = load(pipeline)
    folder = out or source.root / "build"
    gone, stay = verify.clean(source, folder, keep, lambda message: click.echo(message, err=True))
    counted = f"deleted {gone} of {gone + stay} builds of {source.name}" if gone + stay else "nothing to delete"
    click.echo(f"{display.shown(folder)}: {counted}")


def _plan(pipeline: Path, asked: Mapping[str, Any]) -> Plan:
    from etl.pipeline.validate import validate as validated  # noqa: PLC0415 -- as above
    from etl.run.plan import make_plan  # noqa: PLC0415

    return make_plan(validated(load(pipeline, asked)))


def main() -> NoReturn:
    """Run the command line."""
    output = Output()
    finish(lambda: commands.main(standalone_mode=False, obj=output), output)
