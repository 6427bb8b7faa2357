"""What one run works on, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.config.identity import changed
from etl.config.source import shown_name
from etl.errors import EtlError, Where

if TYPE_CHECKING:
    from etl.config.identity import Identity
    from etl.config.source import Source
    from etl.pipeline.model import Pipeline
    from etl.run.plan import Plan
    from etl.run.progress import Progress


@dataclass(frozen=True)
class How:
    """How the work is done; nothing of it changes a byte of the build."""

    workers: int | None = None  # shards made at once; None for what the engine takes best
    engine: str = "local"
    scheduler: str | None = None  # of Dask; None starts a cluster on this machine


@dataclass(frozen=True)
class Job:
    """A validated pipeline, the name of its build, and who is told of the progress."""

    source: Source
    identity: Identity
    plan: Plan
    progress: Progress
    how: How

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline."""
        return self.plan.pipeline

    def hold_sources(self) -> None:
        """Hold that the build is made of what it is named by: no file has changed meanwhile. Raises EtlError."""
        if files := changed(self.source, self.identity):
            more = f", and so did {len(files) - 1} more" if files[1:] else ""
            message = f"changed while the build was made of it{more}; nothing is published, run again"
            raise EtlError(message, Where(shown_name(files[0])))

    def begin(self) -> None:
        """Say about how many rows there will be."""
        sizes = self.plan.expected()
        self.progress.begin(sum(sizes[stage.name].rows for stage in self.plan.stages if stage.table))
