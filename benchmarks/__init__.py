"""What the pipeline costs, measured against other ways to make the same database; see README.md."""

from __future__ import annotations

from pathlib import Path

#: The project's folder: every command is run there.
ROOT = Path(__file__).resolve().parent.parent

#: Rosters of the default world, which is scale 1.
ROSTERS = 250
