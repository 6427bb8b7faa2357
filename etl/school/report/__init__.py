"""The school's report: charts of the data, and the estimated effects beside the planted ones.

Validation imports this module, so it does not import the JavaScript engine that draws the charts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def draw(database: Path, about: Mapping[str, Any]) -> str:
    """The report of a finished database as HTML. Raises sqlite3.Error.

    ``about``: see :func:`etl.build.report.about`.
    """
    from etl.school.report import drawing  # noqa: PLC0415 -- as the module's docstring says

    return drawing.draw(database, about)


def warm() -> None:
    """Load the JavaScript engine: the first charts take as long as all others."""
    from etl.school.report import drawing  # noqa: PLC0415 -- as above

    drawing.warm()
