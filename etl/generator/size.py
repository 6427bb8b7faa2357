"""Estimates of how many rows a generator yields, declared with ``@generator(rows=…)``.

Used by ``plan``, for the progress, and to check free disk space before a run. Without a declaration the estimate is
the rows of the largest input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Function = TypeVar("Function", bound=Callable[..., Any])


class Size(NamedTuple):
    """Estimated rows of a stage, and bytes per row in the database (0: unknown)."""

    rows: int
    width: int = 0


class Inputs(NamedTuple):
    """The inputs and upstream params that an estimate can use.

    ``param(generator, name)`` is a param of the nearest upstream stage that runs a generator; None if there is none.
    """

    sizes: Mapping[str, Size]  # of each input
    param: Callable[[Callable[..., Any], str], Any]

    def rows(self, name: str) -> int:
        """The estimated rows of an input."""
        return self.sizes[name].rows


Estimate = Callable[[Any, Inputs], int | Size]


def generator(*, rows: str | Estimate) -> Callable[[Function], Function]:
    """Declare how many rows a generator yields: the name of an input with the same number, or a function.

    The function gets the params and the :class:`Inputs`, and returns the rows, or a :class:`Size`.
    """

    def declare(function: Function) -> Function:
        function.__dict__["rows"] = (lambda _, inputs: inputs.rows(rows)) if isinstance(rows, str) else rows
        return function

    return declare
