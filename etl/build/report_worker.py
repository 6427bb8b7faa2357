"""The child process that draws a report; it imports what it needs while the database is being made.

Its input is a line with the function's name and then a line of JSON; its output is a page.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Import the function, read ``{"database": ..., "about": ...}`` and write the page; no input, no page."""
    output, sys.stdout = sys.stdout.buffer, sys.stderr  # what a function prints is not part of the page
    name, _, function = sys.stdin.buffer.readline().decode().strip().partition(":")
    if not name:
        return
    module = importlib.import_module(name)
    if document := sys.stdin.buffer.readline():
        request = json.loads(document)
        page = getattr(module, function)(Path(request["database"]), request["about"])
        if not isinstance(page, str):
            raise TypeError(f"{name}:{function} must return the page as a str, not {type(page).__name__}")
        output.write(page.encode())


if __name__ == "__main__":
    main()
