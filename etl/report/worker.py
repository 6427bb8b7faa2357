"""The process that draws: warm by the time that the database is there. One JSON document in, one page out."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Read ``{"database": ..., "about": ...}`` from standard input; write the page. Nothing asked, nothing done."""
    from etl.report.drawing import draw, warm  # noqa: PLC0415 -- what it imports may be missing

    warm()
    asked = sys.stdin.buffer.read()
    if asked:
        wanted = json.loads(asked)
        sys.stdout.buffer.write(draw(Path(wanted["database"]), wanted["about"]).encode())


if __name__ == "__main__":
    main()
