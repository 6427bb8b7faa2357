"""What a run would make, and why: the sources of a build compared with those of a pipeline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from etl.build import manifest
from etl.build.donor import find_donor
from etl.build.store import Store
from etl.config.identity import identify

#: The version of the pipeline's own generators, among those of the packages in a manifest.
GENERATORS = "generators"

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from etl.config.source import Source


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between the sources of two builds: ``path.to.key=value`` as before, and names of files and packages.

    Both have ``pipeline``, ``inputs`` and ``versions`` as a manifest has them.
    """
    named = [
        name
        for kind in ("inputs", "versions")
        for name in {**before[kind], **after[kind]}
        if name != GENERATORS and before[kind].get(name) != after[kind].get(name)
    ]
    return [*changed_values(before["pipeline"], after["pipeline"]), *named]


def changed_values(before: Any, after: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 -- JSON
    """Yield the values of a pipeline that differ in another one, as ``path.to.key=value``."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from changed_values(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif before != after:
        yield f"{path}={json.dumps(before, ensure_ascii=False)}"


def preview(source: Source, out: Path) -> dict[str, Any]:
    """What a run would make, as JSON values: ``run`` is ``nothing``, ``presentation`` or ``everything``.

    ``rows_of`` is the build whose rows it would reuse, ``current`` the current build, and ``changed`` what differs from
    that. Does not check builds for damage.
    """
    store, identity = Store(out), identify(source)
    current = manifest.read(store.current) if store.current else None
    donor = find_donor(store, identity)
    changed = differences(current, vars(identity)) if current else []
    if current and current["build"] != identity.id and not changed:
        changed = ["the code of etl, or of a package"]
    return {
        "run": "nothing" if store.find(identity.id) else "presentation" if donor else "everything",
        "build": identity.id,
        "rows_of": donor.build if donor else None,
        "current": current and current["build"],
        "changed": changed,
    }


def in_words(found: Mapping[str, Any], most: int = 10) -> str:
    """An outlook as a sentence, and a line for each change."""
    sentence = {
        "nothing": f"nothing to do: build {found['build']} exists",
        "presentation": f"a run makes the API, pages, report and checks, with the rows of build {found['rows_of']}",
        "everything": "a run makes everything" + ("" if found["current"] else ": there is no build"),
    }[found["run"]]
    changed = found["changed"]
    more = [f"and {len(changed) - most} more"] if len(changed) > most else []
    lines = [*changed[:most], *more]
    return "\n  ".join([f"{sentence}{'; changed since the current build:' if lines else ''}", *lines])
