"""From a pipeline to a published build: plan, stages, load, checks, assemble, switch ``current``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl import manifest
from etl.config import shown_name, validate
from etl.errors import Bug
from etl.identity import identify
from etl.progress import Progress
from etl.store import Store, remove

if TYPE_CHECKING:
    from pathlib import Path

    from etl.config import Pipeline, Source
    from etl.identity import Identity


@dataclass(frozen=True)
class Result:
    """A build, and how the run came by it: built, repaired, or up to date."""

    folder: Path
    state: str
    manifest: dict[str, Any]

    @property
    def database(self) -> Path:
        """The database of the build."""
        return self.folder / self.manifest["pipeline"]["database"]


def run(source: Source, out: Path, *, force: bool = False, progress: Progress | None = None) -> Result:
    """Make the build that a pipeline describes, or find it, and point ``current`` at it.

    Raises EtlError for what is wrong with the pipeline, the data or the machine, and Bug when building again gives
    other bytes. Whatever it raises, the builds that were there are whole, and ``current`` points where it did.
    """
    progress = progress or Progress()
    with progress.phase("identify"):
        identity = identify(source)
    store = Store(out)
    with store.locked(progress.say):
        with progress.phase("verify"):
            old = store.find(identity.id)
            damage = list(manifest.damage(old)) if old else []
        if old and not damage and not force:
            return _finish(store, old, "up to date")
        if old and damage:
            progress.say(f"the build {old.name} is damaged ({damage[0]}); building it again")
        with store.assembling(identity.id) as folder:
            content = _assemble(source, identity, folder, progress)
            if old and not damage:
                _hold_equal(old, content)
                return _finish(store, old, "built again, the same bytes")
            with progress.phase("publish"):
                new = store.publish(folder, identity.id)
        result = _finish(store, new, "repaired" if old else "built")
        if old:
            remove(old)
        return result


def _finish(store: Store, folder: Path, state: str) -> Result:
    store.switch(folder)
    store.prune()
    content = manifest.read(folder)
    if content is None:
        raise Bug(f"{folder} has no manifest")
    return Result(folder, state, content)


def _assemble(source: Source, identity: Identity, folder: Path, progress: Progress) -> dict[str, Any]:
    """Make the files of a build in an empty folder: its manifest."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        connection = beside.submit(_connect)  # importing DuckDB and its extension takes as long as all the validation
        with progress.phase("validate"):
            pipeline = validate(source)
        with progress.phase("open DuckDB"):
            opened = connection.result()
    try:
        content = _fill(pipeline, identity, folder, opened, progress)
    finally:
        opened.close()
    with progress.phase("manifest"):
        manifest.write(content, folder)
    return content


def _connect() -> Any:  # noqa: ANN401 -- DuckDB is imported in the thread, not here
    from etl.load import connect  # noqa: PLC0415

    return connect()


def _fill(
    pipeline: Pipeline,
    identity: Identity,
    folder: Path,
    connection: Any,  # noqa: ANN401 -- as above
    progress: Progress,
) -> dict[str, Any]:
    from etl.checks import read_checks, run_checks  # noqa: PLC0415 -- what an up-to-date build does not need
    from etl.digest import Digests  # noqa: PLC0415
    from etl.engines import local  # noqa: PLC0415
    from etl.load import Loader  # noqa: PLC0415
    from etl.plan import make_plan  # noqa: PLC0415
    from etl.publish.endpoints import read_endpoints  # noqa: PLC0415
    from etl.publish.export import export  # noqa: PLC0415
    from etl.publish.site import check_site  # noqa: PLC0415

    check_site(pipeline)
    endpoints = read_endpoints(pipeline.api, shown_name(pipeline.api), pipeline.schema) if pipeline.api else []
    checks = read_checks(pipeline.checks, shown_name(pipeline.checks), pipeline.schema)
    plan = make_plan(pipeline)
    sizes = plan.expected()
    progress.begin(sum(sizes[stage.name].rows for stage in plan.stages if stage.table))
    digests = Digests()
    with Loader(folder / pipeline.database, pipeline.schema, connection) as loader:
        for table, rows in local.results(plan, progress):
            with progress.phase("load"):
                digests.add(table, rows)
                loader.insert(table, rows)
            progress.loaded(rows.num_rows)
        progress.end()
        with progress.phase("checks"):
            run_checks(checks, loader.query, identity.pipeline)
        with progress.phase("commit"):
            loader.commit()
    with progress.phase("digests"):
        tables = digests.finish()
    with progress.phase("export"):
        rows = {name: int(tables[name]["rows"]) if name in tables else 0 for name in pipeline.schema.tables}
        sha256 = manifest.sha256(folder / pipeline.database)
        export(pipeline, endpoints, folder, build=identity.id, rows=rows, sha256=sha256)
    with progress.phase("manifest"):
        return manifest.describe(identity, pipeline, tables, checks, folder)


def _hold_equal(old: Path, content: dict[str, Any]) -> None:
    """Hold that building again gave the same bytes."""
    before = manifest.read(old) or {}
    if before.get("files") != content["files"]:
        names = {name for name in content["files"] if content["files"][name] != before.get("files", {}).get(name)}
        raise Bug(f"the same pipeline gave other bytes in {', '.join(sorted(names))} than in {old}")
