"""The parts of the report, in order. Each asks the database, draws a chart, and says what to see, from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.report.part import Part, plural
from etl.report.truth import assignment_effects, category_effects, growth, standard_effects
from etl.report.year import assigned, class_sizes, dates, distributions, level_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from etl.report.planned import Planned
    from etl.report.queries import Database

#: What no other generator gives comes first.
PARTS: tuple[Callable[[Database, Planned], Part], ...] = (
    assignment_effects,
    standard_effects,
    category_effects,
    growth,
    level_shares,
    distributions,
    assigned,
    dates,
    class_sizes,
)


def checks(held: Sequence[Mapping[str, str]]) -> Part:
    """Which rules the build was held to."""
    ran = f"{plural(len(held), 'check')} ran before the build was published"
    return Part(
        "Checks",
        (f"{ran}, and none found anything: otherwise there would be no build.",),
        ("Check", "Rule"),
        [(check["check"], check["rule"]) for check in held],
    )
