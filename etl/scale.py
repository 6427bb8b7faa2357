"""``--scale N``: the same world with N times as many rosters. It changes the numbers of the pipeline, like ``--set``."""

from __future__ import annotations

#: The params that number rosters: a count, or a range of them.
SCALED = {"classes": "count", "window": "rosters"}
