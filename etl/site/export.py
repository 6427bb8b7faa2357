"""The static files of a build: the API's answers, the pages, and what Datasette needs to open it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where
from etl.site import datasette, openapi, pages
from etl.site.answers import LARGEST_ID, pieces, values_of
from etl.site.endpoint import describe
from etl.site.exact import register
from etl.tables.finished import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etl.config.files import Writer
    from etl.pipeline.model import Pipeline
    from etl.site.endpoint import Endpoint
    from etl.site.judge import Say, Value

#: A text that is a file's name on every system, and a part of a URL that no client takes for something else.
_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x20\x7f.][^/\\:*?\"<>|\x00-\x1f\x7f]{0,49}\Z")


def export(  # noqa: PLR0913 -- what a build knows
    pipeline: Pipeline,
    endpoints: list[Endpoint],
    files: Writer,
    *,
    build: str,
    rows: Mapping[str, int],
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write the files beside the finished database. Raises EtlError; ``say`` is told what a person should know."""
    path = files.folder / pipeline.database
    samples = {}
    with contextlib.closing(register(open_database(path))) as database:
        answers = _Answers(database, files, pipeline.site.static_limit, cache(say))
        for endpoint in endpoints:
            try:
                sample = answers.write(endpoint)
            except sqlite3.Error as error:
                why = "takes too long" if "interrupted" in str(error) else f"SQLite says: {error}"
                raise EtlError(why, Where(endpoint.shown)) from error
            if sample:
                samples[endpoint.name] = sample
        document = openapi.document(endpoints, pipeline.schema, pipeline.site, build, database)
    files.write("api/openapi.json", openapi.render(document))
    size = path.stat().st_size
    front = pages.front_page(
        pipeline.site,
        pipeline.schema,
        endpoints,
        samples=samples,
        rows=rows,
        database=(pipeline.database, size),
        build=build,
        report=pipeline.report is not None,
    )
    files.write("index.html", front.encode())
    files.write("404.html", pages.missing_page(pipeline.site.title, pipeline.site.notice).encode())
    files.write("robots.txt", b"User-agent: *\nAllow: /\n")
    files.write(".nojekyll", b"")  # GitHub Pages: serve the files as they are
    files.write("endpoints.json", _json(describe(endpoints)))
    files.write("metadata.json", _json(datasette.metadata(pipeline, endpoints)))
    files.write("settings.json", _json(datasette.HARDENED))
    sha256 = str(files.entry(pipeline.database)["sha256"])
    files.write("inspect-data.json", _json(datasette.inspect_data(pipeline, rows, size, sha256)))


@dataclass
class _Answers:
    """Writes answers, each to the file of its URL."""

    database: sqlite3.Connection
    files: Writer
    limit: int  # an endpoint with more of them is served live only
    say: Say  # told each thing once, though it be true of many answers
    names: set[str] = field(default_factory=set)  # of the files, as some file systems compare them

    def write(self, endpoint: Endpoint) -> tuple[str, bytes] | None:
        """Write every answer of an endpoint, unless it has too many.

        Returns the path of the first one, and its content where the endpoint has no parameters.
        """
        known = list(values_of(self.database, endpoint))
        for values in known:
            for name, value in values.items():
                if (fault := _fault(value)) is not None:
                    raise _unfit(endpoint, f"the {name} {value!r} {fault}")
        if len(known) > self.limit:
            self._judge(endpoint, known)
            return None
        first = None
        for values in known:
            path = endpoint.path(values)
            same = unicodedata.normalize("NFC", path).casefold()
            if same in self.names:
                raise _unfit(endpoint, f"{path} would be written twice")
            self.names.add(same)
            content = pieces(self.database, endpoint, values, self.say)
            self.files.write(path, *content)
            first = first or (path, b"" if values else b"".join(content))  # nobody shows those with parameters
            del content  # or it would be held while the next one is made
        return first

    def _judge(self, endpoint: Endpoint, known: list[dict[str, Value]]) -> None:
        """Hold as many answers to their types as would be written; the server holds the others, when it makes them."""
        for values in known[: self.limit]:
            pieces(self.database, endpoint, values, self.say)
        few = f"{self.limit:,} of its {len(known):,} answers"
        self.say(f"{endpoint.shown}: {few} were held to their types; the others are when somebody asks for them")


def _unfit(endpoint: Endpoint, message: str) -> EtlError:
    return EtlError(f"{message}; choose another parameter, or other values", Where(endpoint.shown))


def _fault(value: Value | object) -> str | None:
    """Why a value of a parameter can stand in no URL."""
    if isinstance(value, int):
        return None if 1 <= value <= LARGEST_ID else f"is no number from 1 to {LARGEST_ID}"
    return None if isinstance(value, str) and _NAME.match(value) else "cannot be the name of a file"


def _json(content: Any) -> bytes:  # noqa: ANN401 -- anything that JSON can hold
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
