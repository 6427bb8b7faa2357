"""``etl diff`` in words, and its exit code; the other commands that compare with a build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from etl.cli.commands import commands
from etl.cli.options import Output
from tests.support import small
from tests.support.running import edit

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> tuple[int, str]:
    """Run a command in this process: its exit code and what it printed."""
    done = CliRunner().invoke(commands, arguments, obj=Output())
    return done.exit_code, done.output


def test_in_words_and_as_json(tmp_path: Path) -> None:
    """Tables, changed rows, answers and sources are lines; with --exit-code a difference is exit code 1."""
    path = small.lending(tmp_path)
    edit(path, "outputs: [parquet]", "report: false")
    assert run("run", str(path), "--quiet")[0] == 0
    edit(tmp_path / "books.csv", "1,Emma\n", "1,Persuasion\n5,Middlemarch\n")
    assert run("plan", str(path), "--changed")[1].endswith("since the current build:\n  books.csv\n")
    assert "no mistakes; a run makes everything\n" in run("validate", str(path))[1]
    assert run("run", str(path), "--quiet")[0] == 0
    code, text = run("diff", "--pipeline", str(path), "--exit-code")
    assert code == 1
    assert text.partition("\n")[2] == (
        "table books: 2 -> 3 rows, 1 added, 1 changed (title 1)\n"
        '  id=1: title "Emma" -> "Persuasion"\n'
        "table loans: 2 -> 3 rows, 1 added\n"
        "answers changed: /api/books.json\n"
        "sources that differ, with their old values: books.csv\n"
    )
    code, text = run("diff", "--pipeline", str(path), "--json")
    assert (code, json.loads(text)["tables"]["loans"]["added"]) == (0, 1)


def test_mermaid(tmp_path: Path) -> None:
    """``plan --mermaid`` prints the stages and their inputs as a flowchart."""
    path = small.lending(tmp_path)
    edit(path, "loans: {sql", "titles: {csv: books.csv, internal: true}\n  loans: {sql")
    assert run("plan", str(path), "--mermaid") == (
        0,
        'flowchart TD\n    s0["books"]\n    s1("titles")\n    s2["loans"]\n    s0 --> s2\n',
    )
