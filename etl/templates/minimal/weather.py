"""The generators of this world: functions from tables and params to rows."""

import numpy as np
import pyarrow as pa

from etl.generator.params import Between, Count
from etl.generator.streams import Streams, uniform


def readings(streams: Streams, stations: pa.Table, *, days: Count, degrees: Between) -> pa.RecordBatch:
    """Draw a temperature for each station and day, by the station's id: no other row can change it."""
    ids = stations["id"].to_numpy()
    drawn = uniform(streams.words_of("degrees", ids, days), degrees.low, degrees.high)
    day = np.tile(np.arange(1, days + 1), len(ids))
    return pa.record_batch({"station_id": ids.repeat(days), "day": day, "degrees": drawn.ravel()})
