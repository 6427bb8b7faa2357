"""The shape of the code: imports run one way, generators know nothing, and a command imports only what it needs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from etl.cli.templates import start
from etl.config.identity import PRESENTATION_FOLDERS
from tests.support.running import ROOT, TINY

if TYPE_CHECKING:
    from pathlib import Path

HOME = ROOT / "etl"

#: What each package may import besides itself. Imports inside of functions count, and those for the type checker.
MAY_IMPORT = {
    "errors": set(),
    "config": {"errors"},
    "generator": {"errors", "config"},
    "pipeline": {"errors", "config", "generator"},
    "tables": {"errors", "config", "generator", "pipeline"},
    "run": {"errors", "config", "generator", "pipeline", "tables"},
    "site": {"errors", "config", "generator", "pipeline", "tables"},
    "build": {"errors", "config", "generator", "pipeline", "tables", "run", "site"},
    "server": {"errors", "config", "generator", "pipeline", "tables", "run", "site", "build"},
    "cli": {"errors", "config", "generator", "pipeline", "tables", "run", "site", "build", "server"},
    "__main__": {"cli"},
    "school": {"generator", "tables", "site"},
    "params": {"generator"},  # for one release, as streams
    "streams": {"generator"},
}

PRODUCT = "teacher-dashboard-etl"  # the distribution's name, which marks what it made

#: Words of the school, which the engine does not know: it runs worlds of any domain.
SCHOOL = re.compile(
    r"\b(school|rosters?|students?|teachers?|assignments?|scores?|class sizes|enrol+ments?|PM\d"
    r"|interventions?|performance_levels?|min_score|max_score)\b",
    re.IGNORECASE,
)

#: What takes longer to import than an up-to-date run may last.
HEAVY = {"numpy", "pyarrow", "duckdb", "pydantic", "datasette", "dask", "uvicorn"}


def modules() -> list[Path]:
    """Every module of the project; those of the templates belong to other projects."""
    return sorted(path for path in HOME.rglob("*.py") if not path.is_relative_to(HOME / "templates"))


def name_of(path: Path) -> str:
    """A module's name below ``etl``, ``generators.scores``; that of a package is its folder's."""
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def engine() -> list[Path]:
    """Every module but the school's; the package's own docstring may name the world that it comes with."""
    return [path for path in modules() if name_of(path).partition(".")[0] not in {"", "school"}]


@cache
def names() -> frozenset[str]:
    """The names of all modules."""
    return frozenset(map(name_of, modules()))


@cache
def imported(path: Path) -> frozenset[str]:
    """The modules of ours that a module imports, at its top, inside of a function or for the type checker."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: relative imports hide the way that imports run"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    ours = {name.partition(".")[2] for name in found if name.partition(".")[0] == "etl"}
    return frozenset({name if name in names() else name.rpartition(".")[0] for name in ours})


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    """A package imports only the packages below it; nothing but the school imports the school."""
    top = name_of(path).partition(".")[0]
    if not top:
        assert imported(path) == set()
        return
    tops = {name.partition(".")[0] for name in imported(path)} - {top}
    wrong = sorted(tops - MAY_IMPORT[top])
    assert not wrong, f"{name_of(path)} imports {', '.join(wrong)}, which is not below {top}"


@pytest.mark.parametrize(
    "path", [path for path in modules() if name_of(path).partition(".")[0] not in {"", "school"}], ids=name_of
)
def test_engine_does_not_mention_the_school(path: Path) -> None:
    """No module of the engine mentions rosters, students or scores: it works for any domain."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    found = [f"{number}: {line.strip()}" for number, line in lines if SCHOOL.search(line.replace(PRODUCT, ""))]
    assert not found, "\n".join(found)


def test_no_import_cycles() -> None:
    """No module imports itself through others, also inside a package."""
    graph = {name_of(path): imported(path) - {name_of(path)} for path in modules()}
    TopologicalSorter(graph).prepare()


def test_no_row_depends_on_the_presentation() -> None:
    """What makes rows imports nothing of the folders that an edit of leaves the rows of a build as they are."""
    by_name = {name_of(path): path for path in modules()}
    waiting, seen = ["build.outputs", *(f"school.{path.stem}" for path in (HOME / "school").glob("*.py"))], set[str]()
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            waiting += imported(by_name[name])
    assert "tables.sqlite" in seen
    assert not [name for name in seen if not PRESENTATION_FOLDERS.isdisjoint(name.split(".")[:-1])]


def test_every_package_has_an_import_rule() -> None:
    """MAY_IMPORT names exactly the packages that exist."""
    tops = {name.partition(".")[0] for name in names()} - {""}
    assert sorted(MAY_IMPORT) == sorted(tops)


def test_generators_have_no_side_effects() -> None:
    """The school's generators import only `etl.generator` and each other; no clock, no files, no network."""
    forbidden = {"duckdb", "io", "os", "pathlib", "random", "socket", "sqlite3", "subprocess", "sys", "time", "urllib"}
    for path in sorted((HOME / "school").glob("*.py")):
        assert {name.partition(".")[0] for name in imported(path)} <= {"school", "generator"}, path.name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        origins = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in plain | origins} & forbidden == set(), path.name
        asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert asked & {"now", "today", "utcnow", "random", "default_rng"} == set(), path.name


def test_only_one_module_exits() -> None:
    """Only `etl.cli.exit` ends the process."""
    endings = {"sys.exit", "os._exit", "exit", "quit", "os.abort"}
    for path in modules():
        calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        ends = [node.lineno for node in calls if ast.unparse(node.func) in endings]
        assert not ends or name_of(path) == "cli.exit", f"{path.name}:{ends[0]} ends the process"


def test_modules_are_short() -> None:
    """A module is a screen or three, never ten."""
    longest = max(modules(), key=lambda path: len(path.read_text(encoding="utf-8").splitlines()))
    assert len(longest.read_text(encoding="utf-8").splitlines()) <= 350, longest.name


def loaded(code: str) -> set[str]:
    """The modules that are loaded after a few lines of Python."""
    code += "\nimport sys\nprint('modules:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("modules:")[2].split())


def test_help_imports_no_heavy_libraries() -> None:
    """Parsing a command, printing help and drawing the school's report import nothing heavy."""
    assert loaded("import etl.cli.commands, etl.school.report.drawing") & {*HEAVY, "rich", "yaml"} == set()


def test_up_to_date_run_imports_no_heavy_libraries(tiny_build: Path) -> None:
    """A run that finds its build imports nothing that only building needs."""
    code = "from etl.cli.commands import commands\n"
    run = f"commands.main(['run', {TINY!r}, '--out', {str(tiny_build.parent)!r}], standalone_mode=False)"
    found = loaded(code + run)
    assert "yaml" in found
    assert found & {*HEAVY, "rich"} == set()


def test_a_small_run_imports_little_of_pyarrow(tmp_path: Path) -> None:
    """A run of the smallest project does without the modules of pyarrow that take longest to import."""
    start("minimal", tmp_path / "weather")
    run = f"commands.main(['run', {str(tmp_path / 'weather/pipeline.yaml')!r}], standalone_mode=False)"
    found = loaded(f"from etl.cli.commands import commands\n{run}")
    assert {"pyarrow.lib", "duckdb"} <= found
    assert found & {"pyarrow.compute", "pyarrow.dataset", "pyarrow.csv", "pyarrow.parquet", "tomllib"} == set()
