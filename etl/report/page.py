"""The report as one page: no script, no network, in light, dark and on paper."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from etl.publish.pages import footer, page
from etl.report.part import MINUS, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from etl.report.part import Part

_MOST_ROWS = 1000  # of a table on the page; the database has them all

_STYLE = """
:root { --band: #dfe5ec; --missed: #c2410c; --completed: #15803d; --started: #b45309; --not-started: #7c8899; }
@media (prefers-color-scheme: dark) { :root { --band: #39434f; --missed: #fb8a5c; --completed: #4ecb7d;
  --started: #f0b04f; --not-started: #8794a6; } }
.facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0; padding: 0; list-style: none; }
.facts li { flex: 1 1 8rem; padding: .6rem .9rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); color: var(--soft); font-size: .875rem; }
.facts b { display: block; color: var(--ink); font-size: 1.35rem; line-height: 1.3; }
section { padding: .25rem 0 1.25rem; border-bottom: 1px solid var(--line); }
section h2 { margin-top: 1.5rem; }
.part { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-items: start; }
@media (min-width: 52rem) { .part { grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); gap: 2.5rem; } }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; max-width: 34rem; }
figcaption { color: var(--soft); font-size: .8125rem; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: .25rem 0; padding: 0; list-style: none;
  font-size: .8125rem; }
.key svg { display: inline; width: .9rem; height: .9rem; margin-right: .35rem; vertical-align: -.1rem; }
details { margin: .75rem 0 0; }
summary { cursor: pointer; color: var(--accent); }
details td, details th { padding: .3rem .9rem .3rem 0; white-space: nowrap; font-size: .8125rem; }
details td.text { white-space: normal; min-width: 11rem; }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --back: #fff; --card: #fff;
  --accent: #1d5fbf; --band: #dfe5ec; --missed: #c2410c; --completed: #15803d; --started: #b45309;
  --not-started: #7c8899; }
  section, figure { break-inside: avoid; } details:not([open]) { display: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
""".strip()

_SHAPES = {
    "box": '<rect x="1" y="1" width="12" height="12" fill="{}"/>',
    "line": '<path d="M0 7H14" stroke="{0}" stroke-width="3"/><circle cx="7" cy="7" r="3.5" fill="{0}"/>',
    "tick": '<path d="M7 0V14" stroke="{}" stroke-width="2"/>',
}

_INTRODUCTION = """<p>The effects in this world are known, because they were planted: the pipeline says by how much an
assignment moves a score. The report shows what is there, and whether the analysis that the field would make of it, a
difference in differences, finds those effects again.</p>"""

_LONG = 40  # letters of a cell that may take several lines


def report_page(  # noqa: PLR0913 -- what is known of a build
    site: Mapping[str, Any],
    *,
    build: str,
    seed: int,
    facts: Sequence[tuple[str, str]],
    parts: Sequence[tuple[Part, str | None]],
    left_out: Sequence[tuple[str, str]],
) -> str:
    """The page, of its parts and their charts, drawn. ``facts``: numbers, and what they count."""
    title = f"{site['title']}: report"
    lacks = "".join(f"<li>{escape(what)}: this world has not {escape(why)}.</li>" for what, why in left_out)
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(str(site['description']))}</p>",
        f'<p class="notice">{escape(str(site["notice"]))}</p>',
        _INTRODUCTION,
        f'<ul class="facts">{"".join(f"<li><b>{escape(count)}</b> {escape(what)}</li>" for count, what in facts)}</ul>',
        *(_section(part, chart) for part, chart in parts),
        f"<section><h2>Left out</h2><ul>{lacks}</ul></section>" if lacks else "",
        f"<p>Seed {seed}. What the numbers mean, and the formulas with their sources: <code>docs/data.md</code> of the "
        "project. The same numbers as data: <code>api/impact.json</code> and <code>api/truth.json</code>.</p>"
        if any(part.title.startswith("Effect") for part, _ in parts)
        else f"<p>Seed {seed}.</p>",
        footer(site, build),
    ]
    return page(title, "\n".join(filter(None, body)), _STYLE)


def _section(part: Part, chart: str | None) -> str:
    says = "".join(f"<p>{escape(sentence).replace(' %', '&nbsp;%')}</p>" for sentence in part.says)
    if chart is None:
        return f"<section><h2>{escape(part.title)}</h2>\n{says}{_table(part)}</section>"
    drawing = chart.replace("<svg ", f'<svg role="img" aria-label="{escape(" ".join(part.says))}" ', 1)
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
        for row in part.rows[:_MOST_ROWS]
    )
    more = len(part.rows) - _MOST_ROWS
    rest = f"<p>And {number(more)} more.</p>" if more > 0 else ""
    return (
        f"<details><summary>The numbers: {escape(part.title.lower())}</summary>"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{rest}</details>'
    )


def _cell(cell: object, *, number_like: bool) -> str:
    text = number(cell) if isinstance(cell, int) else str(cell)
    kind = "number" if number_like else "text" if len(text) > _LONG else ""
    return f"<td{_class(kind)}>{escape(text)}</td>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _is_number(cell: object) -> bool:
    return isinstance(cell, int) or not str(cell) or str(cell)[0] in f"0123456789{MINUS}<"
