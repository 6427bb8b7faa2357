"""About how large a generator's result is: what its author says with ``@generator(rows=…)``.

It is what ``plan`` shows, what the progress counts to, and how a world that does not fit on the disk is refused before
it starts. A generator that does not say it is expected to yield as many rows as its largest input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Function = TypeVar("Function", bound=Callable[..., Any])


class Size(NamedTuple):
    """About how many rows a stage yields, and how many bytes one takes in the database (0: nobody says)."""

    rows: int
    width: int = 0


@dataclass(frozen=True)
class Inputs:
    """What an estimate can look at beside the params."""

    sizes: Mapping[str, Size]  # of each input
    upstream: Callable[[Callable[..., Any], str], Any]  # see param

    def rows(self, name: str) -> int:
        """About how many rows an input has."""
        return self.sizes[name].rows

    def param(self, generator: Callable[..., Any], name: str) -> Any:  # noqa: ANN401 -- any param
        """A param of the nearest stage upstream that runs a generator; None where there is none."""
        return self.upstream(generator, name)


Estimate = Callable[[Any, Inputs], int | Size]


def generator(*, rows: str | Estimate) -> Callable[[Function], Function]:
    """Say about how many rows a generator yields: as many as the input of a name, or what a function works out.

    The function gets the params and the :class:`Inputs`, and returns the rows, or a :class:`Size`.
    """

    def say(function: Function) -> Function:
        function.__dict__["rows"] = (lambda _, inputs: inputs.rows(rows)) if isinstance(rows, str) else rows
        return function

    return say


def estimate_of(function: Callable[..., Any]) -> Estimate | None:
    """What a generator says of its rows; None for one that says nothing."""
    found: Estimate | None = vars(function).get("rows")
    return found
