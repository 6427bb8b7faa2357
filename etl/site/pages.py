"""The build's own pages: the front page and the 404 page. No script, no network."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.pipeline.forms import Site
    from etl.pipeline.schema import Schema
    from etl.site.endpoint import Endpoint

_STYLE = Path(__file__).with_name("pages.css").read_text(encoding="utf-8").strip()

#: Added to Datasette's pages, for phones.
BROWSER_STYLE_URL = "/browser.css"
BROWSER_STYLE = "pre { white-space: pre-wrap; overflow-wrap: anywhere; }\n"


def page(title: str, body: str, style: str = "") -> str:
    """An HTML document; ``style`` is added to the CSS of all pages."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="teacher-dashboard-etl">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}{style}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def front_page(  # noqa: PLR0913 -- what a build knows
    site: Site,
    schema: Schema,
    endpoints: list[Endpoint],
    *,
    samples: Mapping[str, tuple[str, bytes]],
    rows: Mapping[str, int],
    database: tuple[str, int],
    build: str,
    report: bool,
) -> str:
    """The front page. ``samples``: path and content of an example answer, by the name of its endpoint."""
    name, size = database
    links = [("api/openapi.json", "OpenAPI document"), ("manifest.json", "Manifest")]
    links = [("report.html", "Report"), *links] if report else links
    links.insert(0, (name, f"Download the database ({size / 1e6:,.1f} MB)"))
    arrays = [endpoint for endpoint in endpoints if samples.get(endpoint.name, ("", b""))[1].startswith(b"[")]
    sampled = arrays[0] if arrays else None
    parts = [
        f"<h1>{escape(site.title)}</h1>",
        f"<p>{escape(site.description)}</p>",
        f'<p class="notice">{escape(site.notice)}</p>',
        f'<p class="links">{"".join(_link(url, escape(text)) for url, text in links)}</p>',
        "<h2>API</h2>",
        _API,
        _endpoints(endpoints, samples),
        _sample(sampled, samples),
        "<h2>Tables</h2>",
        _tables(schema, rows),
        footer(site.model_dump(), build),
    ]
    return page(site.title, "\n".join(parts))


_API = """<p>Read-only JSON: plain arrays of objects. Each address works here and on the live server; there it also
works without <code>.json</code>. The database is a file of the static site: the live server gives no downloads.</p>"""


def not_found_page(title: str, notice: str, home: str = "") -> str:
    """The 404 page. A static host shows it at any depth, so there it has no link home."""
    link = f'<p class="links">{_link(home, "Home")}</p>\n' if home else ""
    return page(
        f"Page not found - {title}",
        f"<h1>Page not found</h1>\n<p>{escape(title)} has no page at this address. "
        f"Addresses of the API end in <code>.json</code>.</p>\n{link}"
        f'<p class="notice">{escape(notice)}</p>',
    )


def footer(site: Mapping[str, Any], build: str) -> str:
    """The end of a page: the build, and the licence of the data if it has one."""
    name, url = escape(site.get("license") or ""), escape(site.get("license_url") or "")
    licence = f'<a href="{url}">{name}</a>' if url else name
    return f"<footer>Build <code>{escape(build)}</code>.{f' Data: {licence}.' if name else ''}</footer>"


def _link(path: str, html: str) -> str:
    return f'<a href="{escape(quote(path))}">{html}</a>'


def _endpoints(endpoints: list[Endpoint], samples: Mapping[str, tuple[str, bytes]]) -> str:
    rows = []
    for endpoint in endpoints:
        path = escape(endpoint.template + ".json")
        url = samples.get(endpoint.name, ("", b""))[0]
        link = _link(url, f"<code>{path}</code>") if url else f"<code>{path}</code> (live only)"
        rows.append(f"<tr><td>{link}</td><td>{escape(endpoint.description)}</td></tr>")
    head = "<tr><th>Address</th><th>Answer</th></tr>"
    return f'<div class="wide"><table class="stack">{head}{"".join(rows)}</table></div>'


def _sample(endpoint: Endpoint | None, samples: Mapping[str, tuple[str, bytes]]) -> str:
    if endpoint is None:
        return ""
    url, content = samples[endpoint.name]
    first = json.dumps(json.loads(content)[:2], indent=2, ensure_ascii=False)
    return f"<p>The first rows of <code>/{escape(url)}</code>:</p>\n<pre>{escape(first)}</pre>"


def _tables(schema: Schema, rows: Mapping[str, int]) -> str:
    body = "".join(
        f'<tr><td><code>{escape(name)}</code></td><td class="number">{rows.get(name, 0):,}</td>'
        f"<td>{escape(table.description)}</td></tr>"
        for name, table in schema.tables.items()
    )
    head = '<tr><th>Table</th><th class="number">Rows</th><th>Description</th></tr>'
    return f'<div class="wide"><table class="stack">{head}{body}</table></div>'
