"""``etl diff``: what differs between two builds, in words or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from etl.cli.options import json_option, load, out_option, pipeline_option, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: Names and values that a line lists.
_MOST = 6


@click.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@pipeline_option
@click.option("--examples", default=3, type=click.IntRange(0, 1000), show_default=True, help="Show this many rows.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if tables or answers differ.")
@out_option
@json_option
def diff(  # noqa: PLR0913 -- one for each option
    *,
    old: str | None,
    new: str | None,
    pipeline: Path,
    examples: int,
    exit_code: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compare the tables and answers of two builds.

    OLD and NEW are beginnings of their ids, by default the previous and the current build.
    """
    from etl.build.diff import compare, find_builds  # noqa: PLC0415 -- each command imports what it needs

    source = load(pipeline)
    found = compare(*find_builds(out or source.root / "build", source.name, old, new), examples)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(_lines(found)))
    if exit_code and not found["same"]:
        raise SystemExit(1)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"build {found['old']} -> {found['new']}"
    for name, table in found["tables"].items():
        yield f"table {name}: {_table(table)}"
        for example in table.get("examples", ()):
            key = ", ".join(f"{column}={_value(value)}" for column, value in example["key"].items())
            values = (f"{column} {_value(old)} -> {_value(new)}" for column, (old, new) in example["values"].items())
            yield f"  {key}: {', '.join(values)}"
    for what in ("endpoints", "answers"):
        for change, names in found[what].items():
            if names:
                yield f"{what} {change}: {_listed(names)}"
    if found["same"]:
        yield "the same tables and answers"
    if found["sources"]:
        yield f"sources that differ, with their old values: {_listed(found['sources'])}"


def _table(table: Mapping[str, Any]) -> str:
    old, new = table["rows"]
    if table["change"] != "changed":
        return f"{table['change']}, {new if old is None else old:,} rows"
    parts = [f"{old:,} -> {new:,} rows" if old != new else f"{new:,} rows"]
    parts += [f"{table[what]:,} {what}" for what in ("added", "removed", "changed") if table.get(what)]
    if table.get("changed_columns"):
        parts[-1] += f" ({', '.join(f'{name} {count:,}' for name, count in table['changed_columns'].items())})"
    parts += [f"columns {change}: {_listed(names)}" for change, names in table["columns"].items() if names]
    return ", ".join(parts)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{', '.join(names[:_MOST])}{more}"


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"  # noqa: PLR2004 -- letters that fit beside others
