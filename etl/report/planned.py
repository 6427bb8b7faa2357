"""What the pipeline says that the world should be: the numbers that the report holds beside what is there.

The effective pipeline is read as it stands in the manifest. Whatever it does not say, or says in a form of its own, is
None: then the report shows what is there, and compares it with nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Where the generators are whose params the report knows.
GENERATORS = "etl.generators."

#: How a student stands to an assignment, the furthest first; ``none``: it was not given to them.
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


@dataclass(frozen=True)
class Growth:
    """What a standard's score moves by into a test, by status, before the clamp."""

    ranges: Mapping[str, tuple[int, int]]
    clamp: tuple[int, int]


class Planned:
    """What an effective pipeline says."""

    def __init__(self, pipeline: Mapping[str, Any]) -> None:
        """Read the stages that the report knows."""
        self.first = next((first for params in _params(pipeline, "first_scores") if (first := _first(params))), None)
        self.growth = {
            str(params["test"]): growth
            for params in _params(pipeline, "next_scores")
            if "test" in params and (growth := _growth(params))
        }
        self.class_size = next(
            (size for params in _params(pipeline, "classes") if (size := _range(params.get("size")))), None
        )
        shares = [params.get("status") for params in _params(pipeline, "window")]
        same = shares and isinstance(shares[0], dict) and all(each == shares[0] for each in shares)
        self.status: Mapping[str, Any] | None = shares[0] if same else None


def _params(pipeline: Mapping[str, Any], generator: str) -> Iterator[Mapping[str, Any]]:
    for stage in pipeline.get("stages", {}).values():
        if isinstance(stage, dict) and _runs(stage, generator) and isinstance(stage.get("params"), dict):
            yield stage["params"]


def _runs(stage: Mapping[str, Any], generator: str) -> bool:
    module, _, function = str(stage.get("python")).partition(":")
    return module.startswith(GENERATORS) and function == generator


def _range(value: object) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(end, int) for end in value):  # noqa: PLR2004
        return value[0], value[1]
    return None


def _first(params: Mapping[str, Any]) -> First | None:
    clamp, mean, sd = _range(params.get("clamp")), params.get("mean"), params.get("sd")
    if clamp and isinstance(mean, (int, float)) and isinstance(sd, (int, float)) and sd > 0:
        return First(str(params.get("test")), mean, sd, clamp)
    return None


def _growth(params: Mapping[str, Any]) -> Growth | None:
    growth, clamp = params.get("growth"), _range(params.get("clamp"))
    if clamp is None or not isinstance(growth, dict) or not isinstance(growth.get("assigned"), dict):
        return None
    driven = growth.get("driven", 0)  # some students grow by this much more, whatever they hold
    extra = driven if isinstance(driven, int) else 0
    known = {**growth["assigned"], "none": growth.get("untouched")}
    ranges = {status: bounds for status in STATUSES if (bounds := _range(known.get(status)))}
    wide = {status: (low + min(extra, 0), high + max(extra, 0)) for status, (low, high) in ranges.items()}
    return Growth(wide, clamp)
