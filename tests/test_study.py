"""The study of many worlds: it reads what the pipeline makes, and says no more than that."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.coverage import UNFAIR, WORLDS, Estimate, main, simulated, studied
from benchmarks.plot import forest, ticks
from benchmarks.study import PREFACE, Mean, Study, document, goals, picture
from tests.support import small

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/study.md"


def estimate(assignment: int, bias: float, expected: float = 0, planted: float = 10) -> Estimate:
    """An estimate whose interval reaches two points to either side."""
    found = planted + bias
    return Estimate(assignment, planted, expected, bias, 1.0, found - 2, found + 2)


#: Two worlds of two assignments; the second one is expected to be biased by 3 points.
TWO = studied("two", [[estimate(1, 1), estimate(2, 5, 4)], [estimate(1, -3), estimate(2, 1, 2)]])


def study(name: str = "fair", *, covered: float = 0.95, excess: float = 0.0, fair: bool = True) -> Study:
    """A study that found a coverage and an excess, whose standard error is 1."""
    nothing, share = Mean(0, 1), Mean(covered, 0.01)
    return Study(name, 9, nothing, nothing, nothing, Mean(excess, 1), 1, 1, share, Mean(0.95, 0.01), (), fair)


def texts(svg: str) -> list[str | None]:
    """The texts in a picture, which is well-formed."""
    root = ET.fromstring(svg)  # noqa: S314 -- our own
    return [element.text for element in root.iter() if element.tag.endswith("text")]


def test_estimates_match_the_pipeline() -> None:
    """The study's estimates for a seed are the rows of that world's table, at any shard size."""
    table = small.gathered(small.world(*small.TWELVE, "seed=5"))["impact_estimates"].to_pylist()
    expected = [
        (row["assignment_id"], row["planted"], row["expected_bias"], row["bias"], row["low"], row["high"])
        for row in table
        if row["scope"] == "assignment"
    ]
    for rows in (250, 5):
        pipeline = small.world(*small.TWELVE, f"stages.students.shard.rows={rows}")
        found = simulated(pipeline, [4, 5])
        assert [(*each[:4], each.low, each.high) for each in found[1]] == expected
        assert found[0] != found[1]


def test_standard_errors_are_over_worlds() -> None:
    """Means are over worlds, and their standard errors are those of the worlds' means."""
    assert TWO.worlds == 2
    assert TWO.bias == Mean(1, 2)  # of the means 3 and -1
    assert TWO.expected == Mean(1.5, 0.5)
    assert pytest.approx((-0.5, 1.5)) == TWO.excess
    assert TWO.planted == Mean(10, 0)
    assert pytest.approx(math.sqrt((1 + 25 + 9 + 1) / 4)) == TWO.rmse
    assert TWO.error == 1
    assert TWO.covered.value == 0.5  # the biases 1 and 1
    assert TWO.corrected.value == 0.75  # and 5, which is 2 away from the expected 3
    assert [each.name for each in TWO.alone] == ["1", "2"]
    assert [each.bias.value for each in TWO.alone] == [-1, 3]


def test_a_single_world_has_no_standard_error() -> None:
    """With one world there is no standard error, and an assignment may be missing."""
    alone = studied("one", [[estimate(1, 1)], []])
    assert alone.worlds == 1
    assert math.isnan(alone.bias.error)
    assert "| one | 10.000 | 1.000 | 0.000 | 1.000 | 1.000 | 1.000 | 100.0% | 100.0% |" in document([alone], "a.svg")
    assert texts(picture([alone])).count("one") == 3


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (study(), ["pass", "pass"]),
        (study(covered=0.9299), ["**fail**", "pass"]),
        (study(covered=0.9701, excess=-3), ["**fail**", "pass"]),
        (study(excess=3.1), ["pass", "**fail**"]),
        (study(covered=0.2, fair=False), ["pass", "pass"]),
    ],
)
def test_goals(found: Study, passed: list[str]) -> None:
    """Coverage must be between 93 and 97 % and the excess near zero; where the groups differ, the bias counts too."""
    assert [row[-1] for row in goals([found])] == passed


def test_chart_is_deterministic() -> None:
    """The chart has a row for each study in every panel, a shaded goal, and is well-formed SVG."""
    found = [study("a & b", covered=0.4), study("c")]
    text = picture(found)
    assert text == picture(found)
    assert texts(text).count("a & b") == texts(text).count("c") == 3
    assert text.count('fill="#ccfbf1"') == 2


def test_ticks_are_round_and_cover_the_range() -> None:
    """Steps are 1, 2 or 5 times a power of ten, and cover both ends."""
    assert list(ticks(0, 100)) == [0, 20, 40, 60, 80, 100]
    assert list(ticks(-0.13, 1.1)) == [-0.5, 0, 0.5, 1, 1.5]
    assert list(ticks(93.1, 97)) == [93, 94, 95, 96, 97]
    assert ticks(7, 7)[0] <= 7 <= ticks(7, 7)[-1]
    assert "flat" in texts(forest([("flat", {"a": [(1, 1, 1)]}, ["x"], None)]))


def test_study_of_a_few_worlds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints its results and writes the document with its chart."""
    main(["--seeds", "2", "--workers", "1", "--only", "ela", "--out", str(tmp_path / "study.md")])
    assert capsys.readouterr().out.startswith("ela: 2 worlds, bias ")
    assert "on 2 worlds of each pipeline" in (tmp_path / "study.md").read_text(encoding="utf-8")
    assert (tmp_path / "study.svg").stat().st_size > 1000


def test_document_covers_every_pipeline() -> None:
    """docs/study.md has 500 worlds of each pipeline of pipelines/ that changes the data, and every goal is met."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.startswith(PREFACE.format(worlds=500, picture="study.svg"))
    assert "fail" not in text
    for name, path in WORLDS.items():
        assert (ROOT / path).is_file()
        assert f"\n| {name} | " in text
        assert f"{name}: the mean bias is the expected one" in text
    assert set(WORLDS) >= UNFAIR


def test_bias_of_the_first_window() -> None:
    """In biased.yaml 60 % of those who complete are driven and 40 % of the others, which is worth 20 points."""
    rows = [line.split(" | ") for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if "| biased | " in line]
    found = {row[1]: (float(row[3].split()[0]), float(row[4])) for row in rows if row[1] in {"1", "2", "3", "4"}}
    assert len(found) == 4
    assert all(number == pytest.approx((0.6 - 0.4) * 20, abs=0.1) for numbers in found.values() for number in numbers)
