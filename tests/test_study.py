"""The study of many worlds: it reads what the pipeline makes, and its diagnosands are those of the textbooks."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from benchmarks import power
from benchmarks.coverage import WORLDS, estimated, main
from benchmarks.diagnosis import FIELDS, STATISTICS, Diagnosis, Mean, diagnosed
from benchmarks.plot import curve, forest, ticks
from benchmarks.power import Point
from benchmarks.study import FAILING, FITTING, NAMES, PREFACE, document, goals, pictures
from etl.school.estimators import ESTIMATORS
from tests.support import small

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/study.md"


def estimate(bias: float, expected: float = 0, planted: float = 10) -> list[float]:
    """An estimate whose interval reaches two points to either side, and a standard error of 1."""
    found = planted + bias
    return [planted, expected, bias, 1.0, found - 2, found + 2]


#: Two worlds of two assignments; the second one is expected to be biased by 3 points.
TWO = diagnosed(np.array([[estimate(1), estimate(5, 4)], [estimate(-3), estimate(1, 2)]]))


def found(coverage: float = 0.95, excess: float = 0.0) -> Diagnosis:
    """A diagnosis with a coverage, and an excess whose error is 1."""
    share = Mean(coverage, 0.01)
    numbers = {field.name: Mean(excess, 1) for field in fields(Diagnosis)}
    return Diagnosis(**{**numbers, "coverage": share, "corrected": share, "type_s": Mean(math.nan, math.nan)})


def texts(svg: str) -> list[str | None]:
    """The texts in a picture, which is well-formed."""
    root = ET.fromstring(svg)  # noqa: S314 -- our own
    return [element.text for element in root.iter() if element.tag.endswith("text")]


def test_estimates_are_the_pipelines_own() -> None:
    """The study's estimates of a seed are the rows of the table in that seed's world, whatever the shards."""
    table = small.gathered(small.world(*small.TWELVE, "seed=5"))["impact_estimates"].to_pylist()
    expected = [[row[name] for name in FIELDS] for row in table if row["scope"] == "assignment"]
    for rows in (250, 5):
        changes = (*small.TWELVE, f"stages.students.shard.rows={rows}")
        found = estimated("pipeline.yaml", 5, *changes)
        assert found.shape == (len(ESTIMATORS), 8, len(FIELDS))
        assert found.reshape(-1, len(FIELDS)).tolist() == expected
        assert (found != estimated("pipeline.yaml", 4, *changes)).any()


def test_diagnosands() -> None:
    """Means over all estimates; standard errors by leaving out one world, which for a mean is that of worlds' means."""
    assert TWO.bias == pytest.approx(Mean(1, 2))  # worlds' means 3 and -1
    assert TWO.expected == pytest.approx(Mean(1.5, 0.5))
    assert TWO.excess == pytest.approx(Mean(-0.5, 1.5))
    assert TWO.planted == Mean(10, 0)
    assert TWO.sd.value == pytest.approx(math.sqrt(8))  # of 1 and -3, of 5 and 1
    assert TWO.rmse.value == pytest.approx(math.sqrt((1 + 25 + 9 + 1) / 4))
    assert TWO.standard_error.value == 1
    assert TWO.coverage.value == 0.5  # the biases 1 and 1
    assert TWO.corrected.value == 0.75  # and 5, which is 2 away from the expected 3
    assert TWO.power.value == 1
    assert TWO.type_s.value == 0
    assert TWO.exaggeration.value == pytest.approx((11 + 15 + 7 + 11) / 40)
    assert list(STATISTICS) == [field.name for field in fields(Diagnosis)]


def test_significant_estimates() -> None:
    """Power, wrong signs and exaggeration are of planted effects; where there is none, power is the rate of alarms."""
    worlds = np.array([[estimate(bias, planted=1)] for bias in (-4, 0, 0.5, 1.5)])
    diagnosis = diagnosed(worlds)  # estimates -3, 1, 1.5 and 2.5, of which the first and the last are significant
    assert (diagnosis.power.value, diagnosis.type_s.value, diagnosis.exaggeration.value) == (0.5, 0.5, 2.75)
    nothing = diagnosed(np.array([[estimate(bias, planted=0)] for bias in (-3, 0, 0, 0)]))
    assert nothing.power.value == 0.25
    assert math.isnan(nothing.type_s.value)
    assert math.isnan(nothing.exaggeration.value)


def test_an_assignment_without_an_interval_does_not_count() -> None:
    """Of a single world there are no errors, and what has no estimate there is in no mean."""
    alone = diagnosed(np.array([[estimate(1), [math.nan] * len(FIELDS)]]))
    assert alone.bias.value == 1
    assert math.isnan(alone.bias.error)
    text = document({"null": dict.fromkeys(NAMES, alone)}, {}, 1, "study")
    assert "| null | DiD | 10.00 | 1.00 | 0.00 | 1.00 |" in text
    assert "power.svg" not in text


@pytest.mark.parametrize(
    ("world", "diagnosis", "passed"),
    [
        ("null", found(), ["pass"] * 4),
        ("null", found(coverage=0.9299), [*["**fail**"] * 3, "pass"]),
        ("null", found(coverage=0.9701, excess=-3), [*["**fail**"] * 3, "pass"]),
        ("null", found(excess=3.1), [*["pass"] * 3, "**fail**"]),
        ("biased", found(coverage=0.2), ["pass", "pass"]),
        ("clustered", found(), ["pass", "pass", "**fail**", "pass"]),
    ],
)
def test_goals(world: str, diagnosis: Diagnosis, passed: list[str]) -> None:
    """Coverage must be right where an analysis fits, low where it is known to fail, and every bias the expected one."""
    assert [row[-1] for row in goals({world: dict.fromkeys(NAMES, diagnosis)})] == passed


def test_pictures_are_the_same_each_time() -> None:
    """They have a row for each world in every panel, shade where coverage must be, and are well-formed."""
    worlds = {name: dict.fromkeys(NAMES, found()) for name in ("a & b", "c")}
    lines = {0.1: [Point(rosters, Mean(0.5, 0.1), Mean(0.95, 0.01)) for rosters in (10, 1000)]}
    made = pictures(worlds, lines)
    assert made == pictures(worlds, lines)
    assert [texts(made[name]).count("a & b") for name in ("bias", "coverage", "significance")] == [2, 2, 3]
    assert made["coverage"].count('fill="#ccfbf1"') == 2
    assert set(texts(made["power"])) >= {"10", "1,000", "0.1 SD", "100"}


def test_ticks_are_round_and_hold_both_ends() -> None:
    """Steps are 1, 2 or 5 times a power of ten, and no end lies outside."""
    assert list(ticks(0, 100)) == [0, 20, 40, 60, 80, 100]
    assert list(ticks(-0.13, 1.1)) == [-0.5, 0, 0.5, 1, 1.5]
    assert list(ticks(93.1, 97)) == [93, 94, 95, 96, 97]
    assert ticks(7, 7)[0] <= 7 <= ticks(7, 7)[-1]
    assert "flat" in texts(forest([("flat", {"a": [(1, 1, 1)]}, ["x"], None)]))
    assert "b" in texts(curve("a", "b", {"c": [(1, 50, math.nan, math.nan)]}, 80))


def test_the_study_of_a_few_worlds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command prints what it found and writes the document with its pictures."""
    monkeypatch.setattr("benchmarks.coverage.curves", lambda *_: {0.1: [Point(10, Mean(0.5, 0.1), Mean(0.95, 0.01))]})
    main(["--seeds", "2", "--workers", "1", "--only", "ela", "--out", str(tmp_path / "study.md")])
    assert capsys.readouterr().out.startswith("ela, did: bias ")
    assert "on 2 worlds of each pipeline" in (tmp_path / "study.md").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.glob("*.svg")} == {
        f"study-{name}.svg" for name in ("bias", "coverage", "significance", "power")
    }


def test_power_grows_with_rosters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of blocks of rosters are added up to larger comparisons, each of which finds an effect or does not."""
    monkeypatch.setattr(power, "ROSTERS", (10, 20))
    made = power.compared([50, 90], 1)
    assert [len(made[rosters]) for rosters in (10, 20)] == [2, 1]
    assert made[20][0][0]  # half a standard deviation


def test_the_document_is_of_every_world() -> None:
    """docs/study.md has 500 worlds of each pipeline of pipelines/ that changes the data, and every goal is met."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.startswith(PREFACE.format(worlds=500))
    assert "fail**" not in text
    for name, path in WORLDS.items():
        assert (ROOT / path).is_file()
        assert f"\n| {name} | " in text
        assert f"{name}: the mean bias of each estimator is the expected one" in text
    assert set(WORLDS) == set(FITTING) >= {world for world, _ in FAILING}
    assert set(NAMES) == set(ESTIMATORS)


def test_the_page_for_analysts_says_what_the_study_found() -> None:
    """docs/analysis.md calls an estimator right where it fits, and says how many points it is too high elsewhere."""
    lines = [line.strip("| ").split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines()]
    bias = {(cells[0], cells[1]): float(cells[3].split()[0]) for cells in lines if len(cells) == 6 and "±" in cells[3]}
    text = (ROOT / "docs/analysis.md").read_text(encoding="utf-8")
    for world, estimators in FITTING.items():
        row = next(line for line in text.splitlines() if line.startswith("| [") and world in line)
        for (estimator, name), cell in zip(NAMES.items(), row.strip("| ").split(" | ")[1:], strict=True):
            assert (cell == "right") == (estimator in estimators), (world, estimator)
            if cell.endswith("points too high"):
                assert cell == f"{bias[world, name]:.0f} points too high"
