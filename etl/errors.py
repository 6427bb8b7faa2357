"""What can go wrong, with the place where it did and what to do about it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, order=True)
class Where:
    """A place in a file; line and column count from 1, 0 means the whole file (or the whole line)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``file:line:column``, as editors and terminals link it."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


class EtlError(Exception):
    """An expected failure: the message says what is wrong, where, and what to do. Exit code 1."""

    def __init__(self, message: str, where: Where | None = None) -> None:
        """Keep the message apart from the place, so that both can be tested and shown as JSON."""
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where


class Mistakes(EtlError):  # noqa: N818 -- it is many errors
    """Every mistake found in one go, in the order of their places."""

    def __init__(self, mistakes: Iterable[EtlError]) -> None:
        """Sort the mistakes by place and show each on a line of its own."""
        unique = {str(mistake): mistake for mistake in mistakes}
        self.mistakes = sorted(unique.values(), key=lambda mistake: (mistake.where or Where(""), mistake.message))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class CheckFailed(EtlError):  # noqa: N818 -- it says what failed
    """A check found rows that break its rule."""


class Bug(Exception):  # noqa: N818 -- it is named for what it is, not for what raises it
    """Something that only a mistake of ours can cause. Exit code 3."""


#: Beyond these nobody is helped by a near miss, and finding one takes seconds.
MOST_CHOICES, LONGEST_WORD = 10_000, 100


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for a near miss, else what there is to choose from, else nothing."""
    choices = sorted(known)
    bounded = len(choices) <= MOST_CHOICES and len(word) <= LONGEST_WORD
    close = difflib.get_close_matches(word, choices, n=1) if bounded else []
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(choices)}" if 0 < len(choices) <= 16 else ""  # noqa: PLR2004 -- what fits a line
