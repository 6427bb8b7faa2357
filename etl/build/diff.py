"""Compares two builds: their tables row by row, and their answers."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from etl.build import manifest
from etl.build.preview import differences
from etl.build.store import Store, in_use
from etl.config.source import display_path
from etl.errors import EtlError, Where, did_you_mean
from etl.pipeline.sql import quote
from etl.tables.sqlite import open_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Files below ``api/`` that are no answers.
_DOCUMENTS = ("api/index.json", "api/openapi.json")


class _Build(NamedTuple):
    folder: Path
    content: dict[str, Any]  # its manifest

    @property
    def database(self) -> Path | None:
        """Its database, if it has one."""
        name = self.content["pipeline"]["database"]
        return self.folder / name if name in self.content["files"] else None


def find_builds(out: Path, world: str, old: str | None, new: str | None) -> tuple[Path, Path]:
    """The folders of two builds, named by the beginnings of their ids: by default the previous and the current one.

    Raises EtlError when there are none.
    """
    store, shown = Store(out), Where(display_path(out))
    builds = {path.name: path for path in store.builds(world)}

    def named(text: str) -> Path:
        found = [path for name, path in builds.items() if name.startswith(text)]
        if len(found) != 1:
            what = "no build" if not found else "more than one build"
            hint = did_you_mean(text, builds) or (f"; there are {', '.join(sorted(builds))}" if builds else "")
            raise EtlError(f"{what} begins with '{text}'{hint}", shown)
        return found[0]

    current = named(new) if new is not None else store.current
    if current is None or current.name not in builds:
        raise EtlError(f"there is no current build of {world}; make one with: python -m etl run", shown)
    before = named(old) if old is not None else next((path for path in builds.values() if path != current), None)
    if before is None:
        raise EtlError("there is only one build; name the folder of another with --out, or run again", shown)
    return before, current


def compare(old: Path, new: Path, examples: int = 3) -> dict[str, Any]:
    """What differs between two builds, as JSON values: ``same`` if nothing does but their sources.

    ``tables`` has only those that differ, with at most ``examples`` changed values of each. Raises EtlError when one
    is damaged.
    """
    with in_use(old), in_use(new):
        before, after = _open(old), _open(new)
        tables = dict(_tables(before, after, examples))
        answers = _changes(_answers(before), _answers(after))
        endpoints = _changes(_endpoints(before), _endpoints(after))
        return {
            "old": before.content["build"],
            "new": after.content["build"],
            "same": not tables and not any(answers.values()) and not any(endpoints.values()),
            "tables": tables,
            "answers": answers,
            "endpoints": endpoints,
            "sources": differences(before.content, after.content),
        }


def _open(folder: Path) -> _Build:
    content = manifest.read(folder)
    if content is None:
        raise EtlError(f"{manifest.NAME} is missing or damaged", Where(display_path(folder)))
    return _Build(folder, content)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names that only one has, and those with other values."""
    both = before.keys() & after.keys()
    return {
        "added": sorted(after.keys() - both),
        "removed": sorted(before.keys() - both),
        "changed": sorted(name for name in both if before[name] != after[name]),
    }


def _answers(build: _Build) -> dict[str, str]:
    """The SHA-256 of each answer that is a file, by its URL."""
    files = build.content["files"]
    return {f"/{name}": files[name]["sha256"] for name in files if name.startswith("api/") and name not in _DOCUMENTS}


def _endpoints(build: _Build) -> dict[str, Any]:
    """The definition of each endpoint, by its URL."""
    try:
        described = json.loads((build.folder / "endpoints.json").read_text(encoding="utf-8"))
        return {"/".join(["/api", *endpoint["segments"]]): endpoint for endpoint in described}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise EtlError("endpoints.json is damaged", Where(display_path(build.folder))) from error


def _tables(before: _Build, after: _Build, examples: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables that differ."""
    old, new = before.content["tables"], after.content["tables"]
    with contextlib.ExitStack() as opened:
        databases = None
        if before.database and after.database:
            databases = opened.enter_context(contextlib.closing(_attach(before.database, after.database)))
        for name in {**old, **new}:
            rows = {"rows": [side[name]["rows"] if name in side else None for side in (old, new)]}
            if name not in new or name not in old:
                yield name, {"change": "added" if name in new else "removed", **rows}
                continue
            columns = _columns(databases, name) if databases else {}
            if old[name] != new[name] or any(columns.values()):
                found = _rows(databases, name, examples) if databases and old[name] != new[name] else {}
                yield name, {"change": "changed", **rows, "columns": columns, **found}


def _attach(old: Path, new: Path) -> sqlite3.Connection:
    database = open_database(new)
    database.execute("ATTACH ? AS old", (f"{old.resolve().as_uri()}?mode=ro&immutable=1",))
    return database


def _described(database: sqlite3.Connection, schema: str, table: str) -> dict[str, tuple[str, int]]:
    """Type, with NOT NULL, and place in the primary key of each column."""
    query = "SELECT name, type || CASE WHEN \"notnull\" THEN ' NOT NULL' ELSE '' END, pk FROM pragma_table_info(?, ?)"
    return {name: (kind, key) for name, kind, key in database.execute(query, (table, schema))}


def _columns(database: sqlite3.Connection, table: str) -> dict[str, list[str]]:
    return _changes(_described(database, "old", table), _described(database, "main", table))


def _rows(database: sqlite3.Connection, table: str, examples: int) -> dict[str, Any]:
    """How many rows were added, removed and changed, by primary key; without one, a change is both others."""
    old, new = (_described(database, schema, table) for schema in ("old", "main"))
    common = [name for name in new if name in old]
    keys = [name for name in common if new[name][1]]
    if not keys or keys != [name for name in old if old[name][1]]:
        return _whole_rows(database, table, common)
    name, values = quote(table), [column for column in common if column not in keys]
    matched = " AND ".join(f"o.{quote(key)} = n.{quote(key)}" for key in keys)
    count = "SELECT count(*) FROM {0}.{1} AS {2} WHERE NOT EXISTS (SELECT 1 FROM {3}.{1} AS {4} WHERE {5})"
    (added,) = database.execute(count.format("main", name, "n", "old", "o", matched)).fetchone()
    (removed,) = database.execute(count.format("old", name, "o", "main", "n", matched)).fetchone()
    differ = [f"o.{quote(column)} IS NOT n.{quote(column)}" for column in values]
    joined = f"FROM old.{name} AS o JOIN main.{name} AS n ON {matched} WHERE {' OR '.join(differ) or '0'}"
    sums = ", ".join(["count(*)", *(f"coalesce(sum({each}), 0)" for each in differ)])
    changed, *counts = database.execute(f"SELECT {sums} {joined}").fetchone()
    columns = {column: number for column, number in zip(values, counts, strict=True) if number}
    found = {"key": keys, "added": added, "removed": removed, "changed": changed, "changed_columns": columns}
    return {**found, "examples": _examples(database, joined, (keys, list(columns)), examples)}


def _examples(
    database: sqlite3.Connection, joined: str, columns: tuple[Sequence[str], Sequence[str]], most: int
) -> list[dict[str, Any]]:
    """The first changed rows: their keys, and the old and the new value of each column that differs."""
    keys, values = columns
    selected = [f"n.{quote(key)}" for key in keys]
    selected += [f"{side}.{quote(value)}" for value in values for side in "on"]
    found = []
    for row in database.execute(f"SELECT {', '.join(selected)} {joined} LIMIT ?", (most,)):
        pairs = zip(values, zip(row[len(keys) :: 2], row[len(keys) + 1 :: 2], strict=True), strict=True)
        changed = {name: [old, new] for name, (old, new) in pairs if old != new}
        found.append({"key": dict(zip(keys, row, strict=False)), "values": changed})
    return found


def _whole_rows(database: sqlite3.Connection, table: str, columns: Sequence[str]) -> dict[str, Any]:
    names = ", ".join(map(quote, columns))
    both = f"SELECT 1 AS side, {names} FROM main.{quote(table)} UNION ALL SELECT -1, {names} FROM old.{quote(table)}"  # noqa: S608 -- as above
    sums = f"SELECT sum(side) AS n FROM ({both}) GROUP BY {names}"  # noqa: S608 -- as above
    query = f"SELECT coalesce(sum(max(n, 0)), 0), coalesce(sum(max(-n, 0)), 0) FROM ({sums})"  # noqa: S608 -- as above
    added, removed = database.execute(query).fetchone()
    return {"key": None, "added": added, "removed": removed, "changed": None}
