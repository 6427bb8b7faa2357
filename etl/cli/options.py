"""Options shared by several commands."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.config.source import Source

DEFAULT = "pipeline.yaml"
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class PipelineFile(click.Path):
    """The path of an existing pipeline file."""

    def __init__(self) -> None:
        """Convert to a Path."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 -- as click's
        """Check that the file exists; if none was named, the error explains how to start a project."""
        if value == DEFAULT and not Path(DEFAULT).exists():
            start = f"{ctx.find_root().info_name if ctx else 'etl'} init DIR"
            raise click.UsageError(
                f"there is no {DEFAULT} here; name a pipeline file, or start a project with: {start}", ctx
            )
        return super().convert(value, param, ctx)


pipeline_argument = click.argument("pipeline", default=DEFAULT, type=PipelineFile())
pipeline_option = click.option(
    "--pipeline", default=DEFAULT, type=PipelineFile(), show_default=True, help="Use this pipeline file."
)
out_option = click.option(
    "--out", type=FOLDER, help="Use this folder for builds [default: build in the project folder]."
)
quiet_option = click.option("--quiet", is_flag=True, help="Print only errors.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_JSON = click.Option(["--json", "as_json"], is_flag=True)  # for an unknown command


@dataclass
class Output:
    """Whether a command prints JSON, its errors too."""

    json: bool = False


class Commands(click.Group):
    """Commands that set their :class:`Output` (the context's ``obj``) even if other arguments are invalid."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and whether ``--json`` is among its options and not the value of another one."""
        command = self.get_command(ctx, args[0]) or click.Command(None, params=[_JSON])
        trial = click.Context(command, resilient_parsing=True, ignore_unknown_options=True)
        options, _, _ = command.make_parser(trial).parse_args(args[1:])
        ctx.ensure_object(Output).json = bool(options.get("as_json"))
        return super().resolve_command(ctx, args)


def print_json(value: object) -> None:
    """Print as ASCII JSON, which every terminal encoding supports."""
    click.echo(json.dumps(value, indent=1))


def request_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that change the pipeline, passed as one argument ``request`` for :func:`load`."""

    @click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Use this seed instead of the pipeline's.")
    @click.option(
        "--set", "changes", multiple=True, metavar="PATH=VALUE", help="Override a value: stages.loans.params.count=20."
    )
    @click.option(
        "--scale", type=click.IntRange(1, 1_000_000), default=1, help="Multiply the values listed under scale."
    )
    @functools.wraps(command)
    def wrapper(*, seed: int | None, changes: tuple[str, ...], scale: int, **others: Any) -> None:  # noqa: ANN401
        command(request={"seed": seed, "changes": changes, "scale": scale}, **others)

    return wrapper


def execution_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the execution settings, passed as one argument ``execution``."""

    @click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        help="Run this many shards in parallel [default: number of CPUs - 1].",
    )
    @click.option(
        "--engine",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="Run the shards with this engine.",
    )
    @click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Use the Dask scheduler at this address [default: start a local cluster].",
    )
    @functools.wraps(command)
    def wrapper(*, workers: int | None, engine: str, scheduler: str | None, **others: Any) -> None:  # noqa: ANN401
        from etl.run.job import Execution  # noqa: PLC0415 -- each command imports what it needs

        command(execution=Execution(workers, engine, scheduler), **others)

    return wrapper


def load(pipeline: Path, request: Mapping[str, Any] | None = None) -> Source:
    """Read a pipeline file and apply the command line's changes. Raises Mistakes."""
    from etl.config.source import load  # noqa: PLC0415 -- each command imports what it needs

    source = load(pipeline, **(request or {}))
    if source.mistakes:
        from etl.pipeline.validate import validate  # noqa: PLC0415 -- heavy, and an up-to-date build does not need it

        validate(source)  # raises them, together with all other mistakes
    return source
