"""The tests of a school year, on tiny tables: the first one, each next one, and their rows."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.generator.params import Range
from etl.generator.streams import Streams, choose, normal, uniform
from etl.school.measure import half_up_mean
from etl.school.params import STATUSES
from etl.school.score_rows import score_rows
from etl.school.scores import first_scores, next_scores
from tests.support import small

if TYPE_CHECKING:
    from etl.school.params import Growth

STREAMS = Streams(7, "pm")
TESTS = small.tests("2025-08-15", "2025-10-15", "2025-12-15")


class World(NamedTuple):
    """A test's surroundings: any students, standards, clamp and levels."""

    ids: list[int]
    rc_ids: list[int]  # of each standard
    clamp: Range
    cuts: list[int]

    @property
    def categories(self) -> list[int]:
        """The categories, in the order of their ids."""
        return sorted(set(self.rc_ids))

    def level(self, score: int) -> int:
        """The level of a score."""
        return sum(cut <= score for cut in self.cuts)


def ranges(low: int, high: int) -> st.SearchStrategy[Range]:
    """Any range between two numbers."""
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda pair: Range(min(pair), max(pair)))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any world of one to four students, up to six standards in up to three categories, and one to six levels."""
    first = draw(st.integers(1, 2**40))
    gaps = draw(st.lists(st.integers(1, 100), min_size=0, max_size=3))
    clamp = draw(ranges(-9000, 9000))
    return World(
        [first + sum(gaps[:index]) for index in range(len(gaps) + 1)],
        draw(st.lists(st.sampled_from([2, 5, 9]), min_size=1, max_size=6)),
        clamp,
        [clamp.low, *sorted(draw(st.sets(st.integers(clamp.low + 1, clamp.high + 9), max_size=5)))],
    )


def first(world: World, mean: int = 0, sd: int = 95, jitters: tuple[Range, Range] | None = None) -> pa.RecordBatch:
    """Run first_scores."""
    category, standard = jitters or (Range(-40, 40), Range(-25, 25))
    return first_scores(
        STREAMS,
        small.students(*world.ids),
        TESTS,
        small.standards(*world.rc_ids),
        small.levels(*world.cuts),
        test="T1",
        mean=mean,
        sd=sd,
        clamp=world.clamp,
        category_jitter=category,
        standard_jitter=standard,
    )


def grown(
    world: World,
    previous: pa.Table,
    growth: Growth,
    covering: pa.Table | None = None,
    assignments: pa.Table | None = None,
    **windows: pa.Table,
) -> pa.RecordBatch:
    """Run next_scores, into the second test."""
    return next_scores(
        STREAMS,
        previous,
        TESTS,
        small.standards(*world.rc_ids),
        small.levels(*world.cuts),
        small.assignments() if assignments is None else assignments,
        small.covering() if covering is None else covering,
        test="T2",
        clamp=world.clamp,
        growth=growth,
        **windows,
    )


def half_up(scores: list[int]) -> int:
    """The mean, rounded half up, by fractions."""
    return math.floor(Fraction(sum(scores), len(scores)) + Fraction(1, 2))


# The first test


@settings(derandomize=True, deadline=None, max_examples=80)
@given(worlds(), st.integers(-10_000, 10_000), st.integers(1, 3000), ranges(-300, 300), ranges(-300, 300))
def test_first_scores_obey_their_numbers(world: World, mean: int, sd: int, category: Range, standard: Range) -> None:
    """For any clamp, jitter, levels, standards and students: within the clamp, near the score above, at its level."""
    found = first(world, mean, sd, (category, standard))
    low, high = world.clamp
    for row in found.to_pylist():
        assert low <= row["overall"] <= high
        assert row["level"] == world.level(row["overall"])
        assert len(row["categories"]) == len(world.categories)
        for score in row["categories"]:
            assert min(max(row["overall"] + category.low, low), high) <= score
            assert score <= min(max(row["overall"] + category.high, low), high)
        for rc_id, score in zip(world.rc_ids, row["standards"], strict=True):
            above = row["categories"][world.categories.index(rc_id)]
            assert min(max(above + standard.low, low), high) <= score <= min(max(above + standard.high, low), high)


def test_first_scores_are_the_draws() -> None:
    """Scores are sums of their streams' numbers, drawn by student."""
    world = World([5, 6, 8], [1, 1, 2], Range(5100, 5800), [5100])
    found = first(world, 5440)
    for row, student in zip(found.to_pylist(), world.ids, strict=True):
        overall = normal(STREAMS.words("overall", student, 1)[0], 5440, 95, 5100, 5800)
        category = uniform(STREAMS.words("category", student, 1, 2)[0], -40, 40) + overall
        standard = uniform(STREAMS.words("standard", student, 1, 3)[0], -25, 25) + category[[0, 0, 1]]
        assert (row["overall"], row["categories"], row["standards"]) == (
            overall[0],
            category.tolist(),
            standard.tolist(),
        )
        assert (row["test_id"], row["student_id"], row["roster_id"]) == (11, student, 1)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(worlds(), st.data())
def test_a_student_is_the_same_among_others(world: World, data: st.DataObject) -> None:
    """Students by themselves get the scores that they get among others, on the first test and the next."""
    place = data.draw(st.integers(0, len(world.ids) - 1))
    alone = world._replace(ids=world.ids[place : place + 1])
    both = [small.table(first(some)) for some in (world, alone)]
    assert both[0].slice(place, 1).equals(both[1])
    after = [
        small.table(grown(some, rows, small.growth((-15, 15)))) for some, rows in zip((world, alone), both, strict=True)
    ]
    assert after[0].slice(place, 1).equals(after[1])


def test_standards_in_any_order() -> None:
    """The order of the standards' rows, and of the levels', does not matter: ids and scores decide."""
    world = World([1, 2], [2, 1, 2], Range(5100, 5800), [5100, 5440])
    rows, bands = small.standards(*world.rc_ids), small.levels(*world.cuts)
    found = first_scores(
        STREAMS,
        small.students(*world.ids),
        TESTS,
        rows.take([2, 0, 1]),
        bands.take([1, 0]),
        test="T1",
        mean=5440,
        sd=95,
        clamp=world.clamp,
        category_jitter=Range(-40, 40),
        standard_jitter=Range(-25, 25),
    )
    assert found.equals(first(world, 5440))


def test_no_standards() -> None:
    """A test that measures nothing is an error."""
    with pytest.raises(ValueError, match="there are no standards; a test measures at least one"):
        first(World([1], [], Range(0, 9), [0]))


def test_a_score_below_every_level() -> None:
    """A score below every level is an error, not in the highest one."""
    with pytest.raises(ValueError, match="the score 7 is below the lowest performance level"):
        first(World([1], [1], Range(7, 7), [8, 9]))


def test_students_out_of_order() -> None:
    """Students whose ids do not ascend are an error."""
    with pytest.raises(ValueError, match="ids must ascend, each once; 3 follows 4"):
        first(World([4, 3], [1], Range(0, 9), [0]))


def test_no_students() -> None:
    """Nobody gets no scores, on the first test, on the next, and in the table."""
    world = World([], [1, 2], Range(0, 9), [0])
    start = small.table(first(world))
    after = small.table(grown(world, start, small.growth((0, 0))))
    assert (start.num_rows, after.num_rows) == (0, 0)
    assert score_rows(TESTS, small.standards(1, 2), start=start, after=after).num_rows == 0


# Growth


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.lists(st.lists(st.integers(-(10**7), 10**7), min_size=3, max_size=3), min_size=1, max_size=5))
def test_means_are_rounded_half_up(rows: list[list[int]]) -> None:
    """A mean is rounded half up, also below zero, where that is towards zero; of any number of scores."""
    for width in (1, 2, 3):
        scores = np.array(rows, dtype=np.int32)[:, :width]
        assert half_up_mean(scores.T).tolist() == [half_up(row[:width]) for row in rows]


class School(NamedTuple):
    """A world between two tests."""

    world: World
    previous: pa.Table
    growth: Growth
    covering: pa.Table
    assignments: pa.Table
    windows: dict[str, pa.Table]


@st.composite
def schools(draw: st.DrawFn) -> School:
    """Any world between two tests, with up to four assignments in up to two windows, given to anyone."""
    world = draw(worlds())
    scores = st.integers(*world.clamp)
    width = len(world.rc_ids)
    rows = draw(
        st.lists(st.lists(scores, min_size=width, max_size=width), min_size=len(world.ids), max_size=len(world.ids))
    )
    count = draw(st.integers(0, 4))
    growth = small.growth(*(draw(ranges(-90, 90)) for _ in range(4)))
    impacts = [(draw(st.sampled_from([12, 13, None])), 11) for _ in range(count)]
    cover = draw(st.sets(st.tuples(st.integers(1, count), st.integers(1, width)), max_size=9)) if count else set()
    # Each assignment belongs to one window, and its students need not all have taken the test.
    windows = {}
    for name, own in (("window1", range(1, count + 1, 2)), ("window2", range(2, count + 1, 2))):
        everyone = [*world.ids, world.ids[-1] + 7]
        held = [(assignment, student) for student in everyone for assignment in own if draw(st.booleans())]
        windows[name] = small.window(*((*pair, draw(st.integers(0, 2))) for pair in held))
    previous = small.sitting(11, dict(zip(world.ids, rows, strict=True)), width=width)
    return School(world, previous, growth, small.covering(*cover), small.assignments(*impacts), windows)


def expected_growth(school: School, student: int, standard: int) -> int | None:
    """The growth that the specification's sentence gives, drawn cell by cell; None where no assignment counts."""
    impact = {row["id"]: row["impacted_test_id"] for row in school.assignments.to_pylist()}
    found = []
    for held in (row for window in school.windows.values() for row in window.to_pylist()):
        own = sorted(
            row["standard_id"] for row in school.covering.to_pylist() if row["assignment_id"] == held["assignment_id"]
        )
        if held["student_id"] == student and impact[held["assignment_id"]] == 12 and standard in own:
            words = STREAMS.words(f"growth of assignment {held['assignment_id']}", student, 1, len(own))
            low, high = getattr(school.growth.assigned, STATUSES[held["status"]])
            found.append(int(uniform(words, low, high)[0, own.index(standard)]))
    return max(found, default=None)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(schools())
def test_next_scores_obey_the_rule_of_growth(school: School) -> None:
    """For any school: a standard grows as its assignments say, the larger growth counts, then clamp, means, level."""
    world = school.world
    found = grown(world, school.previous, school.growth, school.covering, school.assignments, **school.windows)
    for before, row in zip(school.previous.to_pylist(), found.to_pylist(), strict=True):
        student = row["student_id"]
        untouched = uniform(STREAMS.words("growth", student, 1, len(world.rc_ids)), *school.growth.untouched)[0]
        for index, (was, now) in enumerate(zip(before["standards"], row["standards"], strict=True)):
            moved = expected_growth(school, student, index + 1)
            moved = int(untouched[index]) if moved is None else moved
            assert now == min(max(was + moved, world.clamp.low), world.clamp.high)
        by_category = [
            half_up([score for rc, score in zip(world.rc_ids, row["standards"], strict=True) if rc == rc_id])
            for rc_id in world.categories
        ]
        assert row["categories"] == by_category
        assert row["overall"] == half_up(by_category)
        assert row["level"] == world.level(row["overall"])
        assert (row["test_id"], student, row["roster_id"]) == (12, before["student_id"], before["roster_id"])


WORLD = World([1, 2, 3], [1, 1, 1], Range(0, 9999), [0])
FLAT = small.sitting(11, dict.fromkeys([1, 2, 3], [1000] * 3), width=3)
SURE = small.growth((1, 1), completed=(40, 40), started=(15, 15), not_started=(-5, -5))
IMPACTS = small.assignments((12, 11), (12, 11), (13, 11))


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], [1, 1, 1]),  # nobody chosen
        ([(1, 2, 0)], [40, 40, 1]),  # completed: the two standards of the assignment
        ([(1, 2, 1)], [15, 15, 1]),
        ([(1, 2, 2)], [-5, -5, 1]),  # less than untouched: it counts all the same
        ([(1, 2, 1), (2, 2, 0)], [15, 40, 40]),  # both cover the second standard
        ([(1, 2, 0), (2, 2, 2)], [40, 40, -5]),
        ([(3, 2, 0)], [1, 1, 1]),  # impacts another test
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_the_larger_growth_counts(held: list[tuple[int, int, int]], expected: list[int], *, apart: bool) -> None:
    """Of two assignments that cover one standard the larger growth counts, in one window or in two."""
    cover = small.covering((1, 1), (1, 2), (2, 2), (2, 3), (3, 1))
    windows = {"window1": held[:1], "window2": held[1:]} if apart else {"window": held}
    tables = {name: small.window(*rows) for name, rows in windows.items()}
    found = small.numbers(grown(WORLD, FLAT, SURE, cover, IMPACTS, **tables), "standards")
    assert [[score - 1000 for score in row] for row in found] == [[1, 1, 1], expected, [1, 1, 1]]


# Who missed a test, who has left, who is driven

CLASS = World(list(range(1, 301)), [1, 1, 2], Range(0, 9999), [0])


def opening(**shares: Any) -> pa.Table:  # noqa: ANN401 -- the generator's params
    """The first sitting of a class, with shares of students who missed it or are driven."""
    return small.table(
        first_scores(
            STREAMS,
            small.students(*CLASS.ids),
            TESTS,
            small.standards(*CLASS.rc_ids),
            small.levels(*CLASS.cuts),
            test="T1",
            mean=5000,
            sd=95,
            clamp=CLASS.clamp,
            category_jitter=Range(-40, 40),
            standard_jitter=Range(-25, 25),
            **shares,
        )
    )


def following(previous: pa.Table, growth: Growth | None = None, **shares: Any) -> pa.Table:  # noqa: ANN401 -- as above
    """The next sitting of the class."""
    return small.table(
        next_scores(
            STREAMS,
            previous,
            TESTS,
            small.standards(*CLASS.rc_ids),
            small.levels(*CLASS.cuts),
            small.assignments(),
            small.covering(),
            test="T2",
            clamp=CLASS.clamp,
            growth=growth or small.growth((-15, 15)),
            **shares,
        )
    )


def test_marks_change_no_other_cell() -> None:
    """Whoever misses a test, is driven or leaves: every other cell of the sittings is as it was."""
    plain = opening()
    marked = opening(missed=0.2, driven=0.4)
    assert marked.column_names == [*plain.column_names[:3], "driven", "taken", *plain.column_names[3:]]
    assert marked.drop_columns(["driven", "taken"]).equals(plain)
    after = following(marked, missed=0.2, left=0.1)
    stay = pa.array(np.isin(np.array(CLASS.ids), after["student_id"].to_numpy()))
    assert 0 < after.num_rows < plain.num_rows
    assert after["driven"].to_pylist() == marked["driven"].filter(stay).to_pylist()
    assert after.drop_columns(["driven", "taken"]).equals(following(plain).filter(stay))


def test_marks_are_the_draws() -> None:
    """Who is driven, misses a test or leaves is the choice of its stream's words for the student."""
    start = opening(missed=0.2, driven=0.4)
    after = following(start, left=0.1)

    def first_of(draw: str, share: float) -> list[int]:
        chosen = choose(STREAMS.words(draw, 1, len(CLASS.ids))[:, 0], (share, 1 - share)) == 0
        return [student for student, there in zip(CLASS.ids, chosen, strict=True) if there]

    rows = start.to_pylist()
    assert [row["student_id"] for row in rows if row["driven"]] == first_of("driven", 0.4)
    assert [row["student_id"] for row in rows if not row["taken"]] == first_of("missed", 0.2)
    assert sorted(set(CLASS.ids) - set(after["student_id"].to_pylist())) == first_of("left", 0.1)


def test_growth_goes_on_underneath_a_missed_test() -> None:
    """A missed test gives no row, and the next one is as if it had been taken."""
    start, taken = opening(), opening(missed=0.3)
    assert following(taken).equals(following(start))
    sittings = {"pm1": taken, "pm2": following(taken, missed=0.3)}
    rows = score_rows(TESTS, small.standards(*CLASS.rc_ids), **sittings).to_pylist()
    expected = {
        (student, sitting["test_id"][0].as_py())
        for sitting in sittings.values()
        for student, there in zip(sitting["student_id"].to_pylist(), sitting["taken"].to_pylist(), strict=True)
        if there
    }
    assert {(row["student_id"], row["test_id"]) for row in rows} == expected
    assert len(rows) == len(expected) < 2 * len(CLASS.ids)


def test_everybody_may_miss_or_leave() -> None:
    """A share of 1 leaves no rows, and the tests after that are empty too."""
    assert score_rows(TESTS, small.standards(*CLASS.rc_ids), pm1=opening(missed=1)).num_rows == 0
    gone = following(opening(), left=1)
    assert gone.num_rows == following(gone, missed=0.5).num_rows == 0


def test_driven_students_grow_by_more() -> None:
    """Each standard of a driven student moves by so much more, clamped at last, and nobody else's does."""
    start, growth = opening(driven=0.5), small.growth((-15, 15))
    usual = np.array(small.numbers(following(start, growth), "standards"))
    more = growth.model_copy(update={"driven": 6000})
    found = np.array(small.numbers(following(start, more), "standards"))
    driven = np.array(start["driven"].to_pylist())
    assert 0 < driven.sum() < len(driven)
    assert (found == np.minimum(usual + 6000 * driven[:, None], CLASS.clamp.high)).all()
    assert following(opening(), more).equals(following(opening(), growth))


# Rows


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.sets(st.integers(1, 2**40), min_size=1, max_size=4),
    st.integers(1, 4),
    st.data(),
)
def test_score_rows_say_what_the_sittings_say(students: set[int], width: int, data: st.DataObject) -> None:
    """Rows by student, then test; ids by the formula; JSON compact, its keys the ids in order; nobody need take all."""
    cells = st.lists(st.integers(-9, 9999), min_size=width, max_size=width)
    sittings: dict[str, pa.Table] = {}
    expected: dict[int, tuple[int, int, int, list[int]]] = {}
    for test_id, sequence in ((13, 3), (11, 1), (12, 2)):
        ids = sorted(student for student in students if data.draw(st.booleans()))
        taken = {student: data.draw(cells) for student in ids}
        sittings[f"pm{sequence}"] = small.sitting(test_id, taken, width=width, overall=sequence)
        for student, row in taken.items():
            expected[(student - 1) * 3 + sequence] = (student, test_id, sequence, row)
    found = score_rows(TESTS, small.standards(*[9] * width), **sittings)
    assert found["id"].to_pylist() == sorted(expected)
    for row in found.to_pylist():
        student, test_id, overall, scores = expected[row["id"]]
        assert (row["student_id"], row["test_id"], row["overall_score"], row["level"]) == (student, test_id, overall, 1)
        assert row["rc_scores"] == f'{{"9":{scores[0]}}}'
        assert row["std_scores"] == json.dumps(dict(enumerate(scores, 1)), separators=(",", ":"))


@pytest.mark.parametrize("sequences", [[1, 1, 2], [1, 2, 4]])
def test_sequences_that_would_share_an_id(sequences: list[int]) -> None:
    """Sequences that would give two rows one id are an error before the database refuses them."""
    tests = TESTS.set_column(2, "sequence", pa.array(sequences))
    shown = ", ".join(map(str, sequences))
    with pytest.raises(ValueError, match=f"sequences must be consecutive numbers, not {shown}"):
        score_rows(tests, small.standards(1), pm1=small.sitting(11, {1: [5]}, width=1))
