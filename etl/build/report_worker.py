"""The process that draws: warm by the time that the database is there.

Its input is the name of the function that draws, on a line of its own, and then a JSON document; its output is a page.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Get ready, read ``{"database": ..., "about": ...}``, and write the page. Nothing asked, nothing done."""
    output, sys.stdout = sys.stdout.buffer, sys.stderr  # what a function prints is no part of the page
    name, _, function = sys.stdin.buffer.readline().decode().strip().partition(":")
    if not name:
        return
    module = importlib.import_module(name)
    getattr(module, "warm", lambda: None)()
    asked = sys.stdin.buffer.read()
    if asked:
        wanted = json.loads(asked)
        page = getattr(module, function)(Path(wanted["database"]), wanted["about"])
        if not isinstance(page, str):
            raise TypeError(f"{name}:{function} must return the page as a text, not {type(page).__name__}")
        output.write(page.encode())


if __name__ == "__main__":
    main()
