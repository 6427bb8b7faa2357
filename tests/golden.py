"""What the worlds looked like when the generators got their version; ``python -m tests.golden`` records it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "golden.json"
WORLDS = {"tiny": "pipelines/tiny.yaml", "default": "pipeline.yaml"}


def record(build: Path) -> dict[str, Any]:
    """What is kept of a build: each table's rows and digest, and the bytes of its database for these versions."""
    content = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    database = content["files"][content["pipeline"]["database"]]
    versions = {name: version for name, version in content["versions"].items() if name != "generators"}
    return {"tables": content["tables"], "database": {"sha256": database["sha256"], "versions": versions}}


def main() -> None:
    """Build the worlds anew and write what they look like now, under the generators' present version."""
    from etl.school.generators import VERSION  # noqa: PLC0415 -- numpy, which reading the file does not need

    worlds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, pipeline in WORLDS.items():
            out = Path(folder, name)
            command = [sys.executable, "-m", "etl", "run", pipeline, "--out", str(out), "--quiet"]
            subprocess.run(command, cwd=ROOT, check=True)
            worlds[name] = record(out / "current")
    text = json.dumps({"generators": VERSION, "worlds": worlds}, indent=1)
    FILE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
