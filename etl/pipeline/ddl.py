"""Splits a DDL file into statements with their places, comments and CHECK constraints, which SQLite cannot list."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from etl.config.text import after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.errors import Where

_SPACE = re.compile(r"(\s|--[^\n]*(\n|\Z)|/\*.*?(\*/|\Z))*", re.DOTALL)
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]"""
_COMMENT = re.compile(rf"({_QUOTED})|(?:(?<!\s)\s*)?--([^\n]*)|/\*.*?(?:\*/|\Z)", re.DOTALL)
_FIRST_NAME = re.compile(rf"[\s,]*({_QUOTED}|\w+)")
_TABLE_BEGINS = re.compile(rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{_QUOTED}|[\w.]+)\s*\(\Z", re.IGNORECASE)
_TOKEN = re.compile(rf"{_QUOTED}|\w+|[()]")
_IN_LIST = re.compile(rf"({_QUOTED}|\w+)\s+IN\s*\(\s*('(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*)\s*\)", re.IGNORECASE)


class Statement(NamedTuple):
    """A statement with its comments."""

    text: str
    before: str  # the text before it in the file
    file: str  # its name in messages

    def place(self, pattern: str = "") -> Where:
        """The place of the first match of a pattern, or of the statement."""
        found = re.search(pattern, self.text, re.MULTILINE | re.IGNORECASE)
        return after(self.before + self.text[: found.start(found.lastindex or 0) if found else 0], self.file)


def split(text: str, file: str) -> Iterator[Statement]:
    """The statements of a file, without the comments between them."""
    start = 0
    for end in [*(found.end() for found in re.finditer(";", text)), len(text)]:
        if end < len(text) and not sqlite3.complete_statement(text[start:end]):
            continue
        space = _SPACE.match(text, start, end)
        begin = space.end() if space else start
        if text[begin:end].strip(";"):
            yield Statement(text[begin:end], text[:begin], file)
        start = end


def without_comments(text: str) -> str:
    """A statement as it is stored. Quoted names and strings are not changed."""
    return _COMMENT.sub(lambda found: found[1] or ("" if found[2] is not None else " "), text).strip()


def descriptions(text: str) -> dict[str, str]:
    """The comments at the ends of lines of a CREATE TABLE, by column; "" is the table."""
    described = {}
    for found in _COMMENT.finditer(text):
        before = text[: found.start()]
        if found[2] is None:
            continue
        name = "" if _TABLE_BEGINS.match(before) else _FIRST_NAME.match(before.rpartition("\n")[2])
        if name is not None:
            described[_unquoted(name[1]) if name else ""] = found[2].strip()
    return described


def checks(text: str) -> Iterator[str]:
    """The expression of each CHECK of a CREATE TABLE without comments."""
    depth, start, inside, word = 0, 0, 0, ""
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            depth += 1
            if word == "CHECK" and not inside:
                start, inside = token.end(), depth
        elif token[0] == ")":
            if depth == inside:
                yield text[start : token.start()].strip()
                inside = 0
            depth -= 1
        word = token[0].upper()


def has_autoincrement(text: str) -> bool:
    """Whether a CREATE TABLE without comments has AUTOINCREMENT."""
    return any(token[0].upper() == "AUTOINCREMENT" for token in _TOKEN.finditer(text))


def allowed_values(check: str) -> tuple[str, ...]:
    """The strings that a CHECK of the form ``column IN ('a', 'b')`` allows, () for any other form."""
    found = _IN_LIST.fullmatch(check)
    return tuple(_unquoted(text) for text in re.findall(r"'(?:[^']|'')*'", found[2])) if found else ()


def _unquoted(name: str) -> str:
    quote = {"[": "]"}.get(name[0], name[0])
    return name if quote.isalnum() or quote == "_" else name[1:-1].replace(quote * 2, quote)
