"""Reading and validating a pipeline file: every file of tests/bad gives exactly the mistakes that it states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etl.config.source import display_path, load, project_root
from etl.errors import EtlError, Mistakes
from etl.pipeline.forms import Shard
from etl.pipeline.validate import validate

ROOT = Path(__file__).parents[2]
BAD = sorted((ROOT / "tests/bad").glob("*.yaml"))
TINY = ROOT / "pipelines" / "tiny.yaml"


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name files relative to the working folder."""
    monkeypatch.chdir(ROOT)


def told(path: Path, *changes: str) -> list[str]:
    """Every mistake of a pipeline, each on a line."""
    try:
        validate(load(path, changes=changes))
    except Mistakes as error:
        return [str(mistake) for mistake in error.mistakes]
    except EtlError as error:
        return [str(error)]
    return []


def stated(path: Path) -> list[str]:
    """The mistakes that the comment at the top of a file states; a line without a file is about this one."""
    comment = re.match(rb"(# .*\n)*", path.read_bytes())
    lines = [line[2:] for line in comment[0].decode().splitlines()] if comment else []
    own = path.relative_to(ROOT)
    return [f"{own}:{line}" if re.match(r"\d+(:\d+)?: ", line) else line for line in lines]


MISTAKE = pytest.mark.fault(
    "a mistake in a pipeline or its files (tests/bad: YAML bombs, deep nesting, broken CSV and SQL ...)"
)


@MISTAKE
@pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])
def test_every_mistake_is_told(path: Path) -> None:
    """A bad file gives exactly the places and messages that its first lines state, all in one go."""
    assert stated(path), "the file states no mistake"
    assert told(path) == stated(path)


def test_every_fixture_is_used() -> None:
    """Each file beside the corpus is named in it."""
    texts = b"".join(path.read_bytes() for path in BAD)
    fixtures = [path for path in (BAD[0].parent / "files").iterdir() if path.is_file()]
    unused = [
        path.name for path in fixtures if path.name.encode() not in texts and f".{path.stem}:".encode() not in texts
    ]
    assert unused == []


def test_pipeline_is_typed() -> None:
    """A valid pipeline has its stages, tables, params and reference rows as typed values."""
    pipeline = validate(load(TINY))
    stage = pipeline.stages["window1"]
    assert (pipeline.name, pipeline.seed, pipeline.as_of) == ("tiny", 20250801, "2025-08-01 00:00:00")
    assert (stage.kind, stage.table, stage.params.rosters.high) == ("python", None, 1)
    assert pipeline.stages["students"].shard == Shard(by="classes", rows=2)
    assert pipeline.references["tests"].cells("id") == [1, 2, 3, 4, 5, 6]
    scores = pipeline.stage_of_table("scores")
    assert scores
    assert scores.name == "scores"
    assert pipeline.stage_of_table("nothing") is None


def test_tiny_changes_numbers_only() -> None:
    """The tiny world has the stages, inputs and files of the default one."""
    tiny, default = (load(path).tree.get("stages") for path in (TINY, ROOT / "pipeline.yaml"))
    assert tiny
    assert default
    for name, stage in default.mapping().items():
        own = tiny.mapping()[name].plain()
        assert {key: own[key] for key in own if key not in {"params", "shard"}} == {
            key: value for key, value in stage.plain().items() if key not in {"params", "shard"}
        }


def test_set_reads_yaml() -> None:
    """The value is YAML: lists, mappings, texts and null; of two changes of one value the last one wins."""
    changes = ["x-clamp=[5200, 5700]", "site={title: Mine}", "name=12:30", "api=null", "stages.tests.table="]
    tree = load(TINY, changes=["name=earlier", *changes[:4]]).tree.plain()
    assert tree["stages"]["pm6"]["params"]["clamp"] == [5200, 5700]
    assert tree["site"]["title"] == "Mine"
    assert tree["site"]["license"] == "CC0-1.0"
    assert tree["name"] == "12:30"
    assert "api" not in tree
    message = "stages.tests.table: there is no 'table' to remove; known: csv"
    assert told(TINY, changes[4]) == [f"--set {changes[4]}: {message}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed", "--set seed: write it as path.to.key=value"),
        ("=1", "--set =1: write it as path.to.key=value"),
        ("a..b=1", "--set a..b=1: write it as path.to.key=value"),
        ("sead=1", "--set sead=1: sead: unknown key; did you mean 'seed'?"),
        ("seed=-1", "--set seed=-1:1:1: seed: must be at least 0, not -1"),
        ("seed=[1", "--set seed=[1:2:1: not YAML: expected ',' or ']', to close what opens on line 1"),
        ("x-grwth={untouched: [0, 1]}", "x-grwth: nothing in the pipeline uses it; did you mean 'x-growth'?"),
        ("x-window.params=1", "x-window.params: nothing in the pipeline uses it; did you mean 'x-window'?"),
        ("extends=pipelines/null.yaml", "extends: only a file can extend another; name that file as the pipeline"),
        ("stages.clases.params.count=20", "stages.clases: there is no stage 'clases'; did you mean 'classes'?"),
        ("stages.rooms.params.count=20", "stages.rooms: there is no stage 'rooms'"),
        (
            "stages.clases={params: {count: 20}}",
            (
                "stages.clases: a stage needs one of csv, json, parquet, sqlite, python and sql, "
                "to say where its rows come from; "
                "did you mean 'classes'?"
            ),
        ),
        ("name=null", "pipelines/tiny.yaml:1:1: name: is missing"),
        ("stages.pm1.params.sd=0", "--set stages.pm1.params.sd=0:1:1: stages.pm1.params.sd: must be at least 1, not 0"),
    ],
)
def test_mistakes_of_set_name_the_option(change: str, message: str) -> None:
    """A mistake in a change names the option."""
    found = [line.removeprefix(f"--set {change}: ") for line in told(TINY, change)]
    assert found == [message.removeprefix(f"--set {change}: ")]


@pytest.mark.parametrize("change", ["stages.pm1.params={}", "x-growth={}"])
def test_an_empty_mapping_is_refused(change: str) -> None:
    """Mappings are merged, so an empty one, which looks like a reset, would change nothing."""
    (found,) = told(TINY, change)
    path = change.partition("=")[0]
    assert found == (
        f"--set {change}:1:1: {path}: an empty mapping changes nothing, as mappings are merged; "
        "write null to remove a key"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Grade #3", "Grade #3"),
        ("#3", "#3"),
        ("5 # five", "5 # five"),
        ("'Grade' #3", None),
        ("Grade: x #3", None),
        ("[a] # b", None),
        ("'Grade #3'", "Grade #3"),
        ("C#", "C#"),
    ],
)
def test_nothing_is_a_comment_on_the_command_line(text: str, value: str | None) -> None:
    """A plain text with a '#' is not cut; elsewhere a comment is a mistake."""
    source = load(TINY, changes=[f"site.title={text}"])
    if value is not None:
        assert (source.tree.plain()["site"]["title"], source.mistakes) == (value, ())
        return
    assert [mistake.message for mistake in source.mistakes] == ["'#' starts a comment in YAML; put the text in quotes"]


@pytest.mark.parametrize("written", ["005", "1.10", "true"])
def test_a_number_for_a_text_is_quoted_as_written(written: str) -> None:
    """What YAML makes of it is another text: it must be quoted."""
    (found,) = told(TINY, f"stages.students.params.created_at={written}")
    assert found.endswith(f"created_at: must be a string, not {written}; put it in quotes: '{written}'")


def test_seed_option_wins() -> None:
    """--seed replaces the seed of the file, and is checked like it."""
    assert validate(load(TINY, seed=7)).seed == 7
    with pytest.raises(Mistakes, match="--seed: seed: must be at least 0, not -1"):
        validate(load(TINY, seed=-1))


def test_paths_stand_relative_to_their_own_file() -> None:
    """A path is relative to the file that it is written in, also when another file extends that one."""
    source = load(TINY)
    schema = source.tree.get("schema")
    assert schema
    assert source.resolve(schema) == ROOT / "sql" / "schema.sql"


def test_shown_names_are_relative(tmp_path: Path) -> None:
    """Messages name a file below the working folder relative to it, another one by its whole path."""
    assert display_path(ROOT / "sql" / "schema.sql") == "sql/schema.sql"
    assert display_path(tmp_path / "x.yaml") == str(tmp_path / "x.yaml")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A missing pipeline file is an error with its path."""
    path = tmp_path / "none.yaml"
    assert told(path) == [f"{path}: cannot read it: No such file or directory"]


def test_the_project_is_the_nearest_folder_with_a_mark(tmp_path: Path) -> None:
    """The nearest folder with a pipeline.yaml, a pyproject.toml or a .git is the project, or else the file's own."""
    assert project_root(TINY) == ROOT
    assert project_root(tmp_path / "worlds/other.yaml") == tmp_path / "worlds"
    (tmp_path / "pyproject.toml").touch()
    assert project_root(tmp_path / "worlds/other.yaml") == tmp_path
    (tmp_path / "inner/pipelines").mkdir(parents=True)
    (tmp_path / "inner/pipeline.yaml").touch()
    assert project_root(tmp_path / "inner/pipelines/tiny.yaml") == tmp_path / "inner"


def test_links_out_of_the_project_are_refused(tmp_path: Path) -> None:
    """A symbolic link inside of the project does not lead out of it."""
    (tmp_path / "data").symlink_to("/etc")
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text("stages: {names: {csv: data/hostname, internal: true}}\n")
    assert f"{pipeline}:1:23: stages.names.csv: data/hostname is outside the project" in told(pipeline)
