"""The command line, end to end: each command and option, what it prints where, and its exit code."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
from typing import TYPE_CHECKING

import click
import pytest

from etl.build.store import Store
from etl.cli import commands
from etl.cli.exit import exit_code
from etl.cli.options import Output
from etl.errors import EtlError
from tests.support.running import KEPT, PATIENCE, ROOT, TINY, command, copy_of_project, etl, hashes, litter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE = "teacher-dashboard.db"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of builds with the tiny world's in it, made by the first run, for tests that change nothing in it."""
    folder = tmp_path_factory.mktemp("cli") / "build"
    done = etl("run", TINY, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a pipeline that has three mistakes."""
    project = copy_of_project(tmp_path_factory.mktemp("broken"))
    text = "extends: tiny.yaml\nseed: -1\nstages:\n  pm1:\n    params: {sd: none, meen: 1}\n"
    (project / "pipelines/broken.yaml").write_text(text)
    return project


def lines(text: str) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


# run


def test_run_says_what_it_made(tmp_path: Path) -> None:
    """A run prints its stages to stderr, and the tables, the size and the place to stdout; nothing else is left."""
    out = tmp_path / "some" / "where"
    done = etl("run", TINY, "--out", out)
    assert done.returncode == 0, done.stderr
    assert ["rosters", "3"] in lines(done.stdout)
    assert re.search(r"^built: build [0-9a-f]{16}, [\d.]+ MB, in [\d.]+ s$", done.stdout, re.MULTILINE)
    assert done.stdout.splitlines()[-1] == str((out / "current").resolve() / DATABASE)
    assert re.search(r"^students +\d+ rows +[\d.]+ s$", done.stderr, re.MULTILINE)
    assert "\x1b" not in done.stdout + done.stderr
    assert {path.name for path in out.iterdir()} == {*KEPT, (out / "current").resolve().name}


def test_run_again_is_up_to_date(out: Path) -> None:
    """The second run says so, and changes nothing."""
    before = hashes(out)
    done = etl("run", TINY, "--out", out)
    assert done.returncode == 0
    assert "up to date: build" in done.stdout
    assert done.stderr == ""
    assert hashes(out) == before


def test_run_force_builds_again(out: Path) -> None:
    """``--force`` builds again and finds the same bytes."""
    before = hashes(out)
    done = etl("run", TINY, "--out", out, "--force")
    assert done.returncode == 0
    assert "built again, the same bytes: build" in done.stdout
    assert hashes(out) == before


def test_run_quiet_says_nothing(out: Path) -> None:
    """``--quiet`` prints nothing at all when all is well."""
    done = etl("run", TINY, "--out", out, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_run_json_is_for_programs(out: Path) -> None:
    """``--json`` prints one JSON document to stdout and nothing to stderr."""
    done = etl("run", TINY, "--out", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["success"] is True
    assert said["state"] == "up to date"
    assert said["tables"]["rosters"] == 3
    assert said["database"] == str((out / "current").resolve() / DATABASE)
    assert said["seconds"] > 0


def test_run_with_other_numbers(tmp_path: Path) -> None:
    """``--seed``, ``--set``, ``--copy-to`` and ``--timings`` do together what each says."""
    copy, timings = tmp_path / "app" / "app.db", tmp_path / "timings.json"
    changes = ("--seed", "7", "--set", "stages.classes.params.size=[5, 5]", "--set", "name=other")
    done = etl("run", TINY, "--out", tmp_path / "build", "--copy-to", copy, "--timings", timings, *changes)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("app.db (a writable copy)")
    manifest = json.loads((tmp_path / "build/current/manifest.json").read_text())
    assert (manifest["seed"], manifest["name"]) == (7, "other")
    assert manifest["tables"]["students"]["rows"] == 15
    with contextlib.closing(sqlite3.connect(copy)) as database, database:
        database.execute("INSERT INTO rosters (name) VALUES ('mine')")
        assert database.execute("SELECT max(id) FROM rosters").fetchone() == (4,)
    measured = json.loads(timings.read_text())
    assert measured["seconds"] > 0
    assert {"identify", "validate", "generate", "load", "checks", "commit", "manifest"} <= set(measured["phases"])
    assert measured["stages"]["students"]["rows"] == 15


def test_run_writes_beside_the_pipeline(broken: Path) -> None:
    """Without ``--out`` the builds go to the project's own folder, wherever the command is run from."""
    done = etl("run", "../pipelines/tiny.yaml", "--quiet", cwd=broken / "data", env={"PYTHONPATH": str(broken)})
    assert done.returncode == 0, done.stderr
    assert (broken / "build/current" / DATABASE).is_file()
    assert not (broken / "data/build").exists()


def test_run_refuses_a_copy_beside_a_log(out: Path, tmp_path: Path) -> None:
    """A copy that an application has open is refused with exit code 1 and what to do; the build is there."""
    (tmp_path / "app.db-wal").touch()
    done = etl("run", TINY, "--out", out, "--copy-to", tmp_path / "app.db")
    assert done.returncode == 1
    assert "app.db: an application has it open, or left its -wal file; stop it" in done.stderr
    assert not (tmp_path / "app.db").exists()


@pytest.mark.parametrize(
    ("option", "target", "says"),
    [
        ("--copy-to", "sql/schema.sql", "is an input of the pipeline"),
        ("--timings", "data/tests.csv", "is an input of the pipeline"),
        ("--timings", "pyproject.toml", "exists and is no file of timings; name another file"),
        ("--copy-to", "pyproject.toml/x.db", "cannot write the copy: Not a directory"),
    ],
)
def test_run_refuses_to_replace_what_is_not_its_own(tmp_path: Path, option: str, target: str, says: str) -> None:
    """A file that is not one of ours is refused, and stays, before anything is built."""
    out, path = tmp_path / "build", ROOT / target
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(EtlError, match=f"{target}: {says}"):
        commands.commands.main(["run", TINY, "--out", str(out), option, str(path)], standalone_mode=False)
    assert not out.exists()
    assert (path.read_bytes() if path.exists() else None) == before


# plan, show, validate, check, schema, clean


def test_plan_draws_the_stages() -> None:
    """``plan`` shows kind, source, inputs, table and rows of each stage, those that run by shard apart."""
    done = etl("plan", TINY)
    assert done.returncode == 0, done.stderr
    once, sharded = done.stdout.split("once per shard", 1)
    assert ["classes", "python", "etl.school.classes:classes", "last_names,", "subjects", "-", "3"] in lines(once)
    assert ["test_groups", "csv", "data/test_groups.csv", "-", "test_groups", "1"] in lines(once)
    assert re.search(r"^pm2 +python +etl.school.scores:next_scores +.*pm1", sharded, re.MULTILINE)
    assert re.search(r"^broken_means +python .* a check +none$", sharded, re.MULTILINE)


def test_plan_as_json() -> None:
    """``plan --json`` says the same for programs."""
    said = json.loads(etl("plan", TINY, "--json").stdout)
    stages = {stage["stage"]: stage for stage in said["stages"]}
    assert said["shard"]["by"] == "classes"
    assert stages["students"]["sharded"] is True
    assert stages["rosters"]["sharded"] is False
    assert stages["scores"]["fills"] == "scores"
    assert stages["classes"]["expected_rows"] == 3
    for stage in said["stages"]:
        assert all(list(stages).index(name) < list(stages).index(stage["stage"]) for name in stage["inputs"])


def test_show_prints_first_rows(tmp_path: Path) -> None:
    """``show`` prints the first rows of a stage, of any kind, and builds nothing."""
    project = copy_of_project(tmp_path / "project")
    done = etl("show", "students", "--pipeline", TINY, "--limit", "2", cwd=project)
    assert done.returncode == 0, done.stderr
    head, _, first, second = lines(done.stdout)
    assert head == ["id", "roster_id", "name", "external_id", "created_at"]
    assert (first[0], second[0]) == ("1", "2")
    assert len(lines(etl("show", "tests", cwd=project).stdout)) == 2 + 5
    assert not (project / "build").exists()


def test_show_as_json() -> None:
    """``show --json`` prints the rows as an array of objects, with the seed and the changes that are asked for."""
    options = ["--pipeline", TINY, "--json", "--limit", "1", "--set", "stages.students.params.external_id=x{id}"]
    done = etl("show", "students", *options, "--seed", "1")
    (row,) = json.loads(done.stdout)
    (other,) = json.loads(etl("show", "students", *options, "--seed", "2").stdout)
    assert row["id"] == other["id"] == 1
    assert row["external_id"] == "x1"
    assert row["name"] != other["name"]


def test_show_knows_what_was_meant() -> None:
    """A stage that is not there is an error that says which one was meant."""
    done = etl("show", "student", "--pipeline", TINY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "there is no stage 'student'; did you mean 'students'?\n"
    done = etl("show", "zzz")
    assert done.stderr == "there is no stage 'zzz'; see them all with: python -m etl plan\n"


def test_validate_finds_no_mistakes() -> None:
    """``validate`` counts the stages of a good pipeline, as text and as JSON."""
    done = etl("validate", TINY)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"{TINY}: \d+ stages, \d+ checks, \d+ endpoints, no mistakes\n", done.stdout)


def test_validate_reads_every_file(tmp_path: Path) -> None:
    """``validate`` tells the mistakes in the checks, the full ones too, and in the endpoints, in one go, as JSON."""
    project = copy_of_project(tmp_path)
    (project / "sql/checks/writes.sql").write_text("-- It writes.\nDELETE FROM rosters")
    (project / "sql/checks/full/syntax.sql").write_text("-- It is no SQL.\nSELEC 1")
    (project / "sql/api/rosters.sql").write_text("SELECT 1")
    done = etl("validate", TINY, "--json", cwd=project)
    assert done.returncode == 1
    files = [mistake["file"] for mistake in json.loads(done.stdout)["mistakes"]]
    assert set(files) == {"sql/api/rosters.sql", "sql/checks/full/syntax.sql", "sql/checks/writes.sql"}


@pytest.mark.parametrize("name", ["validate", "run"])
def test_every_mistake_has_its_place(broken: Path, name: str) -> None:
    """All mistakes come at once on stderr, each with file, line and column; exit code 1, nothing on stdout."""
    done = etl(name, "pipelines/broken.yaml", cwd=broken)
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()
    assert [line.split(": ", 1)[0] for line in said] == [
        "pipelines/broken.yaml:2:7",
        "pipelines/broken.yaml:5:18",
        "pipelines/broken.yaml:5:24",
    ]
    assert "did you mean 'mean'?" in said[2]


def test_every_mistake_as_json(broken: Path) -> None:
    """With ``--json`` the mistakes are JSON on stdout, place by place; exit code 1, nothing on stderr."""
    done = etl("validate", "pipelines/broken.yaml", "--json", cwd=broken)
    assert (done.returncode, done.stderr) == (1, "")
    said = json.loads(done.stdout)
    assert said["success"] is False
    places = [(mistake["file"], mistake["line"], mistake["column"]) for mistake in said["mistakes"]]
    assert places == [
        ("pipelines/broken.yaml", 2, 7),
        ("pipelines/broken.yaml", 5, 18),
        ("pipelines/broken.yaml", 5, 24),
    ]
    assert all(mistake["message"] for mistake in said["mistakes"])


def test_mistake_on_the_command_line_has_its_place() -> None:
    """A mistake in ``--set`` names that very argument."""
    done = etl("validate", TINY, "--set", "stages.pm1.params.sd=none")
    assert done.returncode == 1
    assert done.stderr.startswith("--set stages.pm1.params.sd=none:1:1: stages.pm1.params.sd: must be a")


def test_check_passes_and_fails(tmp_path: Path) -> None:
    """``check`` counts files and checks of a good build; of a damaged one it names the file, exit code 1."""
    out = tmp_path / "build"
    assert etl("run", TINY, "--out", out, "--quiet").returncode == 0
    done = etl("check", TINY, "--out", out, "--full")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"build [0-9a-f]{16} of tiny: \d+ files unchanged, \d+ checks passed\n", done.stdout)
    said = json.loads(etl("check", TINY, "--out", out, "--json").stdout)
    assert (said["build"], said["name"]) == ((out / "current").resolve().name, "tiny")
    (out / "current" / DATABASE).write_bytes(b"damaged")
    done = etl("check", TINY, "--out", out)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{DATABASE} has 7 bytes instead of" in done.stderr
    assert "fix it with: python -m etl run" in done.stderr


def test_check_without_a_build(tmp_path: Path) -> None:
    """``check`` without a build says how to make one, and makes no folder."""
    done = etl("check", TINY, "--out", tmp_path / "none")
    assert done.returncode == 1
    assert "there is no build; make one with: python -m etl run" in done.stderr
    assert not (tmp_path / "none").exists()


def test_schema_is_a_json_schema() -> None:
    """``schema`` prints a JSON Schema that knows the keys of a pipeline and every generator."""
    said = json.loads(etl("schema").stdout)
    assert said["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    words = ("seed", "as_of", "stages", "checks", "first_scores", "window", "package.module:function")
    assert [word for word in words if word not in json.dumps(said)] == []


def test_clean_keeps_what_it_is_told(out: Path, tmp_path: Path) -> None:
    """``clean`` deletes old builds of its pipeline but the current one, and says how many; of another, it says so."""
    folder = tmp_path / "build"
    name = (out / "current").readlink()
    for number, copy in enumerate(("-2", "-3", "-4", "")):
        shutil.copytree(out / name, folder / f"{name}{copy}")
        os.utime(folder / f"{name}{copy}", (number, number))
    (folder / "current").symlink_to(f"{name}-2")
    said = f"{folder}: deleted {{}} builds of tiny\n"
    assert etl("clean", TINY, "--out", folder, "--keep", "3").stdout == said.format("1 of 4")
    assert etl("clean", TINY, "--out", folder).stdout == said.format("2 of 3")
    assert {path.name for path in folder.iterdir()} == {"current", ".lock", f"{name}-2"}
    other = etl("clean", "--out", folder)
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr.startswith(f"{folder}: current is tiny, not teacher-dashboard; ")


def test_clean_without_builds(tmp_path: Path) -> None:
    """``clean`` where nothing is has nothing to do, and makes no folder; without ``--out`` it is the project's own."""
    done = etl("clean", "--out", tmp_path / "none")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'none'}: nothing to delete\n")
    assert not (tmp_path / "none").exists()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/p.yaml").write_text("name: p\n")
    assert etl("clean", tmp_path / "sub/p.yaml").stdout == f"{tmp_path / 'build'}: nothing to delete\n"


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["run", "--no-such-option"],
        ["run", "no-such-file.yaml"],
        ["run", TINY, "--seed", "-1"],
        ["run", TINY, "--seed", str(2**63)],
        ["run", TINY, "--seed", "one"],
        ["show"],
        ["show", "tests", "--limit", "0"],
        ["clean", "--keep", "0"],
        ["run", ".", "--out", "build"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be understood is exit code 2, with the usage on stderr and no traceback."""
    monkeypatch.chdir(ROOT)
    output = Output()
    code = exit_code(lambda: commands.commands.main(arguments, standalone_mode=False, obj=output), output)
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "Error: " in said.err
    assert "Traceback" not in said.err


def options() -> list[tuple[str, click.Parameter]]:
    """Every parameter of every command."""
    return [(name, made) for name, one in sorted(commands.commands.commands.items()) for made in one.params]


@pytest.mark.parametrize(("name", "parameter"), options(), ids=lambda value: getattr(value, "name", value))
def test_help_names_every_option(name: str, parameter: click.Parameter) -> None:
    """The help of a command names each of its options, with a sentence, and each argument."""
    text = commands.commands.commands[name].get_help(click.Context(commands.commands.commands[name], info_name=name))
    if isinstance(parameter, click.Option):
        assert all(option in text for option in parameter.opts)
        assert parameter.help
        assert parameter.help.rstrip("].").strip()
    else:
        assert parameter.human_readable_name in text


def test_help_and_version() -> None:
    """``--help`` lists the commands with what they do, ``-h`` is the same, ``--version`` says the version."""
    terminal = {"COLUMNS": "80"}
    done = etl("--help", env=terminal)
    assert (done.returncode, done.stderr) == (0, "")
    assert {"run", "plan", "show", "validate", "check", "schema", "clean"} <= set(commands.commands.commands)
    assert all(re.search(rf"^  {name} +\w", done.stdout, re.MULTILINE) for name in commands.commands.commands)
    assert "..." not in done.stdout.partition("Commands:")[2], "the first sentence of a command fits on its line"
    assert etl("-h", env=terminal).stdout == done.stdout
    assert re.fullmatch(r"etl, version \d+\.\d+\.\d+\n", etl("--version").stdout)


# Ends


def test_reader_that_goes_away_is_no_error_message() -> None:
    """When the reader of the output goes, as ``head -1`` does, there is no traceback and no complaint."""
    for arguments in (["schema"], ["show", "scores", "--pipeline", TINY, "--limit", "500"]):
        with subprocess.Popen(
            command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(30) in {0, 1}


@pytest.mark.fault("a full disk under the output")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110 -- a device
def test_full_disk_under_the_output_is_said() -> None:
    """When stdout can't be written, that is said once, with exit code 1."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 -- a device
        done = subprocess.run(command("schema"), cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "standard output: No space left on device\n")


def test_any_letter_fits_any_terminal(tmp_path: Path) -> None:
    """Names with letters that the output's encoding lacks are shown by number, and JSON stays JSON."""
    project = copy_of_project(tmp_path / "project")
    (project / "data/subjects.csv").write_text("name\nЖ 😀\n", encoding="utf-8")
    western = {"PYTHONIOENCODING": "latin-1"}
    done = etl("show", "subjects", cwd=project, env=western)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, r"\u0416 \U0001f600")
    said = etl("show", "subjects", "--json", cwd=project, env=western)
    assert json.loads(said.stdout) == [{"name": "Ж 😀"}]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_second_run_waits_and_can_be_stopped(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """A run that another one holds up says so; a signal ends it with the signal's exit code and a plain message."""
    out = tmp_path / "build"
    job = command("run", TINY, "--out", out)
    with (
        Store(out).locked(pytest.fail),
        subprocess.Popen(job, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        waiting = process.stderr.readline()
        process.send_signal(number)
        said, complained = process.communicate(timeout=PATIENCE)
    assert waiting == f"another run (process {os.getpid()}) has locked {out}; waiting for it\n"
    assert (process.returncode, said) == (code, "")
    # A signal that comes while Python writes a line lets it write that line once more.
    assert complained.replace(waiting, "").strip() == "Interrupted; existing builds are unchanged."
    assert litter(out) == []


@pytest.mark.fault("three runs at once on one folder, of the same world and of another")
def test_two_runs_at_once(tmp_path: Path) -> None:
    """Runs on one folder, two of the same world and one of another, wait for each other and succeed; one build each."""
    out = tmp_path / "build"
    jobs = [command("run", TINY, "--out", out, "--json", "--seed", seed) for seed in ("1", "1", "2")]
    running = [subprocess.Popen(job, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for job in jobs]
    said = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(one["state"] for one in said[:2]) == ["built", "up to date"]
    assert said[2]["state"] == "built"
    assert len(hashes(out)) == 2 * len(hashes(out / "current"))
    assert litter(out) == []


def on_a_terminal(*arguments: str | Path) -> Iterator[bytes]:
    """Run a command with a terminal as its stderr, and yield what appears on it, to its end."""
    reader, writer = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command(*arguments), cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=writer) as process:
        os.close(writer)
        while select.select([reader], [], [], 30)[0]:
            try:
                yield os.read(reader, 10_000)
            except OSError:  # Linux says it so: the other end is closed
                break
        assert process.wait(30) == 0
    os.close(reader)


def test_run_on_a_terminal_shows_the_bar(tmp_path: Path) -> None:
    """On a terminal a run shows a live bar with rows and rows a second, then a line a stage."""
    text = b"".join(on_a_terminal("run", TINY, "--out", tmp_path / "build")).decode()
    assert re.search(r"[\d,]+ rows, [\d,]+ a second", text)
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert re.search(r"^students +\d+ rows +[\d.]+ s\r?$", text, re.MULTILINE)
