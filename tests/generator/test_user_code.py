"""User code: where it prints, and the messages of its exceptions."""

from __future__ import annotations

import runpy
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from etl.config.source import load
from etl.errors import EtlError
from etl.generator import user_code
from etl.generator.user_code import stdout_to_stderr, user_line
from etl.pipeline.validate import validate
from etl.run.plan import make_plan
from etl.run.shards import run_until
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = "CREATE TABLE rooms (id INTEGER PRIMARY KEY);"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the module that :func:`told` writes; the folder of the project is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return f"own_{tmp_path.name}"


def told(folder: Path, module: str, code: str, files: Mapping[str, str] | None = None) -> str:
    """The error of a project whose one stage is a function ``rooms`` in a module of this text."""
    stages = f"rooms: {{python: '{module}:rooms'}}"
    path = small.project(folder, stages, {"schema.sql": SCHEMA, f"{module}.py": code, **(files or {})})
    with pytest.raises(EtlError) as caught:
        run_until(make_plan(validate(load(path))), "rooms")
    return str(caught.value).replace(module, "own")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("np.zeros(2) + np.zeros(3)", "ValueError: operands could not be broadcast together with shapes (2,) (3,)"),
        ("pa.array(['\\ud800'])", "UnicodeEncodeError: 'utf-8' codec can't encode character '\\ud800' in position 0"),
        ("raise ValueError('no rooms today')", "ValueError: no rooms today"),
        ("open('gone.txt')", "FileNotFoundError: [Errno 2] No such file or directory: 'gone.txt'"),
        ("sys.exit(7)", "SystemExit(7); raise an error instead of exiting"),
    ],
)
def test_what_a_stage_raises(tmp_path: Path, run: str, body: str, says: str) -> None:
    """An exception of a generator, or of a library below it, is reported with file, line and stage."""
    code = f"import sys\nimport numpy as np, pyarrow as pa\ndef rooms() -> pa.Table:\n    {body}\n"
    assert told(tmp_path, run, code).startswith(f"own.py:4: stages.rooms: own:rooms failed: {says}")


def test_the_line_is_the_last_one_of_the_project(tmp_path: Path, run: str) -> None:
    """The line is in the project's helper that failed, also if the generator yields."""
    helper = f"{run}_helper"
    code = f"import pyarrow as pa, {helper}\ndef rooms() -> pa.Table:\n    yield from {helper}.made()\n"
    files = {f"{helper}.py": "import json\ndef made():\n    return [json.loads('[')]\n"}
    said = told(tmp_path, run, code, files)
    assert said.startswith("own_helper.py:3: stages.rooms: own:rooms failed: JSONDecodeError: Expecting value: ")


@pytest.mark.parametrize(
    ("error", "says"), [(ValueError("too few names"), None), (EtlError("no"), None), (KeyError("x"), 3)]
)
def test_what_etl_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, says: int | None) -> None:
    """A ValueError of etl is about the pipeline and has no line; any other exception is a bug and has one."""
    monkeypatch.setattr(user_code, "_ETL", tmp_path)
    ours = tmp_path / "ours.py"
    ours.write_text("def rooms(error):\n\n    raise error\n")
    rooms = runpy.run_path(str(ours))["rooms"]
    with pytest.raises(type(error)) as caught:
        rooms(error)
    where = user_line(caught.value, tmp_path, str(ours))
    assert (where and where.line) == says


def test_what_an_estimate_raises(tmp_path: Path, run: str) -> None:
    """An exception of an estimate is reported in the same way."""
    code = "import pyarrow as pa\nfrom etl.generator.size import generator\n\n"
    code += "def many(params, inputs):\n    return 1 // 0\n\n"
    code += "@generator(rows=many)\ndef rooms() -> pa.Table: ...\n"
    path = small.project(tmp_path, f"rooms: {{python: '{run}:rooms'}}", {"schema.sql": SCHEMA, f"{run}.py": code})
    with pytest.raises(
        EtlError, match=r"\.py:5: stages\.rooms: the rows of .* cannot be estimated: ZeroDivisionError: "
    ):
        make_plan(validate(load(path))).expected()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("\nprint('here')\n1 / 0\n", "cannot import own: ZeroDivisionError: division by zero (own.py:3)"),
        ("raise SystemExit(2)\n", "cannot import own: SystemExit(2); raise an error instead of exiting (own."),
        ("def rooms(:\n", "cannot import own: SyntaxError: invalid syntax (own.py, line 1) (own.py:1)"),
        ("import gone\n", "there is no module 'gone' in the project or among the installed packages (own.py:1)"),
        ("async def rooms() -> None: ...\n", "own:rooms is an 'async def', which is not supported; write 'def'"),
        (
            "async def rooms() -> None:\n    yield 1\n",
            "own:rooms is an 'async def', which is not supported; write 'def'",
        ),
    ],
)
def test_a_module_that_cannot_be_used(
    tmp_path: Path, run: str, capsys: pytest.CaptureFixture[str], code: str, says: str
) -> None:
    """Validation reports a module that cannot be imported, and an async function."""
    assert told(tmp_path, run, code).startswith(f"pipeline.yaml:10:19: stages.rooms.python: {says}")
    assert capsys.readouterr().out == ""


def test_what_a_stage_prints_is_no_output(tmp_path: Path, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A generator's print, also while it yields, goes to standard error."""
    code = "import pyarrow as pa\ndef rooms() -> pa.Table:\n    print('one')\n    yield 1\n    print('two')\n"
    assert "made a int" in told(tmp_path, run, code)
    assert capsys.readouterr() == ("", "one\ntwo\n")
    assert sys.stdout is not sys.stderr


def test_stages_that_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    """When threads run stages at once, output comes back after the last of them, whichever ends first."""
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with stdout_to_stderr():
            entered.set()
            leave.wait(60)
            sys.stdout.write("other\n")

    before, thread = sys.stdout, threading.Thread(target=other)
    with stdout_to_stderr():
        thread.start()
        assert entered.wait(60)
        sys.stdout.write("first\n")
    sys.stdout.write("between\n")
    leave.set()
    thread.join()
    assert sys.stdout is before
    sys.stdout.write("after\n")
    assert capsys.readouterr() == ("after\n", "first\nbetween\nother\n")
