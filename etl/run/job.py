"""What one run works on, and its execution settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from etl.config.identity import changed
from etl.config.source import display_path
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.plan import Plan
    from etl.run.progress import Progress


class Execution(NamedTuple):
    """Execution settings; none affects the output."""

    workers: int | None = None  # shards made concurrently; None: the engine decides
    engine: str = "local"
    scheduler: str | None = None  # address of a Dask scheduler; None starts a local cluster


class Job(NamedTuple):
    """A validated pipeline with its build id, plan and execution settings."""

    source: Source
    identity: Identity
    plan: Plan
    progress: Progress
    execution: Execution

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        return self.plan.pipeline

    def check_sources(self) -> None:
        """Check that no input file has changed since the build id was computed. Raises EtlError."""
        if files := changed(self.source, self.identity):
            more = f", and so did {len(files) - 1} more" if files[1:] else ""
            message = f"changed while the build was made from it{more}; nothing is published, run again"
            raise EtlError(message, Where(display_path(files[0])))
