"""What a person sees: every page in a real browser, without a script error and without a request to another machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import small
from tests.support.hostile import LONG, NAMES, SCRIPT, replace_cells, write_names
from tests.support.running import edit
from tests.support.serving import PATIENCE, Serving, run, serving, small_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NAME = "teacher-dashboard"
AXE = Path(__file__).parents[1] / "axe/node_modules/axe-core/axe.min.js"
#: Pages, and a text that each must show.
PAGES = {
    "/index.html": "Read-only JSON",
    "/": "Lineage",
    f"/browse/{NAME}": "Students of a roster",
    f"/browse/{NAME}/rosters": "Teacher and subject; unique.",
    f"/browse/{NAME}/scores": "1: ",
    f"/browse/{NAME}/rosters/1": "students",
    f"/browse/{NAME}/api-rosters-students?id=1": "Students of a roster",
    "/nothing": "Page not found",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A small world in which some names are hostile."""
    pipeline = small_project(tmp_path_factory.mktemp("project"))
    data = pipeline.parent / "data"
    for file in ("first_names.csv", "last_names.csv"):
        write_names(data / file, [*NAMES, LONG])  # rosters have the first, O'Brien and so on as their teachers
    for file in ("interventions.csv", "intervention_standards.csv"):
        replace_cells(data / file, "Geometry Jumpstart", SCRIPT)
    run(pipeline, pipeline.parent / "build")
    with serving(pipeline.parent / "build", pipeline=pipeline) as server:
        yield server


class Visit:
    """A page, and what went on while it was loaded."""

    def __init__(self, browser: Browser, server: Serving, **options: Any) -> None:  # noqa: ANN401 -- Playwright's
        """Open an empty page."""
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE * 1000)
        self.page: Page = self.context.new_page()
        self.server, self.errors, self.hosts = server, list[str](), set[str]()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and "the server responded with a status of 404" not in text:
            self.errors.append(text)

    def go(self, url: str) -> Page:
        """Load a page to its end."""
        self.page.goto(self.server.url + url, wait_until="load")
        return self.page


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_every_page_renders(browser: Browser, server: Serving, width: int, scheme: Any) -> None:  # noqa: ANN401 -- as above
    """Each page shows its text, in light and dark, on a desk and a phone: no error, no other host, nothing too wide."""
    visit = Visit(browser, server, color_scheme=scheme, viewport={"width": width, "height": 800})
    for url, text in PAGES.items():
        page = visit.go(url)
        assert text in page.inner_text("body"), url
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{url} is {overflow} pixels too wide"
    assert visit.errors == []
    assert visit.hosts <= {urlsplit(server.url).netloc, ""}
    visit.context.close()


@pytest.mark.skipif(
    not AXE.is_file() and os.environ.get("CI") != "true", reason="needs axe-core: npm ci --prefix tests/axe"
)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_pages_are_accessible(browser: Browser, server: Serving, default_build: Path, width: int, scheme: Any) -> None:  # noqa: ANN401 -- as above
    """axe-core finds nothing serious or critical on the pages of the site, the report, and a static front page."""
    visit = Visit(browser, server, color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    script = AXE.read_text(encoding="utf-8")
    files = [(default_build / name).as_uri() for name in ("index.html", "report.html", "404.html")]
    found = []
    for url in [*(server.url + path for path in PAGES), *files]:
        visit.page.goto(url, wait_until="load")
        visit.page.evaluate(script)
        violations = visit.page.evaluate("axe.run({resultTypes: ['violations']}).then(result => result.violations)")
        found += [(url, each["id"]) for each in violations if each["impact"] in {"serious", "critical"}]
    assert found == []
    visit.context.close()


def test_the_front_page_is_dark_in_the_dark(browser: Browser, server: Serving) -> None:
    """The front page follows the system's colours, and its text can be read in both."""
    shades = []
    for scheme in ("light", "dark"):
        visit = Visit(browser, server, color_scheme=scheme)
        visit.go("/index.html")
        colour = "getComputedStyle(document.body).%s.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b) / 3"
        shades.append([visit.page.evaluate(colour % name) for name in ("backgroundColor", "color")])
        visit.context.close()
    (light_back, light_ink), (dark_back, dark_ink) = shades
    assert light_back - light_ink > 128
    assert dark_ink - dark_back > 128


def test_names_of_tables_are_whole_on_a_phone(browser: Browser, server: Serving) -> None:
    """On a narrow screen each table's name stands on one line, beside its number of rows."""
    visit = Visit(browser, server, viewport={"width": 360, "height": 800})
    page = visit.go("/index.html")
    lines = "names => names.map(name => [name.textContent, name.getClientRects().length])"
    found = dict(page.eval_on_selector_all("#tables td:first-child code", lines))
    assert "assignment_standards" in found
    assert set(found.values()) == {1}
    visit.context.close()


def test_the_front_pages_links_work(browser: Browser, server: Serving) -> None:
    """A click on a link of the front page leads to what it says."""
    visit = Visit(browser, server)
    page = visit.go("/index.html")
    page.click("a[href='api/rosters.json']")
    assert page.url == f"{server.url}/api/rosters.json"
    assert page.inner_text("body").startswith('[{"id":')
    visit.context.close()


@pytest.mark.fault("hostile names in a browser")
@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/index.html", [SCRIPT]),
        (f"/browse/{NAME}/students?_size=100", [*NAMES, LONG[:200]]),
        (f"/browse/{NAME}/api-rosters", NAMES[:3]),
        (f"/browse/{NAME}/rosters", NAMES[:3]),
        (f"/browse/{NAME}/api-assignments", [SCRIPT]),
    ],
)
def test_a_hostile_name_is_text(browser: Browser, server: Serving, url: str, names: list[str]) -> None:
    """A name that looks like a script, an element, SQL or a formula is shown as it is and does nothing."""
    visit = Visit(browser, server)
    page = visit.go(url)
    assert page.evaluate("window.hacked") is None
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    text = page.inner_text("body")
    assert [name for name in names if name not in text] == []
    assert page.locator("img[src='x']").count() == 0
    assert visit.errors == []
    visit.context.close()


def test_pages_follow_the_sources(tmp_path: Path, browser: Browser) -> None:
    """A page shows a mistake with its place, and reloads when it is mended; without a build the server makes one."""
    project = tmp_path / "project"
    path = small.lending(project)
    edit(path, "outputs: [parquet]", "outputs: [sqlite]\nreport: false")
    endpoint = project / "sql/api/books.sql"
    errors: list[str] = []
    with serving(project / "build", "--watch", "--no-spare", pipeline=path) as server:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: errors.append(message.text))
        page.goto(f"{server.url}/index.html")
        edit(endpoint, "SELECT title", "SELECT titel")
        page.get_by_role("alert").filter(has_text="books.sql:4:8").wait_for()
        assert httpx.get(f"{server.url}/api/books", timeout=PATIENCE).json() == [
            {"title": "Emma"},
            {"title": "Ulysses"},
        ]
        edit(endpoint, "SELECT titel", "SELECT upper(title) AS title")
        page.get_by_text("EMMA").first.wait_for(state="attached")
        page.get_by_role("alert").wait_for(state="hidden")
        assert httpx.get(f"{server.url}/api/books", timeout=PATIENCE).json()[0] == {"title": "EMMA"}
        page.close()
    assert errors == []
