"""The licence of every package that a run installs, out of its own metadata; ``python -m tests.licences`` writes it."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
FILE = ROOT / "docs" / "licences.md"

#: Licences that let anyone use, change and pass on what stands under MIT beside them, if their texts go along.
COMPATIBLE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0"),
    *("MIT", "MPL-2.0", "PSF-2.0", "Public Domain", "Zlib"),
}

#: What metadata says that is older than SPDX's names.
OLDER = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}

HEAD = """# Licences of what a run installs

Out of the metadata of each package in `requirements.lock`; `python -m tests.licences` writes this file, and a test
holds it against what is installed. All of them let the project stand under MIT. MPL-2.0 (certifi, a list of
certificates) asks that changes of its own files be published. Wheels with native code (numpy, pyarrow, DuckDB) carry
libraries of other authors; their texts lie in each wheel. The project's own code is [MIT](../LICENSE), its data CC0.

| package | licence |
| --- | --- |
"""


def packages() -> list[str]:
    """The packages of the lock file that are for this machine."""
    lines = re.findall(r"^([\w.-]+)==\S+(?: ; ([^\\\n]+?))? \\$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return [name for name, marker in lines if not marker or Marker(marker).evaluate()]


def licence(package: str) -> str:
    """The licence of an installed package, by SPDX's names. Raises LookupError when its metadata do not say."""
    found = distribution(package)
    kinds = [line.partition(" :: ")[2] for line in found.metadata.get_all("Classifier") or [] if "License" in line]
    classified = [kind.removeprefix("OSI Approved :: ") for kind in kinds]
    plain, expression = (_field(found, name) for name in ("License", "License-Expression"))
    stated = expression or (plain if plain in COMPATIBLE | set(OLDER) else "")
    names = [stated] if stated and len(classified) < 2 else classified or [plain]
    known = sorted({_bsd(found) if name in {"BSD", "BSD License"} else OLDER.get(name, name) for name in names})
    if not known or not all(known):
        raise LookupError(package)
    return " OR ".join(known)


def _field(package: Distribution, name: str) -> str:
    """A field of the metadata, empty where it is missing (newer readers of metadata raise KeyError then)."""
    return " ".join(" ".join(package.metadata.get_all(name) or []).split())


def _bsd(package: Distribution) -> str:
    """Which of the two: the third clause forbids to endorse or promote with the names of the authors."""
    texts = [file.read_text() for file in package.files or [] if re.search(r"LICEN[CS]E|COPYING", file.name)]
    return "BSD-3-Clause" if any("endorse or promote" in " ".join(text.split()) for text in texts) else "BSD-2-Clause"


def text() -> str:
    """The list as Markdown."""
    return HEAD + "".join(f"| {name} | {licence(name)} |\n" for name in packages())


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
