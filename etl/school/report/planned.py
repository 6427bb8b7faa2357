"""What the pipeline says that the world should be: the numbers that the report compares with what is there.

What the pipeline does not say is None: then the report shows what is there, and compares it with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The generators whose params are read.
FIRST = "etl.school.scores:first_scores"
NEXT = "etl.school.scores:next_scores"
CLASSES = "etl.school.classes:classes"
WINDOW = "etl.school.windows:window"

#: A student's status on an assignment, the most advanced first; ``none``: it was not given to them.
STATUSES = {"completed": "completed", "started": "started", "not_started": "not started", "none": "not assigned"}


@dataclass(frozen=True)
class First:
    """The first test: scores drawn from a normal distribution."""

    test: str
    mean: float
    sd: float
    clamp: tuple[int, int]

    def shares(self, cuts: Sequence[int]) -> list[float]:
        """The share of scores that is due from each cut score to the next one, rounding and clamp included."""
        low, high = self.clamp
        normal = NormalDist(self.mean, self.sd)
        above = [1.0 if cut <= low else 0.0 if cut > high else 1 - normal.cdf(cut - 0.5) for cut in cuts]
        return [one - other for one, other in zip([1.0, *above[1:]], [*above[1:], 0.0], strict=True)]


class Planned:
    """What the stages of a pipeline say."""

    def __init__(self, stages: Iterable[Mapping[str, Any]]) -> None:
        """Read the stages that the report knows; their params were validated."""
        params: dict[str, list[Mapping[str, Any]]] = {}
        for stage in stages:
            params.setdefault(stage["source"], []).append(stage["params"])
        tests = [given for given in params.get(FIRST, []) if not given["error"]]
        self.first = next((First(p["test"], p["mean"], p["sd"], tuple(p["clamp"])) for p in tests), None)
        # Where tests err, or some grow by more than the ranges, scores do not show what was planted.
        plain = not any(given["error"] or given["variation"] for given in params.get(FIRST, []))
        nexts = [p for p in params.get(NEXT, []) if plain and not (p["error"] or p["shock"] or p["growth"]["driven"])]
        self.growth = {given["test"]: _ranges(given["growth"]) for given in nexts}
        self.clamp = {given["test"]: tuple(given["clamp"]) for given in nexts}
        self.class_size = next((tuple(given["size"]) for given in params.get(CLASSES, [])), None)
        shares = [given["status"] for given in params.get(WINDOW, [])]
        same = shares and all(each == shares[0] for each in shares)
        self.status: Mapping[str, Any] | None = shares[0] if same else None


def _ranges(growth: Mapping[str, Any]) -> Mapping[str, tuple[int, int]]:
    """What a standard's score moves by into a test, by status, before the clamp."""
    ranges = {**growth["assigned"], "none": growth["untouched"]}
    return {status: (ranges[status][0], ranges[status][1]) for status in STATUSES}
