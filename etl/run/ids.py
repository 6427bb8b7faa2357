"""Ids of rows whose stage gives none: from 1 on, in the order of the rows, whatever the size of the shards."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ids:
    """The first id of each shard, for every stage that gives none.

    It depends on the rows of all shards before. Those that this process has not made are made again, to be counted.
    """

    def __init__(self, make: Callable[[int, str], object]) -> None:
        """``make`` makes a shard's rows of a stage; it calls :meth:`first` on the way."""
        self._make = make
        self._rows: dict[tuple[int, str], int] = {}
        self._lock = RLock()

    def first(self, shard: int, stage: str, rows: int) -> int:
        """The first id in a shard, counted from 0, that has ``rows`` rows of a stage."""
        with self._lock:
            self._rows[shard, stage] = rows
            for number in range(shard):
                if (number, stage) not in self._rows:
                    self._make(number, stage)
            return 1 + sum(self._rows[number, stage] for number in range(shard))
