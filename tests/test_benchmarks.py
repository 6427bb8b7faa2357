"""The benchmarks: numbers, tables and pictures are right, and the peers make the world that they are compared by."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import ROSTERS, verify, waits
from benchmarks import __main__ as harness
from benchmarks.contenders import (
    AGAIN,
    BASELINE,
    CONTENDERS,
    DATABASE_ONLY,
    RUN_ALONE,
    WRITER,
    Contender,
    compile_writer,
)
from benchmarks.database_only import WINDOWS, changes
from benchmarks.goals import AT_LEAST, GOALS, Goal
from benchmarks.lanes import Run, draw
from benchmarks.measure import MeasureError, Sample, measure, memory
from benchmarks.results import Entry, Results, ratio, report, scale_table
from benchmarks.timeline import MAIN, critical_path, imports, merged, named
from etl.build.assemble import read_project
from etl.config.source import load
from etl.pipeline.validate import validate
from etl.run.progress import Span
from tests.support import oracle

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
SEEDERS = [each for each in CONTENDERS if not each.ours and each.needs in ("", WRITER)]


def entry(*walls: float, rows: int = 1000) -> Entry:
    """What was measured: some wall times."""
    return Entry([Sample(wall, wall / 2, 64 * 1024 * 1024) for wall in walls], rows=rows, size=2_000_000)


def results(**walls: tuple[float, ...]) -> Results:
    """Results at scale 1: the baseline and our database alone."""
    names = {"base": BASELINE, "ours": DATABASE_ONLY}
    return Results({1: {names[name]: entry(*values) for name, values in walls.items()}})


def test_ratios_are_of_medians() -> None:
    """A ratio is the quotient of two medians, and nothing where one was not measured."""
    found = results(base=(1.0, 2.0, 9.0), ours=(1.0, 1.0, 5.0))
    assert ratio(found.wall(1, DATABASE_ONLY), found.wall(1, BASELINE)) == 0.5
    assert ratio(found.wall(1, "nobody"), found.wall(1, BASELINE)) is None
    assert found.wall(10, BASELINE) is None


def test_goals_pass_and_fail_by_their_bound() -> None:
    """A goal says pass at its bound, fail beyond it, and that it was not measured otherwise."""
    goal = Goal("speed", AT_LEAST, 2, "x", lambda found: found.wall(1, BASELINE))
    assert goal.row(results(base=(2.0,))) == ["speed", "at least 2x", "2x", "pass"]
    assert goal.row(results(base=(1.9,)))[3] == "**fail**"
    assert goal.row(Results())[2:] == ["not measured", ""]


def test_scale_table_gives_the_reason_for_a_skip() -> None:
    """A contender without samples is in the table with the reason."""
    found = results(base=(2.0,), ours=(1.0,))
    found.entry(1, "C").why_not = "skipped: needs a compiler"
    lines = scale_table(found, 1).splitlines()
    assert lines[3] == f"| {DATABASE_ONLY} | 1.00 | 0.50 | 64 | 0.50 | 1000.00 | 2 |"
    assert lines[4].startswith("| C | skipped: needs a compiler |")


def test_report_has_every_section() -> None:
    """The report has the machine, the goals, the chart, a table per scale, and the versions."""
    found = results(base=(2.0,), ours=(1.0,))
    text = report(found, [goal.row(found) for goal in GOALS], CONTENDERS, ["a machine"], "results.svg")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Goals",
        "## 1x: 250 rosters, 1,000 rows",
        "## Who is who",
    ]
    assert "- a machine" in text
    assert "](results.svg)" in text


def span(thread: str, phase: str, begin: float, end: float, cpu: float) -> Span:
    """A phase of a thread; ``cpu`` is a share of its time."""
    return Span(thread, phase, begin, end, cpu * (end - begin))


def test_critical_path_follows_what_the_main_thread_waits_for() -> None:
    """Where the main thread waits until another ends, the path is the other's; a wait that nobody ends is its own."""
    waits_for_shard, on_disk = span(MAIN, "generate", 1, 3, 0.1), span(MAIN, "export", 3, 5, 0.1)
    shard, early = span("shard", "shard", 0.5, 3, 1), span("checks", "checks", 3, 3.5, 1)
    run = Run([span(MAIN, "import", 0, 1, 0.9), waits_for_shard, on_disk, shard, early], 5, 4)
    path = [(each.thread, each.begin, each.end) for each in critical_path(run) if each.end > each.begin]
    assert path == [(MAIN, 0, 1), ("shard", 1, 3), (MAIN, 3, 5)]
    assert sum(each.cpu for each in critical_path(run)) == pytest.approx(0.9 + 2 + 0.2)


def test_timeline_draws_each_thread_and_phase() -> None:
    """The picture is well-formed, names threads, phases and packages, and joins phases that follow each other."""
    parts = [span(MAIN, "load", 0.1, 0.2, 1), span(MAIN, "load", 0.2, 0.3, 1), span("digest_0", "digest", 0.1, 0.2, 1)]
    run = Run([*named(merged(parts), 0.4)], 0.4, 0.5)
    assert [each.phase for each in run.spans] == ["start", "load", "digest", "end"]
    imported = imports(
        "import time:  2000 |  2500 | numpy\nimport time: 500 | 500 |   _duckdb._x\nimport time: 1 | 1 | os\n"
    )
    assert imported == {"numpy": 0.002, "duckdb": 0.0005, "Python's own": 1e-6}
    texts = [text.text for text in ET.fromstring(draw(run, critical_path(run), imported)).findall(".//{*}text")]  # noqa: S314
    for said in ("main", "digest", "load: main 200 (200)", "digest: digest 100 (100)"):
        assert said in texts
    assert "numpy 2, duckdb 0, Python's own 0, others 0" in texts


def test_windows_match_the_pipeline() -> None:
    """The benchmarks' windows equal those of pipeline.yaml at scale 1, and cover all rosters at scale 10."""
    plain = validate(load(ROOT / "pipeline.yaml")).stages
    bounds = {name: (plain[name].params.rosters.low, plain[name].params.rosters.high) for name in WINDOWS}
    assert (plain["classes"].params.count, bounds) == (ROSTERS, WINDOWS)
    tenfold = validate(load(ROOT / "pipeline.yaml", changes=changes(2500))).stages
    assert tenfold["classes"].params.count == 2500
    assert (tenfold["window3"].params.rosters.low, tenfold["window3"].params.rosters.high) == (1601, 2500)


def test_slow_peers_are_skipped_at_the_next_scale() -> None:
    """A peer that would take longer than the limit, by its time at the scale before, is skipped with the reason."""
    peer = Contender(BASELINE, "", lambda *_: [], lambda: "", lambda: "")
    assert harness.why_not(peer, 10, results(base=(2.0,)), limit=25) == ""
    assert "about 200 s" in harness.why_not(peer, 100, results(base=(2.0,)), limit=25)
    absent = Contender(BASELINE, "", lambda *_: [], lambda: "needs a compiler", lambda: "")
    assert harness.why_not(absent, 1, Results(), limit=25) == "skipped: needs a compiler"


def test_goals_find_what_they_need() -> None:
    """Some scales are measured for the sake of one goal: only those who are compared there run."""
    names = {scale: [each.name for each in CONTENDERS if each.measured_at(scale)] for scale in (1, 10, 20, 115)}
    assert names[1] == [each.name for each in CONTENDERS]
    assert set(names[1]) - set(names[10]) == {AGAIN}
    assert names[20] == [DATABASE_ONLY, BASELINE]
    assert names[115] == [RUN_ALONE]


def test_tiny_world_is_three_rows_and_one_endpoint(tmp_path: Path) -> None:
    """The pipeline by which the least wait is measured is valid."""
    waits.write_tiny_project(tmp_path)
    project = read_project(load(tmp_path / "pipeline.yaml"))
    assert (len(project.endpoints), project.pipeline.references["cities"].rows.count) == (1, 3)


def test_edit_of_a_description_leaves_rows_and_answers() -> None:
    """What the benchmark of an edit changes is there, once."""
    text = (ROOT / waits.ENDPOINT).read_text(encoding="utf-8")
    assert text.count(waits.EDITED[0]) == 1


def test_measurement_includes_child_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is that of all processes together, and CPU time includes the children's."""
    work = "block = bytearray(40_000_000)\nwhile time.process_time() < 0.3: pass"
    child = f"import os, time\n{work}\nwhile not os.path.exists('seen'): time.sleep(0.01)"
    start = f"subprocess.Popen([sys.executable, '-c', {child!r}])"
    two = f"import subprocess, sys\nfor process in [{start}, {start}]: process.wait()"

    def look(root: int) -> int:
        found = memory(root)
        if found > 80_000_000:
            (tmp_path / "seen").touch()  # the children may end
        return found

    monkeypatch.setattr("benchmarks.measure.memory", look)
    sample = measure([sys.executable, "-c", two], tmp_path, log=tmp_path / "log", limit=60)
    assert sample.memory > 80_000_000
    assert sample.cpu > 0.4


def test_failed_process_is_reported_with_its_output(tmp_path: Path) -> None:
    """A command that fails gives its last line as the reason; one that takes too long is stopped."""
    with pytest.raises(MeasureError, match="exit code 3: no such thing"):
        measure([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], tmp_path, log=tmp_path / "log")
    with pytest.raises(MeasureError, match="stopped after"):
        measure([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, log=tmp_path / "log", limit=0.1)


def test_verification_accepts_a_build(default_build: Path) -> None:
    """The default world passes verification."""
    assert list(verify.problems(default_build / "teacher-dashboard.db", 250)) == []
    assert verify.told(default_build)[0] == verify.rows_of(default_build / "teacher-dashboard.db")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP INDEX scores_by_test_and_level", "differ from sql/schema.sql"),
        ("DELETE FROM scores WHERE id = 6", "scores: "),
        ("DELETE FROM assignment_students WHERE student_id = 1 OR rowid = 1", "assignment_students: "),
        ("UPDATE students SET name = (SELECT name FROM students WHERE id = 1) WHERE id = 2", "name of another"),
        ("UPDATE scores SET overall_score = overall_score + 1 WHERE id = 2", "a mean is wrong"),
        ("UPDATE scores SET std_scores = json_set(std_scores, '$.1', 5799) WHERE id = 6", "moved from"),
        ("UPDATE students SET roster_id = 9999 WHERE id = 1", "foreign key"),
    ],
)
def test_verification_rejects_damage(default_build: Path, tmp_path: Path, damage: str, said: str) -> None:
    """A database that lacks rows or columns is not comparable, and is rejected."""
    copy = tmp_path / "copy.db"
    shutil.copyfile(default_build / "teacher-dashboard.db", copy)
    with closing(sqlite3.connect(copy)) as database:
        database.execute(damage)
        database.commit()
    assert any(said in problem for problem in verify.problems(copy, 250))


@pytest.mark.parametrize("contender", SEEDERS, ids=lambda each: each.name)
def test_peers_follow_the_specification(contender: Contender, tmp_path: Path) -> None:
    """Each peer's database obeys every rule of the specification (Faker has names of its own)."""
    if lacks := contender.lacks():
        pytest.skip(lacks)
    if contender.needs == WRITER:
        compile_writer(tmp_path)
    subprocess.run(contender.command(250, tmp_path, tmp_path), cwd=ROOT, check=True, timeout=120)
    database = tmp_path / contender.database
    assert list(verify.problems(database, 250)) == []
    violations = oracle.violations(database, truth=False)  # they make the application's tables only
    assert [each for each in violations if not ("Faker" in contender.name and each.startswith("names:"))] == []
