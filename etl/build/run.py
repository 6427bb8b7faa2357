"""Makes a build of a pipeline, unless it exists already, and publishes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etl.build import manifest
from etl.build.donor import find_donor
from etl.build.store import KEEP, Store, world_of
from etl.config.identity import identify
from etl.config.source import reload
from etl.errors import Bug
from etl.run.job import Execution
from etl.run.progress import Progress
from etl.tables.files import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from etl.build.donor import Donor
    from etl.config.identity import Identity
    from etl.config.source import Source


@dataclass(frozen=True)
class Result:
    """A build and its state: built, repaired, up to date, or built again with the same bytes."""

    folder: Path
    state: str
    manifest: dict[str, Any]

    @property
    def database(self) -> Path | None:
        """Path of the database of the build, if it has one."""
        path = self.folder / self.manifest["pipeline"]["database"]
        return path if path.exists() else None

    def summary(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "state": self.state,
            "build": self.manifest["build"],
            "folder": str(self.folder),
            "database": str(self.database) if self.database else None,
            "tables": {name: content["rows"] for name, content in self.manifest["tables"].items()},
        }


def make_build(  # noqa: PLR0913 -- the options of the command
    source: Source,
    out: Path,
    *,
    force: bool = False,
    keep: int = KEEP,
    progress: Progress | None = None,
    execution: Execution | None = None,
) -> Result:
    """Make a pipeline's build, or find it, point ``current`` at it, and delete old builds except ``keep`` of them.

    Raises EtlError for expected failures, and Bug when building again gives other bytes. After an error the existing
    builds are intact and ``current`` is unchanged.
    """
    progress = progress or Progress()
    store = Store(out, progress.warn)
    with store.locked(progress.say) as waited:
        with progress.phase("identify"):  # the files may have changed while this run waited
            source = reload(source) if waited else source
            identity = identify(source)
        with progress.phase("verify"):
            old = store.find(identity.id)
            damage = list(manifest.damage(old)) if old else []
        whole = None if damage else old
        if whole and not force:
            return _finish(store, whole, "up to date", keep)
        if old and damage:
            progress.say(f"the build {old.name} is damaged ({damage[0]}); building it again")
        donor = None if force or old else find_donor(store, identity)  # what is repaired is made again
        with store.assembling(identity.id) as folder, Writer(folder, hash_only=whole is not None) as files:
            content = _assemble(source, identity, files, donor, progress=progress, execution=execution or Execution())
            if whole:
                _check_equal(whole, content)
                return _finish(store, whole, "built again, the same bytes", keep)
            with progress.phase("publish"):
                new = store.publish(folder, identity.id)
        result = _finish(store, new, "repaired" if old else "built", keep)
        if old and world_of(old):
            store.remove(old)
        elif old and old.exists():
            progress.warn(f"{old} is kept: without its manifest nothing proves that it is a build; delete it yourself")
        return result


def _finish(store: Store, folder: Path, state: str, keep: int) -> Result:
    store.switch(folder)
    store.prune(keep)
    content = manifest.read(folder)
    if content is None:
        raise Bug(f"{folder} has no manifest")
    return Result(folder, state, content)


def _assemble(  # noqa: PLR0913 -- the context of a run
    source: Source,
    identity: Identity,
    files: Writer,
    donor: Donor | None,
    *,
    progress: Progress,
    execution: Execution,
) -> dict[str, Any]:
    """Make the files of a build, with the rows of a donor if there is one. Returns its manifest."""
    with ThreadPoolExecutor(1, "connect") as thread:
        with progress.phase("import"):  # not needed when the build is up to date
            from etl.tables.sqlite import connect  # noqa: PLC0415

            if donor is None:
                connect = thread.submit(
                    progress.phase("open DuckDB")(connect)
                ).result  # verifies a 35 MB extension during the imports
            from etl.build.assemble import assemble  # noqa: PLC0415
        return assemble(source, identity, files, donor, progress=progress, execution=execution, connect=connect)


def _check_equal(old: Path, content: dict[str, Any]) -> None:
    """Check that building again gave the same bytes. Raises Bug."""
    before = manifest.read(old) or {}
    if before.get("files") != content["files"]:
        names = {name for name in content["files"] if content["files"][name] != before.get("files", {}).get(name)}
        raise Bug(f"the same pipeline gave other bytes in {', '.join(sorted(names))} than in {old}")
