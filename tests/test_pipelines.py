"""docs/pipelines.md: its tutorial works from the first to the last command, and its keys are those of the models."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from etl.cli.commands import commands
from etl.config.modules import forget
from etl.errors import EtlError
from etl.pipeline.editor import json_schema
from tests import keys
from tests.support.running import PATIENCE, ROOT
from tests.support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PAGE = (ROOT / "docs/pipelines.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)(?: (\S+))?\n(.*?)```", re.DOTALL)


class Reader:
    """Somebody who does what a text says: writes its files and runs its commands."""

    def __init__(self, capsys: pytest.CaptureFixture[str], stack: contextlib.ExitStack) -> None:
        """Start with nothing printed; the stack ends the server and leaves the folder."""
        self.capsys, self.stack = capsys, stack
        self.printed, self.url, self.failed = "", "", False

    def follow(self, text: str) -> None:
        """Do what each block says; a block of text is what the commands before it print."""
        for language, file, content in BLOCK.findall(text):
            assert language == "text" or not self.failed, self.printed
            if file:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
                with Path(file).open("a", encoding="utf-8") as opened:
                    opened.write(content)
            elif language == "sh":
                self.failed = False
                self.printed = "".join(map(self.run, content.splitlines()))
            elif language == "text":
                assert content.strip() in self.printed
                self.failed = False

    def run(self, line: str) -> str:
        """Run a command: what it prints."""
        match shlex.split(line):
            case ["python3", "-m", "venv", _] | [".", _] | ["pip", "install", _]:
                pass  # it is installed here
            case ["cd", folder]:
                self.stack.enter_context(contextlib.chdir(folder))
                sys.path.insert(0, "")  # as of a process that starts there
                self.stack.callback(sys.path.remove, "")
                self.stack.callback(forget, Path.cwd())
            case ["python", "-m", "unittest"]:
                result = unittest.TestResult()
                unittest.TestLoader().discover(".").run(result)
                assert result.wasSuccessful(), result.errors + result.failures
            case ["curl", url]:
                address = url.replace("http://127.0.0.1:3000", self.url)
                return httpx.get(address, timeout=PATIENCE).raise_for_status().text
            case ["etl", "serve"]:
                server = serving(Path("build").resolve(), pipeline=Path("pipeline.yaml").resolve())
                self.url = self.stack.enter_context(server).url
            case ["etl", "run", *arguments]:
                return self.etl(["run", "--no-report", *arguments])  # drawing takes longer than all the rest
            case ["etl", *arguments]:
                return self.etl(arguments)
            case _:
                raise AssertionError(line)
        return ""

    def etl(self, arguments: list[str]) -> str:
        """Run etl in this process, with the project's modules as they are now."""
        forget(Path.cwd())
        try:
            commands.main(arguments, prog_name="etl", standalone_mode=False)
        except EtlError as error:
            self.failed = True
            return str(error)
        return self.capsys.readouterr().out


def test_the_tutorial_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of the tutorial prints what the page says, in the order of the page, in a project that it makes."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # etl is not installed here
    tutorial = PAGE[PAGE.index("## Tutorial") : PAGE.index("## Every key")]
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(tmp_path))
        Reader(capsys, stack).follow(tutorial)


def test_the_keys_are_up_to_date() -> None:
    """The page's keys are what ``python -m tests.keys`` would write, and say what ``etl schema`` does."""
    assert keys.text() == PAGE, "write them anew: python -m tests.keys"
    assert {meaning for meaning in descriptions(json_schema({})["else"]) if meaning not in PAGE} == set()


def descriptions(schema: Any) -> Iterator[str]:  # noqa: ANN401 -- JSON
    """What a JSON Schema says about its properties."""
    if isinstance(schema, dict):
        for value in schema.get("properties", {}).values():
            yield value.get("description", "")
        for value in schema.values():
            yield from descriptions(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from descriptions(value)
