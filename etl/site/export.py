"""The static files of a build: the API's answers, the pages, and what Datasette needs to open it."""

from __future__ import annotations

import contextlib
import json
import math
import re
import sqlite3
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from etl.errors import EtlError, Where
from etl.site import datasette, openapi, pages
from etl.site.answers import (
    answer,
    answer_parts,
    check_answers,
    combinations,
    lists_of,
    parameter_lists,
    register_functions,
)
from etl.site.endpoint import describe
from etl.site.front import Front
from etl.site.parameters import MAX_ID
from etl.site.picture import draw
from etl.site.reuse import Taken
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.pipeline.model import Pipeline
    from etl.site.bundles import Download
    from etl.site.check import Say
    from etl.site.endpoint import Endpoint, Route
    from etl.site.parameters import Parameter, Value
    from etl.site.query_file import Query
    from etl.tables.files import Writer

#: An endpoint that is served live only is checked until its answers have so many rows; it takes 5 seconds at most.
CHECKED_ROWS = 100_000

#: The same for objects: each can be a page of data, and takes longer than a row.
CHECKED_OBJECTS = 50

#: Answers that are made to find one for the front page to link to: an object may have no row.
TRIED = 20

#: A text that is a valid file name on every system, and that no URL parser takes for something else.
_FILE_NAME = re.compile(r"[^/\\:*?\"<>|\x00-\x20\x7f.][^/\\:*?\"<>|\x00-\x1f\x7f]{0,49}\Z")


def export(  # noqa: PLR0913 -- what a build knows
    pipeline: Pipeline,
    endpoints: list[Endpoint],
    files: Writer,
    *,
    build: str,
    rows: Mapping[str, int],
    stages: Sequence[Mapping[str, Any]] = (),
    downloads: Sequence[Download] = (),
    picture: Query | None = None,
    say: Callable[[str], None] = lambda _: None,
    taken: Taken | None = None,
) -> dict[str, dict[str, int]]:
    """Write the files beside the finished database. Raises EtlError; ``say`` gets warnings.

    ``stages``: those of the lineage, as :func:`etl.site.lineage.lineage` takes them; ``downloads``: further files of
    the build; ``picture``: the query of the front page's. Answers are ``taken`` from another build that has them.
    Returns how many answers each endpoint has that is served live only, and how many of them are checked.
    """
    path = files.folder / pipeline.database
    with contextlib.closing(register_functions(open_database(path))) as database:
        answers = _Answers(database, files, pipeline.site.static_limit, cache(say), taken or Taken())
        for endpoint in endpoints:
            try:
                answers.write(endpoint)
            except sqlite3.Error as error:
                reason = "takes too long" if "interrupted" in str(error) else f"SQLite says: {error}"
                raise EtlError(reason, Where(endpoint.file)) from error
        drawing = draw(picture, database, pipeline.as_of) if picture else ""
        document = openapi.document(
            endpoints, pipeline.site, build, answers.listed, written=answers.written, examples=answers.examples
        )
    files.write("api/openapi.json", openapi.render(document))
    files.write("api/index.json", openapi.render(openapi.index(endpoints, pipeline.site, build, answers.written)))
    size = path.stat().st_size
    front = Front(
        pipeline.site,
        pipeline.schema,
        endpoints,
        examples=answers.links,
        written=answers.written,
        sample=answers.sample,
        rows=rows,
        database=pipeline.database,
        size=size,
        build=build,
        report=pipeline.report is not None,
        picture=drawing,
        stages=stages,
        downloads=[(*download, int(files.entry(download.path)["bytes"])) for download in downloads],
    )
    files.write("index.html", front.html(live=False).encode())
    files.write("live.html", front.html(live=True).encode())
    files.write("404.html", _not_found(pipeline).encode())
    files.write("robots.txt", b"User-agent: *\nAllow: /\n")
    files.write(".nojekyll", b"")  # GitHub Pages: serve the files as they are
    files.write("endpoints.json", _json(describe(endpoints)))
    files.write("metadata.json", _json(datasette.metadata(pipeline, endpoints)))
    files.write("settings.json", _json(datasette.HARDENED))
    sha256 = str(files.entry(pipeline.database)["sha256"])
    files.write("inspect-data.json", _json(datasette.inspect_data(pipeline, rows, size, sha256)))
    return answers.live


def _not_found(pipeline: Pipeline) -> str:
    """The 404 page. A static host shows it at any depth, so it links home only if ``site.url`` says where that is."""
    site, report = pipeline.site, pipeline.report is not None
    home = site.url and f"{site.url.removesuffix('/')}/"
    return pages.not_found_page(
        site.title, site.notice, pages.header(site.title, base=home, report=report) if home else ""
    )


@dataclass
class _Answers:
    """Writes answers, each to the file of its URL."""

    database: sqlite3.Connection
    files: Writer
    limit: int  # an endpoint with more answers is served live only
    say: Say  # prints each message once
    taken: Taken = field(default_factory=Taken)  # from another build
    live: dict[str, dict[str, int]] = field(default_factory=dict)  # by URL, of endpoints that are served live only
    written: set[str] = field(default_factory=set)  # URLs that are files
    names: set[str] = field(default_factory=set)  # of the files, normalized as by the strictest file system
    links: dict[str, str] = field(default_factory=dict)  # by URL: the address of an answer
    examples: dict[str, Any] = field(default_factory=dict)  # by URL, of the first answer
    sample: tuple[str, bytes] | None = None  # the first answer without parameters: its address and content

    def __post_init__(self) -> None:
        """Remember the values of parameters."""
        self.listed = lists_of(self.database)

    def write(self, endpoint: Endpoint) -> None:
        """Write every answer of an endpoint below each of its URLs, except those with too many or a query string."""
        for parameter in endpoint.parameters.values():
            self._check_values(endpoint, parameter)
        written = [route for route in endpoint.routes if self._is_written(route)]
        for route in endpoint.routes:
            if link := self._write_route(route) if route in written else self._find_link(route):
                self.links[route.template] = link
        self.written |= {route.template for route in written}
        if not written:
            count = math.prod(map(len, parameter_lists(endpoint, self.listed).values()))
            most = CHECKED_OBJECTS if endpoint.is_object else CHECKED_ROWS
            before = self.taken.live.get(endpoint.template) if self.taken.has(endpoint) else None
            if before:
                checked = before["checked"]
            else:
                checked = check_answers(self.database, endpoint, most, self.say, self.listed)
            self.live[endpoint.template] = {"answers": count, "checked": checked}
            rest = "" if checked == count else "; check --full checks the others"
            self.say(f"{endpoint.file}: live only; checked {checked:,} of {count:,} answers{rest}")

    def _check_values(self, endpoint: Endpoint, parameter: Parameter) -> None:
        """Check that the values of a parameter can be part of a URL."""
        listed = self.listed(parameter) if parameter.values else []
        in_path = any(parameter in route.in_path for route in endpoint.routes)
        for value in listed if in_path else ():
            if fault := _fault(value):
                raise _error(endpoint, f"the {parameter.name} {value!r} {fault}")
        if parameter.default is not None and listed and parameter.default not in listed:
            message = f"query.{parameter.name}: the default {parameter.default!r} is not one of its values"
            raise EtlError(message, Where(endpoint.file))

    def _is_written(self, route: Route) -> bool:
        lists = parameter_lists(route.endpoint, self.listed, route.in_path)
        return route.is_static and math.prod(map(len, lists.values())) <= self.limit

    def _find_link(self, route: Route) -> str:
        """The address of an answer that is no file; empty if none is found soon."""
        endpoint = route.endpoint
        varied = [*route.in_path, *endpoint.required]
        tried = islice(combinations(parameter_lists(endpoint, self.listed, varied)), TRIED)
        for number, values in enumerate(tried):
            given = {each.json_name: values[each.name] for each in route.in_query if each.required}
            known = all(values[each.name] is not None for each in varied)
            if known and (content := answer(self.database, endpoint, values, self.say)):
                if number == 0:
                    self.examples[route.template] = openapi.example(content)
                return quote(route.path(values)) + (f"?{urlencode(given)}" if given else "")
        return ""

    def _write_route(self, route: Route) -> str:
        """Write the answers of a URL: the address of the first one, empty if there is none."""
        endpoint, first = route.endpoint, ""
        taken = self.taken.has(endpoint)
        for number, values in enumerate(combinations(parameter_lists(endpoint, self.listed, route.in_path))):
            path = route.path(values)
            name = unicodedata.normalize("NFC", path).casefold()
            if name in self.names:
                raise _error(endpoint, f"{path} would be written twice")
            self.names.add(name)
            content: tuple[bytes, ...]
            if taken and self.taken.give(path, self.files):
                content = ((self.files.folder / path).read_bytes(),) if number == 0 else ()
            else:
                content = answer_parts(self.database, endpoint, values, self.say)
                if not any(content):  # an object without a row
                    continue
                self.files.write(path, *content)
            first = first or quote(path)
            if number == 0:
                whole = b"".join(content)
                self.examples[route.template] = openapi.example(whole)
                if not route.in_path and not self.sample:
                    self.sample = path, whole
                del whole
            del content  # free it before the next one is made
        return first


def _error(endpoint: Endpoint, message: str) -> EtlError:
    return EtlError(f"{message}; choose another parameter, or other values", Where(endpoint.file))


def _fault(value: Value | object) -> str:
    """Why a parameter's value is not allowed in a URL; empty if it is."""
    if isinstance(value, int):
        return "" if 1 <= value <= MAX_ID else f"is not a number from 1 to {MAX_ID}"
    return "" if isinstance(value, str) and _FILE_NAME.match(value) else "cannot be the name of a file"


def _json(content: Any) -> bytes:  # noqa: ANN401 -- JSON
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
