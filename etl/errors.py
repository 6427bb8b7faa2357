"""Errors with a place in a file, and suggestions for misspelled words."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True)
class Where:
    """A place in a file; line and column count from 1, 0 means the whole file (or the whole line).

    In a file without lines, such as Parquet, ``line`` is the number of a row.
    """

    file: str
    line: int = 0
    column: int = 0
    in_rows: bool = False

    def __str__(self) -> str:
        """``file:line:column``, as editors and terminals link it, or ``file, row line``."""
        if self.in_rows and self.line:
            return f"{self.file}, row {self.line}"
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


class EtlError(Exception):
    """An expected failure. It says what is wrong and what to do about it. Exit code 1.

    ``path`` is the value in the pipeline that is wrong, ``stages.loans.params.days``; ``where`` is its place in a file.
    """

    def __init__(self, what: str, where: Where | None = None, path: str = "") -> None:
        """Store the parts, so that callers need not parse the message."""
        self.what, self.where, self.path = what, where, path
        super().__init__(f"{where}: {self.message}" if where else self.message)

    @property
    def message(self) -> str:
        """The text of the error without its place in a file."""
        return f"{self.path}: {self.what}" if self.path else self.what

    def under(self, path: str, where: Where | None = None) -> EtlError:
        """The same error about the value at a path; its place in a file is ``where``, if given."""
        return EtlError(self.message, where or self.where, path)


class Mistakes(EtlError):  # noqa: N818 -- it is many errors
    """Several errors, sorted by place, without duplicates."""

    def __init__(self, mistakes: Iterable[EtlError]) -> None:
        """Sort the errors; the message has one on each line."""
        unique = {str(mistake): mistake for mistake in mistakes}
        self.mistakes = sorted(unique.values(), key=lambda mistake: (mistake.where or Where(""), mistake.message))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class CheckFailed(EtlError):  # noqa: N818 -- like TestFailed
    """A check found rows that break its rule."""


class Bug(Exception):  # noqa: N818 -- not an error of the user
    """Internal error: a bug in etl. Exit code 3."""


#: Limits of the search for a similar word: it takes seconds beyond them.
MAX_CHOICES, MAX_WORD = 10_000, 100

#: The longest list of choices that a message repeats.
MAX_LISTED = 16


def closest(word: str, known: Iterable[str]) -> str | None:
    """The most similar of the known words; None when none is similar."""
    choices = sorted(known)
    if len(choices) > MAX_CHOICES or len(word) > MAX_WORD:
        return None
    return next(iter(difflib.get_close_matches(word, choices, n=1)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the most similar one, else a short list of all, else nothing."""
    choices = sorted(known)
    if match := closest(word, choices):
        return f"; did you mean '{match}'?"
    return f"; known: {', '.join(choices)}" if 0 < len(choices) <= MAX_LISTED else ""
