"""The values of keys that a pipeline file leaves out."""

from __future__ import annotations

from etl.config.defaults import fill
from etl.config.parse import parse


def test_what_is_left_out_is_filled_in() -> None:
    """Seed, clock, database and the texts of the pages have values without a word; what is written stays."""
    tree = parse("{name: weather, seed: 7, site: {title: My weather}}", "f")
    fill(tree)
    assert tree.plain() == {
        "name": "weather",
        "seed": 7,
        "as_of": "2000-01-01 00:00:00",
        "database": "weather.db",
        "site": {
            "title": "My weather",
            "description": "The tables of the pipeline weather.",
            "notice": "All data is synthetic.",
        },
    }


def test_only_mappings_are_filled() -> None:
    """A value of the wrong kind stays, to be reported."""
    tree = parse("{name: [weather], site: none}", "f")
    fill(tree)
    assert tree.plain()["site"] == "none"
