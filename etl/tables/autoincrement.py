"""Takes AUTOINCREMENT out of the schema of an empty SQLite file, and puts it back when its tables are filled.

With that word SQLite reads and writes its table ``sqlite_sequence`` once for every row that has an id already: a sixth
of the time of a load. Without it an INTEGER PRIMARY KEY is filled in the same way, and the last ids can be written at
the end. SQLite keeps the schema as text, in the first page of the file: spaces go in place of the word, and the word
back in theirs. Nothing else in the file changes, not even its header, which says who wrote it.
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
    """The tables of a file that have AUTOINCREMENT, and their statements with it and without."""

    def __init__(self, path: Path, page_size: int, tables: Mapping[str, str]) -> None:
        """Take the word out; ``tables`` are the statements that made them, by name, as SQLite keeps them.

        Where they do not all stand in the first page nothing is taken out, and nothing will be to do.
        """
        self._path, self._page_size = path, page_size
        self._texts = {name: sql.encode() for name, sql in tables.items() if _WORD.search(sql)}
        self._plain = {name: _WORD.sub(_spaces, sql).encode() for name, sql in tables.items() if name in self._texts}
        if not self._rewrite(self._texts, self._plain):
            self._texts = self._plain = {}

    def last_ids(self) -> Iterator[str]:
        """Yield the queries that write the last id of each table that has rows; each also returns that id."""
        for name in self._texts:
            last = f"SELECT {literal(name)}, max(rowid, 0) FROM {quote(name)} ORDER BY rowid DESC LIMIT 1"  # noqa: S608
            yield f"INSERT INTO sqlite_sequence (name, seq) {last} RETURNING seq"

    def put_back(self) -> None:
        """Put the word back; the file is closed."""
        if not self._rewrite(self._plain, self._texts):
            raise Bug("the schema does not stand where it stood")

    def _rewrite(self, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> bool:
        """Write texts of the same length over those in the first page, unless one of these is not there once."""
        with self._path.open("r+b") as file:
            page = file.read(self._page_size)
            if any(page.count(text) != 1 for text in before.values()):
                return False
            for name, text in before.items():
                page = page.replace(text, after[name])
            file.seek(0)
            file.write(page)
        return True


def _spaces(found: re.Match[str]) -> str:
    return found[1] + " " * len(found[2])
