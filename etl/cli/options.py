"""Options that several commands share, and what they become."""

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


class PipelineFile(click.Path):
    """The path of a pipeline file that is there."""

    def __init__(self) -> None:
        """Convert to a Path."""
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 -- as click's
        """Check that the file is there; where nobody named one, say what to do next."""
        if value == DEFAULT and not Path(DEFAULT).exists():
            from etl.cli.templates import templates  # noqa: PLC0415 -- only an empty folder needs them

            start = f"{ctx.find_root().info_name if ctx else 'etl'} init DIR --from {'|'.join(templates())}"
            raise click.UsageError(
                f"there is no {DEFAULT} here; name a pipeline file, or start a project with: {start}", ctx
            )
        return super().convert(value, param, ctx)


pipeline_argument = click.argument("pipeline", default=DEFAULT, type=PipelineFile())
request_options = (
    click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Use another seed."),
    click.option(
        "--set", "changes", multiple=True, metavar="PATH=VALUE", help="Change a value: stages.classes.params.count=20."
    ),
    click.option(
        "--scale", type=click.IntRange(1, 1_000_000), default=1, help="Multiply what the pipeline lists under scale."
    ),
)
out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of builds [build, in the project's folder]."
)
work_options = (
    click.option(
        "--workers", type=click.IntRange(1, 1024), help="Shards made at once [the processors less one, which writes]."
    ),
    click.option(
        "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="Who makes them."
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Of a running Dask [a cluster of this machine is started]."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_JSON = click.Option(["--json", "as_json"], is_flag=True)  # of a command that is none


@dataclass
class Output:
    """How a command answers: text for people, or JSON for programs."""

    json: bool = False


class Commands(click.Group):
    """Commands that tell their :class:`Output`, the context's ``obj``, also when the rest of what they get is wrong."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and whether it is asked for JSON."""
        command = self.get_command(ctx, args[0]) or click.Command(None, params=[_JSON])
        trial = click.Context(command, resilient_parsing=True, ignore_unknown_options=True)
        options, _, _ = command.make_parser(trial).parse_args(args[1:])
        ctx.ensure_object(Output).json = bool(options.get("as_json"))
        return super().resolve_command(ctx, args)


def print_json(value: object) -> None:
    """Print what ``--json`` asks for: ASCII, so that any terminal and any pipe can carry it."""
    click.echo(json.dumps(value, indent=1))


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that change the pipeline, as one argument ``asked``: the arguments of load."""

    @functools.wraps(command)
    def asking(*, seed: int | None, changes: tuple[str, ...], scale: int, **others: Any) -> None:  # noqa: ANN401
        command(asked={"seed": seed, "changes": changes, "scale": scale}, **others)

    for option in reversed(request_options):
        asking = option(asking)
    return asking


def works(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of who does the work, as one argument ``execution``."""

    @functools.wraps(command)
    def working(*, workers: int | None, engine: str, scheduler: str | None, **others: Any) -> None:  # noqa: ANN401
        from etl.run.job import Execution  # noqa: PLC0415 -- each command imports what it needs

        command(execution=Execution(workers, engine, scheduler), **others)

    for option in reversed(work_options):
        working = option(working)
    return working


def load(pipeline: Path, asked: Mapping[str, Any] | None = None) -> Source:
    """Read a pipeline file, and lay over it what is asked for. Raises Mistakes."""
    from etl.config.source import load  # noqa: PLC0415 -- each command imports what it needs

    source = load(pipeline, **(asked or {}))
    if source.mistakes:
        from etl.pipeline.validate import validate as tell  # noqa: PLC0415 -- heavy, and an up-to-date build needs none of it

        tell(source)  # raises them, with all the mistakes of content
    return source
