"""The school's generators, by the short names used in ``python:``.

A generator is a function from Arrow tables and random streams to an Arrow record batch (or several).
"""

from etl.school.classes import classes
from etl.school.estimates import impact_estimates, impact_means, planted_effects
from etl.school.growth_checks import broken_growth, broken_means
from etl.school.impact import gain_sums, planted_sums, score_sums
from etl.school.score_rows import score_rows
from etl.school.scores import first_scores, next_scores
from etl.school.students import students
from etl.school.windows import enrollment_rows, window

#: Increment it when a change produces different rows for the same pipeline; a test of golden hashes enforces this.
VERSION = 3

__all__ = [
    "broken_growth",
    "broken_means",
    "classes",
    "enrollment_rows",
    "first_scores",
    "gain_sums",
    "impact_estimates",
    "impact_means",
    "next_scores",
    "planted_effects",
    "planted_sums",
    "score_rows",
    "score_sums",
    "students",
    "window",
]
