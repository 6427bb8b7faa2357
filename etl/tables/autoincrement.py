"""Removes AUTOINCREMENT from the schema of an empty SQLite file, and restores it after loading.

With AUTOINCREMENT SQLite reads and writes the table ``sqlite_sequence`` for every inserted row: a sixth of the loading
time. The ids are given anyway, so the last ones can be written at the end. SQLite keeps the schema as text in the
first page of the file; there the word is overwritten with spaces, and back. Nothing else in the file changes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl.errors import Bug
from etl.pipeline.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_WORD = re.compile(r"(\bPRIMARY\s+KEY\s+)(AUTOINCREMENT)\b", re.IGNORECASE)


class Autoincrement:
    """The tables of a file that have AUTOINCREMENT, and their CREATE statements with and without it."""

    def __init__(self, path: Path, page_size: int, tables: Mapping[str, str]) -> None:
        """Remove the word. ``tables``: the CREATE statements in ``sqlite_schema``, by table.

        If they are not all in the first page nothing is changed, and the other methods do nothing.
        """
        self._path, self._page_size = path, page_size
        self._original = {name: sql.encode() for name, sql in tables.items() if _WORD.search(sql)}
        self._blanked = {name: _WORD.sub(_blank, tables[name]).encode() for name in self._original}
        if not self._rewrite(self._original, self._blanked):
            self._original = self._blanked = {}

    def last_ids(self) -> Iterator[str]:
        """Yield the statements that write the last id of each table that has rows."""
        for name in self._original:
            last = f"SELECT {literal(name)}, max(rowid, 0) FROM {quote(name)} ORDER BY rowid DESC LIMIT 1"  # noqa: S608
            yield f"INSERT INTO sqlite_sequence (name, seq) {last} RETURNING seq"

    def restore(self) -> None:
        """Restore the word; the file must be closed."""
        if not self._rewrite(self._blanked, self._original):
            raise Bug("the schema has moved in the file")

    def _rewrite(self, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bool:
        """Replace texts in the first page by others of the same length. False: not each is there exactly once."""
        with self._path.open("r+b") as file:
            page = file.read(self._page_size)
            if any(page.count(text) != 1 for text in before.values()):
                return False
            for name, text in before.items():
                page = page.replace(text, after[name])
            file.seek(0)
            file.write(page)
        return True


def _blank(found: re.Match[str]) -> str:
    return found[1] + " " * len(found[2])
