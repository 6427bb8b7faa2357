"""The build's own pages: a front page that shows what is there, and a page for what is not. No script, no network."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etl.pipeline.forms import Site
    from etl.pipeline.schema import Schema
    from etl.site.endpoint import Endpoint

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dfe7; --back: #fff; --card: #f6f8fb;
  --accent: #1d5fbf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf2; --soft: #a4afbd; --line: #36404d; --back: #14181e;
  --card: #1c222a; --accent: #7db0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 4rem; background: var(--back); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 2.2rem; line-height: 1.15; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
p { max-width: 46rem; margin: .5rem 0; }
a { color: var(--accent); }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem;
  overflow-x: auto; margin: .5rem 0 0; }
.notice { border-left: .25rem solid var(--accent); padding: .25rem 0 .25rem .9rem; color: var(--soft); }
.links a { display: inline-block; margin: .25rem .5rem .25rem 0; padding: .4rem .8rem; border: 1px solid var(--line);
  border-radius: .4rem; background: var(--card); text-decoration: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
footer { margin-top: 3rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 40rem) { .stack, .stack tbody, .stack td { display: block; border: 0; padding: 0; }
  .stack tr { display: flex; flex-wrap: wrap; justify-content: space-between; padding: .45rem 0;
    border-bottom: 1px solid var(--line); }
  .stack th { display: none; } .stack td:last-child { flex-basis: 100%; }
  .stack td.number::before { content: "rows: "; color: var(--soft); }
  code { overflow-wrap: anywhere; } }
@media print { body { max-width: none; padding: 0; } }
""".strip()

#: What Datasette's own pages lack on a phone.
BROWSER_STYLE_URL = "/browser.css"
BROWSER_STYLE = "pre { white-space: pre-wrap; overflow-wrap: anywhere; }\n"


def page(title: str, body: str, style: str = "") -> str:
    """A whole document; ``style`` comes behind the style of all pages."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="teacher-dashboard-etl">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{_STYLE}{style}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def front_page(  # noqa: PLR0913 -- what is known of a build
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
    """The front page. ``samples``: an example URL and its answer for each endpoint written to a file, by its name."""
    name, size = database
    links = [("api/openapi.json", "OpenAPI document"), ("manifest.json", "Manifest")]
    links = [("report.html", "Report"), *links] if report else links
    links.insert(0, (name, f"Download the database ({size / 1e6:,.1f} MB)"))
    shown = next((endpoint for endpoint in endpoints if endpoint.name in samples and not endpoint.parameters), None)
    parts = [
        f"<h1>{escape(site.title)}</h1>",
        f"<p>{escape(site.description)}</p>",
        f'<p class="notice">{escape(site.notice)}</p>',
        f'<p class="links">{"".join(_link(url, escape(text)) for url, text in links)}</p>',
        "<h2>API</h2>",
        _API,
        _endpoints(endpoints, samples),
        _sample(shown, samples),
        "<h2>Tables</h2>",
        _tables(schema, rows),
        footer({"license": site.license, "license_url": site.license_url}, build),
    ]
    return page(site.title, "\n".join(parts))


_API = """<p>Read-only JSON: plain arrays of objects. Each address works here and on the live server; there it also
works without <code>.json</code>. The database is a file of the static site: the live server gives no downloads.</p>"""


def missing_page(title: str, notice: str, home: str = "") -> str:
    """What is shown for an address that is not there. A static host shows it at any depth, so there it has no home."""
    link = f'<p class="links">{_link(home, "Home")}</p>\n' if home else ""
    return page(
        f"Not here - {title}",
        f"<h1>There is nothing here</h1>\n<p>{escape(title)} has no page at this address. "
        f"Addresses of the API end in <code>.json</code>.</p>\n{link}"
        f'<p class="notice">{escape(notice)}</p>',
    )


def footer(site: Mapping[str, str], build: str) -> str:
    """What stands at the end of a page: the build, and the data's licence."""
    licence = f'<a href="{escape(site["license_url"])}">{escape(site["license"])}</a>'
    return f"<footer>Build <code>{escape(build)}</code>. Data: {licence}.</footer>"


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
    head = '<tr><th>Table</th><th class="number">Rows</th><th>What a row is</th></tr>'
    return f'<div class="wide"><table class="stack">{head}{body}</table></div>'
