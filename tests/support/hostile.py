"""Texts that somebody may put into a name, and that nothing may take for anything but a text."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCRIPT = "<script>window.hacked=1</script>"

NAMES = [
    SCRIPT,
    "O'Brien",
    'Anna "Ann" Lee',
    "Zoë Çelik-Łoś",
    "日本語",
    "😀🏫",
    "שלום",
    "\u202egnihtemos",  # a sign that turns the direction of what follows
    "=cmd|' /C calc'!A0",
    "\"><img src=x onerror='window.hacked=1'>",
    "</pre></td><script>window.hacked=1</script>",
    "<!--",
    "javascript:window.hacked=1",
    "&lt;b&gt; & &amp;",
    "Robert'); DROP TABLE students;--",
    "{{7*7}}${7*7}{id}$id:id",
    "%00%27\\x00\\",
    "null",
    "a, b; c",
    "-1",
]

#: As much as a person would never type.
LONG = "x" * 10_000


def write_names(path: Path, names: Iterable[str]) -> None:
    """Write a file of names as a spreadsheet would."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["name"], *([name] for name in names)])


def replace_cells(path: Path, old: str, new: str) -> None:
    """Put a text into every cell of a CSV file that holds another one."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[new if cell == old else cell for cell in row] for row in csv.reader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
