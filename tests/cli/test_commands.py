"""The command line: each command and option, what it prints where, and its exit code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import click
import pytest

from etl.build.store import Store
from etl.cli.commands import commands
from etl.cli.exit import exit_code
from etl.cli.options import Output
from tests.support import small
from tests.support.running import KEPT, PATIENCE, ROOT, TINY, command, copy_of_project, hashes, litter

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "teacher-dashboard.db"


class Done(NamedTuple):
    """The exit code of a command, and what it printed."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, cwd: Path = ROOT) -> Done:
    """Run the command line in this process."""
    words, output = [*map(str, arguments)], Output()
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = exit_code(lambda: commands.main(words, standalone_mode=False, obj=output), output)
    return Done(code, stdout.getvalue(), stderr.getvalue())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a pipeline that has three mistakes; tests add files of other names."""
    project = copy_of_project(tmp_path_factory.mktemp("project"))
    text = "extends: tiny.yaml\nseed: -1\nstages:\n  pm1:\n    params: {sd: none, meen: 1}\n"
    (project / "pipelines/broken.yaml").write_text(text)
    return project


def lines(text: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


# run


def test_run_on_a_terminal(tmp_path: Path) -> None:
    """A run shows a bar and each stage on a terminal; tables, size and path go to stdout; nothing else is left."""
    out = tmp_path / "some" / "where"
    reader, writer = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    job = command("run", small.lending(tmp_path / "library"), "--out", out, "--set", "outputs=[sqlite]")
    shown = b""
    with subprocess.Popen(job, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=writer, text=True) as process:
        os.close(writer)
        with contextlib.suppress(OSError):  # on Linux, the end of the stream
            while part := os.read(reader, 10_000):
                shown += part
        printed, _ = process.communicate(timeout=PATIENCE)
    os.close(reader)
    assert process.returncode == 0
    assert ["books", "2"] in lines(printed)
    assert re.search(r"^built: build [0-9a-f]{16}, [\d.]+ MB, in [\d.]+ s$", printed, re.MULTILINE)
    assert printed.splitlines()[-1] == str((out / "current").resolve() / "library.db")
    assert "\x1b" not in printed
    text = shown.decode()
    assert re.search(r"[\d,]+ rows, [\d,]+ a second", text)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert re.search(r"^loans +2 rows +[\d.]+ s\r?$", text, re.MULTILINE)
    assert {path.name for path in out.iterdir()} == {*KEPT, (out / "current").resolve().name}


def test_run_of_a_build_that_exists(out: Path, tmp_path: Path) -> None:
    """The build is up to date: a line as text, a document as JSON, nothing with --quiet; a copy in use is refused."""
    before = hashes(out)
    done = run("run", TINY, "--out", out)
    assert (done.code, done.stderr) == (0, "")
    assert "up to date: build" in done.stdout
    assert run("run", TINY, "--out", out, "--quiet") == (0, "", "")
    done = run("run", TINY, "--out", out, "--json")
    assert (done.code, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["success"], result["state"], result["tables"]["rosters"]) == (True, "up to date", 3)
    assert result["database"] == str((out / "current").resolve() / DATABASE)
    assert result["seconds"] > 0
    (tmp_path / "app.db-wal").touch()
    done = run("run", TINY, "--out", out, "--copy-to", tmp_path / "app.db")
    assert (done.code, done.stdout) == (1, "")
    assert "app.db: an application has it open, or left its -wal file; stop it" in done.stderr
    assert not (tmp_path / "app.db").exists()
    assert hashes(out) == before


def test_run_force_builds_again(tmp_path: Path) -> None:
    """``--force`` builds again and finds the same bytes; without ``--out`` the project has the builds."""
    pipeline = small.lending(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    assert run("run", pipeline, cwd=tmp_path / "elsewhere").code == 0
    before = hashes(tmp_path / "build")
    done = run("run", pipeline, "--force")
    assert done.code == 0
    assert "built again, the same bytes: build" in done.stdout
    assert hashes(tmp_path / "build") == before
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_run_with_other_numbers(tmp_path: Path) -> None:
    """``--seed``, ``--set``, ``--copy-to`` and ``--timings`` work together; stages are lines on stderr."""
    copy, timings = tmp_path / "app" / "app.db", tmp_path / "timings.json"
    changes = ("--seed", "7", "--set", "stages.classes.params.size=[5, 5]", "--set", "name=other", "--no-report")
    done = run("run", TINY, "--out", tmp_path / "build", "--copy-to", copy, "--timings", timings, *changes)
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("app.db (a writable copy)")
    assert re.search(r"^students +15 rows +[\d.]+ s$", done.stderr, re.MULTILINE)
    assert "\x1b" not in done.stdout + done.stderr
    manifest = json.loads((tmp_path / "build/current/manifest.json").read_text())
    assert (manifest["seed"], manifest["name"]) == (7, "other")
    assert manifest["tables"]["students"]["rows"] == 15
    assert not (tmp_path / "build/current/report.html").exists()
    with contextlib.closing(sqlite3.connect(copy)) as database, database:
        database.execute("INSERT INTO rosters (name) VALUES ('mine')")
        assert database.execute("SELECT max(id) FROM rosters").fetchone() == (4,)
    measured = json.loads(timings.read_text())
    assert measured["seconds"] > 0
    assert {"identify", "validate", "generate", "load", "checks", "commit", "manifest"} <= set(measured["phases"])
    assert measured["stages"]["students"]["rows"] == 15


@pytest.mark.parametrize(
    ("option", "target", "message"),
    [
        ("--copy-to", "sql/schema.sql", "is an input of the pipeline"),
        ("--timings", "pyproject.toml", "exists and is not a file of timings; name another file"),
        ("--copy-to", "pyproject.toml/x.db", "cannot write the copy: Not a directory"),
    ],
)
def test_run_refuses_to_replace_other_files(tmp_path: Path, option: str, target: str, message: str) -> None:
    """A file that etl did not write is refused before anything is built, and is unchanged."""
    out, path = tmp_path / "build", ROOT / target
    before = path.read_bytes() if path.exists() else None
    done = run("run", TINY, "--out", out, option, path)
    assert done.code == 1
    assert f"{target}: {message}" in done.stderr
    assert not out.exists()
    assert (path.read_bytes() if path.exists() else None) == before


# plan, show, validate, check, schema, clean


def test_plan_draws_the_stages() -> None:
    """``plan`` shows kind, source, inputs, table and rows of each stage; the sharded ones are a separate table."""
    done = run("plan", TINY)
    assert done.code == 0, done.stderr
    once, sharded = done.stdout.split("once per shard", 1)
    assert ["classes", "python", "etl.school.classes:classes", "last_names,", "subjects", "-", "3"] in lines(once)
    assert ["test_groups", "csv", "data/test_groups.csv", "-", "test_groups", "1"] in lines(once)
    assert re.search(r"^pm2 +python +etl.school.scores:next_scores +.*pm1", sharded, re.MULTILINE)
    assert re.search(r"^broken_means +python .* a check +none$", sharded, re.MULTILINE)


def test_plan_as_json() -> None:
    """``plan --json`` prints the same as JSON."""
    result = json.loads(run("plan", TINY, "--json").stdout)
    stages = {stage["stage"]: stage for stage in result["stages"]}
    assert result["shard"]["by"] == "classes"
    assert (stages["students"]["sharded"], stages["rosters"]["sharded"]) == (True, False)
    assert (stages["scores"]["fills"], stages["classes"]["expected_rows"]) == ("scores", 3)
    for stage in result["stages"]:
        assert all(list(stages).index(name) < list(stages).index(stage["stage"]) for name in stage["inputs"])


def test_show_prints_first_rows(project: Path) -> None:
    """``show`` prints the first rows of a stage, as a table or as JSON, and builds nothing."""
    before = sorted(project.rglob("*"))
    done = run("show", "students", "--pipeline", TINY, "--limit", "2", cwd=project)
    assert done.code == 0, done.stderr
    head, _, first, second = lines(done.stdout)
    assert head == ["id", "roster_id", "name", "external_id", "created_at"]
    assert (first[0], second[0]) == ("1", "2")
    options = ["--pipeline", TINY, "--json", "--limit", "1", "--set", "stages.students.params.external_id=x{id}"]
    (row,) = json.loads(run("show", "students", *options, "--seed", "1", cwd=project).stdout)
    (other,) = json.loads(run("show", "students", *options, "--seed", "2", cwd=project).stdout)
    assert row["id"] == other["id"] == 1
    assert row["external_id"] == "x1"
    assert row["name"] != other["name"]
    assert sorted(project.rglob("*")) == before


def test_show_escapes_letters_in_json(tmp_path: Path) -> None:
    """JSON is ASCII, which fits every terminal; beside a table of rows stderr says what a run would make."""
    pipeline = small.lending(tmp_path, {"books.csv": "id,title\n1,Ж 😀\n"})
    text = run("show", "books", "--pipeline", pipeline, "--json").stdout
    assert run("show", "books", "--pipeline", pipeline).stderr == "a run makes everything: there is no build\n"
    assert json.loads(text) == [{"id": 1, "title": "Ж 😀"}]
    assert text.isascii()


def test_show_suggests_a_stage() -> None:
    """A misspelled stage is an error with a suggestion."""
    error = "there is no stage 'student'; did you mean 'students'?\n"
    assert run("show", "student", "--pipeline", TINY) == (1, "", error)
    assert run("show", "zzz").stderr == "there is no stage 'zzz'; see them all with: python -m etl plan\n"


def test_validate_reads_every_file(tmp_path: Path) -> None:
    """``validate`` counts stages, checks and endpoints, or reports the mistakes in all of their files at once."""
    pipeline = small.lending(tmp_path)
    done = run("validate", pipeline)
    assert (done.code, done.stderr) == (0, "")
    assert re.fullmatch(rf"{pipeline}: 2 stages, \d checks, 1 endpoints, no mistakes; a run makes .*\n", done.stdout)
    (tmp_path / "sql/checks/writes.sql").write_text("-- It writes.\nDELETE FROM loans")
    (tmp_path / "sql/checks/full").mkdir(exist_ok=True)
    (tmp_path / "sql/checks/full/syntax.sql").write_text("-- It is no SQL.\nSELEC 1")
    (tmp_path / "sql/api/loans.sql").write_text("SELECT 1")
    done = run("validate", "pipeline.yaml", "--json", cwd=tmp_path)
    assert done.code == 1
    files = [mistake["file"] for mistake in json.loads(done.stdout)["mistakes"]]
    assert set(files) == {"sql/api/loans.sql", "sql/checks/full/syntax.sql", "sql/checks/writes.sql"}


def test_every_mistake_has_its_place(project: Path) -> None:
    """All mistakes are reported at once with file, line and column: on stderr, or as JSON on stdout."""
    places = [("pipelines/broken.yaml", 2, 7), ("pipelines/broken.yaml", 5, 18), ("pipelines/broken.yaml", 5, 24)]
    done = run("run", "pipelines/broken.yaml", cwd=project)
    assert (done.code, done.stdout) == (1, "")
    errors = done.stderr.splitlines()
    assert [line.split(": ", 1)[0] for line in errors] == [":".join(map(str, place)) for place in places]
    assert "did you mean 'mean'?" in errors[2]
    done = run("validate", "pipelines/broken.yaml", "--json", cwd=project)
    assert (done.code, done.stderr) == (1, "")
    result = json.loads(done.stdout)
    assert result["success"] is False
    assert [(mistake["file"], mistake["line"], mistake["column"]) for mistake in result["mistakes"]] == places
    assert all(mistake["message"] for mistake in result["mistakes"])


def test_check_passes_and_fails(out: Path, tmp_path: Path) -> None:
    """``check`` counts files and checks of a good build; for a damaged one it names the file, for none the command."""
    done = run("check", TINY, "--out", out, "--full")
    assert done.code == 0, done.stderr
    assert re.fullmatch(r"build [0-9a-f]{16} of tiny: \d+ files unchanged, \d+ checks passed\n", done.stdout)
    result = json.loads(run("check", TINY, "--out", out, "--json").stdout)
    assert (result["build"], result["name"]) == ((out / "current").resolve().name, "tiny")
    (out / "current" / DATABASE).write_bytes(b"damaged")
    done = run("check", TINY, "--out", out)
    assert (done.code, done.stdout) == (1, "")
    assert f"{DATABASE} has 7 bytes instead of" in done.stderr
    assert "fix it with: python -m etl run" in done.stderr
    done = run("check", TINY, "--out", tmp_path / "none")
    assert done.code == 1
    assert "there is no build; make one with: python -m etl run" in done.stderr
    assert not (tmp_path / "none").exists()


def test_schema_is_a_json_schema() -> None:
    """``schema`` prints a JSON Schema with the keys of a pipeline and every generator."""
    text = run("schema").stdout
    assert json.loads(text)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    words = ("seed", "as_of", "stages", "checks", "first_scores", "window", "package.module:function")
    assert [word for word in words if word not in text] == []


def test_clean_keeps_the_newest(tmp_path: Path) -> None:
    """``clean`` deletes old builds of its pipeline except the current one; builds of another pipeline are an error."""
    folder = tmp_path / "build"
    pipeline = small.lending(tmp_path)
    assert run("run", pipeline, "--quiet").code == 0
    name = (folder / "current").readlink()
    for number, copy in enumerate(("-2", "-3", "-4")):
        shutil.copytree(folder / name, folder / f"{name}{copy}")
        os.utime(folder / f"{name}{copy}", (number, number))
    (folder / "current").unlink()
    (folder / "current").symlink_to(f"{name}-2")
    message = f"{folder}: deleted {{}} builds of library\n"
    assert run("clean", pipeline, "--keep", "3").stdout == message.format("1 of 4")
    assert run("clean", pipeline).stdout == message.format("2 of 3")
    assert {path.name for path in folder.iterdir()} == {*KEPT, f"{name}-2"}
    other = run("clean", "--out", folder)
    assert (other.code, other.stdout) == (1, "")
    assert other.stderr.startswith(f"{folder}: current is library, not teacher-dashboard; ")


def test_clean_without_builds(tmp_path: Path) -> None:
    """``clean`` without builds deletes nothing and creates no folder; the default is the project's folder."""
    assert run("clean", "--out", tmp_path / "none") == (0, f"{tmp_path / 'none'}: nothing to delete\n", "")
    assert not (tmp_path / "none").exists()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/p.yaml").write_text("name: p\n")
    assert run("clean", tmp_path / "sub/p.yaml").stdout == f"{tmp_path / 'build'}: nothing to delete\n"


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["run", "--no-such-option"],
        ["run", "no-such-file.yaml"],
        ["run", TINY, "--seed", str(2**63)],
        ["run", TINY, "--seed", "one"],
        ["show"],
        ["show", "tests", "--limit", "0"],
        ["clean", "--keep", "0"],
        ["clean", "--seed", "1"],
        ["run", ".", "--out", "build"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    """Wrong usage is exit code 2, with a message on stderr, or as JSON where a command has ``--json``."""
    done = run(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
    if arguments[0] == "clean":
        return
    done = run(*arguments, "--json")
    assert (done.code, done.stderr) == (2, "")
    (mistake,) = json.loads(done.stdout)["mistakes"]
    assert mistake["message"]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_help_names_every_option(name: str) -> None:
    """The help of a command names each of its options, with a sentence, and each argument."""
    text = commands.commands[name].get_help(click.Context(commands.commands[name], info_name=name))
    for parameter in commands.commands[name].params:
        if isinstance(parameter, click.Option):
            assert all(option in text for option in parameter.opts)
            assert parameter.help
        else:
            assert parameter.human_readable_name in text


def test_help_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--help`` lists the commands, each with a sentence; ``-h`` is the same; ``--version`` prints the version."""
    monkeypatch.setenv("COLUMNS", "80")
    done = run("--help")
    assert (done.code, done.stderr) == (0, "")
    assert all(re.search(rf"^  {name} +\w", done.stdout, re.MULTILINE) for name in commands.commands)
    assert "..." not in done.stdout.partition("Commands:")[2], "the first sentence of a command fits on its line"
    assert run("-h").stdout == done.stdout
    assert re.fullmatch(r"etl, version \d+\.\d+\.\d+\n", run("--version").stdout)


# In a process of its own


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_second_run_waits_and_can_be_stopped(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """A run waits for another one with a message; a signal ends it with the signal's exit code and a plain message."""
    out = tmp_path / "build"
    job = command("run", small.lending(tmp_path))
    with (
        Store(out).locked(pytest.fail),
        subprocess.Popen(job, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        waiting = process.stderr.readline()
        process.send_signal(number)
        printed, errors = process.communicate(timeout=PATIENCE)
    assert waiting == f"another run (process {os.getpid()}) has locked {out}; waiting for it\n"
    assert (process.returncode, printed) == (code, "")
    # A signal that comes while Python writes a line lets it write that line once more.
    assert errors.replace(waiting, "").strip() == "Interrupted; existing builds are unchanged."
    assert litter(out) == []


@pytest.mark.fault("three runs at once on one folder, of the same world and of another")
def test_three_runs_at_once(tmp_path: Path) -> None:
    """Runs on one folder, two of the same world and one of another, wait for each other and succeed; one build each."""
    out, pipeline = tmp_path / "build", small.lending(tmp_path)
    job = command("run", pipeline, "--json", "--seed", "1")
    running = [subprocess.Popen(job, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    other = run("run", pipeline, "--json", "--seed", "2")
    results = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in running]
    assert [process.returncode for process in running] == [other.code, other.code] == [0, 0]
    assert sorted(result["state"] for result in results) == ["built", "up to date"]
    assert json.loads(other.stdout)["state"] == "built"
    assert len(hashes(out)) == 2 * len(hashes(out / "current"))
    assert litter(out) == []
