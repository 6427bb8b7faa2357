"""``ship``: Parquet in a folder that is whole when it has a manifest, and holds nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from etl.build import manifest
from etl.build.ship import ship_tables
from etl.config.identity import identify
from etl.config.source import load
from etl.errors import EtlError
from etl.run.job import Execution
from etl.run.progress import Progress
from etl.tables.parquet import check_exclusive, delete_file, open_target, write_file
from tests.support import small
from tests.support.running import hashes


def test_a_folder_that_has_files_already(tmp_path: Path) -> None:
    """What a killed ship left is made whole; a stranger's file is refused before and after the work, for it counts."""
    source = load(small.lending(tmp_path / "library"))
    place = tmp_path / "lake" / identify(source).id
    (place / "parquet/loans").mkdir(parents=True)
    for left in ("loans/part-00000.parquet", ".loans-part-00118.parquet.1-2.tmp"):
        (place / "parquet" / left).write_bytes(b"half")
    assert (
        ship_tables(source, f"file://{tmp_path}/lake", progress=Progress(), execution=Execution()) == f"file://{place}"
    )
    content = manifest.read(place)
    assert content is not None
    assert {*hashes(place)} == {manifest.NAME, *content["files"]}
    assert not list(manifest.damage(place))
    assert pq.read_table(place / "parquet/loans").num_rows == 2
    for name, stages in (("copy.parquet", 0), ("part-00118.parquet", 2), (".part-00000.parquet.bak", 0)):
        (place / "parquet/loans" / name).write_bytes(b"")
        progress = Progress()
        with pytest.raises(EtlError, match=rf"loans/{name}: does not belong to the build, .*; move it away and ship"):
            ship_tables(source, str(tmp_path / "lake"), progress=progress, execution=Execution())
        assert len(progress.stages) == stages
        (place / "parquet/loans" / name).unlink()


def test_the_disk_has_the_files_before_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local disk keeps each file, then each folder, new ones above too, then the manifest under its name."""
    synced: list[int] = []
    keep = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        keep(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    source = load(small.lending(tmp_path / "library"))
    place = Path(ship_tables(source, str(tmp_path / "new" / "lake"), progress=Progress(), execution=Execution()))
    content = manifest.read(place)
    assert content is not None
    nodes = {path.stat().st_ino: path for path in (tmp_path, *place.parents, place, *place.rglob("*"))}
    order = [nodes[node] for node in synced if node in nodes]
    parts = {place / name for name in content["files"]}
    above = {parent for path in parts for parent in path.parents if parent.is_relative_to(tmp_path)}
    assert set(order[: len(parts)]) == parts
    assert above <= set(order[len(parts) : -2])
    assert order[-2:] == [place / manifest.NAME, place]


def test_a_folder_of_any_file_system() -> None:
    """Files are named below the folder on a file system that is not this machine's too."""
    target = open_target("memory://lake/x")
    check_exclusive(target, lambda _: False, "memory://lake/x")
    delete_file(target, "parquet/a/part-00000.parquet")
    write_file(target, "parquet/a/part-00000.parquet", b"")
    check_exclusive(target, "parquet/a/part-00000.parquet".__eq__, "memory://lake/x")
    with pytest.raises(EtlError, match=r"memory://lake/x/parquet/a/part-00000\.parquet: does not belong"):
        check_exclusive(target, lambda _: False, "memory://lake/x")
