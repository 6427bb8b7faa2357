"""A table's content as one number, whatever the order of its rows and however they were cut into batches."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa


class Digests:
    """Digests of tables, worked out in a thread beside the loading (DuckDB releases Python's lock).

    A row's digest is the MD5 of its columns' texts, with U+001F between them and U+0000 for null. A table's is the
    exclusive or of its rows' (they differ, by the primary key), so shards can be combined in any order.
    """

    def __init__(self) -> None:
        """Begin with no rows."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="digest")
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._pending: Future[None] | None = None
        self._sums: dict[str, tuple[int, int]] = {}

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows; waits for the rows added before, so that at most one batch is held here."""
        if self._pending:
            self._pending.result()
        self._pending = self._pool.submit(self._add, table, rows)

    def finish(self) -> dict[str, dict[str, int | str]]:
        """Rows and digest (32 hexadecimal digits) of each table."""
        if self._pending:
            self._pending.result()
        self._pool.shutdown()
        return {table: {"rows": count, "digest": f"{digest:032x}"} for table, (count, digest) in self._sums.items()}

    def _add(self, table: str, rows: pa.Table) -> None:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config={"threads": 1})
        count, digest = self._sums.get(table, (0, 0))
        self._sums[table] = (count + rows.num_rows, digest ^ table_digest(self._connection, rows))


def table_digest(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> int:
    """The digest of some rows, as a number of 128 bits."""
    texts = ", ".join(f'coalesce("{name}"::VARCHAR, chr(0))' for name in rows.column_names)
    sql = f"SELECT bit_xor(md5_number(concat_ws(chr(31), {texts}))) FROM rows"  # noqa: S608 -- the schema's own names
    (digest,) = connection.execute(sql).fetchone() or (None,)
    return int(digest or 0)
