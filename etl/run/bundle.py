"""Packs a pipeline, with its files and command-line options, for a worker on this or another machine."""

from __future__ import annotations

import atexit
import contextlib
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from etl.config.identity import identify
from etl.config.modules import forget
from etl.config.source import display_path, load, reload
from etl.errors import EtlError, Where
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from etl.run.shards import run_once, shard_ids

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.config.identity import Identity
    from etl.config.source import Request, Source
    from etl.run.ids import Ids
    from etl.run.plan import Plan


@dataclass(frozen=True)
class Bundle:
    """Everything a worker needs; bundles of the same build are equal."""

    build: str
    pipeline: str  # path of the pipeline file, relative to the project
    request: Request
    files: tuple[tuple[str, bytes], ...]  # path relative to the project, content


def pack(source: Source, identity: Identity) -> Bundle:
    """Pack a pipeline with all its files. Raises EtlError when one has changed since the build id was computed."""
    pipelines = {str(path.relative_to(source.root)) for path in source.files.values()}
    files = tuple((name, (source.root / name).read_bytes()) for name in sorted({*identity.inputs, *pipelines}))
    if identify(reload(source)).id != identity.id:
        message = "it, or a file that it names, changed while the build was made from it; run again"
        raise EtlError(message, Where(display_path(source.path)))
    return Bundle(identity.id, str(source.path.relative_to(source.root)), source.request, files)


def unpack(bundle: Bundle, home: str | None = None) -> tuple[Plan, dict[str, pa.Table], Ids]:
    """Extract a bundle and run the stages that run once: the plan, their results and ids, cached for the next shard.

    It is extracted in ``home``, by default the system's temporary folder. Raises EtlError when this machine would make
    another build: its code or its libraries differ.
    """
    with _LOCK:  # a worker may have several threads
        return _unpacked(bundle, home)


_LOCK = Lock()
_FOLDER = contextlib.ExitStack()  # the extracted files: generators may read or import them later
atexit.register(_FOLDER.close)


@lru_cache(maxsize=1)
def _unpacked(bundle: Bundle, home: str | None) -> tuple[Plan, dict[str, pa.Table], Ids]:
    _FOLDER.close()
    root = Path(_FOLDER.enter_context(tempfile.TemporaryDirectory(prefix="etl-", dir=home))).resolve()
    _FOLDER.callback(forget, root)
    (root / "pyproject.toml").touch()  # marks the project's folder
    for name, content in bundle.files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    request = bundle.request
    source = load(root / bundle.pipeline, changes=request.changes, seed=request.seed, scale=request.scale)
    found = identify(source).id
    if found != bundle.build:
        raise EtlError(
            f"a worker would make the build {found}, not {bundle.build}: install the same etl, the same "
            "requirements.lock and the same packages of generators there"
        )
    plan = make_plan(validate(source))
    once = run_once(plan)
    return plan, once, shard_ids(plan, once)
