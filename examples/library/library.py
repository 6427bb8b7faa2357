"""The loans of a library's members."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from etl.generator.params import Between, Count, Share
from etl.generator.streams import Streams, choose, uniform


def loans(
    streams: Streams, books: pa.Table, members: pa.Table, *, months: Count, per_month: Between, late: Share
) -> Iterator[pa.RecordBatch]:
    """Draw each month's loans; whoever was late in the last month gets none."""
    book_ids, ids = books["id"].to_numpy(), members["id"].to_numpy()
    was_late = np.zeros(len(ids), dtype=bool)
    for month in range(1, months + 1):
        words = streams.words_of(f"month {month}", ids, 1 + 2 * per_month.high)
        count = np.where(was_late, 0, uniform(words[:, 0], per_month.low, per_month.high))
        member, number = np.nonzero(np.arange(per_month.high) < count[:, None])
        book = uniform(words[member, 1 + number], 0, len(books) - 1)
        is_late = choose(words[member, 1 + per_month.high + number], [1 - late, late]) == 1
        was_late = np.bincount(member, is_late, len(ids)) > 0
        columns = {"book_id": book_ids[book], "member_id": ids[member], "is_late": is_late}
        yield pa.record_batch({"month": np.full(len(member), month), **columns})
