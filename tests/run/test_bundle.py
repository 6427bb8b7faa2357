"""A bundle on a worker that lives for many builds: its code and its files, and no other's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from etl.config.identity import identify
from etl.config.source import load
from etl.errors import EtlError
from etl.run.bundle import pack, unpack
from etl.run.shards import run_shard
from tests.support import small
from tests.support.running import edit

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
from pathlib import Path
import pyarrow as pa

def loans(books: pa.Table) -> pa.RecordBatch:
    from bundled.helper import DAYS
    more = int((Path(__file__).parent / "more.txt").read_text())
    return pa.record_batch({"id": books["id"].combine_chunks(), "days": [DAYS + more] * len(books)})
"""


def test_each_bundle_has_its_own_modules_and_files(tmp_path: Path) -> None:
    """Modules are imported, and files read, when a shard is made: those of the bundle that it belongs to."""
    files = {"bundled/made.py": CODE, "bundled/helper.py": "DAYS = 7", "bundled/more.txt": "0"}
    path = small.lending(tmp_path, files)
    stage = "{python: 'bundled.made:loans', inputs: [books], shard: {by: books, rows: 1}, reads: [bundled/more.txt]}"
    edit(path, "{sql: sql/loans.sql, inputs: [books]}", stage)
    for days, more in ((7, 0), (14, 0), (14, 1)):
        (tmp_path / "bundled/helper.py").write_text(f"DAYS = {days}")
        (tmp_path / "bundled/more.txt").write_text(f"{more}")
        source = load(path)
        plan, once, _ = unpack(pack(source, identify(source)))
        assert run_shard(plan, once, 1)["loans"].to_pylist() == [{"id": 2, "days": days + more}]
    unpack(pack(source := load(small.lending(tmp_path / "other")), identify(source)))
    assert not [name for name in sys.modules if name.startswith("bundled")]


def test_sources_that_change_before_they_are_packed(tmp_path: Path) -> None:
    """A bundle is made of what the build is named by, or not at all."""
    source = load(small.lending(tmp_path))
    identity = identify(source)
    edit(tmp_path / "sql/loans.sql", "7", "14")
    with pytest.raises(EtlError, match=r"pipeline\.yaml: it, or a file that it names, changed while"):
        pack(source, identity)
