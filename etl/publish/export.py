"""The static files of a build: the API's answers, the pages, and what Datasette needs to open it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from etl.errors import EtlError, Where
from etl.publish import openapi, pages, site
from etl.publish.answers import answer, open_database, values_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from etl.config import Pipeline
    from etl.publish.endpoints import Endpoint

_SAFE = re.compile(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,199}\Z")


def export(
    pipeline: Pipeline, endpoints: list[Endpoint], folder: Path, *, build: str, rows: Mapping[str, int], sha256: str
) -> None:
    """Write the files beside the finished database in ``folder``."""
    path = folder / pipeline.database
    with contextlib.closing(open_database(path)) as database:
        samples = {}
        for endpoint in endpoints:
            sample = _answers(database, endpoint, folder, pipeline.site.static_limit)
            if sample:
                samples[endpoint.name] = sample
        document = openapi.document(endpoints, pipeline.schema, pipeline.site, build, database)
    _write(folder / "api" / "openapi.json", openapi.render(document))
    size = path.stat().st_size
    front = pages.front_page(
        pipeline.site,
        pipeline.schema,
        endpoints,
        samples=samples,
        rows=rows,
        database=(pipeline.database, size),
        build=build,
        report=False,
    )
    _write(folder / "index.html", front.encode())
    _write(folder / "404.html", pages.missing_page(pipeline.site).encode())
    _write(folder / "robots.txt", b"User-agent: *\nAllow: /\n")
    _write(folder / ".nojekyll", b"")  # GitHub Pages: serve the files as they are
    _write_json(folder / "endpoints.json", [asdict(endpoint) for endpoint in endpoints])
    _write_json(folder / "metadata.json", site.metadata(pipeline, endpoints))
    _write_json(folder / "settings.json", site.HARDENED)
    _write_json(folder / "inspect-data.json", site.inspect_data(pipeline, rows, size, sha256))


def _answers(database: sqlite3.Connection, endpoint: Endpoint, folder: Path, limit: int) -> tuple[str, bytes] | None:
    """Write every answer of an endpoint, unless it has too many: the URL and content of the first."""
    known = list(values_of(database, endpoint))
    if len(known) > limit:
        return None
    first = None
    for values in known:
        for name, value in values.items():
            if not _SAFE.match(str(value)):
                message = (
                    f"the {name} {value!r} cannot be a part of a file's name; take the parameter away, or the value"
                )
                raise EtlError(message, Where(endpoint.shown))
        url = f"{endpoint.url(values)}.json"
        content = answer(database, endpoint, values)
        _write(folder / url, content)
        first = first or (url, content)
    return first


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_json(path: Path, content: Any) -> None:  # noqa: ANN401 -- anything that JSON can hold
    _write(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
