"""The report: its numbers are the database's, it holds for any world, and it is the same everywhere."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from etl.build import assemble, report
from etl.build.run import make_build
from etl.cli.commands import commands
from etl.config.identity import identify
from etl.config.source import load
from etl.errors import EtlError
from etl.pipeline.model import GENERAL_REPORT
from etl.pipeline.validate import validate
from etl.school.report import charts, drawing, effects, frame, growth, planned, queries, year
from etl.school.report.planned import First, Planned
from etl.school.report.queries import Database, Lacking
from etl.site.report.section import MINUS, Part, number, share
from tests.support import small
from tests.support.running import PATIENCE, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from etl.config.source import Source
    from tests.support.serving import Serving

TINY = ROOT / "pipelines" / "tiny.yaml"
WORLDS = (ROOT / "pipeline.yaml", TINY)
SCHOOL = "report=etl.school.report:draw"
HOSTILE = "</style><script>window.hacked=1</script><b style='color:red'>\"&"


def told(folder: Path) -> dict[str, Any]:
    """What the report is told of a build of the default or the tiny world: as it comes from one process to another."""
    return dict(json.loads(_told(folder)))


@cache
def _told(folder: Path) -> str:
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    source = next(made for path in WORLDS if identify(made := load(path)).id == content["build"])
    found: dict[str, Any] = assemble._about(identify(source), validate(source), content["tables"], content["checks"])
    return json.dumps(found)


@pytest.fixture
def edited(tiny_build: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Make a copy of the tiny world's database in which some SQL has been run."""

    def edit(script: str) -> Path:
        path = tmp_path / "edited.db"
        shutil.copyfile(tiny_build / "teacher-dashboard.db", path)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(f"PRAGMA ignore_check_constraints = ON; {script}")
        return path

    return edit


@pytest.fixture(scope="module")
def default(default_build: Path) -> Iterator[tuple[Database, Planned]]:
    """The default world, to ask, and what its pipeline says."""
    with closing(sqlite3.connect(default_build / "teacher-dashboard.db")) as connection:
        yield Database(connection), Planned(told(default_build)["stages"])


def texts(part: Part) -> str:
    """A part's sentences."""
    return " ".join(part.says)


def test_it_is_in_the_build_and_the_same_when_drawn_again(default_build: Path) -> None:
    """A build's report is listed in its manifest, linked from the front page, and has the same bytes in any process."""
    page = (default_build / "report.html").read_bytes()
    assert "report.html" in json.loads((default_build / "manifest.json").read_text(encoding="utf-8"))["files"]
    assert 'href="report.html"' in (default_build / "index.html").read_text(encoding="utf-8")
    assert drawing.draw(default_build / "teacher-dashboard.db", told(default_build)).encode() == page
    html = page.decode()
    assert html.count("<figure>") == html.count("<figure><svg role=") == len(drawing.PARTS)
    assert html.count("<details>") == len(drawing.PARTS) + 4
    assert (
        re.findall(
            r"(?:src|href|url)\s*[=(]\s*[\"']?+(?!https://creativecommons|data:,|index\.html|report\.html)", html
        )
        == []
    )
    assert "<script" not in html
    assert " style=" not in html


def test_estimates_are_those_of_the_table(default: tuple[Database, Planned]) -> None:
    """The three parts of estimates have the rows of the table, three for each effect, and count the intervals."""
    database, planned = default
    rows = database.ask(queries.ESTIMATES)
    for part, scope in (
        (effects.assignment_effects, "assignment"),
        (effects.standard_effects, "standard"),
        (effects.category_effects, "category"),
    ):
        made = part(database, planned)
        for place, (estimator, (name, _)) in enumerate(effects.ESTIMATORS.items()):
            mine = [row for row in rows if (row["scope"], row["estimator"]) == (scope, estimator)]
            drawn = made.rows[place::3]
            assert {row[1] for row in drawn} == {name}
            assert [row[5] for row in drawn] == [number(row["effect"], 2) for row in mine]
            assert [row[7] for row in drawn] == ["yes" if row["covered"] else "no" for row in mine]
            held = sum(row["covered"] for row in mine)
            start = "all" if held == len(mine) else f"{held} of"
            assert f": {start} {len(mine)} intervals contain the planted effect." in made.says[place]
        worst = max((row for row in rows if row["scope"] == scope), key=lambda row: abs(row["bias"]))
        assert f": {number(worst['bias'], 2)} points" in made.says[-1]


def test_a_biased_comparison_is_said_to_be_one(edited: Callable[[str], Path], tiny_build: Path) -> None:
    """Where bias is expected, the report says how much, and how many intervals contain the truth and the bias."""
    biased = """
    UPDATE impact_estimates SET
      expected_bias = 4 + id / 100.0, planted = 10, bias = 4, low = 13, effect = 14, high = 15, standard_error = 0.5,
      covered = 0;
    UPDATE impact_estimates SET expected_bias = -4 WHERE id = 1;
    """
    with closing(sqlite3.connect(edited(biased))) as connection:
        made = effects.assignment_effects(Database(connection), Planned(told(tiny_build)["stages"]))
    count = len(made.rows) // 3
    assert made.says[0] == (
        f"DiD: 0 of {count} intervals contain the planted effect. Its expected bias here is "
        f"{MINUS}4.00 to {number(4 + count / 100, 2)} points; {count - 1} contain the planted effect and that bias."
    )


def test_levels_are_counted_and_held_to_the_target(default: tuple[Database, Planned]) -> None:
    """Shares by test are those of the scores, and the first test stands beside the normal distribution's shares."""
    database, planned = default
    made = year.level_shares(database, planned)
    assert [row[0] for row in made.rows] == ["PM1 target", "PM1", "PM2", "PM3", "PM4", "PM5", "PM6"]
    assert [str(cell) for cell in made.rows[0][2:]] == ["37.4 %", "24.8 %", "20.5 %", "17.3 %"]
    counted = database._connection.execute("SELECT avg(level = 4) FROM scores WHERE test_id = 6").fetchone()[0]
    assert made.rows[-1][-1] == share(counted, 1)


def test_growth_is_in_its_range_and_a_stray_is_counted(
    default: tuple[Database, Planned], edited: Callable[[str], Path], tiny_build: Path
) -> None:
    """Every growth is opened and lies in its planted range; one that does not is counted and said."""
    made = growth.growth(*default)
    assert len(made.rows) == 12
    assert {row[6] for row in made.rows} == {0}
    assert "growths are in the range that was planted" in texts(made)
    assert [row[3] for row in made.rows][:4] == ["40 to 80", "15 to 35", *[f"{MINUS}15 to 15"] * 2]
    path = edited(
        "UPDATE scores SET std_scores = json_set(std_scores, '$.\"1\"', std_scores ->> '$.\"1\"' + 200)"
        " WHERE test_id = 2"
    )
    with closing(sqlite3.connect(path)) as connection:
        strays = growth.growth(Database(connection), Planned(told(tiny_build)["stages"]))
    students = sum(int(str(row[6])) for row in strays.rows)
    assert students > 0
    assert f"growths, {students} are outside of" in texts(strays)


def test_growth_of_a_large_world_is_a_sample(tiny_build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more students than can be opened, every second, third ... is taken, and the report says so."""
    monkeypatch.setattr(queries, "SAMPLE", 10)
    with closing(sqlite3.connect(tiny_build / "teacher-dashboard.db")) as connection:
        made = growth.growth(Database(connection), Planned(told(tiny_build)["stages"]))
    assert "Of every 2th student" not in texts(made)
    assert "Of one student in 2" in texts(made)


def test_other_parts_count_what_is_there(default: tuple[Database, Planned]) -> None:
    """Distributions, class sizes, statuses and dates are those of the tables."""
    database, planned = default
    one = database._connection.execute
    spread = year.distributions(database, planned)
    mean, least, most = one(
        "SELECT avg(overall_score), min(overall_score), max(overall_score) FROM scores WHERE test_id = 3"
    ).fetchone()
    assert spread.rows[2][2] == number(mean, 1)
    assert (spread.rows[2][4], spread.rows[2][8]) == (number(least), number(most))
    assert "No score is outside of the scale, 5,100 to 5,800." in spread.says
    sizes = year.class_sizes(database, planned)
    assert sum(int(str(row[1])) for row in sizes.rows) == 250
    assert "as the pipeline says (30 to 40)" in texts(sizes)
    given = year.assigned(database, planned)
    assert sum(int(str(row[6])) for row in given.rows) == one("SELECT count(*) FROM assignment_students").fetchone()[0]
    assert "says 60.0 % completed, 15.0 % started and 25.0 % not started" in texts(given)
    assert [row[5] for row in given.rows][::4] == ["80 (1 to 80)", "80 (81 to 160)"]
    days = year.dates(database, planned)
    total = one("SELECT count(started_at) + count(completed_at) FROM assignment_students").fetchone()[0]
    assert days.says[0] == f"All {total:,} dates are between the two tests of their window."


DROPPED = {
    "impact_estimates": {"Effect of each assignment", "Effect on each standard", "Effect by reporting category"},
    "assignment_students": {"Growth", "Who was assigned", "Dates"},
    "performance_levels": {"Performance levels"},
    "students": {"Growth", "Who was assigned", "Class sizes"},
    "scores": {"Growth", "Performance levels", "Score distributions", "Who was assigned"},
}


@pytest.mark.parametrize("table", DROPPED)
def test_a_world_without_a_table_has_a_smaller_report(
    edited: Callable[[str], Path], tiny_build: Path, table: str
) -> None:
    """What a missing table is needed for is left out without a word, and the rest is there."""
    about = told(tiny_build)
    whole = titles(drawing.draw(tiny_build / "teacher-dashboard.db", about))
    del about["tables"][table]
    html = drawing.draw(edited(f"DROP TABLE {table}"), about)
    assert titles(html) == [title for title in whole if title not in DROPPED[table]]
    assert ("planted" in html[: html.index("<section>")]) == (table != "impact_estimates")


def titles(html: str) -> list[str]:
    """The headings of a report's parts."""
    return re.findall("<h2>(.*?)</h2>", html)


UNKNOWN = (
    "UPDATE impact_estimates SET low = NULL, high = NULL, covered = NULL, standard_error = NULL, p = NULL, t = NULL"
)


@pytest.mark.parametrize(
    "script",
    [
        "DELETE FROM scores",
        "DELETE FROM assignment_students",
        "DELETE FROM assignments; DELETE FROM assignment_students; DELETE FROM impact_estimates",
        "DELETE FROM scores WHERE test_id > 1",
        "DELETE FROM scores WHERE student_id % 3 = 0 AND test_id % 2 = 0",
        "DELETE FROM students; DELETE FROM rosters; DELETE FROM tests; DELETE FROM performance_levels",
        "UPDATE tests SET administered_at = NULL",
        "UPDATE tests SET name = 'T', administered_at = 'soon'",
        UNKNOWN,
        f"{UNKNOWN}, effect = NULL, bias = NULL, planted = NULL, expected_bias = NULL",
        "UPDATE assignments SET impacted_test_id = NULL, rc_id = NULL",
        "INSERT OR IGNORE INTO assignment_standards SELECT id, 1 FROM assignments",
        "UPDATE assignment_students SET started_at = '2020-01-01', completed_at = NULL",
    ],
)
def test_any_world_has_a_report(edited: Callable[[str], Path], tiny_build: Path, script: str) -> None:
    """Empty groups, missing tests, no assignments, no intervals, days that are none: the page is made all the same."""
    assert "<h2>Checks</h2>" in drawing.draw(edited(script), told(tiny_build))


def test_what_the_pipeline_does_not_say_is_compared_with_nothing(tiny_build: Path) -> None:
    """Without the stages whose params it knows, nothing is planned, nor the growth of driven students."""
    nothing = Planned([])
    assert (nothing.first, nothing.growth, nothing.class_size, nothing.status) == (None, {}, None, None)
    stages = told(tiny_build)["stages"]
    for stage in stages:
        if stage["source"] == planned.NEXT:
            stage["params"]["growth"]["driven"] = 10
    assert Planned(stages).growth == {}


def test_shares_of_driven_students_are_said(tiny_build: Path) -> None:
    """Where driven students have shares of their own, both are said: together they make what is there."""
    stages = told(tiny_build)["stages"]
    for stage in stages:
        if stage["source"] == planned.WINDOW:
            driven = {"completed": 1, "started": 0, "not_started": 0}
            stage["params"]["status"] = {"completed": 0.4, "started": 0, "not_started": 0.6, "driven": driven}
    with closing(sqlite3.connect(tiny_build / "teacher-dashboard.db")) as connection:
        made = year.assigned(Database(connection), Planned(stages))
    both = (
        "says 40.0 % completed, 0.0 % started and 60.0 % not started; "
        "of driven students, 100.0 % completed, 0.0 % started and 0.0 % not started."
    )
    assert both in texts(made)


def test_target_shares_are_those_of_the_rounded_and_clamped_normal() -> None:
    """They sum to 1, the ends of the scale take what lies beyond, and half lies above a mean between two scores."""
    first = First("T", 99.5, 10, (80, 120))
    assert first.shares([0, 100]) == [0.5, 0.5]
    assert sum(First("T", 100, 50, (80, 120)).shares([0, 90, 100, 121])) == pytest.approx(1)
    assert First("T", 100, 50, (80, 120)).shares([0, 70, 121])[::2] == [0, 0]


LABEL = re.compile(r'<text x="([-\d.]+)" y="([-\d.]+)" text-anchor="(middle|end)" fill="var\(--soft\)">([^<]*)</text>')


def labels(chart: str) -> Iterator[tuple[bool, list[tuple[float, str]]]]:
    """Each axis of a drawing: whether it goes across, and its labels: where each is, and what it says."""
    found = [(float(x), float(y), anchor, text) for x, y, anchor, text in LABEL.findall(chart)]
    yield True, sorted((x, text) for x, y, anchor, text in found if anchor == "middle" and y > 0)
    if any(anchor == "end" for _, _, anchor, _ in found):
        yield False, sorted((y, text) for _, y, anchor, text in found if anchor == "end")


def estimate(low: float, high: float) -> dict[str, Any]:
    """An estimate as a chart draws it."""
    name = "Data Analysis and Probability"
    return {"name": name, "shape": "circle", "effect": low, "low": low, "high": high, "planted": high, "covered": 1}


def lasting(days: int) -> str:
    """A calendar of so many days."""
    ends = [739_509, 739_509 + days]
    return charts.calendar(
        [{"day": day, "window": 0, "status": "started", "number": 3} for day in ends],
        [{"day": day, "name": "T"} for day in ends],
    )


@pytest.mark.parametrize(
    "chart",
    [
        *(lasting(days) for days in (20, 60, 150, 245, 260, 300, 500, 1000, 4000)),
        *(charts.intervals([estimate(*ends)]) for ends in ((-0.55, 0.73), (-1, 1))),
        *(charts.intervals([estimate(low, 1.3 * low)]) for low in (0.01, 1, 9, 99)),
        *(charts.columns([{"x": x, "number": x - 4} for x in range(5, last)], 1) for last in (6, 7, 9, 45)),
        *(
            charts.stacks([{"row": 0, "status": "started", "start": 0, "end": end}], ["A class's very own practice"])
            for end in (1, 2, 9, 1789, 9999, 25_000, 1_100_000)
        ),
    ],
)
def test_labels_of_an_axis_do_not_touch(chart: str) -> None:
    """Numbers and days on an axis stand apart, and no two of them are the same."""
    for across, found in labels(chart):
        texts = [text for _, text in found]
        assert texts
        assert len(set(texts)) == len(texts)
        for (one, left), (other, right) in pairwise(found):
            assert other - one > (6.2 * (len(left) + len(right)) / 2 if across else 12), texts


def test_a_name_is_cut_only_where_room_ends() -> None:
    """Names have the room that they need; a very long one is cut, and leaves the chart its place."""
    names = ["PM1", "Data Analysis and Probability"]
    left, fitting = frame.fitted(names)
    assert fitting == names
    assert frame.fitted([*names, "x" * 500])[1][2].endswith("x…")
    assert left <= frame.fitted(["x" * 500])[0] < frame.WIDTH - 100


def test_hostile_text_is_inert(edited: Callable[[str], Path], tiny_build: Path) -> None:
    """Names and colours that look like markup are text, in charts and tables, also when they are long."""
    said = HOSTILE.replace("'", "''")
    path = edited(
        f"UPDATE assignments SET name = '{said}'; UPDATE tests SET name = '{said}' || id;"  # noqa: S608 -- that is the test
        f"UPDATE performance_levels SET name = '{said}', color = '\"/><script>'; UPDATE standards SET code = '{said}';"
        f"UPDATE reporting_categories SET name = '{said}' || char(7) || char(10)"
    )
    about = told(tiny_build)
    about["site"]["title"] = HOSTILE
    about["checks"][0]["rule"] = HOSTILE
    html = drawing.draw(path, about)
    assert "<script" not in html
    assert "<b style" not in html
    assert html.count("</style>") == 1
    assert "&lt;script&gt;" in html


def test_no_report_is_another_build_without_it(
    tiny_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a report no process is started and no page links it; with or without is part of a build's name."""
    for name in ("index.html", "metadata.json"):
        assert "report.html" not in (tiny_build / name).read_text(encoding="utf-8")
    assert not (tiny_build / "report.html").exists()
    wanted = [identify(load(TINY, changes=[change])) for change in ("report=true", SCHOOL)]
    assert len({tiny_build.name, *(each.id for each in wanted)}) == 3
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    make_build(a_library(tmp_path, "false"), tmp_path / "build")
    failed = CliRunner().invoke(commands, ["report", str(tmp_path / "pipeline.yaml")])
    assert isinstance(failed.exception, EtlError)
    assert "was made without a report; make one with --copy-to FILE" in str(failed.exception)


def test_run_draws_and_the_command_finds_and_copies(tmp_path: Path) -> None:
    """The command finds a build's report; for a build without one it draws that of any world, as a run does."""
    runner = CliRunner()
    source = a_library(tmp_path, "true")
    made, without = make_build(source, tmp_path / "build"), load(source.path, changes=["report=false"])
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    assert titles(page) == ["Tables", "Columns", "Lineage", "Checks"]
    found = runner.invoke(commands, ["report", str(source.path), "--json"])
    assert json.loads(found.output) == {"success": True, "report": str(made.folder / "report.html")}
    copy, other = tmp_path / "a" / "copy.html", make_build(without, tmp_path / "other").folder
    out = ["--out", str(tmp_path / "other"), "--copy-to", str(copy)]
    assert runner.invoke(commands, ["report", str(source.path), *out]).exception is None
    assert copy.read_text(encoding="utf-8") == page.replace(made.folder.name, other.name)


def test_what_goes_wrong_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """A process that cannot draw gives its reason and what to do; it is gone in the end."""
    about = {"site": {}, "seed": 1, "stages": {}}
    with pytest.raises(EtlError, match=r"the report could not be drawn: .*; --no-report builds without it"):
        report.make(
            GENERAL_REPORT,
            tmp_path / "no.db",
            report.about({"build": "b", "pipeline": about, "tables": {}, "checks": []}, {}),
        )
    with report.reporting(GENERAL_REPORT) as unused:
        assert unused is not None
    assert unused._process.returncode is not None
    with report.reporting(None) as none:
        assert none is None


def test_a_part_that_lacks_rows_says_so() -> None:
    """A query of a table that is not there names the table, and the column if only that is missing."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE rosters (id INTEGER)")
        connection.execute("CREATE TABLE students (id INTEGER)")
        with pytest.raises(Lacking, match=r"the column students\.roster_id"):
            Database(connection).ask(queries.CLASS_SIZES)
        with pytest.raises(Lacking, match="the table scores"):
            Database(connection).ask(queries.SCORES)


OWN = """
from own import words

def draw(database, about):
    print("to nobody")
    params = {stage["name"]: (stage["source"], stage["params"]) for stage in about["stages"]}
    return f"{words.HELLO} {database.name} {about['tables']['loans']['rows']} {params}"
"""
MAKER = """
import pyarrow as pa

def loans(books: pa.Table, *, days: int = 7) -> pa.RecordBatch:
    return pa.record_batch({"id": books["id"].combine_chunks(), "days": [days] * books.num_rows})
"""


def a_library(folder: Path, report: str, files: dict[str, str] | None = None) -> Source:
    """A project of another domain, with a database and a report."""
    text = small.LIBRARY["pipeline.yaml"].replace("[parquet]", "[sqlite]") + f"report: {report}\n"
    return load(small.lending(folder, {**(files or {}), "pipeline.yaml": text}))


def test_a_world_of_another_domain_has_a_report_that_is_true_of_it(tmp_path: Path) -> None:
    """Tables with their rows, what is in the columns, lineage and checks; nothing about effects, no apology."""
    schema = (
        "CREATE TABLE books ( -- A book </style><script>.\n"
        "  id INTEGER PRIMARY KEY,\n  title TEXT NOT NULL -- Its name.\n);\n"
        "CREATE TABLE loans (id INTEGER PRIMARY KEY, days INTEGER NOT NULL);\n"
    )
    result = make_build(a_library(tmp_path, "true", {"sql/schema.sql": schema}), tmp_path / "build")
    html = (result.folder / "report.html").read_text(encoding="utf-8")
    assert titles(html) == ["Tables", "Columns", "Lineage", "Checks"]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", html)]
    assert ["books", "2", "A book &lt;/style&gt;&lt;script&gt;."] in cells
    assert ["books", "title", "TEXT", "0", "2", "Emma", "Ulysses", "Emma 50.0 %, Ulysses 50.0 %", "Its name."] in cells
    assert ["loans", "sql/loans.sql", "books", "table loans"] in cells
    assert ["days", "No loan is longer than a year."] in cells
    assert "<script" not in html
    assert not re.search("effect|planted|left out|has not|docs/data.md", html, re.IGNORECASE)


def test_a_function_of_somebody_draws(tmp_path: Path) -> None:
    """It is told what is in the build, its params validated; its package is part of the build's name; it may print."""
    pipeline = small.LIBRARY["pipeline.yaml"].replace("{sql: sql/loans.sql,", "{python: own.maker:loans,")
    files = {"own/__init__.py": "", "own/drawing.py": OWN, "own/words.py": "HELLO = 'Hi'\n", "own/maker.py": MAKER}
    pipeline = pipeline.replace("[parquet]", "[sqlite]") + "report: own.drawing:draw\n"
    source = load(small.lending(tmp_path, {**files, "pipeline.yaml": pipeline}))
    result = make_build(source, tmp_path / "build")
    made = "{'books': ('books.csv', {}), 'loans': ('own.maker:loans', {'days': 7})}"
    assert (result.folder / "report.html").read_text(encoding="utf-8") == f"Hi library.db 2 {made}"
    (tmp_path / "own/words.py").write_text("HELLO = 'Ho'\n", encoding="utf-8")
    assert identify(source).id != result.manifest["build"]


@pytest.mark.parametrize(
    ("body", "says"),
    [("return None", "must return the page as a str, not NoneType"), ("raise KeyError('x')", "KeyError: 'x'")],
)
def test_a_function_that_draws_nothing_is_told(tmp_path: Path, body: str, says: str) -> None:
    """What a stranger's function raises, or gives back in place of a page, ends the run with a message."""
    module = f"drawn_{len(body)}"  # a name of its own, for modules are imported once
    source = a_library(tmp_path, f"{module}:draw", {f"{module}.py": f"def draw(database, about):\n    {body}\n"})
    with pytest.raises(EtlError, match=f"the report could not be drawn: .*{says}; --no-report"):
        make_build(source, tmp_path / "build")


def listened(page: Page) -> tuple[list[str], list[str]]:
    """What a page will complain of, and ask for."""
    noise, asked = list[str](), list[str]()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    return noise, asked


def test_it_renders_on_a_desk_and_a_phone(browser: Browser, default_build: Path, default_server: Serving) -> None:
    """Served or opened as a file: no other request, no error, nothing too wide, readable in light and dark."""
    for url in (f"{default_server.url}/report.html", (default_build / "report.html").as_uri()):
        for width, scheme in ((1280, "light"), (360, "dark")):
            wide: Any = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
            context = browser.new_context(**wide)
            context.set_default_timeout(PATIENCE * 1000)
            page = context.new_page()
            noise, asked = listened(page)
            page.goto(url, wait_until="load")
            for summary in page.query_selector_all("summary"):
                summary.click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            ink = page.evaluate(
                "[...document.querySelectorAll('figure text')].map(text => getComputedStyle(text).fill)"
                ".map(fill => fill.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b) / 3)"
            )
            assert ink
            assert all((shade > 128) == (scheme == "dark") for shade in ink)
            assert noise == []
            assert [each for each in asked if each != url and not each.startswith("data:")] == []
            context.close()
