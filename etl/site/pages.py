"""What the build's own pages share: document, navigation, footer; and the 404 page. No script, no network."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STYLE = Path(__file__).with_name("pages.css").read_text(encoding="utf-8").strip()

#: Below the front page, where the live server has Datasette's pages of the tables.
BROWSE = "browse/"

_NOT_IN_PATH = re.compile(rb"[^A-Za-z0-9_-]")


def page(title: str, main: str, *, header: str = "", footer: str = "", style: str = "") -> str:
    """An HTML document; ``style`` is added to the CSS of all pages."""
    parts = [header, f"<main>\n{main}\n</main>", footer]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="teacher-dashboard-etl">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{STYLE}{style}</style>\n</head>\n'
        f"<body>\n{chr(10).join(filter(None, parts))}\n</body>\n</html>\n"
    )


def header(title: str, *, base: str = "", report: bool = True, tables: str = "") -> str:
    """The navigation at the top of every page.

    ``base`` is the URL of the front page, empty for a page beside it; ``tables`` that of the tables if they have pages.
    """
    home = base or "index.html"
    links = [(home, title), (f"{home}#api", "API"), (tables or f"{home}#tables", "Tables")]
    if report:
        links.append((f"{base}report.html", "Report"))
    return f'<header class="site"><nav aria-label="Site">{"".join(link(*each) for each in links)}</nav></header>'


def footer(site: Mapping[str, Any], build: str) -> str:
    """The end of a page: the build, and the licence of the data if it has one."""
    name, url = escape(site.get("license") or ""), escape(site.get("license_url") or "")
    licence = f'<a href="{url}">{name}</a>' if url else name
    return f"<footer>Build <code>{escape(build)}</code>.{f' Data: {licence}.' if name else ''}</footer>"


def fact_list(facts: Iterable[tuple[str, str]]) -> str:
    """Numbers and what they count, as a list."""
    items = "".join(f"<li><strong>{escape(count)}</strong> {escape(what)}</li>" for count, what in facts)
    return f'<ul class="facts">{items}</ul>'


def link(url: str, text: str) -> str:
    """A link to a URL."""
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def table_path(database: str, table: str = "") -> str:
    """The path of a table's page, or of the database's, below the front page of the live server.

    Datasette writes other characters than letters, digits, _ and - as ~ and two hexadecimal digits, a space as +.
    """
    parts = [database.removesuffix(".db"), *([table] if table else [])]
    return BROWSE + "/".join(_NOT_IN_PATH.sub(_tilde, part.encode()).decode() for part in parts)


def _tilde(found: re.Match[bytes]) -> bytes:
    return b"+" if found[0] == b" " else b"~%02X" % found[0][0]


def not_found_page(title: str, notice: str, header: str = "") -> str:
    """The 404 page, with the navigation if there is one."""
    main = (
        f"<h1>Page not found</h1>\n<p>{escape(title)} has no page at this address. "
        f'Addresses of the API end in <code>.json</code>.</p>\n<p class="notice">{escape(notice)}</p>'
    )
    return page(f"Page not found - {title}", main, header=header)
