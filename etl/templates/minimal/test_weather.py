"""Tests of the generators, with tables of a few rows. Run them with: python -m unittest."""

import unittest

import pyarrow as pa
from etl.generator.params import Range
from etl.generator.streams import Streams

from weather import readings


class Readings(unittest.TestCase):
    """Readings depend on the station's id alone."""

    def test_a_station_keeps_its_readings(self) -> None:
        """Four stations have the same readings together as one of them has alone."""
        four, one = pa.table({"id": [1, 2, 3, 7]}), pa.table({"id": [7]})
        together, alone = (
            readings(Streams(1, "readings"), stations, days=5, degrees=Range(-5, 25)) for stations in (four, one)
        )
        self.assertEqual(together.num_rows, 20)
        self.assertEqual(together.slice(15).to_pylist(), alone.to_pylist())
