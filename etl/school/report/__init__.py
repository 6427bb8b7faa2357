"""The school's report: what the data looks like, in pictures, and whether the planted effects are found again.

Validation imports this module, so it is light: charts are drawn by a JavaScript engine, which is not.
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
    """Get ready to draw: the first charts take as long as all the others."""
    from etl.school.report import drawing  # noqa: PLC0415 -- as above

    drawing.warm()
