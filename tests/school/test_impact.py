"""The planted truth, the sums of gains and the estimates: against brute force, and against scipy."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.school.arrays import vectors
from etl.school.estimates import impact_estimates, impact_means, planted_effects
from etl.school.impact import NUMBERS, gain_sums, planted_sums, score_sums
from etl.school.inference import fixed_effect_weights, hoeffding_bound, student_t, welch
from etl.school.params import STATUSES, Growth
from tests.support import small

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Assignments = Mapping[int, tuple[int | None, int, int | None, tuple[int, ...]]]

COMPLETED = STATUSES.index("completed")
TESTS = small.tests("2025-08-15", "2025-10-15", "2025-12-15")
CATEGORIES = (1, 1, 2, 2)
STANDARDS = small.standards(*CATEGORIES)
#: What each assignment impacts, follows, practises and covers. The first two share a standard.
ASSIGNMENTS: Assignments = {
    1: (12, 11, 1, (1, 2)),
    2: (12, 11, 2, (2, 3)),
    3: (13, 11, None, (4,)),  # a test between the one that it follows and the one that it impacts
    4: (None, 11, 1, (1,)),  # impacts nothing
    5: (12, 11, 1, ()),  # covers nothing
}
SEQUENCE = (11, 12, 13)
GROWTH = small.growth((-15, 15), completed=(40, 80), started=(15, 35), not_started=(-15, 15))
NULL = small.growth((-15, 15), completed=(-15, 15), started=(-15, 15), not_started=(-15, 15))


def assignments_table(rows: Assignments) -> pa.Table:
    """Assignments with the categories that they practise."""
    table = small.assignments(*(row[:2] for row in rows.values()))
    return table.append_column("rc_id", pa.array([row[2] for row in rows.values()], pa.int64()))


def covering_table(rows: Assignments) -> pa.Table:
    """Which standards they cover."""
    return small.covering(*((number, standard) for number, row in rows.items() for standard in row[3]))


class World(NamedTuple):
    """Any students with their roster, what they scored, hold and are."""

    rosters: dict[int, int]
    scores: Mapping[int, Mapping[int, Sequence[int]]]  # by test and student: who missed a test is not there
    held: dict[tuple[int, int], int]  # by assignment and student: the status code
    shift: Mapping[int, int]  # by student: growth beyond its ranges
    error: Mapping[int, Sequence[int]]  # by student, for each standard; empty in a world without error
    clamp: Range
    growth: Growth

    def tables(self, rosters: set[int] | None = None) -> dict[str, pa.Table]:
        """The sittings and windows of some rosters."""
        here = {student for student, roster in self.rosters.items() if rosters is None or roster in rosters}
        found = {}
        for test, scores in self.scores.items():
            sitting = small.sitting(test, {student: row for student, row in scores.items() if student in here}, width=4)
            ids = sitting["student_id"].to_pylist()
            roster = pa.array([self.rosters[student] for student in ids], pa.int64())
            shift = pa.array([self.shift.get(student, 0) for student in ids], pa.int32())
            sitting = sitting.set_column(sitting.column_names.index("roster_id"), "roster_id", roster)
            if self.error:
                for name, row in (("latent", lambda s, t=test: self.latent(s, t)), ("error", self.error.__getitem__)):
                    numbers = np.array([row(student) for student in ids], dtype=np.int32).reshape(-1, 4)
                    sitting = sitting.append_column(name, vectors(numbers))
            found[f"pm{test}"] = sitting.append_column("shift", shift)
        rows = sorted((a, s, status) for (a, s), status in self.held.items() if s in here)
        return {**found, "window1": small.window(*rows[::2]), "window2": small.window(*rows[1::2])}

    def sums(self, rosters: set[int] | None = None) -> list[pa.Table]:
        """Run gain_sums, planted_sums and score_sums over some rosters."""
        return self.sums_of(self.tables(rosters))

    def sums_of(self, tables: dict[str, pa.Table]) -> list[pa.Table]:
        """Run them over any sittings and windows."""
        inputs = self.inputs(tables)
        seen = {name: table for name, table in inputs.items() if name not in {"tests", "clamp", "growth"}}
        return [small.table(rows) for rows in (gain_sums(**inputs), planted_sums(**inputs), score_sums(**seen))]

    def inputs(self, tables: dict[str, pa.Table]) -> dict[str, Any]:
        """What the first two see, with these sittings and windows."""
        return {
            "tests": TESTS,
            "standards": STANDARDS,
            "assignments": assignments_table(ASSIGNMENTS),
            "assignment_standards": covering_table(ASSIGNMENTS),
            "clamp": self.clamp,
            "growth": self.growth,
            **tables,
        }

    # The same by brute force

    def latent(self, student: int, test: int) -> list[int]:
        """True scores: the seen ones without the error, on the scale."""
        errors = self.error.get(student, [0] * 4)
        return [
            min(max(seen - error, self.clamp.low), self.clamp.high)
            for seen, error in zip(self.scores[test][student], errors, strict=True)
        ]

    def ranges(self, student: int, test: int, standard: int) -> list[Range]:
        """What a standard's growth is the largest draw of."""
        held = [
            getattr(self.growth.assigned, STATUSES[self.held[number, student]])
            for number, (impacted, _, _, covered) in ASSIGNMENTS.items()
            if impacted == test and standard in covered and (number, student) in self.held
        ]
        return held or [self.growth.untouched]

    def expected_score(self, student: int, test: int, standard: int, ranges: list[Range]) -> Fraction:
        """E[clamp(clamp(x + G) + error)], over all that growth can be."""
        before = self.latent(student, SEQUENCE[SEQUENCE.index(test) - 1])[standard - 1] + self.shift.get(student, 0)
        error = self.error[student][standard - 1] if self.error else 0
        draws = list(itertools.product(*(range(low, high + 1) for low, high in ranges)))
        low, high = self.clamp
        latent = (min(max(before + max(draw), low), high) for draw in draws)
        return Fraction(sum(min(max(score + error, low), high) for score in latent), len(draws))

    def planted(self, student: int, test: int, standard: int) -> Fraction:
        """What the student's assignments planted in a standard."""
        ranges = self.ranges(student, test, standard)
        expected = self.expected_score(student, test, standard, ranges)
        return expected - self.expected_score(student, test, standard, [self.growth.untouched])

    def took(self, *tests: int) -> set[int]:
        """The students who took all these tests."""
        return set.intersection(*(set(self.scores[test]) for test in tests))

    def groups(self, number: int, *, before: bool = True) -> tuple[set[int], set[int]]:
        """Treated and control students of an assignment; ``before``: who also took the test before the impacted one."""
        impacted, after, _, _ = ASSIGNMENTS[number]
        assert impacted is not None
        took = self.took(impacted, after, *([SEQUENCE[SEQUENCE.index(impacted) - 1]] if before else []))
        holders = {student for assignment, student in self.held if assignment == number}
        # Who missed the test that an assignment follows has no roster there.
        around = {self.rosters[student] for student in holders & set(self.scores[after])}
        treated = {student for student in holders & took if self.held[number, student] == COMPLETED}
        return treated, {student for student in took - holders if self.rosters[student] in around}


RANGES = st.tuples(st.integers(-12, 12), st.integers(0, 6)).map(lambda pair: Range(pair[0], sum(pair)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world of up to ten students in up to four rosters, on a short scale, so that the clamp is often met."""
    low = draw(st.integers(-50, 50))
    clamp = Range(low, low + draw(st.integers(0, 40)))
    ids = sorted(draw(st.sets(st.integers(1, 200), max_size=10)))
    rosters = {student: index // 3 + 1 for index, student in enumerate(ids)}
    score = st.tuples(*[st.integers(*clamp)] * len(CATEGORIES))
    held = st.dictionaries(
        st.tuples(st.sampled_from(sorted(ASSIGNMENTS)), st.sampled_from(ids or [1])), st.integers(0, 2), max_size=20
    )
    growth = small.growth(*(tuple(draw(RANGES)) for _ in range(4)))  # type: ignore[arg-type]
    errors = st.lists(st.integers(-50, 50), min_size=4, max_size=4)
    absent = draw(st.lists(st.tuples(st.sampled_from(SEQUENCE), st.sampled_from(ids or [1])), max_size=4))
    return World(
        rosters,
        {test: {student: draw(score) for student in ids if (test, student) not in absent} for test in SEQUENCE},
        {key: status for key, status in draw(held).items() if key[1] in rosters},
        {student: draw(st.integers(-5, 5)) for student in ids[::2]},
        {student: draw(errors) for student in ids} if draw(st.booleans()) else {},
        clamp,
        growth,
    )


# The sums


@settings(derandomize=True, deadline=None, max_examples=50)
@given(worlds())
def test_sums_are_those_of_brute_force(world: World) -> None:
    """Who is treated and control, their gains, and every expectation, by enumerating all that growth can be."""
    gains, *_ = world.sums()
    found = {(row["assignment_id"], row["standard_id"]): row for row in gains.to_pylist()}
    assert list(found) == [(1, None), (1, 1), (1, 2), (2, None), (2, 2), (2, 3), (3, None), (3, 4)]
    for (number, standard), row in found.items():
        impacted, after, category, covered = ASSIGNMENTS[number]
        assert impacted is not None
        some = covered if standard is None else (standard,)
        assert row["parts"] == len(some)
        assert row["rc_id"] == (category if standard is None else CATEGORIES[standard - 1])
        for name, students in zip(("treated", "control"), world.groups(number), strict=True):
            now, then = world.scores[impacted], world.scores[after]
            gain = {s: sum(now[s][index - 1] - then[s][index - 1] for index in some) for s in students}
            expected = {
                s: sum(
                    world.expected_score(s, impacted, index, world.ranges(s, impacted, index)) - then[s][index - 1]
                    for index in some
                )
                for s in students
            }
            assert row[name] == len(students)
            assert row[f"{name}_gain"] == sum(gain.values())
            assert row[f"{name}_squares"] == sum(number * number for number in gain.values())
            planted = sum(world.planted(s, impacted, index) for s in students for index in some)
            assert Fraction(row[f"{name}_planted"], row["denominator"]) == planted
            excess = sum(gain[s] - expected[s] for s in students)
            assert Fraction(row[f"{name}_excess"], row["denominator"]) == excess


@settings(derandomize=True, deadline=None, max_examples=40)
@given(worlds())
def test_planted_effects_are_those_of_brute_force(world: World) -> None:
    """The table holds the mean planted effect for each assignment, standard and status, and null for nobody's."""
    rows = planted_effects(world.sums()[1]).to_pylist()
    keys = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 4)]
    assert [row["id"] for row in rows] == list(range(1, 3 * len(keys) + 1))
    assert [(row["assignment_id"], row["standard_id"], row["status"]) for row in rows] == [
        (*key, status) for key in keys for status in STATUSES
    ]
    for row in rows:
        impacted, *_ = ASSIGNMENTS[row["assignment_id"]]
        assert impacted is not None
        took = world.took(impacted, SEQUENCE[SEQUENCE.index(impacted) - 1])
        students = [s for s in took if world.held.get((row["assignment_id"], s)) == STATUSES.index(row["status"])]
        effects = [world.planted(s, impacted, row["standard_id"]) for s in students]
        assert row["students"] == len(students)
        if effects:
            assert row["effect"] == pytest.approx(float(sum(effects) / len(effects)), abs=6e-7)
        else:
            assert row["effect"] is None


@settings(derandomize=True, deadline=None, max_examples=40)
@given(worlds())
def test_mean_scores_are_those_of_brute_force(world: World) -> None:
    """The table has the mean scores of who took both tests; over several standards each student's mean is rounded."""
    rows = impact_means(world.sums()[2]).to_pylist()
    keys = [(1, None), (1, 1), (1, 2), (2, None), (2, 2), (2, 3), (3, None), (3, 4)]
    assert [(row["id"], row["assignment_id"], row["standard_id"]) for row in rows] == [
        (number, *key) for number, key in enumerate(keys, start=1)
    ]
    for row in rows:
        impacted, after, _, covered = ASSIGNMENTS[row["assignment_id"]]
        assert impacted is not None
        some = [number - 1 for number in ((row["standard_id"],) if row["standard_id"] else covered)]
        for name, students in zip(
            ("treated", "control"), world.groups(row["assignment_id"], before=False), strict=True
        ):
            assert row[name] == len(students)
            then, now = (
                [
                    away_from_zero(Fraction(sum(world.scores[test][each][at] for at in some), len(some)))
                    for each in students
                ]
                for test in (after, impacted)
            )
            totals = {"before": sum(then), "after": sum(now), "gain": sum(now) - sum(then)}
            for column, total in totals.items():
                assert row[f"{name}_{column}"] == (total / len(students) if students else None)


def away_from_zero(number: Fraction) -> int:
    """Round to the nearest whole number, halves away from zero."""
    return int(abs(number) + Fraction(1, 2)) * (1 if number > 0 else -1)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(worlds(), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_any_cut_into_shards_gives_the_same(world: World, shards: list[int]) -> None:
    """The tables are the same from the sums of the whole and from those of its shards, in any order."""
    cut = [world.sums({roster for roster in range(1, 5) if shards[roster - 1] == shard}) for shard in range(3)]
    for parts in (cut, cut[::-1]):
        for gathered, sums, *several in zip(
            (impact_estimates, planted_effects, impact_means), world.sums(), *parts, strict=True
        ):
            assert gathered(pa.concat_tables(several)).equals(gathered(sums))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(worlds())
def test_a_missed_test_is_as_one_that_is_not_there(world: World) -> None:
    """Rows that are marked as missed tests are left out of every sum."""
    absent = {
        test: {student: row for student, row in scores.items() if (student + test) % 3}
        for test, scores in world.scores.items()
    }
    marked = world.tables()
    for name in ("pm11", "pm12", "pm13"):
        numbers = marked[name]["student_id"].to_pylist()
        taken = pa.array([int((number + int(name[2:])) % 3 > 0) for number in numbers], pa.int8())
        marked[name] = marked[name].append_column("taken", taken)
    assert world.sums_of(marked) == world._replace(scores=absent).sums()


def test_a_scale_too_wide_for_exact_sums() -> None:
    """Squares that would not fit are refused, not wrapped around."""
    world = World({1: 1}, {11: {1: [0] * 4}, 12: {1: [2**31 - 1] * 4}}, {(1, 1): COMPLETED}, {}, {}, Range(0, 9), NULL)
    with pytest.raises(ValueError, match="too large to sum exactly; use a narrower clamp"):
        world.sums()


# The formulas


def sums_of(treated: Sequence[int], control: Sequence[int], parts: int = 1, **others: int | None) -> pa.Table:
    """A row of sums with these gains, times parts, and nothing planted."""
    row: dict[str, int | None] = dict.fromkeys(NUMBERS, 0)  # and no rosters
    row |= {"assignment_id": 1, "rc_id": 1, "standard_id": None, "parts": parts, "denominator": 1, **others}
    for name, gains in (("treated", treated), ("control", control)):
        row |= {name: len(gains), f"{name}_gain": sum(gains), f"{name}_squares": sum(gain * gain for gain in gains)}
    return pa.table({name: pa.array([cell], pa.int64()) for name, cell in row.items()})


def plain(sums: pa.Table) -> list[dict[str, Any]]:
    """The estimates by plain difference in differences."""
    rows: list[dict[str, Any]] = impact_estimates(sums).to_pylist()
    return [row for row in rows if row.pop("estimator") == "did"]


def first_row(sums: pa.Table) -> dict[str, Any]:
    """The first of them."""
    return plain(sums)[0]


@pytest.mark.parametrize(
    ("parts", "treated", "control", "published"),
    [
        (  # Wikipedia, "Welch's t-test", example 1, in tenths
            10,
            (275, 210, 190, 236, 170, 179, 169, 201, 219, 226, 231, 196, 190, 217, 214),
            (271, 220, 208, 234, 234, 235, 258, 220, 248, 202, 219, 221, 229, 205, 244),
            {"treated_gain": 20.82, "control_gain": 22.99, "t": -2.46, "degrees_of_freedom": 25.0, "p": 0.021},
        ),
        (  # as R's t.test prints it
            1,
            (11, 9, 10, 11, 10, 12, 9, 11, 12, 9),
            (11, 13, 10, 13, 12, 9, 11, 12, 12, 11),
            {"t": -1.8325, "degrees_of_freedom": 17.9, "p": 0.08356, "low": -2.14691, "high": 0.14691},
        ),
    ],
)
def test_welch_as_published(
    parts: int, treated: Sequence[int], control: Sequence[int], published: dict[str, float]
) -> None:
    """Worked examples."""
    row = first_row(sums_of(treated, control, parts))
    assert {
        name: round(row[name], len(f"{number}".partition(".")[2])) for name, number in published.items()
    } == published


GAINS = st.lists(st.integers(-2000, 2000), min_size=2, max_size=40)


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")  # scipy's, of gains that are all alike
@settings(derandomize=True, deadline=None, max_examples=40)
@given(GAINS, GAINS, st.integers(1, 6))
@example([5, 6], [7, 7, 7], 1)
def test_estimates_are_those_of_scipy(treated: list[int], control: list[int], parts: int) -> None:
    """Effect, t, degrees of freedom, p and the interval are those of scipy's test with unequal variances."""
    from scipy import stats  # noqa: PLC0415 -- takes a second to import

    row = first_row(sums_of(treated, control, parts))
    if len(set(treated)) == len(set(control)) == 1:
        assert row["standard_error"] == 0
        assert {row[name] for name in ("degrees_of_freedom", "t", "p", "low", "high", "covered")} == {None}
        return
    result = stats.ttest_ind(*(np.array(gains) / parts for gains in (treated, control)), equal_var=False)
    interval = result.confidence_interval(0.95)
    expected = {
        "effect": np.mean(treated) / parts - np.mean(control) / parts,
        "t": result.statistic,
        "degrees_of_freedom": result.df,
        "p": result.pvalue,
        "low": interval.low,
        "high": interval.high,
    }
    for name, number in expected.items():
        assert row[name] == pytest.approx(number, rel=1e-5, abs=1e-6)
    assert row["p"] == pytest.approx(result.pvalue, rel=6e-6)
    assert row["standard_error"] * row["t"] == pytest.approx(row["effect"], rel=1e-4, abs=1e-3)
    assert row["covered"] == (row["low"] <= 0 <= row["high"])


def test_nothing_varies() -> None:
    """Two groups whose gains are all alike have no degrees of freedom."""
    assert welch((3, Fraction(0)), (2, Fraction(0))) == (Fraction(0), None)


def test_student_with_infinitely_many_degrees_of_freedom() -> None:
    """It is the normal distribution."""
    assert student_t(1.96, math.inf, 0.95) == pytest.approx((0.0499958, 1.959964), rel=1e-5)
    assert student_t(-1.96, 1e9, 0.95) == pytest.approx(student_t(1.96, math.inf, 0.95), rel=1e-6)


def test_fixed_effect() -> None:
    """The weights are as the precisions, and the pooled variance is one over their sum."""
    weights, variance = fixed_effect_weights([Fraction(1, 4), Fraction(1, 2), Fraction(1, 2)])
    assert weights == [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)]
    assert variance == Fraction(1, 8)


def test_categories_are_pooled() -> None:
    """A category pools its assignments; one without an estimate does not count, and no category is made of none."""
    sums = [
        sums_of((0, 2), (0, 2), treated_planted=4),  # variance 1 + 1, effect 0, planted 2
        sums_of((10, 12, 14), (0, 0, 0), assignment_id=2, denominator=2),  # variance 4 / 3, effect 12
        sums_of((7,), (1, 2), assignment_id=3),
        sums_of((1, 2), (3, 5), assignment_id=4, rc_id=None),
    ]
    *singles, pooled = plain(pa.concat_tables(sums))
    assert [row["scope"] for row in singles] == ["assignment"] * 4
    assert [row["effect"] for row in singles] == [0, 12, 5.5, -2.5]
    weights = np.array([1 / 2, 3 / 4]) / (5 / 4)
    error = math.sqrt(4 / 5)
    assert pooled | {"p": 0, "low": 0, "high": 0} == {
        "id": 5,
        "scope": "category",
        "assignment_id": None,
        "rc_id": 1,
        "standard_id": None,
        "treated": 6,
        "control": 7,
        "treated_gain": pytest.approx(weights @ [1, 12]),
        "control_gain": pytest.approx(weights @ [1, 0]),
        "effect": pytest.approx(weights @ [0, 12]),
        "standard_error": pytest.approx(error, abs=1e-6),
        "degrees_of_freedom": None,
        "t": pytest.approx(weights @ [0, 12] / error, abs=1e-5),
        "p": 0,
        "low": 0,
        "high": 0,
        "planted": pytest.approx(weights @ [2, 0]),
        "expected_bias": pytest.approx(weights @ [-2, 12]),
        "bias": pytest.approx(weights @ [-2, 12]),
        "covered": 0,
        "surprise": None,
    }
    assert (pooled["low"], pooled["high"]) == pytest.approx((7.2 - 1.959964 * error, 7.2 + 1.959964 * error), abs=1e-5)


@pytest.mark.parametrize(
    ("treated", "control", "known"),
    [
        ((), (), set[str]()),
        ((), (3, 5), {"control_gain"}),
        ((3, 5), (), {"treated_gain", "planted"}),
        ((3,), (5, 6), {"treated_gain", "control_gain", "effect", "planted", "expected_bias", "bias", "surprise"}),
    ],
)
def test_what_cannot_be_known_is_null(treated: tuple[int, ...], control: tuple[int, ...], known: set[str]) -> None:
    """Without students there is no gain, without both groups no effect, with a single student no interval."""
    row = first_row(sums_of(treated, control))
    assert {name for name, cell in row.items() if cell is not None} == known | {
        *("id", "scope", "assignment_id", "rc_id", "treated", "control")
    }


def test_nobody_is_there() -> None:
    """Without sittings or assignments the rows and columns are still those of the tables."""
    world = World({}, {}, {}, {}, {}, Range(0, 9), small.growth((0, 1)))
    gains, planted, _ = world.sums()
    assert set(gains["treated"].to_pylist()) == set(gains["control"].to_pylist()) == {0}
    assert {row["effect"] for row in planted_effects(planted).to_pylist()} == {None}
    assert [row["surprise"] for row in plain(gains)] == [None] * (gains.num_rows + 2)  # two categories
    assert impact_estimates(gains.slice(0, 0)).schema == impact_estimates(gains).schema
    assert planted_effects(planted.slice(0, 0)).schema == planted_effects(planted).schema


# Surprise, expected bias


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_surprise_is_a_bound(sizes: list[int]) -> None:
    """Whatever is drawn, a surprise of s or less has a chance of s at most: by enumerating every draw."""
    outcomes = list(itertools.product(*(range(size + 1) for size in sizes)))
    mean, spread = Fraction(sum(sizes), 2), Fraction(sum(size * size for size in sizes))
    found = Counter(hoeffding_bound(sum(outcome) - mean, spread) for outcome in outcomes)
    below = 0
    for bound, number in sorted(found.items()):
        below += number
        assert below <= bound * len(outcomes) * (1 + 1e-12)


def test_no_room_for_surprise() -> None:
    """Where nothing is drawn, the least excess is impossible."""
    assert hoeffding_bound(Fraction(0), Fraction(0)) == 1
    assert hoeffding_bound(Fraction(1, 10**9), Fraction(0)) == 0


def test_those_who_grow_anyway() -> None:
    """When only driven students complete their work, DiD finds their growth too: that is the expected bias."""
    growth = small.growth((5, 5), completed=(20, 20))
    students = range(1, 7)
    treated = {1, 2, 3}
    scores = {
        11: dict.fromkeys(students, (50,) * 4),
        12: {student: (77,) * 3 + (62,) if student in treated else (55,) * 4 for student in students},
    }
    held = {(1, student): COMPLETED for student in treated}
    world = World(dict.fromkeys(students, 1), scores, held, dict.fromkeys(treated, 7), {}, Range(0, 100), growth)
    row = first_row(world.sums()[0])
    names = ("effect", "planted", "expected_bias", "bias", "surprise")
    assert tuple(row[name] for name in names) == (22, 15, 7, 7, 1)


@pytest.mark.parametrize(("made", "surprising"), [(GROWTH, False), (NULL, True)])
def test_effects_that_are_missing_surprise(made: Growth, *, surprising: bool) -> None:
    """Data without the planted effects has a chance far below one in a million, data with them an ordinary one."""
    students, treated = range(1, 201), range(1, 101)
    completed, others = (sum(growth) // 2 for growth in (made.assigned.completed, made.untouched))
    scores = {11: dict.fromkeys(students, (500,) * 4)}
    scores[12] = {each: (500 + (completed if each in treated else others),) * 4 for each in students}
    held = {(1, student): COMPLETED for student in treated}
    world = World(dict.fromkeys(students, 1), scores, held, {}, {}, Range(0, 1000), GROWTH)
    surprise = first_row(world.sums()[0])["surprise"]
    assert surprise < 1e-12 if surprising else surprise > 1e-3
