"""The tables of truth, means and estimates: what was planted, mean scores, and what three standard analyses find."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa

from etl.generator.params import Columns
from etl.school.estimators import ESTIMATORS, pooled, six_decimals
from etl.school.impact import GROUPS, KEYS, NUMBERS, PLANTED_SUMS, SCORE_NUMBERS, SCORE_SUMS
from etl.school.params import STATUSES
from etl.school.within import LIMBS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from etl.school.estimators import Estimate

    Row = dict[str, Any]

_EFFECTS = pa.schema(
    [
        ("id", pa.int64()),
        ("assignment_id", pa.int64()),
        ("standard_id", pa.int64()),
        ("status", pa.string()),
        ("students", pa.int64()),
        ("effect", pa.float64()),
    ]
)
_MEANS = pa.schema(
    [
        *((name, pa.int64()) for name in ("id", "assignment_id", "standard_id")),
        *((group, pa.int64()) for group in GROUPS),
        *((f"{group}_{name}", pa.float64()) for group in GROUPS for name in ("before", "after", "gain")),
    ]
)
_GAINS = ("treated_gain", "control_gain", "effect")
_TEST = ("standard_error", "degrees_of_freedom", "t", "p", "low", "high")
_TRUTH = ("planted", "expected_bias", "bias")
_ESTIMATES = pa.schema(
    [
        ("id", pa.int64()),
        ("estimator", pa.string()),
        ("scope", pa.string()),
        *((name, pa.int64()) for name in ("assignment_id", "rc_id", "standard_id", "treated", "control")),
        *((name, pa.float64()) for name in (*_GAINS, *_TEST, *_TRUTH)),
        ("covered", pa.int64()),
        ("surprise", pa.float64()),
    ]
)


def planted_effects(planted_sums: Annotated[pa.Table, Columns(tuple(PLANTED_SUMS.names))]) -> pa.RecordBatch:
    """Make the rows of the table ``planted_effects`` from every shard's sums: mean effects, in scale points.

    A row for each assignment, standard that it covers, and status; its effect is null when nobody has that status.
    """
    keys = ("assignment_id", "standard_id", "status")
    sums = added_up(planted_sums, keys, ("students", "planted"))
    sums.sort(key=lambda row: (row["assignment_id"], row["standard_id"], STATUSES.index(row["status"])))
    for number, row in enumerate(sums, start=1):
        parts = row["students"] * row["denominator"]
        row |= {"id": number, "effect": six_decimals(Fraction(row["planted"], parts)) if parts else None}
    return pa.RecordBatch.from_pylist(sums, schema=_EFFECTS)


def impact_means(score_sums: Annotated[pa.Table, Columns(tuple(SCORE_SUMS.names))]) -> pa.RecordBatch:
    """Make the rows of the table ``impact_means`` from every shard's sums: mean scores, in scale points.

    First a row for each assignment, then one for each of its standards. Cells are null where a group is empty.
    """
    rows = added_up(score_sums, ("assignment_id", "standard_id"), SCORE_NUMBERS)
    rows.sort(key=lambda row: (row["assignment_id"], row["standard_id"] or 0))
    for number, row in enumerate(rows, start=1):
        row["id"] = number
        for group in GROUPS:
            before, after = row[f"{group}_before"], row[f"{group}_after"]
            for name, total in (("before", before), ("after", after), ("gain", after - before)):
                row[f"{group}_{name}"] = total / row[group] if row[group] else None
    return pa.RecordBatch.from_pylist(rows, schema=_MEANS)


def impact_estimates(gain_sums: Annotated[pa.Table, Columns(KEYS)]) -> pa.RecordBatch:
    """Make the rows of the table ``impact_estimates`` from every shard's sums.

    For each estimator: first a row for each assignment, then one for each standard of each assignment, then one for
    each category that assignments practise. Cells are null where a group is empty, and there is no interval where one
    has a single student, there is a single roster, or no gain differs from another.
    """
    sums = added_up(gain_sums, ("assignment_id", "standard_id"), NUMBERS)
    sums.sort(key=lambda row: (row["assignment_id"], row["standard_id"] or 0))
    rows = [{"estimator": name, **row} for name, estimator in ESTIMATORS.items() for row in _estimated(sums, estimator)]
    for number, row in enumerate(rows, start=1):
        row["id"] = number
    return pa.RecordBatch.from_pylist(rows, schema=_ESTIMATES)


def _estimated(sums: Sequence[Row], estimator: Callable[[Row], Estimate]) -> list[Row]:
    """The rows of one estimator."""
    whole = [(row, estimator(row)) for row in sums if row["standard_id"] is None]
    parts = [(row, estimator(row)) for row in sums if row["standard_id"] is not None]
    rows = [
        {**{name: row[name] for name in ("assignment_id", "rc_id", "standard_id")}, "scope": scope, **estimate.cells()}
        for scope, some in (("assignment", whole), ("standard", parts))
        for row, estimate in some
    ]
    for category in sorted({row["rc_id"] for row, _ in whole} - {None}):
        estimate = pooled([estimate for row, estimate in whole if row["rc_id"] == category])
        rows.append({"scope": "category", "rc_id": category, **estimate.cells()})
    return rows


def added_up(sums: pa.Table, keys: Sequence[str], numbers: Sequence[str]) -> list[Row]:
    """Sum the numbers of rows with the same keys, in Python's integers, which do not overflow."""
    totals: dict[tuple[Any, ...], Row] = {}
    for batch in sums.to_batches():  # a shard's rows: all of them as Python's objects would be many
        for row in batch.to_pylist():
            total = totals.setdefault(tuple(row[key] for key in keys), row)
            if total is not row:
                total |= {name: total[name] + row[name] for name in numbers}
                if LIMBS in row:
                    total[LIMBS] = [one + other for one, other in zip(total[LIMBS], row[LIMBS], strict=True)]
    return list(totals.values())
