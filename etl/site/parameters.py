"""Parameters of endpoints: what they are, and the value that a text in a URL means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import closest, did_you_mean
from etl.pipeline.sql import quote
from etl.site.column_types import SCALARS, base, camel_case, form_of, has_form

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from etl.site.column_types import Type

#: The value of a parameter.
Value = int | float | str | None

#: Every id up to this is exact in JavaScript.
MAX_ID = 10**15 - 1

#: Characters of a text in a URL, and its pattern.
MAX_TEXT = 200
NO_NUL = r"^[^\x00]*$"

_LISTED = 20  # values in a message
_COMPARED = 200  # values to find a similar one among
_ID = re.compile(r"[1-9][0-9]{0,14}\Z")
_FORMS = {
    "integer": re.compile(r"(?:0|-?[1-9][0-9]{0,14})\Z"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?\Z"),
    "boolean": re.compile(r"(?:true|false)\Z"),
    "string": re.compile(rf"[^\x00]{{0,{MAX_TEXT}}}\Z", re.DOTALL),
}
_NAMES = {"integer": "an integer", "number": "a number", "boolean": "true or false"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of an endpoint, in its path or its query string. SQL sees ``:name``."""

    name: str
    values: str = ""  # the query that lists the values; empty if any of its type is allowed
    type: str = "text"  # of one without such a query, as a file writes it
    required: bool = True
    default: Value = None  # what SQL sees if it is not given
    description: str = ""

    @property
    def json_name(self) -> str:
        """Its name in URLs."""
        return camel_case(self.name)

    def listed(self, database: sqlite3.Connection, most: int = -1) -> list[Value]:
        """The values that are allowed, in the order of its query."""
        sql = f"SELECT * FROM (\n{self.values}\n) LIMIT ?"  # noqa: S608 -- the pipeline's own file
        return [value for (value,) in database.execute(sql, (most,))]

    def find(self, database: sqlite3.Connection, text: str) -> Value:
        """The value that a text in a URL means, None if its query does not list it.

        Raises ValueError if the query lists integers and the text is not one in its usual form.
        """
        if not self.values:
            return parse(SCALARS[self.type], text)
        rows = database.execute(f"SELECT * FROM (\n{self.values}\n) LIMIT 1")  # noqa: S608 -- as above
        first, name = rows.fetchone(), quote(rows.description[0][0])
        numeric = first is not None and isinstance(first[0], int)
        if numeric and not _ID.match(text):
            raise ValueError(f"not an id: {text[:40]!r}")
        value: Value = int(text) if numeric else text
        sql = f"SELECT 1 FROM (\n{self.values}\n) WHERE {name} = ?"  # noqa: S608 -- as above
        return value if database.execute(sql, (value,)).fetchone() else None

    def read(self, database: sqlite3.Connection, text: str | None) -> Value:
        """The value for a text in a query string, None if it is not given. Raises ValueError with what is allowed."""
        if text is None:
            if self.required:
                raise ValueError(f"missing query parameter '{self.json_name}'{self._allowed(database)}")
            return self.default
        try:
            value = self.find(database, text)
        except ValueError as error:
            if not self.values:
                raise ValueError(f"{self.json_name}: {error}") from error
            value = None
        if value is None:
            raise ValueError(f"{self.json_name}: unknown value {text[:40]!r}{self._allowed(database, text)}")
        return value

    def _allowed(self, database: sqlite3.Connection, text: str = "") -> str:
        if not self.values:
            return f": {self.type}"
        return hint(text, self.listed(database, _COMPARED))


def parse(kind: Type, text: str) -> Value:
    """A value of a type from a URL. Raises ValueError."""
    name = base(kind)
    if not _FORMS[name].match(text) or (name == "string" and not has_form(kind, text)):
        form = form_of(kind) or _NAMES.get(name, f"a text of at most {MAX_TEXT} characters without NUL")
        raise ValueError(f"{text[:40]!r} is not {form}")
    if name == "boolean":
        return text == "true"
    return int(text) if name == "integer" else float(text) if name == "number" else text


def hint(text: str, allowed: Iterable[Value]) -> str:
    """The end of a message about a value: the most similar one that is allowed, and the first of them all."""
    texts = [str(value) for value in allowed]
    similar = closest(text[:40], texts)
    more = ", ..." if len(texts) > _LISTED else ""
    question = f"; did you mean '{similar}'? Allowed" if similar else "; allowed"
    return f"{question}: {', '.join(texts[:_LISTED])}{more}"


def read_query(pairs: Iterable[tuple[str, str]], known: Iterable[str]) -> dict[str, str]:
    """A query string's names and values. Raises ValueError for a name that is unknown or occurs twice.

    Except for ``sort``, which is a list: with commas, or repeated, as generated clients write it.
    """
    found: dict[str, str] = {}
    names = list(known)
    for name, text in pairs:
        if name not in names:
            problem = did_you_mean(name[:40], names) if names else "; there are none, remove everything from the '?'"
            raise ValueError(f"unknown query parameter {name[:40]!r}{problem}")
        if name in found and name != "sort":
            raise ValueError(f"{name}: given twice")
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
