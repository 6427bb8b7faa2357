"""The school's report: charts of the data, and the estimated effects beside the planted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def draw(database: Path, about: Mapping[str, Any]) -> str:
    """The report of a finished database as HTML. Raises sqlite3.Error.

    ``about``: see :func:`etl.build.report.about`.
    """
    from etl.school.report import drawing  # noqa: PLC0415 -- validation imports this module, and draws nothing

    return drawing.draw(database, about)
