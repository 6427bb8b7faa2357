"""The generators that a stage can name with ``python:``, and how many rows each is expected to yield.

A generator is a plain function: Arrow tables and a source of streams in, an Arrow record batch (or several) out. Add
one by writing the function and naming it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etl.generators import enrollment, estimates, impact, rosters, rules, scores, students

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Raise it when a change gives other rows for the same pipeline; the golden hashes in the tests ask for it.
VERSION = 2


class Size(NamedTuple):
    """About how large a stage's result is: its rows, and the students and classes of the world behind it."""

    rows: int
    students: int = 0
    classes: int = 0
    width: int = 0  # bytes of a row in the database, 0 where the generator does not say


class Generator(NamedTuple):
    """A function, and an estimate of its rows from its params and the sizes of its inputs."""

    function: Callable[..., Any]
    expected: Callable[[Any, Mapping[str, Size]], int | Size]


def _classes(params: Any, _: Mapping[str, Size]) -> Size:  # noqa: ANN401 -- the params of `classes`
    return Size(params.count, params.count * sum(params.size) // 2, params.count)


def _window(params: Any, sizes: Mapping[str, Size]) -> int:  # noqa: ANN401 -- the params of `window`
    """A row for each student of its rosters: about half of them are chosen, for one to four assignments."""
    chosen: int = params.rosters.high - params.rosters.low + 1
    return sizes["scores"].students * chosen // max(sizes["scores"].classes, chosen)


def _rows_of_tests(_: Any, sizes: Mapping[str, Size]) -> Size:  # noqa: ANN401 -- no params are used
    """A row a student and test; its JSON has about 12 bytes for each standard, its category's part included."""
    rows = sum(size.rows for name, size in sizes.items() if name not in {"tests", "standards"})
    return Size(rows, width=40 + 12 * sizes["standards"].rows)


GENERATORS: dict[str, Generator] = {
    "classes": Generator(rosters.classes, _classes),
    "students": Generator(students.students, lambda _, sizes: sizes["classes"].students),
    "first_scores": Generator(scores.first_scores, lambda _, sizes: sizes["students"].rows),
    "next_scores": Generator(scores.next_scores, lambda _, sizes: sizes["previous"].rows),
    "score_rows": Generator(scores.score_rows, _rows_of_tests),
    "window": Generator(enrollment.window, _window),
    "enrollment_rows": Generator(
        enrollment.enrollment_rows, lambda _, sizes: sum(size.rows for size in sizes.values())
    ),
    "broken_growth": Generator(rules.broken_growth, lambda *_: 0),
    "broken_means": Generator(rules.broken_means, lambda *_: 0),
    "planted_sums": Generator(impact.planted_sums, lambda _, sizes: 3 * sizes["assignment_standards"].rows),
    "gain_sums": Generator(
        impact.gain_sums, lambda _, sizes: sizes["assignments"].rows + sizes["assignment_standards"].rows
    ),
    "planted_effects": Generator(estimates.planted_effects, lambda _, sizes: sizes["planted_sums"].rows),
    "impact_estimates": Generator(estimates.impact_estimates, lambda _, sizes: sizes["gain_sums"].rows),
}
