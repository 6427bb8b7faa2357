"""Names of generators: short or full, through any module that imports a function, they are one; nothing is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from etl.build import space
from etl.build.assemble import read_project
from etl.build.run import make_build
from etl.config.identity import identify
from etl.config.modules import forget
from etl.config.naming import namer
from etl.config.source import load
from etl.errors import CheckFailed, Mistakes
from etl.pipeline.validate import generators_of, validate
from etl.run.plan import make_plan
from tests.support import small
from tests.support.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from etl.config.source import Source

SCHEMA = """
CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients (id), day INTEGER NOT NULL);
"""

PEOPLE = """
from typing import Annotated
import numpy as np
import pyarrow as pa
from etl.generator.params import Between, Count, UpTo
from etl.generator.size import generator
from etl.generator.streams import Streams, uniform

@generator(rows=lambda params, _: params.count)
def patients(*, count: Count) -> pa.RecordBatch:
    return pa.record_batch({"id": range(1, count + 1), "name": [f"Patient {n}" for n in range(1, count + 1)]})

@generator(rows=lambda params, inputs: inputs.rows("patients") * (inputs.param(patients, "count") > 0))
def visits(
    streams: Streams, patients: pa.Table, *, days: Between, ward: Annotated[Between, UpTo(patients, "count")]
) -> pa.RecordBatch:
    ids = patients["id"].to_numpy()
    day = uniform(streams.words_of("day", ids)[:, 0], *days)
    return pa.record_batch({"id": ids, "patient_id": ids, "day": day.astype(np.int64)})
"""

CHECK = """-- A visit is on one of the pipeline's days.
-- stages: visits
WITH asked AS MATERIALIZED (
  SELECT DISTINCT json_extract(value, '$.params.days[0]') AS first, json_extract(value, '$.params.days[1]') AS last
  FROM json_each(:stages)
)
SELECT visits.id, day, first, last FROM asked CROSS JOIN visits WHERE day NOT BETWEEN first AND last
"""

STAGES = """
patients: {python: patients, params: {count: 4}}
visits: {python: visits, inputs: [patients], params: {days: [1, 30], ward: [1, 4]}}
"""
CHANGES = ("report=false", "generators=clinic", "scale=[stages.patients.params.count, stages.visits.params.ward]")

#: Ways to spell the two generators.
SPELT = [
    ("patients", "visits"),
    ("clinic:patients", "clinic.people:visits"),
    ("clinic.people:patients", "clinic:visits"),
    ("clinic.desk:register", "visits"),
]


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Callable[..., Source]]:
    """A project of another domain with its own generators: a function that loads its pipeline."""
    files = {
        "schema.sql": SCHEMA,
        "checks/days.sql": CHECK,
        "clinic/__init__.py": "from .people import patients, visits\n",
        "clinic/people.py": PEOPLE,
        "clinic/desk.py": "from clinic import patients as register\n",
    }
    path = small.project(tmp_path, STAGES, files)

    def load_with(*changes: str, scale: int = 1) -> Source:
        return load(path, changes=(*CHANGES, *changes), scale=scale)

    yield load_with
    forget(tmp_path)


def spelt(patients: str, visits: str) -> tuple[str, str]:
    """The changes that spell the two generators in some way."""
    return f"stages.patients.python={patients}", f"stages.visits.python={visits}"


@pytest.mark.parametrize("names", SPELT)
def test_a_name_does_not_matter(clinic: Callable[..., Source], names: tuple[str, str]) -> None:
    """Spelt in any way it is the same build, with the same sizes, scale, rules and checks; no module is imported."""
    source = clinic(*spelt(*names), scale=3)
    assert identify(source).id == identify(clinic(scale=3)).id
    assert "clinic" not in sys.modules
    pipeline = read_project(source).pipeline
    assert [stage.generator for stage in pipeline.stages.values()] == ["clinic.people:patients", "clinic.people:visits"]
    plan = make_plan(pipeline)
    assert {name: size.rows for name, size in plan.expected().items()} == {"patients": 12, "visits": 12}
    assert space.estimate(plan) > 0
    with pytest.raises(Mistakes, match=r"ward: ends at 5, but stages\.patients\.params\.count is 4"):
        validate(clinic(*spelt(*names), "stages.visits.params.ward=[1, 5]"))


def test_a_world_of_another_domain_is_built_and_checked(clinic: Callable[..., Source], tmp_path: Path) -> None:
    """Its checks find its stages by short names; a check without stages is an error before anything is built."""
    result = make_build(clinic(), tmp_path / "build")
    assert (result.state, result.manifest["tables"]["visits"]["rows"]) == ("built", 4)
    assert result.manifest["pipeline"]["stages"]["visits"]["python"] == "clinic.people:visits"
    assert "generators" not in result.manifest["versions"]
    assert make_build(clinic(*spelt(*SPELT[1])), tmp_path / "build").state == "up to date"
    check = tmp_path / "checks/days.sql"
    check.write_text(CHECK.replace("day NOT BETWEEN", "day BETWEEN"), encoding="utf-8")
    with pytest.raises(CheckFailed, match="check days failed"):
        make_build(clinic(*spelt(*SPELT[1])), tmp_path / "build")
    check.write_text(CHECK.replace("stages: visits", "stages: visitors"), encoding="utf-8")
    with pytest.raises(Mistakes, match=r"days\.sql:2:1: no stage runs visitors, so this check would check nothing"):
        read_project(clinic())


def test_a_version_of_generators_is_recorded(clinic: Callable[..., Source], tmp_path: Path) -> None:
    """The version of the generators' module is recorded in the manifest, and makes another build."""
    before = identify(clinic()).id
    with (tmp_path / "clinic/__init__.py").open("a", encoding="utf-8") as file:
        file.write("VERSION = 5\n")
    source = clinic()
    assert identify(source).id != before
    assert validate(source).version == 5
    assert generators_of(source).keys() == {
        ("patients", "clinic.people:patients"),
        ("visits", "clinic.people:visits"),
    }


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("classes", "etl.school.classes:classes"),
        ("etl.school.generators:classes", "etl.school.classes:classes"),
        ("etl.school.classes:classes", "etl.school.classes:classes"),
        ("etl.school.windows:classes", "etl.school.classes:classes"),
        ("clases", "clases"),
        ("etl.nothing:classes", "etl.nothing:classes"),
        ("nothing.at.all:classes", "nothing.at.all:classes"),
        ("json:dumps", "json:dumps"),
        ("a:b:c", "a:b:c"),
        (":x", ":x"),
        ("", ""),
    ],
)
def test_names_are_made_full(name: str, full: str) -> None:
    """A function has the name of its definition; an unknown name is unchanged."""
    assert namer("etl.school.generators", ROOT)(name) == full


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    """A circle of imports and a broken module end the search."""
    (tmp_path / "one_way.py").write_text("from other_way import f\n", encoding="utf-8")
    (tmp_path / "other_way.py").write_text("from one_way import f\nfrom broken_way import g\n", encoding="utf-8")
    (tmp_path / "broken_way.py").write_text("def g(:\n", encoding="utf-8")
    in_full = namer(None, tmp_path)
    assert in_full("one_way:f") in {"one_way:f", "other_way:f"}
    assert in_full("other_way:g") == "broken_way:g"
    assert in_full("f") == "f"
