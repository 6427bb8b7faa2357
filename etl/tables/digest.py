"""A table's content as one number, whatever the order of its rows and however they were cut into batches.

A row's digest is the MD5 of its columns' texts, with U+001F between them and U+0000 for null. A table's is the
exclusive or of its rows' (they differ, by the primary key), so shards can be combined in any order, on any machine.
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

_own = threading.local()


def table_digest(rows: pa.Table) -> int:
    """The digest of some rows, as a number of 128 bits."""
    if not hasattr(_own, "connection"):  # one for each thread that digests
        _own.connection = duckdb.connect(":memory:", config={"threads": 1})
    texts = ", ".join(f"coalesce({quote(name)}::VARCHAR, chr(0))" for name in rows.column_names)
    stream = rows.__arrow_c_stream__()  # noqa: F841 -- DuckDB finds it by its name, and reads it faster than a table
    sql = f"SELECT bit_xor(md5_number(concat_ws(chr(31), {texts}))) FROM stream"  # noqa: S608 -- the schema's own names
    (digest,) = _own.connection.execute(sql).fetchone() or (None,)
    return int(digest or 0)


class Digests:
    """Rows and digest of each table, added up part by part."""

    def __init__(self) -> None:
        """Begin with no rows."""
        self._rows: Counter[str] = Counter()
        self._digests: dict[str, list[int | Future[int]]] = {}

    def add(self, table: str, count: int, digest: int | Future[int]) -> None:
        """Add a part's rows; their digest may still be on its way."""
        self._rows[table] += count
        self._digests.setdefault(table, []).append(digest)

    def of(self, table: str) -> dict[str, int | str]:
        """Rows, and digest as 32 hexadecimal digits, of a table; it may have no rows."""
        known = (digest if isinstance(digest, int) else digest.result() for digest in self._digests.get(table, ()))
        return {"rows": self._rows[table], "digest": f"{reduce(xor, known, 0):032x}"}
