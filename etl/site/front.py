"""The front page: what the data is, the API with an example of each answer, the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from etl.site import lineage, picture
from etl.site.pages import fact_list, footer, header, link, page, table_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from etl.pipeline.forms import Site
    from etl.pipeline.schema import Schema
    from etl.site.endpoint import Endpoint, Route


@dataclass(frozen=True)
class Front:
    """What the front page shows."""

    site: Site
    schema: Schema
    endpoints: list[Endpoint]
    examples: Mapping[str, str]  # by URL: the address of an answer
    written: Collection[str]  # the URLs whose answers are files
    sample: tuple[str, bytes] | None  # an answer: its address and content
    rows: Mapping[str, int]
    database: str
    size: int  # bytes of the database
    build: str
    report: bool
    picture: str  # HTML
    stages: Sequence[Mapping[str, Any]]  # as the lineage takes them
    downloads: Sequence[tuple[str, str, int]]  # the path of each, its content in words, its bytes

    def html(self, *, live: bool) -> str:
        """The page: for a static host, or ``live``, as the server shows it, with links to the tables' pages."""
        tables = table_path(self.database) if live else ""
        main = [
            f"<h1>{escape(self.site.title)}</h1>",
            f'<p class="lead">{escape(self.site.description)}</p>',
            f'<p class="notice">{escape(self.site.notice)}</p>',
            f'<p class="links">{"".join(link(*each) for each in self._links(live=live))}</p>',
            self._facts(),
            self.picture,
            '<section id="api"><h2>API</h2>',
            _API_LIVE if live else _API_STATIC,
            self._endpoints(live=live),
            self._sample(),
            '</section>\n<section id="tables"><h2>Tables</h2>',
            self._tables(live=live),
            "</section>",
            self._downloads(live=live),
            self._lineage(live=live),
        ]
        return page(
            self.site.title,
            "\n".join(filter(None, main)),
            header=header(self.site.title, report=self.report, tables=tables),
            footer=footer(self.site.model_dump(), self.build),
            style=lineage.STYLE + (picture.STYLE if self.picture else ""),
        )

    def _links(self, *, live: bool) -> list[tuple[str, str]]:
        browse = (table_path(self.database), "Browse the tables")
        download = (self.database, f"Download the database ({_size(self.size)})")
        report = [("report.html", "Report")] if self.report else []
        return [
            browse if live else download,
            *report,
            ("api/openapi.json", "OpenAPI document"),
            ("manifest.json", "Manifest"),
        ]

    def _facts(self) -> str:
        rows = sum(self.rows.get(name, 0) for name in self.schema.tables)
        counts = {"tables": len(self.schema.tables), "rows": rows, "endpoints": len(self.endpoints)}
        return fact_list([(f"{count:,}", what) for what, count in counts.items()])

    def _endpoints(self, *, live: bool) -> str:
        rows = (
            f"<tr><td>{''.join(f'<div>{self._try(route, live=live)}</div>' for route in endpoint.routes)}</td>"
            f"<td>{escape(endpoint.description)}</td></tr>"
            for endpoint in self.endpoints
        )
        return _table(("Address", "Answer"), "".join(rows))

    def _try(self, route: Route, *, live: bool) -> str:
        """A URL, and a link to an example, which names the values of its parameters."""
        example = self.examples.get(route.template, "")
        if not live and route.template not in self.written:
            return f"<code>{escape(route.template)}</code> <small>only on the live server</small>"
        if example == f"{route.template[1:]}.json":
            return f"<code>{link(example, f'/{example}')}</code>"
        note = f"for example <code>{link(example, f'/{example}')}</code>" if example else "no answers"
        return f"<code>{escape(route.template)}.json</code><br><small>{note}</small>"

    def _sample(self) -> str:
        if self.sample is None:
            return ""
        path, content = self.sample
        parsed = json.loads(content)
        first = json.dumps(parsed[:2] if isinstance(parsed, list) else parsed, indent=2, ensure_ascii=False)
        summary = f"The beginning of <code>/{escape(path)}</code>"
        return f'<details><summary>{summary}</summary><pre tabindex="0">{escape(first)}</pre></details>'

    def _tables(self, *, live: bool) -> str:
        rows = []
        for name, table in self.schema.tables.items():
            text = link(table_path(self.database, name), name) if live else escape(name)
            count = f'<td class="number">{self.rows.get(name, 0):,}</td>'
            cells = f"<td><code>{text}</code></td>{count}<td>{escape(table.description)}</td>"
            rows.append(f'<tr id="{escape(_row_id(name))}">{cells}</tr>')
        return _table(("Table", "Rows", "Description"), "".join(rows))

    def _downloads(self, *, live: bool) -> str:
        if not self.downloads:
            return ""
        rows = (
            f"<tr><td><code>{escape(path) if live else link(quote(path), path)}</code></td>"
            f'<td class="number size">{_size(size)}</td><td>{escape(content)}</td></tr>'
            for path, content, size in self.downloads
        )
        table = _table(("File", "Size", "Content"), "".join(rows))
        return f'<section id="downloads"><h2>Downloads</h2>{_LIVE_FILES if live else ""}\n{table}</section>'

    def _lineage(self, *, live: bool) -> str:
        urls = {name: table_path(self.database, name) if live else f"#{_row_id(name)}" for name in self.schema.tables}
        drawing = lineage.lineage(self.stages, urls)
        if not drawing:
            return ""
        drawing = f'<div class="wide" role="region" aria-label="Lineage" tabindex="0">{drawing}</div>'
        return f'<section id="lineage"><h2>Lineage</h2>\n{_LINEAGE}\n{drawing}</section>'


_API_LIVE = """<p>Read-only JSON. Each address also works without <code>.json</code>.</p>"""
_API_STATIC = """<p>Read-only JSON: every answer is a file.</p>"""
_LINEAGE = """<p>The stages of the pipeline, each below those whose rows it reads. A solid box fills a table.</p>"""


_LIVE_FILES = """<p>In the folder of the build; this server does not send them.</p>"""


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"  # noqa: PLR2004 -- a tenth of an MB


def _row_id(table: str) -> str:
    return f"table-{table}"


def _table(head: tuple[str, ...], rows: str) -> str:
    classes = {"Rows": " class=number", "Size": " class=number"}
    cells = "".join(f'<th scope="col"{classes.get(name, "")}>{name}</th>' for name in head)
    return f'<table class="stack"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'
