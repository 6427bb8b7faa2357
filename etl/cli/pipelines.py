"""The commands that read a pipeline without building it: plan, show, validate, schema."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.cli import display
from etl.cli.options import (
    DEFAULT,
    json_option,
    load,
    out_option,
    pipeline_argument,
    pipeline_option,
    print_json,
    request_options,
)
from etl.errors import EtlError, did_you_mean

if TYPE_CHECKING:
    from etl.config.source import Source
    from etl.run.plan import Plan


@click.command()
@pipeline_argument
@click.option("--changed", is_flag=True, help="Show what a run would make, and what changed since the current build.")
@click.option("--mermaid", is_flag=True, help="Print the stages as a Mermaid flowchart.")
@request_options
@out_option
@json_option
def plan(  # noqa: PLR0913 -- one for each option
    *, pipeline: Path, changed: bool, mermaid: bool, request: dict[str, Any], out: Path | None, as_json: bool
) -> None:
    """Show the stages in order, with estimated row counts."""
    from etl.build import preview, space  # noqa: PLC0415 -- each command imports what it needs

    if changed:
        source = load(pipeline, request)
        found = preview.preview(source, out or source.root / "build")
        print_json(found) if as_json else click.echo(preview.in_words(found))
        return
    made = _plan(load(pipeline, request))
    if mermaid:
        click.echo(display.mermaid(made))
    elif as_json:
        shard = {"by": made.by, "rows": made.rows} if made.by else None
        print_json({"stages": made.describe(), "shard": shard, "expected_bytes": space.estimate(made)})
    else:
        click.echo(f"{display.drawing(made)}\nabout {space.format_size(space.estimate(made))} on disk")


@click.command()
@click.argument("stage")
@pipeline_option
@click.option("--limit", default=5, type=click.IntRange(1, 10_000), show_default=True, help="Show this many rows.")
@request_options
@json_option
def show(*, stage: str, pipeline: Path, limit: int, request: dict[str, Any], as_json: bool) -> None:
    """Show the first rows of STAGE without building.

    Says on stderr what a run would make.
    """
    from etl.build import preview  # noqa: PLC0415 -- as above
    from etl.run import shards  # noqa: PLC0415

    source = load(pipeline, request)
    made = _plan(source)
    if stage not in made.pipeline.stages:
        hint = did_you_mean(stage, made.pipeline.stages) or "; see them all with: python -m etl plan"
        raise EtlError(f"there is no stage '{stage}'{hint}")
    rows = shards.run_until(made, stage).slice(0, limit)
    if as_json:
        print_json(json.loads(json.dumps(rows.to_pylist(), default=_as_json)))
        return
    kinds = ("int", "double", "decimal")
    numbers = [index for index, field in enumerate(rows.schema) if str(field.type).startswith(kinds)]
    click.echo(display.table(rows.column_names, [list(row.values()) for row in rows.to_pylist()], right=numbers))
    found = preview.preview(source, source.root / "build")
    click.echo(preview.in_words({**found, "changed": []}), err=True)  # not among the rows


def _as_json(value: object) -> object:
    """Decimals as numbers, dates and times as text."""
    return float(value) if isinstance(value, Decimal) else str(value)


@click.command()
@pipeline_argument
@request_options
@json_option
def validate(*, pipeline: Path, request: dict[str, Any], as_json: bool) -> None:
    """Check PIPELINE and its files without running it."""
    from etl.build import preview  # noqa: PLC0415 -- as above
    from etl.build.assemble import read_project  # noqa: PLC0415

    source = load(pipeline, request)
    found = read_project(source, full=True)
    run = preview.preview(source, source.root / "build")
    counts = {"stages": len(found.pipeline.stages), "checks": len(found.checks), "endpoints": len(found.endpoints)}
    if as_json:
        print_json({"success": True, **counts, "run": run["run"]})
    else:
        counted = ", ".join(f"{count} {what}" for what, count in counts.items())
        click.echo(f"{pipeline}: {counted}, no mistakes; {preview.in_words({**run, 'changed': []})}")


@click.command()
@click.argument("pipeline", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def schema(*, pipeline: Path | None) -> None:
    """Print the JSON Schema of a pipeline file, for editors.

    It lists the generators of PIPELINE, by default those of pipeline.yaml if it exists.
    """
    from etl.pipeline.editor import json_schema  # noqa: PLC0415
    from etl.pipeline.validate import generators_of  # noqa: PLC0415 -- as above

    path = pipeline or (Path(DEFAULT) if Path(DEFAULT).is_file() else None)
    print_json(json_schema(generators_of(load(path)) if path else {}))


def _plan(source: Source) -> Plan:
    from etl.pipeline.validate import validate as validated  # noqa: PLC0415 -- as above
    from etl.run.plan import make_plan  # noqa: PLC0415

    return make_plan(validated(source))
