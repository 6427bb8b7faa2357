"""Who sat a test, and who is driven: the marks that a sitting may carry beside its scores.

A sitting holds everybody who is still in class, so that growth goes on underneath a test that was missed. Where it has
a column ``taken``, its zeros missed the test; where it has a column ``driven``, its ones grow by more than the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from etl.generator.streams import Streams, choose

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


def present(sitting: pa.Table) -> pa.Table:
    """Return the rows of those who took the test: all of them where nobody could miss it."""
    return sitting.filter(pc.equal(sitting["taken"], 1)) if "taken" in sitting.column_names else sitting


def drive(sitting: pa.Table) -> NDArray[np.int64]:
    """Return 1 for each student who is driven, 0 for the others."""
    if "driven" not in sitting.column_names:
        return np.zeros(sitting.num_rows, dtype=np.int64)
    return np.asarray(sitting["driven"].to_numpy()).astype(np.int64)


def among(streams: Streams, draw: str, ids: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Draw who is among a share of the students; a larger share holds those of a smaller one."""
    chosen: NDArray[np.bool_] = choose(streams.words_of(draw, ids)[:, 0], (share, 1 - share)) == 0
    return chosen
