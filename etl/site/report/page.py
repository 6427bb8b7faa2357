"""The report as one HTML page: no script, no network, with styles for light, dark and print."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.site.pages import fact_list, footer, header, page
from etl.site.report.section import MINUS, Html, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.site.report.section import Part

_MAX_ROWS = 1000  # of a table on the page

_STYLE = Path(__file__).with_name("page.css")

_SHAPES = {
    "box": '<rect x="1" y="1" width="12" height="12" fill="{}"/>',
    "line": '<path d="M0 7H14" stroke="{0}" stroke-width="3"/><circle cx="7" cy="7" r="3.5" fill="{0}"/>',
    "circle": '<circle cx="7" cy="7" r="4" fill="{}"/>',
    "square": '<path d="M3.5 3.5h7v7h-7z" fill="{}"/>',
    "triangle": '<path d="M7 2.5L11.5 11h-9z" fill="{}"/>',
    "tick": '<path d="M7 0V14" stroke="{}" stroke-width="2"/>',
}

_LONG = 40  # characters of a cell that may wrap


def report_page(
    about: Mapping[str, Any],
    *,
    facts: Sequence[tuple[str, str]],
    parts: Sequence[Part],
    introduction: str = "",
    end: str = "",
) -> str:
    """The page. ``introduction`` and ``end``: HTML.

    ``about``: see :func:`etl.build.report.about`. ``facts``: numbers and their labels.
    """
    site = about["site"]
    title = f"{site['title']}: report"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(str(site['description']))}</p>",
        f'<p class="notice">{escape(str(site["notice"]))}</p>',
        introduction,
        fact_list(facts),
        *map(_section, parts),
        f"<p>Seed {about['seed']}. {end}</p>",
    ]
    return page(
        title,
        "\n".join(filter(None, body)),
        header=header(str(site["title"])),
        footer=footer(site, about["build"]),
        style=_STYLE.read_text(encoding="utf-8").strip(),
    )


def _section(part: Part) -> str:
    says = "".join(f"<p>{escape(sentence).replace(' %', '&nbsp;%')}</p>" for sentence in part.says)
    if not part.chart:
        return f"<section><h2>{escape(part.title)}</h2>\n{says}{_table(part)}</section>"
    drawing = part.chart.replace("<svg ", f'<svg role="img" aria-label="{escape(" ".join(part.says))}" ', 1)
    key = "".join(
        f'<li><svg viewBox="0 0 14 14">{_SHAPES[shape].format(escape(colour))}</svg>{escape(text)}</li>'
        for shape, colour, text in part.key
    )
    caption = f"<figcaption>{escape(part.unit)}</figcaption>" if part.unit else ""
    return (
        f'<section><h2>{escape(part.title)}</h2>\n<div class="part"><div>{says}'
        f"{f'<ul class={chr(34)}key{chr(34)}>{key}</ul>' if key else ''}</div>\n"
        f"<figure>{drawing}{caption}</figure></div>\n{_table(part)}</section>"
    )


def _table(part: Part) -> str:
    numeric = [all(_is_number(row[at]) for row in part.rows) for at in range(len(part.head))]
    head = "".join(
        f"<th{_class('number' if numeric[at] else '')}>{escape(name)}</th>" for at, name in enumerate(part.head)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, number_like=numeric[at]) for at, cell in enumerate(row))}</tr>"
        for row in part.rows[:_MAX_ROWS]
    )
    more = len(part.rows) - _MAX_ROWS
    rest = f"<p>And {number(more)} more.</p>" if more > 0 else ""
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}'
    if not part.folded:
        return table
    return f"<details><summary>The numbers: {escape(part.title.lower())}</summary>{table}</details>"


def _cell(cell: object, *, number_like: bool) -> str:
    if isinstance(cell, Html):
        return f"<td>{cell}</td>"
    text = number(cell) if isinstance(cell, int) else str(cell)
    kind = "number" if number_like else "text" if len(text) > _LONG else ""
    return f"<td{_class(kind)}>{escape(text)}</td>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _is_number(cell: object) -> bool:
    return isinstance(cell, int) or not str(cell) or str(cell)[0] in f"0123456789{MINUS}<"
