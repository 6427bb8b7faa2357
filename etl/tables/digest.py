"""A digest of a table's content that depends neither on the order of its rows nor on their batches.

A row's digest is the MD5 of its columns as text, separated by U+001F, with U+0000 for null. A table's is the XOR of
its rows' digests (rows differ by their primary key), so shards can be combined in any order.
"""

from __future__ import annotations

import threading
from collections import Counter
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

import duckdb

from etl.pipeline.sql import quote

if TYPE_CHECKING:
    from concurrent.futures import Future

    import pyarrow as pa

_local = threading.local()


def table_digest(rows: pa.Table) -> int:
    """The digest of some rows, as a 128-bit number."""
    if not hasattr(_local, "connection"):  # one per thread
        _local.connection = duckdb.connect(":memory:", config={"threads": 1})
    texts = ", ".join(f"coalesce({quote(name)}::VARCHAR, chr(0))" for name in rows.column_names)
    stream = rows.__arrow_c_stream__()  # noqa: F841 -- DuckDB finds it by name, and reads it faster than a table
    sql = f"SELECT bit_xor(md5_number(concat_ws(chr(31), {texts}))) FROM stream"  # noqa: S608 -- the schema's own names
    (digest,) = _local.connection.execute(sql).fetchone() or (None,)
    return int(digest or 0)


class Digests:
    """Row count and digest of each table, accumulated part by part."""

    def __init__(self) -> None:
        """Start with no rows."""
        self._rows: Counter[str] = Counter()
        self._digests: dict[str, list[int | Future[int]]] = {}

    def add(self, table: str, count: int, digest: int | Future[int]) -> None:
        """Add a part's rows and digest."""
        self._rows[table] += count
        self._digests.setdefault(table, []).append(digest)

    def of(self, table: str) -> dict[str, int | str]:
        """The row count of a table, 0 if none were added, and its digest as 32 hexadecimal digits."""
        digests = (digest if isinstance(digest, int) else digest.result() for digest in self._digests.get(table, ()))
        return {"rows": self._rows[table], "digest": f"{reduce(xor, digests, 0):032x}"}
