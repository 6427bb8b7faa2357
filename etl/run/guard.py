"""Run a stage's generator: its exceptions become errors with the line of user code that raised them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from etl.errors import EtlError
from etl.generator.user_code import describe, stdout_to_stderr, user_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from etl.pipeline.model import Stage


@contextlib.contextmanager
def running(stage: Stage, root: Path, failed: str) -> Iterator[None]:
    """Run a function of a stage's generator. Exceptions become EtlError: what ``failed``, with the user's line."""
    try:
        with stdout_to_stderr():
            yield
    except MemoryError:
        raise  # not the generator's fault
    except (Exception, SystemExit) as error:
        where = user_line(error, root, stage.contract.function.__code__.co_filename if stage.contract else "")
        message = f"{failed}: {describe(error)}" if where else str(error)
        raise EtlError(message, where or stage.where, f"stages.{stage.name}") from error
