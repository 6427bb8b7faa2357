"""Patients of a clinic, and the slots that they book."""

import numpy as np
import pyarrow as pa

from etl.generator.params import Between, Count, Share, Shares
from etl.generator.streams import Streams, choose, uniform


def patients(streams: Streams, *, count: Count, born: Between) -> pa.RecordBatch:
    """Draw the year in which each patient was born."""
    return pa.record_batch({"born": uniform(streams.words("born", 1, count)[:, 0], born.low, born.high)})


def slots(
    streams: Streams,
    doctors: pa.Table,
    patients: pa.Table,
    *,
    days: Count,
    per_day: Count,
    booked: Share,
    outcomes: Shares,
) -> pa.RecordBatch:
    """Draw who has booked each slot of each doctor's days, if anybody has, and what became of it."""
    count = len(doctors) * days * per_day
    words = streams.words("slots", 0, count, 3)
    doctor, day, slot = np.unravel_index(np.arange(count), (len(doctors), days, per_day))
    outcome = np.array([*outcomes])[choose(words[:, 2], [*outcomes.values()])]
    taken = choose(words[:, 0], [1 - booked, booked]) == 1
    columns = {
        "doctor_id": doctors["id"].to_numpy()[doctor],
        "patient_id": patients["id"].to_numpy()[uniform(words[:, 1], 0, len(patients) - 1)],
        "day": day,
        "slot": slot,
        "outcome": outcome,
    }
    return pa.record_batch({name: pa.array(column[taken]) for name, column in columns.items()})
