"""A process that waits for a command with everything imported: ``python -m etl.cli.spare PIPELINE``.

Its input is a line of JSON, the arguments of the command, and must then stay open until the command is done: at its end
the process exits. If etl was changed after the process started, the command runs in a new interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from pathlib import Path

from etl.cli.commands import main
from etl.config.identity import code_stamps
from etl.config.source import load
from etl.errors import EtlError
from etl.run.child import end_with_input

#: What a run imports. numpy.ma and pyarrow.dataset are imported by pyarrow and DuckDB when they first need them.
_MODULES = (
    "etl.build.assemble",
    "etl.build.copies",
    "etl.build.run",
    "etl.tables.sqlite",
    "duckdb",
    "numpy.ma",
    "pyarrow.dataset",
)


def wait(pipeline: Path) -> None:
    """Import, read the arguments, and run the command. Without arguments it returns."""
    before = code_stamps()
    for name in (*_MODULES, *_generators(pipeline)):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # long-lived objects: garbage collection can skip them
    line = sys.stdin.buffer.readline()
    if not line:
        return
    arguments = json.loads(line)
    if code_stamps() != before:
        os.execv(sys.executable, [sys.executable, "-m", "etl.run.child", "etl", *arguments])  # noqa: S606 -- no shell
    end_with_input()
    sys.argv[1:] = arguments
    main()


def _generators(pipeline: Path) -> set[str]:
    """The modules of etl with the pipeline's generators; those of the project may change before they are needed."""
    with contextlib.suppress(EtlError, OSError):
        tree = load(pipeline).tree
        names = [tree.text("generators"), *(stage.text("python") for stage in tree.mapping("stages").values())]
        return {name.partition(":")[0] for name in names if name and name.startswith("etl.")}
    return set()


if __name__ == "__main__":
    wait(Path(sys.argv[1]))
