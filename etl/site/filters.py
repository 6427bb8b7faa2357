"""Filtering, sorting and paging of lists: the parameters of a request, and their SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote as url_quote
from urllib.parse import urlencode

from etl.pipeline.sql import quote
from etl.site.answers import answer, limited
from etl.site.column_types import base, nullable
from etl.site.parameters import MAX_ID, MAX_TEXT, NO_NUL, hint, parse

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from etl.site.column_types import Type
    from etl.site.endpoint import Endpoint
    from etl.site.parameters import Value

#: Rows of a slice: the most, and those of one without a limit.
MAX_LIMIT = 1000

MAX_OFFSET = 10**9


class Answer(NamedTuple):
    """Some rows of a list."""

    content: bytes
    total: int  # of the rows that have the values of the filters


@dataclass(frozen=True)
class Slice:
    """Some rows of an answer."""

    filters: Mapping[str, Value] = field(default_factory=dict)  # the value by column
    sort: tuple[tuple[str, bool], ...] = ()  # columns, and whether the greatest value comes first
    limit: int = MAX_LIMIT
    offset: int = 0

    @property
    def values(self) -> dict[str, Value]:
        """What its query binds besides the endpoint's parameters, which have names in lower case."""
        found: dict[str, Value] = {f"F{index}": value for index, value in enumerate(self.filters.values())}
        return {**found, "LIMIT": self.limit, "OFFSET": self.offset}

    def answer(self, database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value]) -> Answer:
        """The rows as JSON. Raises as :func:`etl.site.answers.answer`."""
        content = answer(database, self._of(endpoint), {**values, **self.values})
        return Answer(content, self._count(database, endpoint, values))

    def _of(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint with only these rows. The order of the endpoint's query decides between equal rows."""
        order = ", ".join([*(f"{quote(name)}{' DESC' if down else ''}" for name, down in self.sort), "ETL_ROW"])
        rows = f"SELECT *, row_number() OVER () AS ETL_ROW FROM (\n{endpoint.sql}\n)"  # noqa: S608 -- the pipeline's own file
        columns = ", ".join(map(quote, endpoint.columns))
        sql = f"SELECT {columns} FROM ({rows}){self._where} ORDER BY {order} LIMIT :LIMIT OFFSET :OFFSET"  # noqa: S608 -- quoted
        return replace(endpoint, sql=sql)

    def _count(self, database: sqlite3.Connection, endpoint: Endpoint, values: Mapping[str, Value]) -> int:
        """The rows that have the values, whatever the limit."""
        sql = f"SELECT count(*) FROM (\n{endpoint.sql}\n){self._where}"  # noqa: S608 -- as above
        with limited(database):
            (count,) = database.execute(sql, {**values, **self.values}).fetchone()
        return int(count)

    @property
    def _where(self) -> str:
        conditions = [f"{quote(name)} IS :F{index}" for index, name in enumerate(self.filters)]
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def links(self, texts: Mapping[str, str], total: int) -> str:
        """The Link header (RFC 8288): the first, previous, next and last page, relative to the address of this one."""
        last = max(0, (total - 1) // self.limit * self.limit)
        offsets = {
            "first": 0,
            "prev": min(last, self.offset - self.limit),
            "next": self.offset + self.limit,
            "last": last,
        }
        if not self.offset:
            del offsets["prev"]
        if offsets["next"] >= total:
            del offsets["next"]

        def target(offset: int) -> str:
            changed = {**texts, "limit": self.limit, "offset": max(0, offset)}
            return "?" + urlencode(changed, quote_via=url_quote)

        return ", ".join(f'<{target(offset)}>; rel="{name}"' for name, offset in offsets.items())


def read_slice(endpoint: Endpoint, texts: Mapping[str, str]) -> Slice | None:
    """The slice that a query string names; None for the whole answer. Raises ValueError with what is allowed."""
    if not texts:
        return None
    filters = {name: texts[name] for name in texts if name in endpoint.filters}
    return Slice(
        {endpoint.filters[name]: _filter(endpoint, name, text) for name, text in filters.items()},
        tuple(_sort(endpoint, texts["sort"])) if "sort" in texts else (),
        _number("limit", texts.get("limit", str(MAX_LIMIT)), 1, MAX_LIMIT),
        _number("offset", texts.get("offset", "0"), 0, MAX_OFFSET),
    )


def query_type(kind: Type) -> Type:
    """The JSON Schema of a value in a query string; null is written `null`."""
    if base(kind) == "string":
        limits: Type = {
            "maxLength": min(MAX_TEXT, kind.get("maxLength", MAX_TEXT)),
            "pattern": kind.get("pattern", NO_NUL),
        }
    else:
        limits = {"integer": {"minimum": -MAX_ID, "maximum": MAX_ID}}.get(base(kind), {})
    allowed = [value for value in kind.get("enum", ()) if value is not None]
    words = {"format"} & kind.keys()
    plain = {"type": base(kind), **({"enum": allowed} if allowed else limits), **{word: kind[word] for word in words}}
    return {"anyOf": [plain, {"type": "string", "const": "null"}]} if nullable(kind) else plain


def sort_type(endpoint: Endpoint) -> Type:
    """The JSON Schema of ``sort``."""
    keys = [f"{sign}{name}" for name in endpoint.sort_keys for sign in ("", "-")]
    return {"type": "array", "items": {"type": "string", "enum": keys}, "minItems": 1, "uniqueItems": True}


def _filter(endpoint: Endpoint, name: str, text: str) -> Value:
    kind = endpoint.columns[endpoint.filters[name]]
    if nullable(kind) and text == "null":
        return None
    allowed = [value for value in kind.get("enum", ()) if value is not None]
    if allowed and text not in allowed:
        raise ValueError(f"{name}: unknown value {text[:40]!r}{hint(text, allowed)}")
    try:
        return parse(kind, text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}{', nor null' if nullable(kind) else ''}") from error


def _sort(endpoint: Endpoint, text: str) -> Iterator[tuple[str, bool]]:
    for each in dict.fromkeys(text.split(",")):
        name = each.removeprefix("-")
        if name not in endpoint.sort_keys:
            raise ValueError(f"sort: unknown column {name[:40]!r}{hint(name, endpoint.sort_keys)}")
        yield endpoint.sort_keys[name], each.startswith("-")


def _number(name: str, text: str, least: int, most: int) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else -1
    if not least <= value <= most:
        raise ValueError(f"{name}: {text[:40]!r} is not a number from {least} to {most}")
    return value
